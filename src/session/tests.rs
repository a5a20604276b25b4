//! Sessions without sockets: a session, a directory, and a loop of a few lines.

mod digest_commands;
mod matrix;
mod protection;
mod representations;
mod states;
mod writers;

use super::*;
use crate::accounts::{Accounts, AnonymousAccess, Attendance, Quotas, WorkingMemory};
use crate::descriptors::Descriptors;
use crate::ftp::timestamp::Timestamp;
use crate::options::{Options, TlsPolicy, tests::served};
use crate::random::Random;
use crate::storage::{DiskRoot, Storage, UploadPolicy};
use crate::transfer::{Budget, DataSink, DataSource, KernelCopyError, ModeZPlaces, Progress, Pump};
use std::io;
use std::net::SocketAddrV4;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Instant;
use tempfile::TempDir;

/// A session with a simulated connection, which arms ports and pumps transfers into memory.
struct Conversation {
    pub directory: Rc<TempDir>,
    surroundings: Surroundings,
    pub notices: Vec<Notice>,
    pub session: Session,
    input: LineReader,
    pub is_armed: bool,
    /// While set, transfers do not end.
    pub holds_transfers: bool,
    held: Option<Box<Pump>>,
    pub received: Vec<u8>,
    pub has_ended: bool,
}

/// The owner of what a [`Context`] borrows.
struct Surroundings {
    storage: Rc<dyn Storage>,
    options: Options,
    accounts: Accounts,
    attendance: Attendance,
    quotas: Quotas,
    mode_z_places: ModeZPlaces,
    tls: Option<TlsPolicy>,
}

impl Surroundings {
    fn context(&self) -> Context<'_> {
        Context {
            storage: &self.storage,
            options: &self.options,
            accounts: &self.accounts,
            attendance: &self.attendance,
            quotas: &self.quotas,
            mode_z_places: &self.mode_z_places,
            tls: self.tls,
            wall: Timestamp::from_unix(1_700_000_000),
            wants_notices: true,
        }
    }
}

/// A directory with `file` (ten digits), `text`, and `d/inside`.
fn served_directory() -> TempDir {
    let directory = TempDir::new().expect("a directory");
    std::fs::write(directory.path().join("file"), b"0123456789").expect("a file");
    std::fs::write(directory.path().join("text"), b"a\nb\n").expect("a file");
    std::fs::create_dir(directory.path().join("d")).expect("a directory");
    std::fs::write(directory.path().join("d/inside"), b"x").expect("a file");
    directory
}

/// A sink that stores what is sent, and a source that is at its end.
struct Memory<'bytes>(&'bytes mut Vec<u8>);

impl DataSink for Memory<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn send_file(&mut self, file: &OwnedFd, offset: u64, count: usize) -> Result<usize, KernelCopyError> {
        let mut buffer = vec![0; count];
        let read = rustix::io::pread(file, &mut buffer[..], offset).map_err(KernelCopyError::File)?;
        self.write(&buffer[..read]).map_err(KernelCopyError::Connection)
    }
}

impl DataSource for Memory<'_> {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn splice(&mut self, _file: &OwnedFd, _offset: u64, _count: usize) -> Result<usize, KernelCopyError> {
        Ok(0)
    }
}

impl Conversation {
    /// Before login, with a directory of its own.
    fn new() -> Self {
        Self::over(&Rc::new(served_directory()))
    }

    fn over(directory: &Rc<TempDir>) -> Self {
        let disk = DiskRoot::open(directory.path(), Descriptors::for_process(256)).expect("the root");
        let storage = disk.writable(UploadPolicy::default(), Random::seeded(1));
        Self {
            directory: Rc::clone(directory),
            surroundings: Surroundings {
                storage: Rc::new(storage),
                options: served(&[]),
                accounts: Accounts::default(),
                attendance: Attendance::default(),
                quotas: Quotas::default(),
                mode_z_places: ModeZPlaces::default(),
                tls: None,
            },
            notices: Vec::new(),
            session: Session::new(1, ([127, 0, 0, 1], 40_000).into()),
            input: LineReader::default(),
            is_armed: false,
            holds_transfers: false,
            held: None,
            received: Vec::new(),
            has_ended: false,
        }
    }

    fn logged_in() -> Self {
        Self::new().log_in()
    }

    fn allowed_everything() -> Self {
        let mut conversation = Self::new();
        conversation.surroundings.options.anonymous = AnonymousAccess::Write;
        conversation.log_in()
    }

    fn log_in(self) -> Self {
        let mut conversation = self;
        assert_eq!(conversation.codes("USER anonymous"), [331]);
        assert_eq!(conversation.codes("PASS x"), [230]);
        assert_eq!(conversation.codes("TYPE I"), [200]);
        conversation
    }

    /// Sends a line; returns the text of all replies.
    fn say(&mut self, line: &[u8]) -> String {
        self.send(line) + &self.send(b"\r\n")
    }

