//! Lines: any segmentation gives the same ones, they are those of a second, simple reader, and no longer than allowed.

use loopftpd::ftp::line::{LineError, LineReader};

/// The limit of a line; small, so that inputs reach it.
const LIMIT: usize = 48;

/// The first byte seeds the lengths of the segments; the others are what the client sends.
pub fn check(input: &[u8]) {
    let Some((seed, bytes)) = input.split_first() else {
        return;
    };
    let whole = lines(bytes, std::iter::repeat(usize::MAX));
    let by_byte = lines(bytes, std::iter::repeat(1));
    let by_seed = lines(bytes, (0_usize..).map(|turn| 1 + (usize::from(*seed) + 7 * turn) % 13));
    assert_eq!(whole, by_byte, "byte by byte");
    assert_eq!(whole, by_seed, "in segments of other lengths");
    assert_eq!(whole, expected(bytes), "as the second reader reads them");

    // ABOR and QUIT are seen while their lines wait, and not after that.
    let mut reader = LineReader::default();
    reader.feed(bytes);
    let Ok(mut waiting) = complete_lines(bytes) else {
        return;
    };
    loop {
        let has = |verb: &[u8]| waiting.iter().any(|line| begins_with(line, verb));
        assert_eq!(reader.holds_abor(), has(b"ABOR"), "{waiting:?}");
        assert_eq!(reader.holds_quit(), has(b"QUIT"), "{waiting:?}");
        let is_stat = waiting
            .first()
            .is_some_and(|line| line.eq_ignore_ascii_case(b"STAT") || line.eq_ignore_ascii_case(b"STAT "));
        assert_eq!(reader.is_stat_next(), is_stat, "{waiting:?}");
        if waiting.is_empty() {
            break;
        }
        waiting.remove(0);
        reader.skip_line();
    }
    reader.skip_line();
    assert_eq!(
        reader.pending_len(),
        rest_of(&text_of(bytes)).len(),
        "only the unfinished line is held"
    );
    reader.clear();
    assert_eq!(reader.pending_len(), 0);
}

type Lines = Vec<Result<Vec<u8>, LineError>>;

/// What a reader gives out if it is asked after each segment.
fn lines(bytes: &[u8], mut lengths: impl Iterator<Item = usize>) -> Lines {
    let (mut reader, mut rest, mut lines) = (LineReader::default(), bytes, Lines::new());
    while !rest.is_empty() {
        let length = lengths.next().expect("endless").min(rest.len());
        let (segment, after) = rest.split_at(length);
        rest = after;
        reader.feed(segment);
        while let Some(line) = reader.peek_line(LIMIT) {
            assert!(line.is_err() || line.is_ok_and(|line| line.len() <= LIMIT && !line.contains(&b'\n')));
            lines.push(line.map(<[u8]>::to_vec));
            if line.is_err() {
                return lines;
            }
            let before = reader.pending_len();
            reader.skip_line();
            assert!(reader.pending_len() < before, "a line is dropped");
        }
        // One CR at the front, and one that may belong to the line end.
        assert!(reader.pending_len() <= LIMIT + 2, "{} bytes wait", reader.pending_len());
    }
    lines
}

/// The same, without a thought for speed or segments.
fn expected(bytes: &[u8]) -> Lines {
    let text = text_of(bytes);
    let is_foreign = bytes.starts_with(b"\x16\x03");
    if is_foreign {
        return vec![Err(LineError::ForeignProtocol)];
    }
    let mut lines = Lines::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let is_complete = line.ends_with(b"\n");
        let content = without_end(line);
        // The last byte of an unfinished line may be the CR of its end.
        let unfinished = line.strip_prefix(b"\r").unwrap_or(line);
        if is_complete && content.len() <= LIMIT {
            lines.push(Ok(content.to_vec()));
        } else if is_complete || unfinished.len() > LIMIT + 1 {
            lines.push(Err(LineError::TooLong));
            return lines;
        }
    }
    lines
}

/// The complete lines; an error if there are none because the client speaks TLS.
fn complete_lines(bytes: &[u8]) -> Result<Vec<Vec<u8>>, ()> {
    if bytes.starts_with(b"\x16\x03") {
        return Err(());
    }
    let text = text_of(bytes);
    let complete = text.len() - rest_of(&text).len();
    let lines = text[..complete].split_inclusive(|byte| *byte == b'\n');
    Ok(lines.map(|line| without_end(line).to_vec()).collect())
}

/// What follows the last LF.
fn rest_of(text: &[u8]) -> &[u8] {
    let start = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    &text[start..]
}

/// Whether the verb of `line` is `verb`; a CR ends it, too.
fn begins_with(line: &[u8], verb: &[u8]) -> bool {
    let word = line.split(|byte| matches!(byte, b' ' | b'\r')).next();
    word.unwrap_or_default().eq_ignore_ascii_case(verb)
}

/// Without LF, without one CR before it, and without one CR at the front.
fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.strip_prefix(b"\r").unwrap_or(line)
}

/// Without Telnet commands (RFC 854).
pub fn text_of(bytes: &[u8]) -> Vec<u8> {
    let (mut text, mut at) = (Vec::new(), 0);
    while let Some(byte) = bytes.get(at) {
        at += match (byte, bytes.get(at + 1)) {
            (255, Some(251..=254)) => 3,
            (255, Some(255)) => {
                text.push(255);
                2
            }
            (255, _) => 2,
            (other, _) => {
                text.push(*other);
                1
            }
        };
    }
    text
}
