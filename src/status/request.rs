//! Requests for the status page: what is asked for, and whether it may be.
//!
//! A page elsewhere can make a browser connect here under a name of its own (DNS rebinding); the browser would then let
//! it read the answers. So the `Host` of a request must be one of this server's (threat N01). Only GET and HEAD exist.

use std::net::{IpAddr, SocketAddr};

/// Bytes that a request may have.
pub const REQUEST_MAX: usize = 8 * 1024;
const HEADERS_MAX: usize = 100;

/// Hosts that a request may name.
#[derive(Debug)]
pub struct AllowedHosts {
    address: IpAddr,
    /// From `--status-host`, in lower case.
    names: Vec<String>,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Page,
    Metrics,
    Sessions,
    /// Recorded turns: the last ones before that number, or the last ones of all.
    Turns {
        before: Option<u64>,
    },
    /// The stream of changes. `after`: the last message that the viewer has, and the stream that it belongs to.
    Events {
        after: Option<EventId>,
        follow: Option<u64>,
    },
}

/// The number of a message, and of the stream that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventId {
    pub stream: u64,
    pub message: u64,
}

/// A request that can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    pub wanted: Wanted,
    /// HEAD: without the body.
    pub is_head: bool,
    /// HTTP/1.1: a body may be sent in chunks.
    pub takes_chunks: bool,
}

/// Why a request is not answered: status, reason phrase, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(pub u16, pub &'static str, pub &'static str);

pub const MALFORMED: Refused = Refused(400, "Bad Request", "This is not an HTTP request.");
pub const TOO_LARGE: Refused = Refused(431, "Request Header Fields Too Large", "A request may have 8 KiB.");
pub const TOO_SLOW: Refused = Refused(408, "Request Timeout", "The request did not arrive within 10 s.");
pub const TOO_MANY: Refused = Refused(503, "Service Unavailable", "16 viewers are connected already.");
const FOREIGN_HOST: Refused = Refused(
    403,
    "Forbidden",
    "This server does not go by that name. Use its address or localhost, or give --status-host NAME.",
);
const WRONG_METHOD: Refused = Refused(405, "Method Not Allowed", "Only GET and HEAD are answered.");
const NOT_FOUND: Refused = Refused(
    404,
    "Not Found",
    "There are /, /metrics, /sessions.json, /turns.json and /events.",
);

impl AllowedHosts {
    /// `address`: what the page listens on.
    pub fn new(address: IpAddr, names: &[String]) -> Self {
        Self {
            address: address.to_canonical(),
            names: names.iter().map(|name| name.to_ascii_lowercase()).collect(),
        }
    }

    /// Whether `host`, a header's value, names this server. `own`: the server's address on this connection.
    fn include(&self, host: &str, own: IpAddr) -> bool {
        let host = host.trim();
        let name = match host.parse::<SocketAddr>() {
            Ok(address) => return self.includes_address(address.ip(), own),
            Err(_) => match host.rsplit_once(':') {
                Some((name, port)) if !name.contains(':') && port.bytes().all(|digit| digit.is_ascii_digit()) => name,
                _ => host,
            },
        };
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        match bare.unwrap_or(name).parse::<IpAddr>() {
            Ok(address) => self.includes_address(address, own),
            Err(_) => {
                let name = name.to_ascii_lowercase();
                name == "localhost" || self.names.contains(&name)
            }
        }
    }

    fn includes_address(&self, address: IpAddr, own: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_loopback() || address == self.address || address == own.to_canonical()
    }
}

/// Reads a request; `None`: it is not complete. `own`: the server's address on this connection.
pub fn parse(bytes: &[u8], hosts: &AllowedHosts, own: IpAddr) -> Result<Option<Request>, Refused> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= REQUEST_MAX => {}
        Ok(httparse::Status::Partial) if bytes.len() < REQUEST_MAX => return Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(TOO_LARGE),
        Err(_) => return Err(MALFORMED),
    }
    let header = |name: &str| {
        let mut found = request
            .headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case(name));
        (found.next().map(|header| header.value), found.next().is_some())
    };
    let (Some(host), false) = header("host") else {
        return Err(MALFORMED);
    };
    if !std::str::from_utf8(host).is_ok_and(|host| hosts.include(host, own)) {
        return Err(FOREIGN_HOST);
    }
    let is_head = match request.method {
        Some("GET") => false,
        Some("HEAD") => true,
        _ => return Err(WRONG_METHOD),
    };
    let target = request.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let number = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name)?.1.parse().ok()
    };
    let wanted = match path {
        "/" => Wanted::Page,
        "/metrics" => Wanted::Metrics,
        "/sessions.json" => Wanted::Sessions,
        "/turns.json" => Wanted::Turns {
            before: number("before"),
        },
        "/events" => Wanted::Events {
            after: header("last-event-id").0.and_then(EventId::parse),
            follow: number("follow"),
        },
        _ => return Err(NOT_FOUND),
    };
    Ok(Some(Request {
        wanted,
        is_head,
        takes_chunks: request.version == Some(1),
    }))
}

