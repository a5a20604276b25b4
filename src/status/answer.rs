//! Answers: the head, and bodies that are made piece by piece as the viewer reads them.

use super::metrics;
use super::recorder::Recorder;
use super::request::{Refused, Request, Wanted};
use super::rows::{push_array, push_hello, push_object, push_turn};
use super::seen::Seen;
use super::stream::Stream;
use crate::process_figures::ProcessFile;
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::rc::Rc;

/// The page: one file, with nothing loaded from elsewhere.
const PAGE: &str = include_str!("page.html");
/// Sessions or turns in one piece of a body.
const ROWS_PER_PIECE: usize = 64;
/// Bytes of the page in one piece.
const PIECE: usize = 16 * 1024;
/// Turns in `/turns.json`.
const TURNS: usize = 400;
/// Messages that wait for a viewer; one that is further behind gets a new snapshot instead.
const BACKLOG_MAX: usize = 512 * 1024;

/// What answers are made from.
#[derive(Debug)]
pub struct Sources {
    pub recorder: Recorder,
    pub stream: Stream,
    pub process: ProcessFile,
    /// Addresses of the control listeners.
    pub listeners: Vec<String>,
    policy: String,
}

/// What is left of a body.
#[derive(Debug)]
pub enum Body {
    Done,
    Page {
        sent: usize,
    },
    Sessions {
        next: usize,
        list: List,
    },
    /// Turns from `next`, below `end`.
    Turns {
        next: u64,
        end: u64,
        list: List,
    },
    /// The stream of changes, endless.
    Events(Box<Subscription>),
}

/// A list in JSON, of which pieces are sent.
#[derive(Debug)]
pub struct List {
    is_chunked: bool,
    is_begun: bool,
    has_rows: bool,
}

/// A viewer of the stream.
#[derive(Debug, Default)]
pub struct Subscription {
    /// The next slot of the snapshot; `None`: the viewer has it.
    snapshot: Option<usize>,
    backlog: VecDeque<Rc<[u8]>>,
    backlog_bytes: usize,
    /// The session that the viewer follows.
    pub follow: Option<u64>,
}

impl Sources {
    pub fn new(recorder: Recorder, stream: Stream, process: ProcessFile, listeners: Vec<String>) -> Self {
        Self {
            recorder,
            stream,
            process,
            listeners,
            policy: content_security_policy(PAGE),
        }
    }

    /// Begins the answer to `request`; returns its body.
    pub fn begin(&mut self, request: Request, seen: &Seen<'_>, viewers: usize, out: &mut Vec<u8>) -> Body {
        let is_chunked = request.takes_chunks;
        let list = List::new(is_chunked);
        let mut whole = None;
        let (content_type, length, body) = match request.wanted {
            Wanted::Page => ("text/html; charset=utf-8", Some(PAGE.len()), Body::Page { sent: 0 }),
            Wanted::Metrics => {
                let text = metrics::text(seen, &self.recorder, &self.process, viewers);
                let length = text.len();
                whole = Some(text);
                (metrics::CONTENT_TYPE, Some(length), Body::Done)
            }
            Wanted::Sessions => ("application/json", None, Body::Sessions { next: 0, list }),
            Wanted::Turns { before } => {
                let (next, end) = self.recorder.numbers_before(before, TURNS);
                let body = Body::Turns { next, end, list };
                ("application/json", None, body)
            }
            Wanted::Events { after, follow } => {
                let mut subscription = Subscription {
                    follow,
                    ..Subscription::default()
                };
                if !request.is_head {
                    match after.and_then(|id| self.stream.after(id)) {
                        Some(missed) => missed.for_each(|message| subscription.push(&message)),
                        None => subscription.snapshot = Some(0),
                    }
                    self.stream.viewer_comes(seen.shared.now);
                }
                ("text/event-stream", None, Body::Events(Box::new(subscription)))
            }
        };
        let is_endless = matches!(body, Body::Events(_));
        self.push_head(200, "OK", content_type, length, is_chunked && !is_endless, out);
        if request.is_head {
            return Body::Done;
        }
        if let Some(text) = whole {
            out.extend_from_slice(text.as_bytes());
        }
        body
    }

    /// The whole answer to a request that is refused.
    pub fn refuse(&self, Refused(status, phrase, advice): Refused, out: &mut Vec<u8>) {
        let text = format!("{status} {phrase}\n{advice}\n");
        self.push_head(
            status,
            phrase,
            "text/plain; charset=utf-8",
            Some(text.len()),
            false,
            out,
        );
        out.extend_from_slice(text.as_bytes());
    }

