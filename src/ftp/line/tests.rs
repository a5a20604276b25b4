//! Lines in every segmentation, with Telnet commands in them, and out of turn.

use super::*;
use proptest::prelude::*;

const LIMIT: usize = 64;

/// Takes the next line out.
fn next_line(reader: &mut LineReader) -> Option<Result<Vec<u8>, LineError>> {
    let line = reader.peek_line(LIMIT)?.map(<[u8]>::to_vec);
    reader.skip_line();
    Some(line)
}

fn lines_of(segments: &[&[u8]]) -> Vec<Result<Vec<u8>, LineError>> {
    let mut reader = LineReader::default();
    let mut lines = Vec::new();
    for segment in segments {
        reader.feed(segment);
        while let Some(line) = next_line(&mut reader) {
            let failed = line.is_err();
            lines.push(line);
            if failed {
                return lines;
            }
        }
    }
    lines
}

fn texts(input: &[u8]) -> Vec<Vec<u8>> {
    lines_of(&[input])
        .into_iter()
        .map(|line| line.expect("a line"))
        .collect()
}

#[test]
fn a03_a_line_ends_in_lf_and_one_cr_before_it_is_removed() {
    assert_eq!(
        texts(b"USER a\r\nPASS\nCWD x\r\r\n\r\n\n"),
        [&b"USER a"[..], b"PASS", b"CWD x\r", b"", b""]
    );
    assert_eq!(texts(b"NOOP\n\rQUIT\n\r"), [&b"NOOP"[..], b"QUIT"], "LF CR");
    assert_eq!(texts(b"no end"), Vec::<Vec<u8>>::new());
}

#[test]
fn a02_a_line_of_the_limit_may_have_a_cr_at_both_ends_in_any_segmentation() {
    let longest = [b'a'; LIMIT];
    let line = [b"\r", &longest[..], b"\r\n"].concat();
    for cut in 0..=line.len() {
        let lines = lines_of(&[&line[..cut], &line[cut..]]);
        assert_eq!(lines, [Ok(longest.to_vec())], "cut at {cut}");
    }
}

#[test]
fn a06_telnet_commands_are_removed_in_any_segmentation() {
    let input = b"\xff\xf4\xff\xf2AB\xff\xfd\x01OR\xff\xff\r\n";
    let expected = [Ok(b"ABOR\xff".to_vec())];
    for cut in 0..=input.len() {
        assert_eq!(lines_of(&[&input[..cut], &input[cut..]]), expected, "cut at {cut}");
    }
    let bytewise: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(lines_of(&bytewise), expected);
}

#[test]
fn a06_a_flood_of_iac_is_not_buffered() {
    let mut reader = LineReader::default();
    for _ in 0..1_000 {
        reader.feed(&[0xff, 0xf4].repeat(2_048));
    }
    assert_eq!(reader.pending_len(), 0);
}

#[test]
fn a02_the_limit_of_a_line_is_exact_in_any_segmentation() {
    for (length, served) in [(LIMIT - 2, true), (LIMIT, true), (LIMIT + 1, false), (LIMIT + 2, false)] {
        for end in [&b"\r\n"[..], b"\n"] {
            let line = [&vec![b'A'; length][..], end].concat();
            let bytewise: Vec<&[u8]> = line.chunks(1).collect();
            for segments in [vec![&line[..]], bytewise] {
                let lines = lines_of(&segments);
                assert_eq!(lines.len(), 1, "{length}");
                assert_eq!(lines[0].is_ok(), served, "{length} bytes and {end:?}");
            }
        }
    }
    let endless = lines_of(&[&[b'A'; LIMIT + 2]]);
    assert_eq!(endless, [Err(LineError::TooLong)], "no line end has to come");
}

#[test]
fn a_tls_handshake_is_recognised_without_a_line_end() {
    assert_eq!(lines_of(&[b"\x16", b"\x03"]), [Err(LineError::ForeignProtocol)]);
    assert_eq!(texts(b"\x16x\n"), [b"\x16x"]);
}

