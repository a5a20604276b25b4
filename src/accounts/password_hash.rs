//! Hashes of passwords: made with argon2id, verified also where bcrypt, yescrypt or sha512-crypt made them.
//!
//! What a hash costs to verify is bounded when it is read, to about a second each, so that no line of a file can keep
//! everyone else's login waiting or take the memory. A hash is never shown: neither by `{:?}` nor in an error.

use super::WorkingMemory;
use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use sha_crypt::ShaCrypt;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use yescrypt::Yescrypt;
use zeroize::Zeroizing;

/// Most memory that one verification may take.
const MEMORY_MAX: u64 = 256 << 20;
/// argon2: most bytes it may write, its passes over the memory counted.
const WRITTEN_MAX: u64 = 1 << 30;
/// argon2: the lengths of digests in use, in bytes. Any other is taken for one that has lost a part.
const ARGON2_DIGESTS: [usize; 3] = [16, 32, 64];
/// bcrypt's cost doubles the time with each step.
const BCRYPT_COST_MAX: u32 = 14;
const SHA512_ROUNDS: std::ops::RangeInclusive<u32> = 1_000..=1_000_000;

/// The hash of one account's password, well-formed and of bounded cost. Cloning it copies a pointer.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    scheme: Scheme,
    text: Arc<str>,
    purpose: Purpose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Argon2,
    Bcrypt,
    Sha512Crypt,
    Yescrypt,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Login,
    /// To take as long as another; no password matches it.
    StandIn,
}

