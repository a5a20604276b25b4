//! The buffers that TLS connections borrow for the length of one call.

use super::engine::{RECORD_MAX, room_for};

/// Plaintext that is encrypted in one piece: four records.
pub const WRITE_MAX: usize = 64 * 1024;
/// Bytes that are read from a socket in one piece, behind an incomplete record.
pub const READ_MAX: usize = 64 * 1024;

/// One buffer for each direction.
#[derive(Debug)]
pub struct Scratch {
    pub incoming: Box<[u8]>,
    pub outgoing: Box<[u8]>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            incoming: vec![0; READ_MAX + RECORD_MAX].into(),
            outgoing: vec![0; room_for(WRITE_MAX)].into(),
        }
    }
}
