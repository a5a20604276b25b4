//! A simulated client: what it has sent and received, and whether the replies are those that it must get.

use super::super::line_reader::text_of;
use loopftpd::event_loop::simulation::ClientEnd;
use loopftpd::ftp::host_port::{extended_passive_port, passive_address};
use loopftpd::ftp::reply;
use std::collections::VecDeque;

/// The content of a file outside of the served directory.
pub const CANARY: &[u8] = b"canary-7c1f";
/// The text of the first reply.
pub const BANNER: &str = "Ready";

/// A client: its control connection, and its last data connection.
pub struct Client {
    pub control: ClientEnd,
    pub data: Option<ClientEnd>,
    pub sent: Vec<u8>,
    pub received: Vec<u8>,
    pub is_reading: bool,
    /// Whether the server may end the session without a reply: the client did not read, or has closed its end.
    pub is_rude: bool,
}

impl Client {
    pub fn new(control: ClientEnd) -> Self {
        Self {
            control,
            data: None,
            sent: Vec::new(),
            received: Vec::new(),
            is_reading: true,
            is_rude: false,
        }
    }

    /// The port in the last 227 or 229.
    pub fn announced_port(&self) -> Option<u16> {
        let port = |line: &[u8]| match line.get(..4) {
            Some(b"227 ") => passive_address(line).map(|address| address.port()),
            Some(b"229 ") => extended_passive_port(line),
            _ => None,
        };
        self.received.split(|byte| *byte == b'\n').rev().find_map(port)
    }

    /// How many commands it has sent.
    pub fn command_count(&self) -> usize {
        commands(&self.sent).len()
    }

    /// How many commands have no final reply.
    pub fn unanswered(&self) -> usize {
        let replies = replies(&self.received);
        let finals = replies.iter().filter(|reply| reply.code >= 200).count();
        // The first reply is the banner.
        (commands(&self.sent).len() + 1).saturating_sub(finals)
    }

    /// Checks that each command has one final reply, in order, which it can have, after at most one 1xx.
    pub fn check_replies(&self) {
        let mut waiting = commands(&self.sent);
        let replies = replies(&self.received);
        check_secret(&self.received);
        let Some((banner, answers)) = replies.split_first() else {
            assert!(self.is_rude, "no banner");
            return;
        };
        assert_eq!((banner.code, &banner.text[..]), (220, BANNER.as_bytes()));
        let (mut is_open, mut is_logged_in) = (false, false);
        for (number, reply) in answers.iter().enumerate() {
            let is_last = number + 1 == answers.len();
            let context = || format!("{reply:?} in {answers:?}, to {:?}", String::from_utf8_lossy(&self.sent));
            if !is_logged_in {
                check_fixed(reply);
            }
            if reply.code == 421 || (reply.code == 500 && reply.text == b"Line too long") {
                assert!(is_last, "the last: {}", context());
                continue;
            }
            let Some(command) = waiting.front() else {
                // A TLS handshake is no line.
                assert!(is_last && reply.code == 500, "no command for {}", context());
                continue;
            };
            let verb = verb_of(command);
            if reply.code < 200 {
                assert!(!is_open && is_transfer(&verb), "{}", context());
                is_open = true;
                continue;
            }
            if is_open && reply.code == 213 {
                // STAT is answered before the end of the transfer.
                assert!(reply.text.starts_with(b"Status: "), "{}", context());
                let stat = waiting.remove(1);
                assert_eq!(
                    stat.map(|line| verb_of(&line)).as_deref(),
                    Some("STAT"),
                    "{}",
                    context()
                );
                continue;
            }
            assert!(
                can_be_answered(&verb, reply.code, is_logged_in),
                "{verb}: {}",
                context()
            );
            assert!(
                is_open || !matches!(reply.code, 226) || !is_transfer(&verb),
                "226 without 150: {}",
                context()
            );
            is_logged_in = match reply.code {
                230 => true,
                331 => false,
                220 if verb == "REIN" => false,
                _ => is_logged_in,
            };
            is_open = false;
            waiting.pop_front();
        }
        let last = answers.last().map_or(220, |reply| reply.code);
        if self.control.is_closed() || self.control.is_at_end() {
            assert!(
                self.is_rude || matches!(last, 221 | 421 | 500),
                "ended with {last}: {answers:?}"
            );
        } else if !self.control.is_shut() {
            assert!(waiting.is_empty(), "not answered: {waiting:?}, after {answers:?}");
        }
    }
}

/// What was sent to a client must not come from outside of the served directory.
pub fn check_secret(bytes: &[u8]) {
    assert!(
        !bytes.windows(CANARY.len()).any(|window| window == CANARY),
        "the canary was sent"
    );
}

/// The complete lines that are not blank, and so are answered.
fn commands(sent: &[u8]) -> VecDeque<Vec<u8>> {
    let text = text_of(sent);
    let complete = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let lines = text[..complete].split_inclusive(|byte| *byte == b'\n').map(|line| {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        line.strip_prefix(b"\r").unwrap_or(line)
    });
    lines
        .filter(|line| !line.iter().all(|byte| *byte == b' '))
        .map(<[u8]>::to_vec)
        .collect()
}

