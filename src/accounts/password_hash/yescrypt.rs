//! yescrypt, the default of current Linux distributions.

use super::crypt_base64::{decoded_length, digit};
use super::{HashError, MEMORY_MAX};
use std::str::FromStr;
use yescrypt::{PasswordVerifier, Yescrypt};

/// `$y$jNR$SALT$DIGEST` as crypt(3) writes it: the usual flavour (`j`), then one digit each for the number and size of
/// blocks.
pub(super) fn check(text: &str) -> Result<(), HashError> {
    let malformed = HashError::Malformed("yescrypt");
    let fields: Vec<&str> = text.split('$').skip(2).collect();
    let [params, salt, digest] = fields[..] else {
        return Err(malformed);
    };
    // A digit above `j` begins a number of several digits.
    let is_single_digit = |byte: u8| byte <= b'j' && digit(byte).is_some();
    let is_usual = matches!(params.as_bytes(), [b'j', n, r] if is_single_digit(*n) && is_single_digit(*r));
    let has_salt = decoded_length(salt).is_some_and(|bytes| (1..=64).contains(&bytes));
    if !is_usual || !has_salt || decoded_length(digest) != Some(32) {
        return Err(malformed);
    }
    let params = yescrypt::Params::from_str(params).map_err(|_| malformed)?;
    let memory = params.n().saturating_mul(128).saturating_mul(params.r().into());
    if memory > MEMORY_MAX {
        return Err(HashError::TooCostly("yescrypt"));
    }
    Ok(())
}

pub(super) fn verify(text: &str, password: &[u8]) -> bool {
    Yescrypt::default().verify_password(password, text).is_ok()
}
