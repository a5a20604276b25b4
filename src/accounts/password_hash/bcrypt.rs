//! bcrypt, as htpasswd and many web applications make it.

use super::HashError;
use bcrypt::HashParts;
use std::str::FromStr;

/// Each step doubles the time; this is about a second.
const COST_MAX: u32 = 14;

/// `$2b$COST$` and 53 characters; `2x` is left out, for it means an old program's mistake.
pub(super) fn check(text: &str) -> Result<(), HashError> {
    let parts = HashParts::from_str(text).map_err(|_| HashError::Malformed("bcrypt"))?;
    match parts.get_cost() {
        4..=COST_MAX => Ok(()),
        0..4 => Err(HashError::Malformed("bcrypt")),
        _ => Err(HashError::TooCostly("bcrypt")),
    }
}

pub(super) fn verify(text: &str, password: &[u8]) -> bool {
    bcrypt::verify(password, text).unwrap_or(false)
}
