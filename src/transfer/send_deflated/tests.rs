//! Streams that any zlib inflates, through sinks that refuse and take single bytes.

use super::super::tests::{MoodySink, file_of, pump_to_the_end};
use super::super::{ListingLines, SendFile, SendListing, SendText};
use super::*;
use crate::random::Random;
use harness::mode_z::inflated;
use std::io::Read;

fn deflated(source: Outgoing) -> SendDeflated {
    SendDeflated::new(source, DeflateLevel::DEFAULT)
}

fn text() -> Vec<u8> {
    (0..20_000)
        .flat_map(|line| format!("line {line}\n").into_bytes())
        .collect()
}

#[test]
fn k05_files_arrive_deflated_and_whole_through_an_irregular_sink() {
    for (at_once, refuses_every) in [(1, 0), (7, 3), (100_000, 2)] {
        let (_file, open) = file_of(&text());
        let mut pump = deflated(Outgoing::File(SendFile::new(open, 0)));
        let mut sink = MoodySink::new(at_once, refuses_every);
        assert_eq!(
            pump_to_the_end(|sink, budget| pump.pump(sink, budget), &mut sink),
            Progress::Complete
        );
        assert_eq!(inflated(&sink.taken), text());
        assert_eq!(pump.sent(), sink.taken.len() as u64, "what is counted is what was sent");
        assert!(sink.taken.len() * 3 < text().len());
        assert_eq!(sink.taken[0], 0x78, "zlib's header (RFC 1950 §2.2)");
    }
}

#[test]
fn texts_are_translated_before_deflating_and_restarts_count_plain_bytes() {
    let translated = String::from_utf8(text())
        .expect("ASCII")
        .replace('\n', "\r\n")
        .into_bytes();
    for skip in [0, 1, 70_000, translated.len() - 1, translated.len()] {
        let (_file, open) = file_of(&text());
        let mut pump = deflated(Outgoing::Text(SendText::new(open, skip as u64)));
        let mut sink = MoodySink::new(10_000, 0);
        assert_eq!(
            pump_to_the_end(|sink, budget| pump.pump(sink, budget), &mut sink),
            Progress::Complete
        );
        assert_eq!(inflated(&sink.taken), &translated[skip..], "from {skip} on");
    }
    let (_file, open) = file_of(&text());
    let mut pump = deflated(Outgoing::File(SendFile::new(open, 50_000).until(50_010)));
    let mut sink = MoodySink::new(10_000, 0);
    assert_eq!(
        pump_to_the_end(|sink, budget| pump.pump(sink, budget), &mut sink),
        Progress::Complete
    );
    assert_eq!(inflated(&sink.taken), &text()[50_000..50_010]);
}

#[test]
fn listings_are_deflated_even_empty_ones() {
    for lines in [&b""[..], b"a\r\nb\r\n"] {
        let lines = lines.to_vec();
        let mut pump = deflated(Outgoing::Listing(SendListing::new(ListingLines::Ready(lines.clone()))));
        let mut sink = MoodySink::new(3, 2);
        assert_eq!(
            pump_to_the_end(|sink, budget| pump.pump(sink, budget), &mut sink),
            Progress::Complete
        );
        assert_eq!(inflated(&sink.taken), lines);
    }
}

#[test]
fn a_turn_deflates_no_more_than_a_quarter_of_its_budget() {
    let (_file, open) = file_of(&vec![7; 1_000_000]);
    let mut pump = SendDeflated::new(Outgoing::File(SendFile::new(open, 0)), DeflateLevel::DEFAULT);
    let mut sink = MoodySink::new(usize::MAX, 0);
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
    let (_file, open) = file_of(&noise);
    let mut pump = deflated(Outgoing::File(SendFile::new(open, 0)));
    let mut sink = MoodySink::new(5_000, 3);
    assert_eq!(
        pump_to_the_end(|sink, budget| pump.pump(sink, budget), &mut sink),
        Progress::Complete
    );
    assert_eq!(inflated(&sink.taken), noise);
    assert!(sink.taken.len() < noise.len() + noise.len() / 100);
}

#[test]
fn j03_a_file_that_shrinks_ends_the_transfer_with_an_incomplete_stream() {
    let (file, open) = file_of(&text());
    let mut pump = deflated(Outgoing::File(SendFile::new(open, 0)));
    let mut sink = MoodySink::new(1_000, 0);
    file.set_len(1_000).expect("truncated");
    assert_eq!(
        pump_to_the_end(|sink, budget| pump.pump(sink, budget), &mut sink),
        Progress::Failed(TransferError::SourceShrank)
    );
    let mut decoder = flate2::bufread::ZlibDecoder::new(&sink.taken[..]);
    assert!(decoder.read_to_end(&mut Vec::new()).is_err());
}