/// Why a text is no hash that can be used. None of these shows the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashError {
    Empty,
    /// `*`, `!` or `x`, as in system password files.
    Locked,
    /// It does not begin as any known hash does; it may be the password itself.
    Unknown,
    /// It begins like a hash of this kind but goes on otherwise.
    Malformed(&'static str),
    /// Verifying it would take too much time or memory.
    TooCostly(&'static str),
}

impl PasswordHash {
    /// Checks `text` from end to end: what is accepted here can be verified.
    pub fn parse(text: &str) -> Result<Self, HashError> {
        let kind = text.strip_prefix('$').and_then(|rest| rest.split('$').next());
        let scheme = match kind {
            Some("argon2id" | "argon2i" | "argon2d") => check_argon2(text)?,
            Some("2a" | "2b" | "2y") => check_bcrypt(text)?,
            Some("6") => check_sha512_crypt(text)?,
            Some("y") => check_yescrypt(text)?,
            Some(_) => return Err(HashError::Unknown),
            None if text.is_empty() => return Err(HashError::Empty),
            None if text.starts_with(['*', '!']) || text == "x" => return Err(HashError::Locked),
            None => return Err(HashError::Unknown),
        };
        Ok(Self {
            scheme,
            text: text.into(),
            purpose: Purpose::Login,
        })
    }

    /// Whether `password` is the one. **Blocks** for as long as the hash costs, tens of milliseconds to a second: never
    /// on the loop's thread. A hash that cannot be computed now, because memory is short, matches nothing.
    pub fn verify(&self, password: &[u8], memory: &mut WorkingMemory) -> bool {
        let text: &str = &self.text;
        // Comparisons take the same time whatever differs: the crates see to that.
        let matches = match self.scheme {
            Scheme::Argon2 => verify_argon2(text, password, memory).unwrap_or(false),
            Scheme::Bcrypt => bcrypt::verify(password, text).unwrap_or(false),
            Scheme::Sha512Crypt => ShaCrypt::SHA512.verify_password(password, text).is_ok(),
            Scheme::Yescrypt => Yescrypt::default().verify_password(password, text).is_ok(),
        };
        matches & (self.purpose == Purpose::Login)
    }

    /// The hash as it stands in the users file.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is somebody's; no password matches a stand-in.
    pub(super) fn is_stand_in(&self) -> bool {
        self.purpose == Purpose::StandIn
    }

    /// A hash that takes exactly as long as this one and that no password matches, not even this one's.
    pub(super) fn stand_in(&self) -> Self {
        Self {
            purpose: Purpose::StandIn,
            ..self.clone()
        }
    }
}

/// A new argon2id hash of `password` with a salt of its own, as a PHC string. **Blocks** like [`PasswordHash::verify`].
///
/// Fails when memory is short or the kernel gives no random bytes.
pub fn hash_new(password: &[u8]) -> Result<String, argon2::password_hash::Error> {
    Argon2::default().hash_password(password).map(|hash| hash.to_string())
}

/// As the crate's own `verify_password`, in memory that is already there. `None`: it cannot be computed.
fn verify_argon2(text: &str, password: &[u8], memory: &mut WorkingMemory) -> Option<bool> {
    let hash = phc::PasswordHash::new(text).ok()?;
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = Version::try_from(hash.version?).ok()?;
    let params = Params::try_from(&hash).ok()?;
    let (salt, expected) = (hash.salt?, hash.hash?);
    let mut digest = Zeroizing::new([0; phc::Output::MAX_LENGTH]);
    let digest = digest.get_mut(..expected.len())?;
    let blocks = memory.blocks(params.block_count())?;
    Argon2::new(algorithm, version, params)
        .hash_password_into_with_memory(password, salt.as_ref(), digest, blocks)
        .ok()?;
    Some(phc::Output::new(digest).ok()? == expected)
}

/// `$argon2id$v=19$m=KIB,t=PASSES,p=LANES$SALT$DIGEST`
fn check_argon2(text: &str) -> Result<Scheme, HashError> {
    let malformed = HashError::Malformed("argon2");
    let hash = phc::PasswordHash::new(text).map_err(|_| malformed)?;
    let params = Params::try_from(&hash).map_err(|_| malformed)?;
    // Without these the crate would take its defaults, and the hash would never match.
    let is_complete = Algorithm::try_from(hash.algorithm.as_str()).is_ok()
        && hash.version.is_some_and(|version| Version::try_from(version).is_ok())
        && ["m", "t", "p"].into_iter().all(|name| hash.params.get(name).is_some())
        && hash.salt.is_some()
        && hash.hash.is_some_and(|digest| ARGON2_DIGESTS.contains(&digest.len()));
    // A key's name means that the hash was made with a secret that we have not.
    if !is_complete || !params.keyid().is_empty() {
        return Err(malformed);
    }
    let memory = u64::from(params.m_cost()) << 10;
    if memory > MEMORY_MAX || memory.saturating_mul(params.t_cost().into()) > WRITTEN_MAX {
        return Err(HashError::TooCostly("argon2"));
    }
    Ok(Scheme::Argon2)
}

/// `$2b$COST$` and 53 characters; `2x` is left out, for it means an old program's mistake.
fn check_bcrypt(text: &str) -> Result<Scheme, HashError> {
    let parts = bcrypt::HashParts::from_str(text).map_err(|_| HashError::Malformed("bcrypt"))?;
    match parts.get_cost() {
        4..=BCRYPT_COST_MAX => Ok(Scheme::Bcrypt),
        0..4 => Err(HashError::Malformed("bcrypt")),
        _ => Err(HashError::TooCostly("bcrypt")),
    }
}

/// `$6$[rounds=N$]SALT$DIGEST`
fn check_sha512_crypt(text: &str) -> Result<Scheme, HashError> {
    let malformed = HashError::Malformed("sha512-crypt");
    let fields: Vec<&str> = text.split('$').skip(2).collect();
    let (rounds, salt, digest) = match fields[..] {
        [salt, digest] => (None, salt, digest),
        [rounds, salt, digest] => (Some(rounds), salt, digest),
        _ => return Err(malformed),
    };
    if let Some(rounds) = rounds {
        let number = rounds.strip_prefix("rounds=").filter(|text| is_plain_number(text));
        let number: u32 = number.and_then(|text| text.parse().ok()).ok_or(malformed)?;
        if number > *SHA512_ROUNDS.end() {
            return Err(HashError::TooCostly("sha512-crypt"));
        }
        if number < *SHA512_ROUNDS.start() {
            return Err(malformed);
        }
    }
    let has_salt = (1..=16).contains(&salt.len()) && salt.bytes().all(|byte| crypt_digit(byte).is_some());
    if has_salt && crypt_bytes(digest) == Some(64) {
        Ok(Scheme::Sha512Crypt)
    } else {
        Err(malformed)
    }
}

/// `$y$jNR$SALT$DIGEST` as crypt(3) writes it: the usual flavour (`j`), then one digit each for the number and size of
/// blocks.
fn check_yescrypt(text: &str) -> Result<Scheme, HashError> {
    let malformed = HashError::Malformed("yescrypt");
    let fields: Vec<&str> = text.split('$').skip(2).collect();
    let [params, salt, digest] = fields[..] else {
        return Err(malformed);
    };
    // Larger digits than `j` would begin a number of several.
    let is_usual = matches!(params.as_bytes(), [b'j', n, r] if [n, r].iter().all(|byte| **byte <= b'j' && crypt_digit(**byte).is_some()));
    let has_salt = crypt_bytes(salt).is_some_and(|bytes| (1..=64).contains(&bytes));
    if !is_usual || !has_salt || crypt_bytes(digest) != Some(32) {
        return Err(malformed);
    }
    let params = yescrypt::Params::from_str(params).map_err(|_| malformed)?;
    let memory = params.n().saturating_mul(128).saturating_mul(params.r().into());
    if memory > MEMORY_MAX {
        return Err(HashError::TooCostly("yescrypt"));
    }
    Ok(Scheme::Yescrypt)
}

fn is_plain_number(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The value of a digit of crypt(3)'s base 64.
fn crypt_digit(byte: u8) -> Option<u8> {
    match byte {
        b'.' | b'/' => Some(byte - b'.'),
        b'0'..=b'9' => Some(byte - b'0' + 2),
        b'A'..=b'Z' => Some(byte - b'A' + 12),
        b'a'..=b'z' => Some(byte - b'a' + 38),
        _ => None,
    }
}

/// How many bytes `text` stands for in crypt(3)'s base 64, the low bits first; `None` if it is not exactly what some
/// bytes give.
fn crypt_bytes(text: &str) -> Option<usize> {
    let last = text.bytes().try_fold(0, |_, byte| crypt_digit(byte))?;
    let (whole, rest) = (text.len() / 4 * 3, text.len() % 4);
    // The last digit of an incomplete group has bits that stand for nothing and must be zero.
    match rest {
        0 => Some(whole),
        2 if last < 1 << 2 => Some(whole + 1),
        3 if last < 1 << 4 => Some(whole + 2),
        _ => None,
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}(****)", self.scheme)
    }
}

impl fmt::Display for HashError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HashError::Empty => formatter.write_str("the hash is empty; make one with loopftpd --hash-password"),
            HashError::Locked => formatter.write_str("this hash locks an account; to do that here, remove the line"),
            HashError::Unknown => formatter.write_str(
                "this is no hash; expected argon2, bcrypt, yescrypt or sha512-crypt, as loopftpd --hash-password makes it",
            ),
            HashError::Malformed(kind) => write!(formatter, "this is no complete {kind} hash"),
            HashError::TooCostly(kind) => {
                write!(formatter, "to verify this {kind} hash would take too much time or memory")
            }
        }
    }
}