impl EventId {
    fn parse(value: &[u8]) -> Option<Self> {
        let (stream, message) = std::str::from_utf8(value).ok()?.split_once('-')?;
        Some(Self {
            stream: stream.parse().ok()?,
            message: message.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: [u8; 4] = [192, 0, 2, 7];

    fn hosts() -> AllowedHosts {
        AllowedHosts::new([0, 0, 0, 0].into(), &["Files.Example".to_owned()])
    }

    fn asked(request: &str) -> Result<Option<Request>, Refused> {
        parse(request.as_bytes(), &hosts(), OWN.into())
    }

    fn get(target: &str, headers: &str) -> Result<Option<Request>, Refused> {
        asked(&format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"))
    }

    #[test]
    fn n01_only_this_servers_names_are_served() {
        for (host, is_own) in [
            ("localhost", true),
            ("LOCALHOST:8080", true),
            ("127.0.0.1:8080", true),
            ("127.9.9.9", true),
            ("[::1]:8080", true),
            ("[::1]", true),
            ("192.0.2.7:80", true),
            ("[::ffff:192.0.2.7]", true),
            ("files.example:80", true),
            ("FILES.example", true),
            ("evil.example", false),
            ("evil.example:8080", false),
            ("localhost.evil.example", false),
            ("evil.files.example", false),
            ("192.0.2.8", false),
            ("127.0.0.1.evil.example", false),
            ("localhost:x", false),
            ("localhost:1:2", false),
            ("", false),
            ("::1", true),
        ] {
            let answer = asked(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            assert_eq!(answer.is_ok(), is_own, "{host:?}: {answer:?}");
            if !is_own {
                assert_eq!(answer, Err(FOREIGN_HOST), "{host:?}");
            }
        }
        for headers in ["", "Host: localhost\r\nHost: evil.example\r\n"] {
            assert_eq!(asked(&format!("GET / HTTP/1.1\r\n{headers}\r\n")), Err(MALFORMED));
        }
        let loopback = AllowedHosts::new([127, 0, 0, 1].into(), &[]);
        let named = parse(b"GET / HTTP/1.1\r\nHost: files.example\r\n\r\n", &loopback, OWN.into());
        assert_eq!(named, Err(FOREIGN_HOST), "the name was not given");
    }

    #[test]
    fn n02_only_get_and_head_of_five_pages_are_answered() {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH", "get"] {
            let answer = asked(&format!("{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
            assert_eq!(answer, Err(WRONG_METHOD), "{method}");
        }
        for target in ["/x", "/../metrics", "http://localhost/", "*", "/metrics/", "/%6detrics"] {
            assert_eq!(get(target, ""), Err(NOT_FOUND), "{target}");
        }
        let head = asked("HEAD /metrics HTTP/1.0\r\nhost: localhost\r\n\r\n")
            .expect("allowed")
            .expect("complete");
        assert_eq!(
            (head.wanted, head.is_head, head.takes_chunks),
            (Wanted::Metrics, true, false)
        );
    }

    #[test]
    fn queries_and_the_last_event_are_read_and_nonsense_in_them_is_ignored() {
        let wanted = |target: &str, headers: &str| get(target, headers).expect("allowed").expect("complete").wanted;
        assert_eq!(wanted("/turns.json?before=17", ""), Wanted::Turns { before: Some(17) });
        assert_eq!(wanted("/turns.json?before=-1", ""), Wanted::Turns { before: None });
        let id = EventId { stream: 3, message: 44 };
        let events = |after, follow| Wanted::Events { after, follow };
        assert_eq!(
            wanted("/events?follow=9&x=y", "Last-Event-ID: 3-44\r\n"),
            events(Some(id), Some(9))
        );
        for nonsense in [
            "Last-Event-ID: 3\r\n",
            "Last-Event-ID: \u{e9}-1\r\n",
            "Last-Event-ID: 3-\r\n",
        ] {
            assert_eq!(wanted("/events", nonsense), events(None, None), "{nonsense:?}");
        }
    }

    #[test]
    fn n03_a_request_over_8_kib_or_malformed_is_refused_and_a_part_is_awaited() {
        let whole = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        for length in 0..whole.len() {
            assert_eq!(asked(&whole[..length]), Ok(None), "{length} bytes");
        }
        let padded = |length: usize| {
            let start = "GET / HTTP/1.1\r\nHost: localhost\r\nX: ";
            format!("{start}{}\r\n\r\n", "x".repeat(length - start.len() - 4))
        };
        assert!(asked(&padded(REQUEST_MAX)).is_ok_and(|request| request.is_some()));
        assert_eq!(asked(&padded(REQUEST_MAX + 1)), Err(TOO_LARGE));
        assert_eq!(asked(&"GET /".repeat(REQUEST_MAX)[..REQUEST_MAX]), Err(MALFORMED));
        assert_eq!(asked(&format!("GET /{}", "x".repeat(REQUEST_MAX))), Err(TOO_LARGE));
        assert_eq!(get("/", &"X: y\r\n".repeat(HEADERS_MAX)), Err(TOO_LARGE));
        for request in [
            "\0",
            "USER anonymous\r\n",
            "GET / HTTP/2.0\r\n\r\n",
            "\x16\x03\x01\x02\x00",
        ] {
            assert_eq!(asked(request), Err(MALFORMED), "{request:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn n03_no_bytes_make_the_parser_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes, &hosts(), OWN.into());
        }
    }
}
