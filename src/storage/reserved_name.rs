//! Names that only the server uses: temporary files of uploads. Clients cannot see or use them (threat C22).

use crate::random::Random;

const PREFIX: &[u8] = b".loopftpd-";
/// Hexadecimal digits behind the prefix: 128 random bits.
const DIGITS: usize = 32;

/// Whether a name starts with the reserved prefix.
pub fn is_reserved(name: &[u8]) -> bool {
    name.starts_with(PREFIX)
}

/// A new name for the temporary file of an upload, which no other process can guess.
pub(super) fn temporary_name(random: &mut Random) -> Vec<u8> {
    let digits = format!("{:016x}{:016x}", random.number(), random.number());
    [PREFIX, digits.as_bytes()].concat()
}

/// Whether [`temporary_name`] makes names of this form.
pub(super) fn is_temporary_name(name: &[u8]) -> bool {
    name.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.len() == DIGITS && rest.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_exact_form_are_temporary_files() {
        let mut random = Random::seeded(1);
        let (first, second) = (temporary_name(&mut random), temporary_name(&mut random));
        assert!(is_temporary_name(&first) && is_reserved(&first));
        assert_ne!(first, second);
        for similar in [
            &b".loopftpd-notes"[..],
            b".loopftpd-0123456789ABCDEF0123456789abcdef",
            b".loopftpd-0123456789abcdef0123456789abcde",
            b"x.loopftpd-0123456789abcdef0123456789abcdef",
        ] {
            assert!(!is_temporary_name(similar), "{}", similar.escape_ascii());
        }
        assert!(is_reserved(b".loopftpd-notes") && !is_reserved(b"loopftpd-notes"));
    }
}
