//! Every scheme: what is verified, and what is refused when it is parsed.

use super::*;

/// Hashes of `secret`, as cheap as their schemes allow; all but the first were made by crypt(3).
pub(crate) const ARGON2: &str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$vk+JgWgZGbXHtEqPQPhzXbD+QxxkJR5Fq2AXLhDyYaY";
pub(crate) const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
const SHA512: &str =
    "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1";
const SHA512_ROUNDS_GIVEN: &str =
    "$6$rounds=1000$saltsalt$LAV5VE5Y7w1d73x1mFNspYWUpazfmwv2SoepNXNKJ/otop/Zok96Hr8Q13LEv0DRY/x8v0/crpIjl8NJSAqXV/";
const YESCRYPT: &str = "$y$j75$ab.1$3ZQNuQj2JAnqpggFuQz42XiSRVXXvrxP2xk0GF.4KL6";

const ALL: [&str; 5] = [ARGON2, BCRYPT, SHA512, SHA512_ROUNDS_GIVEN, YESCRYPT];

#[test]
fn f02_a_decoy_does_the_same_work_and_lets_nobody_in() {
    let memory = &mut WorkingMemory::default();
    for text in ALL {
        let hash = PasswordHash::parse(text).expect(text);
        for wrong in [&b""[..], b"Secret", b"secret ", b"secret\0", &[b'x'; 256]] {
            assert!(!hash.verify(wrong, memory), "{text}: {wrong:?}");
        }
        let decoy = hash.decoy();
        assert_eq!((decoy.scheme, &decoy.text), (hash.scheme, &hash.text));
        assert!(!decoy.verify(b"secret", memory), "{text}");
        assert!(
            hash.verify(b"secret", memory),
            "{text}: the account itself is as it was"
        );
    }
}

#[test]
fn new_hashes_differ_and_verify() {
    let (first, second) = (hash_new(b"secret").expect("made"), hash_new(b"secret").expect("made"));
    assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
    assert_ne!(first, second, "each has its salt");
    assert!(!first.contains(':'), "it fits into a line of the users file");
    let hash = PasswordHash::parse(&first).expect("well-formed");
    assert!(hash.verify(b"secret", &mut WorkingMemory::default()));
}

#[test]
fn f05_truncated_hashes_are_refused() {
    for text in ALL {
        // An argon2 digest that has lost its end is a shorter digest, as long as 16 bytes are left.
        let shortest = text.len() - if text == ARGON2 { 43 - 22 } else { 0 };
        for length in 0..shortest {
            assert!(PasswordHash::parse(&text[..length]).is_err(), "{}", &text[..length]);
        }
        for more in ["$", "A", "=", " ", "$x"] {
            assert!(PasswordHash::parse(&format!("{text}{more}")).is_err(), "{text}{more}");
        }
    }
}

#[test]
fn f05_malformed_hashes_are_refused_with_the_reason() {
    let salt_and_digest = "c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let argon2 = |params: &str| format!("$argon2id${params}${salt_and_digest}");
    assert!(PasswordHash::parse(&argon2("v=19$m=8,t=1,p=1")).is_ok());
    let locked = ["*", "!", "!!", "x", &format!("!{SHA512}")].map(|text| (text.to_owned(), HashError::Locked));
    let other_version = BCRYPT.replace("$2b$", "$2x$");
    let unknown = ["secret", "{PLAIN}secret", "$1$salt$hash", &other_version];
    let unknown = unknown.map(|text| (text.to_owned(), HashError::Unknown));
    let malformed = [
        ("argon2", argon2("m=8,t=1,p=1")),
        ("argon2", argon2("v=18$m=8,t=1,p=1")),
        ("argon2", argon2("v=19$t=1,p=1")),
        ("argon2", argon2("v=19$m=8,t=0,p=1")),
        ("argon2", argon2("v=19$m=8,t=1,p=2")),
        ("argon2", argon2("v=19$m=8,t=1,p=1,keyid=c2VjcmV0")),
        ("bcrypt", BCRYPT.replace("$04$", "$03$")),
        ("sha512-crypt", SHA512_ROUNDS_GIVEN.replace("1000", "999")),
        ("sha512-crypt", SHA512_ROUNDS_GIVEN.replace("1000", "01000")),
        ("sha512-crypt", SHA512_ROUNDS_GIVEN.replace("1000", "+1000")),
        ("sha512-crypt", SHA512.replace("saltsalt", "")),
        ("yescrypt", YESCRYPT.replace("j75", "/75")),
        ("yescrypt", YESCRYPT.replace("j75", "jzzzzzzzz")),
        ("yescrypt", "$y$j75$ab.1$".to_owned()),
    ];
    let malformed = malformed.map(|(scheme, text)| (text, HashError::Malformed(scheme)));
    let empty = [(String::new(), HashError::Empty)];
    for (text, error) in empty.into_iter().chain(locked).chain(unknown).chain(malformed) {
        assert_eq!(PasswordHash::parse(&text), Err(error), "{text}");
    }
}

#[test]
fn f04_hashes_that_cost_seconds_or_too_much_memory_are_refused() {
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
