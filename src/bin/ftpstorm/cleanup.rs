//! Removes the files that uploads have left on the server: one session after the run, as the user that stored them.

use crate::failure::{Awaited, Break, Failure};
use crate::interrupt::Interrupt;
use crate::options::RunOptions;
use crate::reply_reader::ReplyReader;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long the cleanup may take; `--timeout` if that is shorter.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pause before another attempt while the server still counts the sessions of the run.
const RETRY: Duration = Duration::from_millis(100);

/// What was removed, and what was not.
#[derive(Debug, Default, Serialize)]
pub struct Cleanup {
    pub removed: usize,
    pub left: Vec<LeftFile>,
}

/// A file that may still be there.
#[derive(Debug, Serialize)]
pub struct LeftFile {
    pub path: String,
    pub reason: Failure,
}

/// Removes `uploads`, each with whether it was ever stored completely.
pub fn remove(uploads: &BTreeMap<Rc<str>, bool>, options: &RunOptions, interrupt: &Interrupt) -> Cleanup {
    let mut cleanup = Cleanup::default();
    if uploads.is_empty() {
        return cleanup;
    }
    let until = Instant::now() + options.timeout.min(PATIENCE);
    let mut session = log_in(options, until);
    // A server at its session limit needs a moment to notice that the sessions of the run have ended.
    while matches!(&session, Err(Failure::Reply(said)) if said.code == 421) && Instant::now() + RETRY < until {
        sleep(RETRY);
        session = log_in(options, until);
    }
    let already_interrupted = interrupt.has_come();
    for (path, was_stored) in uploads {
        // A signal during the cleanup ends it; the one that ended the run does not count.
        let is_over = Instant::now() >= until || (interrupt.has_come() && !already_interrupted);
        let removed = match &mut session {
            Ok(session) if !is_over => session.remove(path, *was_stored),
            Ok(_) => Err(Failure::TimedOut(Awaited::Reply)),
            Err(reason) => Err(reason.clone()),
        };
        match removed {
            Ok(true) => cleanup.removed += 1,
            Ok(false) => {}
            Err(reason) => cleanup.left.push(LeftFile {
                path: path.to_string(),
                reason,
            }),
        }
    }
    if let Ok(session) = &mut session {
        session.quit();
    }
    cleanup
}

fn log_in(options: &RunOptions, until: Instant) -> Result<CleanupSession, Failure> {
    let patience = until.saturating_duration_since(Instant::now()).max(RETRY);
    let stream = TcpStream::connect_timeout(&options.target, patience).map_err(Failure::of_control)?;
    let mut session = CleanupSession {
        stream,
        replies: ReplyReader::default(),
        until,
    };
    session.expect(&[220])?;
    session.command(&format!("USER {}", options.user), &[331, 230])?;
    session.command(&format!("PASS {}", options.password), &[230, 202])?;
    Ok(session)
}

/// A session that blocks for each reply; the poll loop has ended.
struct CleanupSession {
    stream: TcpStream,
    replies: ReplyReader,
    until: Instant,
}

impl CleanupSession {
    /// `Ok(false)`: there was no such file. `Err`: why it could not be removed.
    fn remove(&mut self, path: &str, was_stored: bool) -> Result<bool, Failure> {
        let Err(failure) = self.command(&format!("DELE {path}"), &[250, 200]) else {
            return Ok(true);
        };
        // An upload that never succeeded may have left no file; SIZE says whether it did.
        if was_stored || self.command(&format!("SIZE {path}"), &[213]).is_ok() {
            return Err(failure);
        }
        Ok(false)
    }

    /// Sends a line and reads its reply, which must have one of these codes.
    fn command(&mut self, line: &str, codes: &[u16]) -> Result<(), Failure> {
        self.set_timeouts()?;
        self.stream
            .write_all(format!("{line}\r\n").as_bytes())
            .map_err(Failure::of_control)?;
        self.expect(codes)
    }

    fn expect(&mut self, codes: &[u16]) -> Result<(), Failure> {
        let mut bytes = [0; 4096];
        loop {
            if let Some(reply) = self.replies.next_reply() {
                let reply = reply?;
                return if codes.contains(&reply.code) {
                    Ok(())
                } else {
                    Err(Failure::Reply((&reply).into()))
                };
            }
            self.set_timeouts()?;
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err(Failure::Control(Break::Closed)),
                Ok(count) => self.replies.feed(bytes.get(..count).unwrap_or_default()),
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => return Err(Failure::TimedOut(Awaited::Reply)),
                    _ => return Err(Failure::of_control(error)),
                },
            }
        }
    }

    fn set_timeouts(&self) -> Result<(), Failure> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Failure::TimedOut(Awaited::Reply));
        }
        self.stream
            .set_read_timeout(Some(left))
            .and_then(|()| self.stream.set_write_timeout(Some(left)))
            .map_err(Failure::of_control)
    }

    /// Ends the server's session before its descriptors are counted.
    fn quit(&mut self) {
        let _ = self.command("QUIT", &[221]);
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}
