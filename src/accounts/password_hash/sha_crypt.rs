//! sha512-crypt, long the default of Linux distributions.

use super::HashError;
use super::crypt_base64::{decoded_length, digit};
use crate::units::parse_digits;
use sha_crypt::{PasswordVerifier, ShaCrypt};
use std::ops::RangeInclusive;

const ROUNDS: RangeInclusive<u64> = 1_000..=1_000_000;

/// `$6$[rounds=N$]SALT$DIGEST`
pub(super) fn check(text: &str) -> Result<(), HashError> {
    let malformed = HashError::Malformed("sha512-crypt");
    let fields: Vec<&str> = text.split('$').skip(2).collect();
    let (rounds, salt, digest) = match fields[..] {
        [salt, digest] => (None, salt, digest),
        [rounds, salt, digest] => (Some(rounds), salt, digest),
        _ => return Err(malformed),
    };
    if let Some(rounds) = rounds {
        let number = rounds.strip_prefix("rounds=").filter(|text| !text.starts_with('0'));
        let number = number.and_then(parse_digits).ok_or(malformed)?;
        if number > *ROUNDS.end() {
            return Err(HashError::TooCostly("sha512-crypt"));
        }
        if number < *ROUNDS.start() {
            return Err(malformed);
        }
    }
    let has_salt = (1..=16).contains(&salt.len()) && salt.bytes().all(|byte| digit(byte).is_some());
    if has_salt && decoded_length(digest) == Some(64) {
        Ok(())
    } else {
        Err(malformed)
    }
}

pub(super) fn verify(text: &str, password: &[u8]) -> bool {
    ShaCrypt::SHA512.verify_password(password, text).is_ok()
}
