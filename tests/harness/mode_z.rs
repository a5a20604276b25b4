//! Data in MODE Z (draft-preston-ftpext-deflate).

use flate2::Compression;
use flate2::bufread::ZlibDecoder;
use flate2::write::ZlibEncoder;
use std::io::{Read, Write};

/// `plain` as a zlib stream.
pub fn deflated(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).expect("memory");
    encoder.finish().expect("memory")
}

/// The content of a zlib stream; fails if it is incomplete or anything follows it.
pub fn inflated(stream: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut decoder = ZlibDecoder::new(stream);
    decoder.read_to_end(&mut plain).expect("a whole stream");
    assert!(decoder.into_inner().is_empty(), "nothing follows it");
    plain
}
