//! TYPE and MODE: how file data is represented and sent (RFC 959 §§3.1.1, 3.4), and OPTS MODE.

use super::arguments::{keyword, number};
use super::error::CommandError;

/// How file data is represented (RFC 959 §3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Representation {
    Ascii,
    Image,
}

/// How data is sent over the data connection (RFC 959 §3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transmission {
    Stream,
    /// MODE Z: the stream is deflated, with a zlib header (draft-preston-ftpext-deflate).
    Deflate,
}

/// The compression level of MODE Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateLevel(u8);

impl DeflateLevel {
    /// The level until OPTS sets another: above it, each level takes much more time and saves few bytes.
    pub const DEFAULT: DeflateLevel = DeflateLevel(3);
    /// The highest that is granted: higher levels cost all sessions time and save hardly anything.
    pub const HIGHEST: DeflateLevel = DeflateLevel(6);

    /// The level granted to a client that asks for `wanted`; `None` unless that is one of zlib's levels 1 to 9.
    pub fn granted(wanted: u64) -> Option<Self> {
        let wanted = u8::try_from(wanted).ok().filter(|wanted| (1..=9).contains(wanted))?;
        Some(Self(wanted.min(Self::HIGHEST.0)))
    }

    /// The level as zlib counts.
    pub fn number(self) -> u32 {
        u32::from(self.0)
    }
}

pub(super) fn representation(argument: &[u8]) -> Result<Representation, CommandError> {
    match argument.trim_ascii().to_ascii_uppercase().as_slice() {
        b"" => Err(CommandError::BadArgument),
        b"A" | b"A N" | b"AN" => Ok(Representation::Ascii),
        b"I" | b"I N" | b"L 8" | b"L8" => Ok(Representation::Image),
        _ => Err(CommandError::BadParameter),
    }
}

pub(super) fn transmission(argument: &[u8]) -> Result<Transmission, CommandError> {
    keyword(argument, &[(b"S", Transmission::Stream), (b"Z", Transmission::Deflate)])
}

/// `Z LEVEL n`; zlib's other parameters are not offered.
pub(super) fn options_mode(value: &[u8]) -> Result<DeflateLevel, CommandError> {
    let upper = value.to_ascii_uppercase();
    let mut words = upper.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(b"Z"), Some(b"LEVEL"), Some(level), None) => {
            DeflateLevel::granted(number(level)?).ok_or(CommandError::BadArgument)
        }
        _ => Err(CommandError::BadArgument),
    }
}
