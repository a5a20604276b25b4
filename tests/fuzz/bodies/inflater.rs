//! MODE Z from the client: the inflater agrees with flate2's own reader on every input, whatever the segments; and
//! what was deflated comes out again.

use flate2::Compression;
use flate2::bufread::ZlibDecoder;
use flate2::write::ZlibEncoder;
use loopftpd::transfer::Inflater;
use std::io::{Read, Write};

/// Most inflated bytes of one input.
const MOST: usize = 1 << 20;

/// Two bytes choose the lengths of the segments and of the output; the others are the stream.
pub fn check(input: &[u8]) {
    let [segment, count, stream @ ..] = input else {
        return;
    };
    let (segment, count) = (1 + usize::from(*segment), 1 + usize::from(*count) * 61);
    let ours = inflated(stream, segment, count);
    let reference = reference(stream);
    match (&ours, &reference) {
        (Inflated::Whole(ours), Some(reference)) => assert_eq!(ours, reference, "the same bytes"),
        (Inflated::Whole(_), None) => panic!("the reference refuses the stream"),
        (Inflated::Refused, Some(_)) => panic!("the reference accepts the stream"),
        (Inflated::Refused, None) | (Inflated::TooMuch, _) => {}
    }

    // The same bytes as content.
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(u32::from(input[0] % 10)));
    encoder.write_all(stream).expect("memory");
    let deflated = encoder.finish().expect("memory");
    assert_eq!(inflated(&deflated, segment, count), Inflated::Whole(stream.to_vec()));
    let shortened = &deflated[..deflated.len() - 1];
    assert_eq!(inflated(shortened, segment, count), Inflated::Refused, "truncated");
    let longer = [&deflated[..], b"x"].concat();
    assert_eq!(
        inflated(&longer, segment, count),
        Inflated::Refused,
        "followed by something"
    );
}

#[derive(Debug, PartialEq, Eq)]
enum Inflated {
    Whole(Vec<u8>),
    Refused,
    /// More than [`MOST`]: a bomb, of which no more is wanted.
    TooMuch,
}

/// `stream`, received `segment` bytes at a time and inflated `count` at a time, as a transfer does it.
fn inflated(stream: &[u8], segment: usize, count: usize) -> Inflated {
    let (mut inflater, mut rest, mut out) = (Inflater::default(), stream, Vec::new());
    // Each turn receives or gives out something, or is one of the few that find out that there is nothing more.
    let mut turns = 2 * stream.len() + MOST + 16;
    loop {
        turns = turns.checked_sub(1).expect("it ends");
        if let Some(room) = inflater.room(segment) {
            let length = room.len().min(rest.len());
            let (next, after) = rest.split_at(length);
            room[..length].copy_from_slice(next);
            rest = after;
            if inflater.received(length).is_err() {
                return Inflated::Refused;
            }
            if length == 0 {
                return Inflated::Whole(out);
            }
        } else {
            match inflater.inflate(count) {
                Ok(more) => {
                    assert!(more.len() <= count, "never more than was asked for");
                    out.extend(more);
                }
                Err(_) => return Inflated::Refused,
            }
        }
        if out.len() > MOST {
            return Inflated::TooMuch;
        }
    }
}

/// The content; `None` if it is not one whole zlib stream, and nothing else.
fn reference(stream: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = ZlibDecoder::new(stream);
    let mut content = Vec::new();
    let read = (&mut decoder).take(MOST as u64 + 1).read_to_end(&mut content);
    (read.is_ok() && decoder.into_inner().is_empty()).then_some(content)
}