    /// No answer may be stored, framed, read by pages of other origins, or taken for another type.
    fn push_head(
        &self,
        status: u16,
        phrase: &str,
        content_type: &str,
        length: Option<usize>,
        is_chunked: bool,
        out: &mut Vec<u8>,
    ) {
        let policy = &self.policy;
        let mut head = format!(
            "HTTP/1.1 {status} {phrase}\r\n\
             Content-Type: {content_type}\r\n\
             Connection: close\r\n\
             Cache-Control: no-store\r\n\
             Content-Security-Policy: {policy}\r\n\
             Cross-Origin-Resource-Policy: same-origin\r\n\
             Cross-Origin-Opener-Policy: same-origin\r\n\
             Referrer-Policy: no-referrer\r\n\
             X-Content-Type-Options: nosniff\r\n\
             X-Frame-Options: DENY\r\n"
        );
        if status == 405 {
            head += "Allow: GET, HEAD\r\n";
        }
        match length {
            Some(length) => head += &format!("Content-Length: {length}\r\n"),
            None if is_chunked => head += "Transfer-Encoding: chunked\r\n",
            None => {}
        }
        head += "\r\n";
        out.extend_from_slice(head.as_bytes());
    }
}

impl Body {
    /// Goes on by one piece, which may be empty; `false`: there is nothing more, or nothing now.
    pub fn push_piece(&mut self, sources: &Sources, seen: &Seen<'_>, out: &mut Vec<u8>) -> bool {
        match self {
            Body::Done => return false,
            Body::Page { sent } => {
                let rest = PAGE.as_bytes().get(*sent..).unwrap_or_default();
                let piece = rest.get(..PIECE).unwrap_or(rest);
                out.extend_from_slice(piece);
                *sent += piece.len();
                if *sent >= PAGE.len() {
                    *self = Body::Done;
                }
            }
            Body::Sessions { next, list } => {
                let end = (*next + ROWS_PER_PIECE).min(seen.slots.extent());
                let mut piece = list.begin_piece();
                for (slot, connection) in (*next..end).filter_map(|key| seen.slots.at(key)) {
                    list.separate(&mut piece);
                    push_object(&mut piece, slot, connection, seen);
                }
                *next = end;
                if list.end_piece(piece, end >= seen.slots.extent(), out) {
                    *self = Body::Done;
                }
            }
            Body::Turns { next, end, list } => {
                let mut piece = list.begin_piece();
                for turn in sources.recorder.turns_between(*next, *end).take(ROWS_PER_PIECE) {
                    list.separate(&mut piece);
                    push_turn(&mut piece, turn, &sources.recorder);
                    *next = turn.number + 1;
                }
                let is_last = sources.recorder.turns_between(*next, *end).next().is_none();
                if list.end_piece(piece, is_last, out) {
                    *self = Body::Done;
                }
            }
            Body::Events(subscription) => return subscription.push_piece(sources, seen, out),
        }
        true
    }
}

impl List {
    fn new(is_chunked: bool) -> Self {
        Self {
            is_chunked,
            is_begun: false,
            has_rows: false,
        }
    }

    fn begin_piece(&mut self) -> Vec<u8> {
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        if is_first { b"[".to_vec() } else { Vec::new() }
    }

    fn separate(&mut self, piece: &mut Vec<u8>) {
        let separator: &[u8] = if std::mem::replace(&mut self.has_rows, true) {
            b",\n"
        } else {
            b"\n"
        };
        piece.extend_from_slice(separator);
    }

    /// Appends a piece; returns whether it was the last.
    fn end_piece(&self, mut piece: Vec<u8>, is_last: bool, out: &mut Vec<u8>) -> bool {
        if is_last {
            piece.extend_from_slice(b"\n]\n");
        }
        if !self.is_chunked {
            out.extend_from_slice(&piece);
            return is_last;
        }
        // An empty chunk would be the end.
        if !piece.is_empty() {
            out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            out.extend_from_slice(&piece);
            out.extend_from_slice(b"\r\n");
        }
        if is_last {
            out.extend_from_slice(b"0\r\n\r\n");
        }
        is_last
    }
}

impl Subscription {
    /// Queues a message. A viewer that is too far behind gets a new snapshot instead of what it has missed.
    pub fn push(&mut self, message: &Rc<[u8]>) {
        self.backlog_bytes += message.len();
        self.backlog.push_back(Rc::clone(message));
        if self.backlog_bytes > BACKLOG_MAX {
            self.backlog.clear();
            self.backlog_bytes = 0;
            self.snapshot = Some(0);
        }
    }

