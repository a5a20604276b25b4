//! Bodies of answers, made piece by piece as the viewer reads them.

use super::page::PAGE;
use super::rows::{ROWS_PER_PIECE, push_object, push_turn};
use super::seen::Seen;
use super::sources::Sources;
use super::subscription::Subscription;

/// Bytes of the page in one piece.
const PIECE: usize = 16 * 1024;

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
    pub fn new(is_chunked: bool) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
