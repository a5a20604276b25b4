//! Removes the files that uploads have left on the server: one session after the run, as the user that stored them.

use super::failure::{Connection, Failure};
use super::interrupt::Interrupt;
use super::options::Options;
use loopftpd::ftp::reply_reader::{ReplyReader, ServerReply};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long the whole of it may take; `--timeout`, where that is shorter.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pause before another attempt when the server still counts the sessions of the run.
const RETRY: Duration = Duration::from_millis(100);

/// What was removed, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleanup {
    pub removed: usize,
    /// Files that may still be there, each with the reason.
    pub left: Vec<(Rc<str>, String)>,
}

/// Removes `uploads`; each is known with whether it was ever stored whole.
pub fn remove(uploads: &BTreeMap<Rc<str>, bool>, options: &Options, interrupt: &Interrupt) -> Cleanup {
    let mut cleanup = Cleanup::default();
    if uploads.is_empty() {
        return cleanup;
    }
    let until = Instant::now() + options.timeout.min(PATIENCE);
    let mut session = log_in(options, until);
    // A server at its limit of sessions needs a moment to notice that the run's have ended.
    while matches!(&session, Err(reason) if reason.starts_with("421")) && Instant::now() + RETRY < until {
        sleep(RETRY);
        session = log_in(options, until);
    }
    let already_interrupted = interrupt.has_come();
    for (path, was_stored) in uploads {
        // A signal during the cleanup ends it; the one that ended the run does not.
        let is_over = Instant::now() >= until || (interrupt.has_come() && !already_interrupted);
        let removed = match &mut session {
            Ok(session) if !is_over => session.remove(path, *was_stored),
            Ok(_) => Err("no time was left".to_owned()),
            Err(reason) => Err(reason.clone()),
        };
        match removed {
            Ok(true) => cleanup.removed += 1,
            Ok(false) => {}
            Err(reason) => cleanup.left.push((Rc::clone(path), reason)),
        }
    }
    if let Ok(session) = &mut session {
        session.leave();
    }
    cleanup
}

fn log_in(options: &Options, until: Instant) -> Result<Session, String> {
    let patience = until.saturating_duration_since(Instant::now()).max(RETRY);
    let stream = TcpStream::connect_timeout(&options.target, patience)
        .map_err(|error| Failure::of(Connection::Control, &error).to_string())?;
    let mut session = Session {
        stream,
        replies: ReplyReader::default(),
        until,
    };
    session.expect(None, &[220])?;
    session.expect(Some(&format!("USER {}", options.user)), &[331, 230])?;
    session.expect(Some(&format!("PASS {}", options.password)), &[230, 202])?;
    Ok(session)
}

/// A conversation that waits for each reply; the poll loop has ended.
struct Session {
    stream: TcpStream,
    replies: ReplyReader,
    until: Instant,
}

impl Session {
    /// `Ok(false)`: nothing was there to be removed. `Err`: why it could not be removed.
    fn remove(&mut self, path: &str, was_stored: bool) -> Result<bool, String> {
        let Err(reason) = self.expect(Some(&format!("DELE {path}")), &[250, 200]) else {
            return Ok(true);
        };
        // An upload that never succeeded may have left nothing; SIZE knows whether it did.
        if was_stored || self.expect(Some(&format!("SIZE {path}")), &[213]).is_ok() {
            return Err(reason);
        }
        Ok(false)
    }

    /// Says a line, if one is given, and reads its reply.
    fn expect(&mut self, line: Option<&str>, codes: &[u16]) -> Result<(), String> {
        let reply = self
            .exchange(line)
            .map_err(|error| Failure::of(Connection::Control, &error).to_string())?;
        if codes.contains(&reply.code) {
            return Ok(());
        }
        Err(super::failure::Said::from(&reply).to_string())
    }

    fn exchange(&mut self, line: Option<&str>) -> io::Result<ServerReply> {
        if let Some(line) = line {
            self.wait_no_longer_than_allowed()?;
            self.stream.write_all(format!("{line}\r\n").as_bytes())?;
        }
        let mut bytes = [0; 4096];
        loop {
            match self.replies.next_reply() {
                Some(Ok(reply)) => return Ok(reply),
                Some(Err(_)) => return Err(ErrorKind::InvalidData.into()),
                None => {}
            }
            self.wait_no_longer_than_allowed()?;
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.replies.feed(bytes.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn wait_no_longer_than_allowed(&self) -> io::Result<()> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.set_write_timeout(Some(left))
    }

    /// The server's session ends with this, before its descriptors are counted.
    fn leave(&mut self) {
        let _ = self.exchange(Some("QUIT"));
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}