    /// Sends bytes; returns the text of all replies.
    fn send(&mut self, bytes: &[u8]) -> String {
        self.input.feed(bytes);
        self.answer()
    }

    /// The replies to everything sent so far.
    fn answer(&mut self) -> String {
        let mut out = Vec::new();
        while let Some(step) = self.next_step() {
            self.take(step, &mut out);
        }
        String::from_utf8_lossy(&out).into_owned()
    }

    fn next_step(&mut self) -> Option<Step> {
        let (session, input) = (&mut self.session, &mut self.input);
        let mut bulk_left = usize::MAX;
        let step = session.next(input, &mut bulk_left, &self.surroundings.context());
        self.notices.extend(session.take_notice().map(|notice| *notice));
        step
    }

    fn take(&mut self, step: Step, out: &mut Vec<u8>) {
        match step {
            Step::Ignore => {}
            Step::Reply(reply) => reply.write_to(out),
            Step::Postpone => unreachable!("the budget is unlimited"),
            Step::ArmPassive => {
                self.is_armed = true;
                let address = SocketAddrV4::new([127, 0, 0, 1].into(), 30_000);
                let step = self.session.passive_armed(PassiveAddress::V4(address));
                self.take(step, out);
            }
            Step::ArmActive(_, reply) => {
                self.is_armed = true;
                reply.write_to(out);
            }
            Step::Disarm(reply) => {
                self.is_armed = false;
                reply.write_to(out);
            }
            Step::VerifyPassword(claim) => {
                let matches = claim.is_right(&mut WorkingMemory::default());
                let step = self.session.password_verified(matches, &self.surroundings.context());
                self.notices.extend(self.session.take_notice().map(|notice| *notice));
                self.take(step, out);
            }
            Step::StartTls(reply) => reply.write_to(out),
            Step::Transfer(pump) => {
                if !std::mem::take(&mut self.is_armed) {
                    self.end_transfer(Outcome::NoDataConnection, out);
                    return;
                }
                let transfer = self.session.transfer().expect("a transfer");
                transfer.opening.write_to(out);
                self.held = Some(pump);
                if !self.holds_transfers {
                    self.finish_transfer(out);
                }
            }
            Step::ReportProgress => Reply::transfer_status(0).write_to(out),
            Step::AbortTransfer => self.end_transfer(Outcome::Aborted, out),
            Step::Answer => {
                assert!(self.session.is_answering());
                let mut budget = Budget { bytes: 4, entries: 4 };
                let step = self
                    .session
                    .advance_answer(out, &mut [0; 64], &mut budget, Instant::now());
                self.take(step, out);
            }
            Step::Close { reply, farewell, .. } => {
                reply.iter().chain([&farewell]).for_each(|reply| reply.write_to(out));
                self.has_ended = true;
            }
        }
    }

    fn end_transfer(&mut self, outcome: Outcome, out: &mut Vec<u8>) {
        let (_, reply) = self.session.transfer_ended(outcome).expect("a transfer");
        reply.write_to(out);
    }

    fn finish_transfer(&mut self, out: &mut Vec<u8>) {
        let mut pump = self.held.take().expect("a transfer");
        self.received.clear();
        let mut budget = Budget {
            bytes: usize::MAX,
            entries: usize::MAX,
        };
        assert_eq!(
            pump.pump(&mut Memory(&mut self.received), &mut budget),
            Progress::Complete
        );
        self.end_transfer(Outcome::Complete, out);
    }

    /// Sends a line; returns the codes of the replies.
    fn codes(&mut self, line: &str) -> Vec<u16> {
        codes_of(&self.say(line.as_bytes()))
    }

    /// Arms a passive port, sends a line, and returns the bytes of the data connection.
    fn fetch(&mut self, line: &str) -> Vec<u8> {
        assert_eq!(self.codes("PASV"), [227]);
        assert_eq!(self.codes(line), [150, 226], "{line}");
        std::mem::take(&mut self.received)
    }
}

/// The codes of a stream of replies, whose syntax is checked.
fn codes_of(wire: &str) -> Vec<u16> {
    let mut codes = Vec::new();
    let mut open: Option<&str> = None;
    for line in wire.split_terminator("\r\n") {
        match open {
            Some(code) if line.starts_with(&format!("{code} ")) => {
                codes.push(code.parse().expect("a code"));
                open = None;
            }
            Some(_) => assert!(line.starts_with(' '), "an inner line: {line:?}"),
            None if line.as_bytes().get(3) == Some(&b'-') => open = line.get(..3),
            None => {
                assert_eq!(line.as_bytes().get(3), Some(&b' '), "{line:?}");
                codes.push(line[..3].parse().expect("a code"));
            }
        }
    }
    assert_eq!(open, None, "{wire:?}");
    codes
}