impl std::error::Error for HashError {}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Hashes of `secret`, as cheap as their kinds allow; all but the first were made by crypt(3).
    pub(crate) const ARGON2: &str =
        "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$vk+JgWgZGbXHtEqPQPhzXbD+QxxkJR5Fq2AXLhDyYaY";
    pub(crate) const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
    const SHA512: &str =
        "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1";
    const SHA512_ROUNDS_GIVEN: &str = "$6$rounds=1000$saltsalt$LAV5VE5Y7w1d73x1mFNspYWUpazfmwv2SoepNXNKJ/otop/Zok96Hr8Q13LEv0DRY/x8v0/crpIjl8NJSAqXV/";
    const YESCRYPT: &str = "$y$j75$ab.1$3ZQNuQj2JAnqpggFuQz42XiSRVXXvrxP2xk0GF.4KL6";

    const ALL: [&str; 5] = [ARGON2, BCRYPT, SHA512, SHA512_ROUNDS_GIVEN, YESCRYPT];

    #[test]
    fn every_kind_is_verified() {
        for text in ALL {
            let hash = PasswordHash::parse(text).expect(text);
            assert!(hash.verify(b"secret", &mut WorkingMemory::default()), "{text}");
            for wrong in [&b""[..], b"Secret", b"secret ", b"secret\0", &[b'x'; 256]] {
                assert!(!hash.verify(wrong, &mut WorkingMemory::default()), "{text}");
            }
        }
    }

    #[test]
    fn f02_a_stand_in_does_the_same_work_and_lets_nobody_in() {
        for text in ALL {
            let hash = PasswordHash::parse(text).expect(text);
            let stand_in = hash.stand_in();
            assert_eq!((stand_in.scheme, &stand_in.text), (hash.scheme, &hash.text));
            assert!(!stand_in.verify(b"secret", &mut WorkingMemory::default()), "{text}");
            assert!(
                hash.verify(b"secret", &mut WorkingMemory::default()),
                "the account itself is as it was"
            );
        }
    }

    #[test]
    fn new_hashes_differ_and_verify() {
        let (first, second) = (hash_new(b"secret").expect("made"), hash_new(b"secret").expect("made"));
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        assert_ne!(first, second, "each has its salt");
        assert!(!first.contains(':'), "it fits into a line of the users file");
        assert!(
            PasswordHash::parse(&first)
                .expect("well-formed")
                .verify(b"secret", &mut WorkingMemory::default())
        );
    }

    #[test]
    fn f05_a_hash_is_accepted_whole_or_not_at_all() {
        for text in ALL {
            // An argon2 digest that has lost its end is a shorter digest, as long as 16 bytes are left.
            let shortest = if text == ARGON2 {
                text.len() - 43 + 22
            } else {
                text.len()
            };
            for length in 0..shortest {
                assert!(PasswordHash::parse(&text[..length]).is_err(), "{}", &text[..length]);
            }
            for more in ["$", "A", "=", " ", "$x"] {
                assert!(PasswordHash::parse(&format!("{text}{more}")).is_err(), "{text}{more}");
            }
        }
    }

    #[test]
    fn f05_malformed_hashes_are_told_apart() {
        let salt_and_digest = "c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let argon2 = |params: &str| format!("$argon2id${params}${salt_and_digest}");
        assert!(PasswordHash::parse(&argon2("v=19$m=8,t=1,p=1")).is_ok());
        let malformed_argon2 = Err(HashError::Malformed("argon2"));
        for (text, expected) in [
            (String::new(), Err(HashError::Empty)),
            ("*".to_owned(), Err(HashError::Locked)),
            ("!".to_owned(), Err(HashError::Locked)),
            ("!!".to_owned(), Err(HashError::Locked)),
            (format!("!{SHA512}"), Err(HashError::Locked)),
            ("x".to_owned(), Err(HashError::Locked)),
            ("secret".to_owned(), Err(HashError::Unknown)),
            ("{PLAIN}secret".to_owned(), Err(HashError::Unknown)),
            ("$1$salt$hash".to_owned(), Err(HashError::Unknown)),
            (
                "$2x$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW".to_owned(),
                Err(HashError::Unknown),
            ),
            (
                "$2b$03$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW".to_owned(),
                Err(HashError::Malformed("bcrypt")),
            ),
            (argon2("m=8,t=1,p=1"), malformed_argon2),
            (argon2("v=18$m=8,t=1,p=1"), malformed_argon2),
            (argon2("v=19$t=1,p=1"), malformed_argon2),
            (argon2("v=19$m=8,t=0,p=1"), malformed_argon2),
            (argon2("v=19$m=8,t=1,p=2"), malformed_argon2),
            (argon2("v=19$m=8,t=1,p=1,keyid=c2VjcmV0"), malformed_argon2),
            (
                SHA512_ROUNDS_GIVEN.replace("1000", "999"),
                Err(HashError::Malformed("sha512-crypt")),
            ),
            (
                SHA512_ROUNDS_GIVEN.replace("1000", "01000"),
                Err(HashError::Malformed("sha512-crypt")),
            ),
            (
                SHA512.replace("saltsalt", ""),
                Err(HashError::Malformed("sha512-crypt")),
            ),
            (YESCRYPT.replace("j75", "/75"), Err(HashError::Malformed("yescrypt"))),
            (
                YESCRYPT.replace("j75", "jzzzzzzzz"),
                Err(HashError::Malformed("yescrypt")),
            ),
            ("$y$j75$ab.1$".to_owned(), Err(HashError::Malformed("yescrypt"))),
        ] {
            assert_eq!(PasswordHash::parse(&text).map(|_| ()), expected, "{text}");
        }
    }

    #[test]
    fn f04_hashes_that_would_take_seconds_or_all_the_memory_are_refused() {
        let argon2 =
            |params: &str| format!("$argon2id$v=19${params}$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        assert!(PasswordHash::parse(&argon2("m=262144,t=4,p=4")).is_ok());
        assert!(PasswordHash::parse(&BCRYPT.replace("$04$", "$14$")).is_ok());
        assert!(PasswordHash::parse(&SHA512_ROUNDS_GIVEN.replace("1000", "1000000")).is_ok());
        assert!(PasswordHash::parse(&YESCRYPT.replace("j75", "jDT")).is_ok());
        for (text, kind) in [
            (argon2("m=262145,t=1,p=1"), "argon2"),
            (argon2("m=262144,t=5,p=1"), "argon2"),
            (argon2("m=8,t=4294967295,p=1"), "argon2"),
            (BCRYPT.replace("$04$", "$15$"), "bcrypt"),
            (BCRYPT.replace("$04$", "$31$"), "bcrypt"),
            (SHA512_ROUNDS_GIVEN.replace("1000", "1000001"), "sha512-crypt"),
            (YESCRYPT.replace("j75", "jET"), "yescrypt"),
            (YESCRYPT.replace("j75", "jjj"), "yescrypt"),
        ] {
            assert_eq!(PasswordHash::parse(&text), Err(HashError::TooCostly(kind)), "{text}");
        }
    }

    #[test]
    fn o10_hashes_are_not_shown() {
        let hash = PasswordHash::parse(ARGON2).expect("well-formed");
        assert_eq!(format!("{hash:?}"), "Argon2(****)");
    }
}