    /// A part of the snapshot, or the next message. What was served while the snapshot was sent is in the messages
    /// after it, so the viewer is up to date then.
    fn push_piece(&mut self, sources: &Sources, seen: &Seen<'_>, out: &mut Vec<u8>) -> bool {
        let Some(next) = self.snapshot else {
            let Some(message) = self.backlog.pop_front() else {
                return false;
            };
            self.backlog_bytes -= message.len();
            out.extend_from_slice(&message);
            return true;
        };
        if next == 0 {
            out.extend_from_slice(b"retry: 2000\nevent: hello\ndata: ");
            push_hello(out, seen, sources.process.started(), &sources.listeners);
            out.extend_from_slice(b"\n\n");
        }
        let end = (next + ROWS_PER_PIECE).min(seen.slots.extent());
        let mut separator: &[u8] = b"event: slots\ndata: [";
        for key in (next..end).filter(|key| seen.slots.at(*key).is_some()) {
            out.extend_from_slice(separator);
            push_array(out, key as u32, seen, &sources.recorder);
            separator = b",";
        }
        if separator == b"," {
            out.extend_from_slice(b"]\n\n");
        }
        self.snapshot = (end < seen.slots.extent()).then_some(end);
        if self.snapshot.is_none() {
            out.extend_from_slice(b"event: complete\ndata: {}\n\n");
        }
        true
    }
}

/// Nothing may be loaded, run or shown except what is in `page` itself: its one script and its one style, by their
/// hashes.
fn content_security_policy(page: &str) -> String {
    let hash = |tag: &str| {
        let inner = page
            .split_once(&format!("<{tag}>"))
            .and_then(|(_, rest)| rest.split_once(&format!("</{tag}>")));
        base64(&Sha256::digest(inner.map_or("", |(inner, _)| inner)))
    };
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash("script"),
        hash("style")
    )
}

/// With padding (RFC 4648 §4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for position in 0..4 {
            let letter = ALPHABET.get((bits >> (18 - 6 * position) & 63) as usize);
            text.push(
                letter
                    .filter(|_| position <= group.len())
                    .map_or('=', |letter| char::from(*letter)),
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }

    #[test]
    fn n04_the_page_has_one_script_and_one_style_and_loads_nothing() {
        assert_eq!(PAGE.matches("<script").count(), 1);
        assert_eq!(PAGE.matches("<style").count(), 1);
        assert!(
            PAGE.contains("<script>") && PAGE.contains("<style>"),
            "without attributes"
        );
        for forbidden in [
            "http://",
            "https://",
            "eval(",
            "new Function",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            " style=",
            " onclick=",
            "javascript:",
            "@import",
            "src=",
        ] {
            let allowed = if forbidden == "http://" {
                "http://www.w3.org/2000/svg"
            } else {
                ""
            };
            let found = PAGE.replace(allowed, "").contains(forbidden);
            assert!(!found, "{forbidden}");
        }
        let policy = content_security_policy(PAGE);
        assert!(
            !policy.contains("unsafe") && policy.starts_with("default-src 'none'"),
            "{policy}"
        );
    }

    #[test]
    fn a_list_is_valid_json_in_chunks_and_without() {
        let rows = |is_chunked: bool, rows: &[&str]| {
            let (mut list, mut out) = (List::new(is_chunked), Vec::new());
            for row in rows {
                let mut piece = list.begin_piece();
                if !row.is_empty() {
                    list.separate(&mut piece);
                    piece.extend_from_slice(row.as_bytes());
                }
                assert!(!list.end_piece(piece, false, &mut out));
            }
            let piece = list.begin_piece();
            assert!(list.end_piece(piece, true, &mut out));
            String::from_utf8(out).expect("UTF-8")
        };
        assert_eq!(rows(false, &["1", "", "2"]), "[\n1,\n2\n]\n");
        assert_eq!(rows(false, &[]), "[\n]\n");
        assert_eq!(rows(true, &["1", ""]), "3\r\n[\n1\r\n3\r\n\n]\n\r\n0\r\n\r\n");
    }

    #[test]
    fn n05_what_waits_for_a_viewer_is_bounded_and_one_that_is_far_behind_gets_a_snapshot() {
        let mut subscription = Subscription::default();
        let message: Rc<[u8]> = vec![b'x'; 100_000].into();
        for _ in 0..1_000 {
            subscription.push(&message);
            assert!(subscription.backlog_bytes <= BACKLOG_MAX);
        }
        assert_eq!(subscription.snapshot, Some(0));
    }
}
