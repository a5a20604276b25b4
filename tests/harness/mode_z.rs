//! Data in MODE Z (draft-preston-ftpext-deflate).

use flate2::read::ZlibDecoder;
use std::io::Read;

/// The content of a whole zlib stream.
pub fn inflated(stream: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    ZlibDecoder::new(stream)
        .read_to_end(&mut plain)
        .expect("a whole stream");
    plain
}
