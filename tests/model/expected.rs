//! What the model expects of an action, and whether what was seen agrees with it.

use flate2::read::ZlibDecoder;
use std::io::Read;

/// One thing that must be seen, in this order.
#[derive(Clone, Debug)]
pub enum Expected {
    Reply(u16, Text),
    /// The bytes of a download or listing, which has ended.
    Data {
        is_deflated: bool,
        content: Content,
    },
}

/// The text of a reply, after code and blank; of several lines with all of them.
#[derive(Clone, Debug)]
pub enum Text {
    Any,
    Is(Vec<u8>),
    Begins(Vec<u8>),
    /// 227 or 229, by its form.
    Address,
    /// A time of fourteen digits.
    Time,
    /// `FILE: name`, a name that begins so.
    Unique(Vec<u8>),
    /// 213 with the lines of LIST.
    Status(Vec<Row>),
    /// 250 with the facts and the path.
    Facts(Row, Vec<u8>),
}

#[derive(Clone, Debug)]
pub enum Content {
    Bytes(Vec<u8>),
    /// LIST.
    Rows(Vec<Row>),
    /// NLST.
    Names(Vec<Vec<u8>>),
    /// MLSD.
    Facts(Vec<Row>),
}

/// An entry of a listing.
#[derive(Clone, Debug)]
pub struct Row {
    pub name: Vec<u8>,
    /// As `ls -l` shows it: `-`, `d` or `l`.
    pub kind: u8,
    pub size: Option<u64>,
    /// What follows the name in LIST.
    pub target: Option<Vec<u8>>,
    /// Which facts are on: type, size.
    pub facts: [bool; 2],
}

/// What a client saw of one action.
#[derive(Debug, Default)]
pub struct Seen {
    /// Every reply with all of its lines.
    pub replies: Vec<Vec<u8>>,
    /// The bytes of each download that ended.
    pub data: Vec<Vec<u8>>,
    pub is_closed: bool,
}

