//! Conversations without sockets: a session, a directory, and a loop that is a few lines long.

mod matrix;
mod states;
mod writers;

use super::*;
use crate::accounts::WorkingMemory;
use crate::descriptors::Descriptors;
use crate::random::Random;
use crate::storage::{DiskRoot, UploadPolicy};

use crate::transfer::{Budget, DataSink, DataSource, KernelCopyError, Progress, Pump};
use std::io;
use std::os::fd::OwnedFd;
use std::time::Instant;
use tempfile::TempDir;

/// A session with a stand-in for the loop: it arms what is asked for and pumps transfers into memory.
struct Conversation {
    pub directory: Rc<TempDir>,
    storage: Rc<dyn Storage>,
    pub anonymous: Option<Rights>,
    pub accounts: Accounts,
    attendance: Attendance,
    pub quotas: Quotas,
    mode_z_places: ModeZPlaces,
    pub notices: Vec<Notice>,
    pub session: Session,
    pub is_armed: bool,
    /// While set, transfers do not end.
    pub holds_transfers: bool,
    held: Option<Box<Pump>>,
    pub received: Vec<u8>,
    pub has_ended: bool,
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

/// What has been received; nothing is ever there to be read.
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
    /// Before login, over a directory of its own.
    fn new() -> Self {
        Self::over(&Rc::new(served_directory()))
    }

    fn over(directory: &Rc<TempDir>) -> Self {
        let disk = DiskRoot::open(directory.path(), Descriptors::for_process(256)).expect("the root");
        let storage = disk.writable(UploadPolicy::default(), Random::Seeded(1));
        Self {
            directory: Rc::clone(directory),
            storage: Rc::new(storage),
            anonymous: Some(Rights::READ_ONLY),
            accounts: Accounts::none(),
            attendance: Attendance::default(),
            quotas: Quotas::none(),
            mode_z_places: ModeZPlaces::default(),
            notices: Vec::new(),
            session: Session::new(1, ([127, 0, 0, 1], 40_000).into()),
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
        conversation.anonymous = Some(Rights::ALL);
        conversation.log_in()
    }

    fn log_in(self) -> Self {
        let mut conversation = self;
        assert_eq!(conversation.codes("USER anonymous"), [331]);
        assert_eq!(conversation.codes("PASS x"), [230]);
        assert_eq!(conversation.codes("TYPE I"), [200]);
        conversation
    }

    /// Says a line; returns everything that is answered, as it goes over the wire.
    fn say(&mut self, line: &[u8]) -> String {
        let mut out = Vec::new();
        let context = Context {
            storage: &self.storage,
            anonymous: self.anonymous,
            accounts: &self.accounts,
            attendance: &self.attendance,
            quotas: &self.quotas,
            mode_z_places: &self.mode_z_places,
            wall: Timestamp::from_unix(1_700_000_000),
            active: true,
            features: Features::default(),
            wants_notices: true,
        };
        let request = self.session.line(line, &context, &mut out);
        let request = match request {
            Some(Request::VerifyPassword(claim)) => {
                let matches = claim.is_right(&mut WorkingMemory::default());
                self.session.password_verified(matches, &context, &mut out)
            }
            request => request,
        };
        self.notices.extend(self.session.take_notice().map(|notice| *notice));
        if let Some(request) = request {
            self.fulfil(request, &mut out);
        }
        String::from_utf8_lossy(&out).into_owned()
    }

    fn fulfil(&mut self, request: Request, out: &mut Vec<u8>) {
        match request {
            Request::ArmPassive => {
                self.is_armed = true;
                let address = SocketAddrV4::new([127, 0, 0, 1].into(), 30_000);
                self.session.passive_armed(PassiveAddress::V4(address), out);
            }
            Request::ArmActive(_) => self.is_armed = true,
            Request::Disarm => self.is_armed = false,
            Request::VerifyPassword(_) => unreachable!("answered at once"),
            Request::Transfer(pump) => {
                if !std::mem::take(&mut self.is_armed) {
                    self.session.transfer_ended(Outcome::NoDataConnection, out);
                    return;
                }
                self.session.transfer_begins(out);
                self.held = Some(pump);
                if !self.holds_transfers {
                    self.finish_transfer(out);
                }
            }
            Request::Answer(mut answer) => {
                assert_eq!(self.session.attention(), Attention::Waiting);
                let mut progress = AnswerProgress::MoreToCome;
                while progress == AnswerProgress::MoreToCome {
                    let mut budget = Budget { bytes: 4, entries: 4 };
                    progress = answer.advance(out, &mut [0; 64], &mut budget, Instant::now());
                }
                if let Some(request) = self.session.answer_ended(*answer) {
                    self.fulfil(request, out);
                }
            }
            Request::Close => self.has_ended = true,
        }
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
        self.session.transfer_ended(Outcome::Complete, out);
    }

    /// Says a line; returns the codes of the replies.
    fn codes(&mut self, line: &str) -> Vec<u16> {
        codes_of(&self.say(line.as_bytes()))
    }

    /// Arms a passive port, says a line, and returns what came over the data connection.
    fn fetch(&mut self, line: &str) -> Vec<u8> {
        assert_eq!(self.codes("PASV"), [227]);
        assert_eq!(self.codes(line), [150, 226], "{line}");
        std::mem::take(&mut self.received)
    }
}

/// The codes of a stream of replies, each checked for its form.
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
