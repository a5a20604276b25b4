//! Paths and patterns as text, and the bytes of transfers in TYPE A and MODE Z.

use super::tree::Path;
use flate2::read::ZlibDecoder;
use std::io::Read;

pub(super) fn below(directory: &Path, name: &[u8]) -> Path {
    let mut path = directory.clone();
    path.push(name.to_vec());
    path
}

pub(super) fn joined(path: &Path) -> Vec<u8> {
    match path[..] {
        [] => b"/".to_vec(),
        _ => path.iter().flat_map(|name| [b"/", &name[..]].concat()).collect(),
    }
}

pub(super) fn doubled(text: &[u8], byte: u8) -> Vec<u8> {
    text.iter()
        .flat_map(|one| vec![*one; if *one == byte { 2 } else { 1 }])
        .collect()
}

/// In 257 quotes within the path are doubled, and so is Telnet's 0xFF (RFC 959 appendix II, threat I04).
pub(super) fn quoted(path: &Path) -> Vec<u8> {
    [b"\"", &doubled(&doubled(&joined(path), b'"'), 0xff)[..], b"\""].concat()
}

pub(super) fn has_pattern(text: &[u8]) -> bool {
    text.contains(&b'*') || text.contains(&b'?')
}

/// `*` and `?`; only a dot matches a dot at the front.
pub(super) fn matches_pattern(pattern: &[u8], name: &[u8]) -> bool {
    fn rest_matches(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((b'*', after)), _) => (0..=name.len()).any(|taken| rest_matches(after, &name[taken..])),
            (Some((b'?', after)), Some((_, rest))) => rest_matches(after, rest),
            (Some((byte, after)), Some((first, rest))) => byte == first && rest_matches(after, rest),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }
    (name.first() != Some(&b'.') || pattern.first() == Some(&b'.')) && rest_matches(pattern, name)
}

/// NLST: what makes a name in the directory `given` a path.
pub(super) fn prefix_of(given: &[u8]) -> Vec<u8> {
    let mut prefix = without_dots(given).to_vec();
    if !prefix.is_empty() && !prefix.ends_with(b"/") {
        prefix.push(b'/');
    }
    prefix
}

pub(super) fn without_dots(given: &[u8]) -> &[u8] {
    let mut path = given;
    while let Some(rest) = path.strip_prefix(b"./") {
        let slashes = rest.iter().take_while(|byte| **byte == b'/').count();
        path = &rest[slashes..];
    }
    if path == b"." { b"" } else { path }
}

/// TYPE A: LF is sent as CR LF unless it is one already.
pub(super) fn translated(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in bytes {
        if *byte == b'\n' && out.last() != Some(&b'\r') {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}

/// TYPE A: CR LF is received as LF. A CR at the end waits for what follows.
pub(super) fn received_text(bytes: &[u8], is_complete: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in bytes {
        if *byte == b'\n' && out.last() == Some(&b'\r') {
            out.pop();
        }
        out.push(*byte);
    }
    if !is_complete && out.last() == Some(&b'\r') {
        out.pop();
    }
    out
}

/// A zlib stream, complete and with nothing behind it.
pub(super) fn decoded(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let mut decoder = ZlibDecoder::new(bytes);
    decoder.read_to_end(&mut plain).ok()?;
    (decoder.total_in() == bytes.len() as u64).then_some(plain)
}
