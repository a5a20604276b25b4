//! Answers: their heads, and which body follows.

use super::body::{Body, List};
use super::metrics;
use super::page::PAGE;
use super::request::{Refused, Request, Wanted};
use super::seen::Seen;
use super::sources::Sources;
use super::subscription::Subscription;

/// Turns in `/turns.json`.
const TURNS: usize = 400;

impl Sources {
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
                let missed = after.and_then(|id| self.stream.after(id));
                let subscription = Subscription::new(follow, missed);
                if !request.is_head {
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