#[derive(Debug)]
struct Reply {
    code: u16,
    /// Without codes and line ends, as [`Reply::write_to`](reply::Reply::write_to) was given it.
    text: Vec<u8>,
}

/// The replies of a control connection; fails if a line is not well-formed. What is incomplete is left out.
fn replies(received: &[u8]) -> Vec<Reply> {
    let complete = received.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let (mut replies, mut open): (Vec<Reply>, Option<Reply>) = (Vec::new(), None);
    for line in received[..complete].split_inclusive(|byte| *byte == b'\n') {
        let shown = String::from_utf8_lossy(line);
        let content = line
            .strip_suffix(b"\r\n")
            .unwrap_or_else(|| panic!("no CR before LF: {shown:?}"));
        assert!(
            !content.iter().any(u8::is_ascii_control),
            "control bytes in a reply: {shown:?}"
        );
        let code = content
            .get(..3)
            .filter(|code| code.iter().all(u8::is_ascii_digit))
            .and_then(|code| std::str::from_utf8(code).ok()?.parse::<u16>().ok());
        let separator = content.get(3).copied();
        match (&mut open, code, separator) {
            (None, Some(code @ 100..=599), Some(b' ')) => replies.push(Reply {
                code,
                text: content[4..].to_vec(),
            }),
            (None, Some(code @ 200..=599), Some(b'-')) => {
                open = Some(Reply {
                    code,
                    text: content[4..].to_vec(),
                });
            }
            (Some(begun), Some(code), Some(b' ')) if code == begun.code => {
                begun.text.push(b'\n');
                begun.text.extend_from_slice(&content[4..]);
                replies.extend(open.take());
            }
            (Some(begun), Some(code), Some(b'-')) if code == begun.code => {}
            (Some(begun), _, _) if content.starts_with(b" ") => {
                begun.text.push(b'\n');
                begun.text.extend_from_slice(&content[1..]);
            }
            _ => panic!("no line of a reply: {shown:?}"),
        }
    }
    replies
}

fn verb_of(line: &[u8]) -> String {
    let verb = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    String::from_utf8_lossy(verb).to_ascii_uppercase()
}

/// Before login no reply depends on what the client has sent.
fn check_fixed(reply: &Reply) {
    let is_fixed = |fixed: &reply::Reply| {
        let mut written = Vec::new();
        fixed.write_to(&mut written);
        fixed.code() == reply.code && written == [format!("{} ", reply.code).as_bytes(), &reply.text, b"\r\n"].concat()
    };
    let is_list = matches!(reply.code, 211 | 214) && reply.text.ends_with(b"\nEnd");
    assert!(is_list || reply::ALL.iter().any(is_fixed), "before login: {reply:?}");
}

fn is_transfer(verb: &str) -> bool {
    matches!(verb, "RETR" | "STOR" | "APPE" | "STOU" | "LIST" | "NLST" | "MLSD")
}

/// Whether `code` can be the final reply to `verb`.
fn can_be_answered(verb: &str, code: u16, is_logged_in: bool) -> bool {
    let successes: &[u16] = match verb {
        "USER" => &[331],
        "PASS" => &[230],
        "ACCT" | "ALLO" => &[202],
        "QUIT" => &[221],
        "REIN" | "HOST" => &[220],
        "NOOP" | "CLNT" | "TYPE" | "MODE" | "STRU" | "OPTS" | "PORT" | "EPRT" | "PRET" => &[200],
        "SYST" => &[215],
        "FEAT" => &[211],
        "HELP" => &[214],
        "STAT" => &[211, 213],
        "PWD" | "XPWD" | "MKD" | "XMKD" => &[257],
        "CWD" | "XCWD" | "CDUP" | "XCUP" | "DELE" | "RMD" | "XRMD" | "RNTO" | "MLST" => &[250],
        "XCRC" | "XMD5" | "XSHA" | "XSHA1" | "XSHA256" | "XSHA512" => &[250],
        "LIST" | "NLST" | "MLSD" | "RETR" | "STOR" | "APPE" | "STOU" | "ABOR" => &[226],
        "SIZE" | "MFMT" | "MFF" | "HASH" | "AVBL" => &[213],
        "MDTM" => &[213, 200],
        "REST" | "RANG" | "RNFR" => &[350],
        "PASV" => &[227],
        "EPSV" => &[229, 200],
        "SITE" => &[200, 214],
        // Not served: unknown, or known from RFCs.
        _ => return matches!(code, 500..=502),
    };
    match code {
        200..=399 => successes.contains(&code),
        425 => is_transfer(verb) || matches!(verb, "PASV" | "EPSV"),
        426 => is_transfer(verb) || matches!(verb, "HASH") || verb.starts_with('X'),
        500 => matches!(verb, "PORT" | "EPRT"),
        522 => matches!(verb, "EPRT" | "EPSV"),
        530 => !is_logged_in,
        450..=452 | 501..=504 | 550 | 552..=554 => true,
        _ => false,
    }
}
