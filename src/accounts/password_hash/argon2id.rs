//! argon2: new hashes are argon2id; argon2i and argon2d are verified too.

use super::{HashError, MEMORY_MAX, WorkingMemory};
use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use zeroize::Zeroizing;

/// Most bytes that one verification may write, all passes over the memory together.
const WRITTEN_MAX: u64 = 1 << 30;
/// The digest lengths in use, in bytes. Any other is probably a digest that was cut off.
const DIGEST_LENGTHS: [usize; 3] = [16, 32, 64];

/// A new argon2id hash of `password` with a salt of its own, as a PHC string. **Blocks** for tens of milliseconds.
///
/// Fails when memory is short or the kernel gives no random bytes.
pub fn hash_new(password: &[u8]) -> Result<String, argon2::password_hash::Error> {
    Argon2::default().hash_password(password).map(|hash| hash.to_string())
}

/// `$argon2id$v=19$m=KIB,t=PASSES,p=LANES$SALT$DIGEST`
pub(super) fn check(text: &str) -> Result<(), HashError> {
    let malformed = HashError::Malformed("argon2");
    let hash = phc::PasswordHash::new(text).map_err(|_| malformed)?;
    let params = Params::try_from(&hash).map_err(|_| malformed)?;
    // The crate would use defaults for what is missing, and the hash would never match.
    let is_complete = Algorithm::try_from(hash.algorithm.as_str()).is_ok()
        && hash.version.is_some_and(|version| Version::try_from(version).is_ok())
        && ["m", "t", "p"].into_iter().all(|name| hash.params.get(name).is_some())
        && hash.salt.is_some()
        && hash.hash.is_some_and(|digest| DIGEST_LENGTHS.contains(&digest.len()));
    // A key id means that the hash was made with a secret key, which we do not have.
    if !is_complete || !params.keyid().is_empty() {
        return Err(malformed);
    }
    let memory = u64::from(params.m_cost()) << 10;
    if memory > MEMORY_MAX || memory.saturating_mul(params.t_cost().into()) > WRITTEN_MAX {
        return Err(HashError::TooCostly("argon2"));
    }
    Ok(())
}

/// Like the crate's own `verify_password`, but in memory that is already allocated. `None`: memory is short.
pub(super) fn verify(text: &str, password: &[u8], memory: &mut WorkingMemory) -> Option<bool> {
    let hash = phc::PasswordHash::new(text).ok()?;
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = Version::try_from(hash.version?).ok()?;
    let params = Params::try_from(&hash).ok()?;
    let (salt, expected) = (hash.salt?, hash.hash?);
    let mut digest = Zeroizing::new([0; phc::Output::MAX_LENGTH]);
    let (digest, _) = digest.split_at_mut(expected.len());
    let blocks = memory.blocks(params.block_count())?;
    Argon2::new(algorithm, version, params)
        .hash_password_into_with_memory(password, salt.as_ref(), digest, blocks)
        .ok()?;
    Some(phc::Output::new(digest).ok()? == expected)
}
