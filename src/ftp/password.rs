//! The password that a client sent: never shown, and overwritten when dropped.

use std::fmt;
use zeroize::Zeroizing;

/// A password as received. It is overwritten when it is dropped, and `{:?}` reveals nothing of it, not even its length.
///
/// Equality is for tests: it takes no constant time. Logins compare hashes.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// Longest password in bytes (threat A20).
    pub const LONGEST: usize = 256;

    /// Takes ownership of the bytes. The caller has to clear any copies.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What of a line may be shown. A slip that makes it no command must not reveal a password either: ` PASS secret`,
/// `PASSsecret`.
pub fn without_password(line: &[u8]) -> &[u8] {
    match line.trim_ascii_start().split_at_checked(4) {
        Some((verb, _)) if verb.eq_ignore_ascii_case(b"PASS") => b"PASS ****",
        Some(_) | None => line,
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("****")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness::own_process::in_own_process;
    use std::fs::{self, File};
    use std::os::unix::fs::FileExt;

    #[test]
    fn o10_no_part_of_a_password_is_shown() {
        let password = Password::new(b"open sesame".to_vec());
        assert_eq!(format!("{password:?}"), "****");
        assert_eq!(format!("{:?}", Some(&password)), "Some(****)");
    }

    #[test]
    fn o10_lines_that_look_like_a_password_are_not_shown() {
        for line in ["PASS secret", "pass secret", " PASS secret", "PASSsecret", "PASS"] {
            assert_eq!(without_password(line.as_bytes()), b"PASS ****", "{line}");
        }
        for line in ["", "PAS", "PASV", "USER PASS"] {
            assert_eq!(without_password(line.as_bytes()), line.as_bytes());
        }
    }

    /// The secret to be searched for, masked so that the search itself leaves no copy of it.
    const DISGUISE: u8 = 0x5a;
    const DISGUISED: [u8; 64] = *b"f09-what-the-allocator-overwrites.disguised:-no-copy-in-the-test";
    /// The allocator overwrites the beginning of freed memory, so the end is searched for.
    const END: usize = 32;

    /// How often the end of the secret occurs in this process's writable memory, outside of `window` itself.
    fn copies_in_memory(window: &mut [u8]) -> usize {
        let own = window.as_ptr() as usize..window.as_ptr() as usize + window.len();
        let memory = File::open("/proc/self/mem").expect("our memory");
        let maps = fs::read_to_string("/proc/self/maps").expect("our maps");
        let (_, end_of_secret) = DISGUISED.split_at(END);
        let mut copies = 0;
        for line in maps.lines().filter(|line| line.contains(" rw")) {
            let (from, to) = line
                .split_once(' ')
                .and_then(|(range, _)| range.split_once('-'))
                .expect("a range");
            let hexadecimal = |text| usize::from_str_radix(text, 16).expect("an address");
            let (mut at, end) = (hexadecimal(from), hexadecimal(to));
            while at < end {
                let length = window.len().min(end - at);
                // Some mappings, such as [vvar], cannot be read.
                let read = memory.read_at(&mut window[..length], at as u64).unwrap_or(0);
                copies += window[..read]
                    .windows(end_of_secret.len())
                    .enumerate()
                    .filter(|(offset, _)| !own.contains(&(at + offset)))
                    .filter(|(_, bytes)| {
                        bytes
                            .iter()
                            .zip(end_of_secret)
                            .all(|(byte, hidden)| *byte == hidden ^ DISGUISE)
                    })
                    .count();
                if read < length || at + read == end {
                    break;
                }
                at += read - end_of_secret.len();
            }
        }
        copies
    }

    #[test]
    fn f09_a_dropped_password_is_nowhere_in_memory() {
        // Other tests' threads map, unmap and copy memory while it is searched.
        in_own_process(
            concat!(module_path!(), "::f09_a_dropped_password_is_nowhere_in_memory"),
            search_for_a_dropped_password,
        );
    }

    fn search_for_a_dropped_password() {
        let mut window = vec![0; 1 << 20];
        let mut bytes = Vec::with_capacity(DISGUISED.len());
        bytes.extend(DISGUISED.iter().map(|hidden| hidden ^ DISGUISE));
        let password = Password::new(bytes);
        assert_eq!(copies_in_memory(&mut window), 1, "the search works");
        drop(password);
        assert_eq!(copies_in_memory(&mut window), 0);
    }
}