/// The code of a reply.
pub fn code_of(reply: &[u8]) -> u16 {
    let digits = reply.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Takes whole replies off the front of `wire`, and checks their form (RFC 959 §4.2, threat A13).
pub fn take_replies(wire: &mut Vec<u8>) -> Result<Vec<Vec<u8>>, String> {
    let mut replies = Vec::new();
    let (mut begin, mut at) = (0, 0);
    let mut open: Option<&[u8]> = None;
    while let Some(length) = wire[at..].windows(2).position(|pair| pair == b"\r\n") {
        let line = &wire[at..at + length];
        at += length + 2;
        let code = line.get(..3).filter(|code| code.iter().all(u8::is_ascii_digit));
        let is_last = line.get(3) == Some(&b' ');
        match (open, code) {
            (None, Some(code)) if line.get(3) == Some(&b'-') => open = Some(code),
            (None, Some(_)) if is_last => {
                replies.push(wire[begin..at].to_vec());
                begin = at;
            }
            (Some(opened), Some(code)) if is_last && code == opened => {
                replies.push(wire[begin..at].to_vec());
                (open, begin) = (None, at);
            }
            (Some(_), _) if line.starts_with(b" ") => {}
            _ => return Err(format!("no reply: {:?}", String::from_utf8_lossy(line))),
        }
        if line.contains(&b'\r') || line.contains(&b'\n') || line.contains(&0) {
            return Err(format!("a control byte in {:?}", String::from_utf8_lossy(line)));
        }
    }
    wire.drain(..begin);
    Ok(replies)
}

/// Whether `seen` is what was expected; the error says what is not.
pub fn compare(expected: &[Expected], is_closed: bool, seen: &Seen) -> Result<(), String> {
    let mut replies = seen.replies.iter();
    let mut data = seen.data.iter();
    for one in expected {
        match one {
            Expected::Reply(code, text) => {
                let Some(reply) = replies.next() else {
                    return Err(format!("no reply, expected {code} {text:?}"));
                };
                let shown = String::from_utf8_lossy(reply);
                if code_of(reply) != *code {
                    return Err(format!("{shown:?}, expected {code} {text:?}"));
                }
                compare_text(reply, text).map_err(|what| format!("{shown:?}, expected {text:?}: {what}"))?;
            }
            Expected::Data { is_deflated, content } => {
                let bytes = data.next().ok_or_else(|| format!("no data, expected {content:?}"))?;
                let bytes = if *is_deflated { inflated(bytes)? } else { bytes.clone() };
                compare_content(&bytes, content)?;
            }
        }
    }
    if let Some(reply) = replies.next() {
        return Err(format!("an additional {:?}", String::from_utf8_lossy(reply)));
    }
    if let Some(data) = data.next() {
        return Err(format!("{} bytes of data too many", data.len()));
    }
    if is_closed != seen.is_closed {
        return Err(format!("closed: {}, expected {is_closed}", seen.is_closed));
    }
    Ok(())
}

fn inflated(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let read = ZlibDecoder::new(bytes).read_to_end(&mut out);
    read.map_err(|error| format!("no zlib stream: {error}"))?;
    Ok(out)
}

fn compare_text(reply: &[u8], text: &Text) -> Result<(), String> {
    let said = reply.get(4..reply.len() - 2).unwrap_or_default();
    let is_right = match text {
        Text::Any => true,
        Text::Is(wanted) => said == wanted,
        Text::Begins(wanted) => said.starts_with(wanted),
        Text::Address => {
            let numbers = said
                .split(|byte| !byte.is_ascii_digit())
                .filter(|word| !word.is_empty());
            let (open, close) = (said.contains(&b'('), said.ends_with(b")"));
            open && close && matches!(numbers.count(), 1 | 6)
        }
        Text::Time => said.len() == 14 && said.iter().all(u8::is_ascii_digit),
        Text::Unique(stem) => said.strip_prefix(b"FILE: ").is_some_and(|name| name.starts_with(stem)),
        Text::Status(rows) => {
            let lines: Vec<&[u8]> = lines_of(said);
            let inner = lines.get(1..lines.len().saturating_sub(1)).unwrap_or_default();
            let unindented: Option<Vec<Vec<u8>>> = inner
                .iter()
                .map(|line| line.strip_prefix(b" ").map(without_doubled_iac))
                .collect();
            return compare_rows(&unindented.ok_or("not indented")?, rows);
        }
        Text::Facts(row, path) => {
            let lines = lines_of(said);
            let [_, facts, _] = lines[..] else {
                return Err("three lines".to_owned());
            };
            let line = without_doubled_iac(facts.strip_prefix(b" ").unwrap_or_default());
            has_facts(&line, row, path)
        }
    };
    if is_right { Ok(()) } else { Err("differs".to_owned()) }
}

fn without_doubled_iac(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = line.iter();
    while let Some(byte) = bytes.next() {
        out.push(*byte);
        if *byte == 0xff && bytes.next() != Some(&0xff) {
            // Not doubled: this can never be the line that is expected.
            return b"a Telnet command".to_vec();
        }
    }
    out
}

fn lines_of(text: &[u8]) -> Vec<&[u8]> {
    let lines = text.split(|byte| *byte == b'\n');
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect()
}

fn compare_content(bytes: &[u8], content: &Content) -> Result<(), String> {
    if let Content::Bytes(wanted) = content {
        let first = bytes.iter().zip(wanted).position(|(one, other)| one != other);
        return if bytes == wanted {
            Ok(())
        } else {
            let (got, wanted) = (bytes.len(), wanted.len());
            Err(format!("{got} bytes, expected {wanted}, first difference {first:?}"))
        };
    }
    let Some(whole) = bytes.strip_suffix(b"\r\n").or(bytes.is_empty().then_some(bytes)) else {
        return Err("a listing without a line end".to_owned());
    };
    let lines: Vec<Vec<u8>> = match bytes {
        b"" => Vec::new(),
        _ => lines_of(whole).into_iter().map(<[u8]>::to_vec).collect(),
    };
    match content {
        Content::Bytes(_) => Ok(()),
        Content::Rows(rows) => compare_rows(&lines, rows),
        Content::Names(names) => {
            let (mut lines, mut names) = (lines, names.clone());
            lines.sort();
            names.sort();
            if lines == names {
                return Ok(());
            }
            Err(format!("names {:?}, expected {:?}", shown(&lines), shown(&names)))
        }
        Content::Facts(rows) => match_lines(&lines, rows, |line, row| has_facts(line, row, &row.name)),
    }
}

fn shown(lines: &[Vec<u8>]) -> Vec<String> {
    lines
        .iter()
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect()
}

fn compare_rows(lines: &[Vec<u8>], rows: &[Row]) -> Result<(), String> {
    match_lines(lines, rows, |line, row| {
        let tail = match &row.target {
            Some(target) => [b" ", &row.name[..], b" -> ", target].concat(),
            None => [b" ", &row.name[..]].concat(),
        };
        let columns = line.split(|byte| *byte == b' ').filter(|column| !column.is_empty());
        let size = columns.clone().nth(4).map(<[u8]>::to_vec);
        line.first() == Some(&row.kind)
            && line.ends_with(&tail)
            && row
                .size
                .is_none_or(|wanted| size == Some(wanted.to_string().into_bytes()))
    })
}

/// Whether every line belongs to one row and every row to one line, in any order.
fn match_lines(lines: &[Vec<u8>], rows: &[Row], is_of: impl Fn(&[u8], &Row) -> bool) -> Result<(), String> {
    let mut left: Vec<&Vec<u8>> = lines.iter().collect();
    for row in rows {
        match left.iter().position(|line| is_of(line, row)) {
            Some(place) => drop(left.swap_remove(place)),
            None => return Err(format!("no line for {row:?} in {:?}", shown(lines))),
        }
    }
    match left.first() {
        None => Ok(()),
        Some(line) => Err(format!("an additional line {:?}", String::from_utf8_lossy(line))),
    }
}

/// A line of MLSD or MLST: facts, one blank, the name.
fn has_facts(line: &[u8], row: &Row, name: &[u8]) -> bool {
    let Some(blank) = line.iter().position(|byte| *byte == b' ') else {
        return false;
    };
    let facts: Vec<&[u8]> = line[..blank].split(|byte| *byte == b';').collect();
    let value = |fact: &[u8]| facts.iter().find_map(|one| one.strip_prefix(fact));
    let kind = match row.kind {
        b'd' => &b"dir"[..],
        b'l' => b"OS.unix=symlink",
        _ => b"file",
    };
    let [shows_type, shows_size] = row.facts;
    let size = row
        .size
        .filter(|_| shows_size && row.kind == b'-')
        .map(|size| size.to_string());
    &line[blank + 1..] == name
        && value(b"type=") == shows_type.then_some(kind)
        && value(b"size=") == size.as_ref().map(|size| size.as_bytes())
}
