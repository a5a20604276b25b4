//! Streams that any zlib inflates, through sinks that refuse and take single bytes.

use super::super::tests::{IrregularSink, file_of, pump_to_the_end};
use super::super::{ListingLines, SendFile, SendListing, SendText};
use super::*;
use crate::random::Random;
use harness::mode_z::inflated;
use std::io::Read;

fn text() -> Vec<u8> {
    (0..20_000)
        .flat_map(|line| format!("line {line}\n").into_bytes())
        .collect()
}

fn file(content: &[u8]) -> Outgoing {
    Outgoing::File(SendFile::new(file_of(content).1, 0..u64::MAX))
}

/// The stream that arrives in `sink`: all that is counted as sent.
fn stream_of(source: Outgoing, mut sink: IrregularSink) -> Vec<u8> {
    let mut pump = SendDeflated::new(source, DeflateLevel::DEFAULT);
    let end = pump_to_the_end(|sink, budget| pump.pump(sink, budget), &mut sink);
    assert_eq!((end, pump.sent()), (Progress::Complete, sink.taken.len() as u64));
    sink.taken
}

#[test]
fn k05_files_arrive_deflated_and_whole_through_an_irregular_sink() {
    for (at_once, refuses_every) in [(1, 0), (7, 3), (100_000, 2)] {
        let stream = stream_of(file(&text()), IrregularSink::new(at_once, refuses_every));
        assert_eq!(inflated(&stream), text());
        assert!(stream.len() * 3 < text().len());
        assert_eq!(stream[0], 0x78, "zlib's header (RFC 1950 §2.2)");
    }
}

#[test]
fn texts_are_translated_before_deflating_and_restarts_count_plain_bytes() {
    let translated = String::from_utf8(text()).expect("ASCII").replace('\n', "\r\n");
    for skip in [0, 1, 70_000, translated.len() - 1, translated.len()] {
        let source = Outgoing::Text(SendText::new(file_of(&text()).1, skip as u64));
        let stream = stream_of(source, IrregularSink::new(10_000, 0));
        assert_eq!(inflated(&stream), &translated.as_bytes()[skip..], "from {skip} on");
    }
    let part = SendFile::new(file_of(&text()).1, 50_000..50_010);
    let stream = stream_of(Outgoing::File(part), IrregularSink::new(10_000, 0));
    assert_eq!(inflated(&stream), &text()[50_000..50_010]);
}

#[test]
fn listings_are_deflated_even_empty_ones() {
    for lines in [&b""[..], b"a\r\nb\r\n"] {
        let listing = SendListing::new(ListingLines::Ready(lines.to_vec()));
        let stream = stream_of(Outgoing::Listing(listing), IrregularSink::new(3, 2));
        assert_eq!(inflated(&stream), lines);
    }
}

#[test]
fn a_turn_deflates_no_more_than_a_quarter_of_its_budget() {
    let mut pump = SendDeflated::new(file(&vec![7; 1_000_000]), DeflateLevel::DEFAULT);
    let mut sink = IrregularSink::new(usize::MAX, 0);
    let mut turns = 0;
    let mut before = 0;
    loop {
        turns += 1;
        let mut budget = Budget {
            bytes: 100_000,
            entries: 0,
        };
        let progress = pump.pump(&mut sink, &mut budget);
        let Some(source) = &pump.source else {
            assert_eq!(progress, Progress::Complete);
            break;
        };
        assert!(source.sent() - before <= 25_000 + SMALLEST_SHARE as u64);
        before = source.sent();
        assert_eq!((progress, budget.bytes), (Progress::BudgetSpent, 0));
    }
    assert!(turns >= 30);
    assert_eq!(inflated(&sink.taken), vec![7; 1_000_000]);
}

/// What does not compress, and what compresses worst of all in one go, is whole too.
#[test]
fn incompressible_data_arrives_whole() {
    let mut random = Random::seeded(7);
    let noise: Vec<u8> = (0..100_000).flat_map(|_| random.number().to_le_bytes()).collect();
    let stream = stream_of(file(&noise), IrregularSink::new(5_000, 3));
    assert_eq!(inflated(&stream), noise);
    assert!(stream.len() < noise.len() + noise.len() / 100);
}

#[test]
fn j03_a_file_that_shrinks_ends_the_transfer_with_an_incomplete_stream() {
    let (shrinking, open) = file_of(&text());
    let source = Outgoing::File(SendFile::new(open, 0..u64::MAX));
    let mut pump = SendDeflated::new(source, DeflateLevel::DEFAULT);
    let mut sink = IrregularSink::new(1_000, 0);
    shrinking.set_len(1_000).expect("truncated");
    let end = pump_to_the_end(|sink, budget| pump.pump(sink, budget), &mut sink);
    assert_eq!(end, Progress::Failed(TransferError::SourceShrank));
    let mut decoder = flate2::bufread::ZlibDecoder::new(&sink.taken[..]);
    assert!(decoder.read_to_end(&mut Vec::new()).is_err());
}