#[test]
fn a_line_that_overtakes_others_is_found_in_the_buffer() {
    let mut reader = LineReader::default();
    reader.feed(b"NOOP\r\nabo");
    assert!(!reader.holds_abor());
    reader.feed(b"r\r\n\rABOR\nABORT\nQUIT");
    assert!(reader.holds_abor());
    assert!(!reader.holds_quit(), "its line has not ended");
    assert_eq!(reader.peek_line(LIMIT), Some(Ok(&b"NOOP"[..])));
    assert_eq!(next_line(&mut reader), Some(Ok(b"NOOP".to_vec())));
    assert!(reader.holds_abor());
    assert_eq!(next_line(&mut reader), Some(Ok(b"abor".to_vec())));
    assert!(reader.holds_abor(), "the CR of a LF CR is no part of the second");
    assert_eq!(next_line(&mut reader), Some(Ok(b"ABOR".to_vec())));
    assert!(!reader.holds_abor(), "ABORT is another word");
    reader.feed(b" now\n");
    assert!(reader.holds_quit());
    reader.clear();
    assert!(!reader.holds_quit());
    reader.feed(b"ABOR\r\r\n");
    assert!(reader.holds_abor(), "a CR ends the verb");
}

#[test]
fn stat_without_an_argument_is_recognised_in_front() {
    let mut reader = LineReader::default();
    reader.feed(b"stat");
    assert!(!reader.is_stat_next(), "its line has not ended");
    reader.feed(b"\r\nNOOP\r\n\rSTAT \nSTAT x\r\nSTATUS\nSTA");
    for is_stat in [true, false, true, false, false, false] {
        assert_eq!(reader.is_stat_next(), is_stat, "{:?}", reader.peek_line(LIMIT));
        reader.skip_line();
    }
}

#[test]
fn an_emptied_reader_holds_no_memory() {
    let mut reader = LineReader::default();
    reader.feed(b"NOOP\r\n");
    assert!(next_line(&mut reader).is_some());
    assert_eq!(reader.pending.capacity(), 0);
}

#[test]
fn g08_a_client_that_always_sends_ahead_does_not_fill_memory() {
    let mut reader = LineReader::default();
    reader.feed(b"NOOP\r\n");
    for _ in 0..1_000 {
        reader.feed(b"NOOP\r\n");
        assert_eq!(reader.pending_len(), 12, "two lines");
        reader.skip_line();
        assert_eq!(reader.pending_len(), 6, "one line");
    }
    assert!(reader.pending.len() <= 12, "{} bytes", reader.pending.len());
}

fn wire() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        Just(b'\r'),
        Just(b'\n'),
        Just(255_u8),
        Just(244),
        Just(253),
        any::<u8>()
    ];
    proptest::collection::vec(byte, 0..200)
}

proptest! {
    /// At any time, in any segmentation.
    #[test]
    fn lines_that_overtake_are_counted_correctly(
        lines in proptest::collection::vec(
            prop_oneof![Just("NOOP"), Just("ABOR"), Just("quit x"), Just("\r\rABOR"), Just("")],
            0..60,
        ),
        pieces in proptest::collection::vec((1..40_usize, 0..6_usize, any::<bool>()), 0..60),
    ) {
        let wire: Vec<u8> = lines.iter().flat_map(|line| format!("{line}\r\n").into_bytes()).collect();
        let mut reader = LineReader::default();
        let (mut fed, mut taken) = (0, 0);
        for (length, takes, asks) in pieces {
            let to = (fed + length).min(wire.len());
            reader.feed(&wire[fed..to]);
            fed = to;
            for _ in 0..takes {
                taken += usize::from(next_line(&mut reader).is_some());
            }
            if asks {
                let complete = wire[..fed].iter().filter(|byte| **byte == b'\n').count();
                let waiting = &lines[taken..complete];
                prop_assert_eq!(reader.holds_abor(), waiting.contains(&"ABOR"));
                prop_assert_eq!(reader.holds_quit(), waiting.contains(&"quit x"));
            }
        }
    }

    #[test]
    fn a15_any_segmentation_gives_the_same_lines(
        input in wire(),
        cuts in proptest::collection::vec(0..200_usize, 0..10),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(input.len())).collect();
        cuts.sort_unstable();
        let mut segments = Vec::new();
        let mut from = 0;
        for to in cuts.into_iter().chain([input.len()]) {
            segments.push(&input[from..to]);
            from = to;
        }
        prop_assert_eq!(lines_of(&segments), lines_of(&[&input[..]]));
    }
}
