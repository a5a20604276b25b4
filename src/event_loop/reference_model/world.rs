//! One server with its files in memory, and one client at a time over simulated sockets.

use super::grid::table::canary::Canary;
use super::model::expected::{Seen, code_of, take_replies};
use super::model::script::{Action, payload};
use super::model::tree::{Entries, Node, Tree};
use super::model::{Access, WINDOW};
use crate::connection::opening::simulated_network;
use crate::connection::{Connection, shared::Shared};
use crate::descriptors::Descriptors;
use crate::event_loop::simulation::simulated_connection::{ClientEnd, wire};
use crate::event_loop::tests::{options, server_over};
use crate::event_loop::{EventLoop, accept::Origin};
use crate::options::Options;
use crate::random::Random;
use crate::reactor::{socket::TcpSocket, token::SlotId};
use crate::storage::{DiskRoot, Storage, UploadPolicy};
use std::cell::RefCell;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The simulated time between two actions.
const PAUSE: Duration = Duration::from_micros(100);

pub struct World {
    pub access: Access,
    server: EventLoop,
    now: Instant,
    first_port: u16,
    _directory: TempDir,
    /// The served directory; the canary is beside it.
    root: PathBuf,
    pub canary: Canary,
    initial: Tree,
    /// Ends of the active connections that the server has made.
    dialled: Rc<RefCell<Vec<ClientEnd>>>,
    descriptors: usize,
}

impl World {
    pub fn new(access: Access) -> Self {
        // A file system in memory, if there is one.
        let memory = Path::new("/dev/shm");
        let directory = if memory.is_dir() {
            TempDir::new_in(memory)
        } else {
            TempDir::new()
        };
        let directory = directory.expect("a directory");
        let descriptors = Descriptors::for_process(200_000);
        let root = directory.path().join("root");
        let initial = Tree::new();
        make(&root, &initial.0);
        let canary = Canary::new(directory.path());
        let disk = DiskRoot::open(&root, descriptors.clone()).expect("the root");
        let storage: Rc<dyn Storage> = match access {
            Access::Read => Rc::new(disk),
            Access::Upload | Access::Write => Rc::new(disk.writable(UploadPolicy::default(), Random::seeded(1))),
        };
        let anonymous = match access {
            Access::Read => crate::accounts::AnonymousAccess::Read,
            Access::Upload => crate::accounts::AnonymousAccess::Upload,
            Access::Write => crate::accounts::AnonymousAccess::Write,
        };
        let options = Options { anonymous, ..options() };
        let (server, first_port) = server_over(storage, descriptors, options);
        let now = server.shared.now;
        let descriptors = server.shared.descriptors.used();
        let dialled = Rc::new(RefCell::new(Vec::new()));
        Self {
            access,
            server,
            now,
            first_port,
            _directory: directory,
            root,
            canary,
            initial,
            dialled,
            descriptors,
        }
    }

    /// Each session has its own address, so that failed logins do not add up.
    pub fn address_of(seed: u64) -> [u8; 4] {
        let [_, a, b, c] = (seed as u32 % 0x00ff_ffff).to_be_bytes();
        [10, a, b, c]
    }

    pub fn connect(&mut self, own: [u8; 4], seed: u64) -> Client<'_> {
        let dialled = Rc::clone(&self.dialled);
        simulated_network::install(Box::new(move |address: SocketAddr| {
            if !address.port().is_multiple_of(2) {
                return Err(ErrorKind::ConnectionRefused.into());
            }
            let (server, client) = wire();
            dialled.borrow_mut().push(client);
            Ok(Box::new(server) as Box<dyn TcpSocket>)
        }));
        let address = SocketAddr::new(Ipv4Addr::from(own).into(), 40_000);
        let (socket, control) = wire();
        self.now += PAUSE;
        self.server.begin_turn(self.now);
        self.server.admit(Box::new(socket), address, Origin::loopback());
        Client {
            slot: control.slot(),
            world: self,
            peer: address.ip(),
            seed,
            control,
            received: Vec::new(),
            sends_half: false,
            port: None,
            data: None,
            transfer: None,
            uploads: 0,
            downloaded: Vec::new(),
        }
    }

    /// Compares the files with the model's, and restores the initial ones.
    pub fn compare_files(&mut self, tree: &Tree, seed: u64) -> Result<(), String> {
        // Nothing changes a read-only server; looking now and then is enough.
        if self.access == Access::Read && !seed.is_multiple_of(64) && *tree == self.initial {
            return Ok(());
        }
        let found = read(&self.root);
        let is_same = same(&found, &tree.0);
        if !is_same || *tree != self.initial {
            self.restore();
        }
        self.canary.look()?;
        if is_same {
            return Ok(());
        }
        Err(format!(
            "the files are not those of the model: {}",
            difference(&found, &tree.0, "")
        ))
    }

    /// Restores the initial files.
    pub fn restore(&self) {
        for entry in fs::read_dir(&self.root).expect("the root") {
            let path = entry.expect("an entry").path();
            let is_directory = fs::symlink_metadata(&path).expect("its kind").is_dir();
            let removed = if is_directory {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.expect("removed");
        }
        make(&self.root, &self.initial.0);
    }

    /// Reads the file outside, which is to be noticed.
    pub fn touch_the_canary(&self) {
        fs::read(self.root.join("../outside/secret")).expect("the secret");
    }

    /// Removes one file.
    pub fn remove(&self, name: &str) {
        let _ = fs::remove_file(self.root.join(name));
    }
}

fn make(path: &Path, node: &Node) {
    match node {
        Node::File { bytes, .. } => fs::write(path, bytes).expect("a file"),
        Node::Link(text) => symlink(OsStr::from_bytes(text), path).expect("a link"),
        Node::Directory(entries) => {
            if !path.is_dir() {
                fs::create_dir(path).expect("a directory");
            }
            for (name, entry) in entries {
                make(&path.join(OsStr::from_bytes(name)), entry);
            }
        }
    }
}

fn read(path: &Path) -> Node {
    let kind = fs::symlink_metadata(path).expect("its kind").file_type();
    if kind.is_symlink() {
        Node::Link(fs::read_link(path).expect("a link").into_os_string().into_vec())
    } else if kind.is_dir() {
        let entries = fs::read_dir(path).expect("a directory").map(|entry| {
            let entry = entry.expect("an entry");
            (entry.file_name().into_vec(), read(&entry.path()))
        });
        Node::Directory(entries.collect::<Entries>())
    } else {
        Node::file(&fs::read(path).expect("a file"))
    }
}

/// Whether kinds, names and bytes are the same.
fn same(one: &Node, other: &Node) -> bool {
    match (one, other) {
        (Node::File { bytes, .. }, Node::File { bytes: others, .. }) => bytes == others,
        (Node::Link(text), Node::Link(others)) => text == others,
        (Node::Directory(entries), Node::Directory(others)) => {
            entries.len() == others.len()
                && entries
                    .iter()
                    .zip(others)
                    .all(|((name, node), (other_name, other))| name == other_name && same(node, other))
        }
        _ => false,
    }
}

/// Where two trees differ.
fn difference(found: &Node, expected: &Node, path: &str) -> String {
    let (Node::Directory(found), Node::Directory(expected)) = (found, expected) else {
        return format!("{path}: {found:?}, expected {expected:?}")
            .chars()
            .take(400)
            .collect();
    };
    let names = found.keys().chain(expected.keys());
    for name in names {
        let path = format!("{path}/{}", String::from_utf8_lossy(name));
        match (found.get(name), expected.get(name)) {
            (Some(found), Some(expected)) if !same(found, expected) => return difference(found, expected, &path),
            (Some(_), None) => return format!("{path} exists"),
            (None, Some(_)) => return format!("{path} is missing"),
            _ => {}
        }
    }
    "nothing".to_owned()
}

pub fn without_doubled_iac(text: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    let mut is_second = false;
    for byte in text {
        is_second = *byte == 0xff && !is_second;
        if *byte != 0xff || is_second {
            out.push(*byte);
        }
    }
    out
}

/// A transfer that was opened with a 150.
#[derive(Debug)]
struct Open {
    is_upload: bool,
    number: u32,
    sent: Sent,
    is_held: bool,
}

/// How much of an upload has been sent.
#[derive(Clone, Copy, Debug)]
enum Sent {
    Nothing,
    /// So many bytes.
    Half(usize),
    All,
}

/// The client of one session.
pub struct Client<'world> {
    world: &'world mut World,
    slot: Option<SlotId>,
    peer: IpAddr,
    seed: u64,
    control: ClientEnd,
    received: Vec<u8>,
    /// Whether an upload that is held has begun.
    pub sends_half: bool,
    /// The port that was announced last.
    port: Option<u16>,
    data: Option<ClientEnd>,
    transfer: Option<Open>,
    uploads: u32,
    downloaded: Vec<u8>,
}

impl Client<'_> {
    pub fn greeting(&mut self) -> Result<(), String> {
        let mut seen = Seen::default();
        self.settle(&mut seen)?;
        match &seen.replies[..] {
            [greeting] if code_of(greeting) == 220 => Ok(()),
            other => Err(format!("greeted with {other:?}")),
        }
    }

    pub fn act(&mut self, action: &Action) -> Result<Seen, String> {
        self.world.now += PAUSE;
        self.world.server.begin_turn(self.world.now);
        let mut seen = Seen::default();
        match action {
            Action::Send(bytes) => {
                self.control.send(bytes);
                self.wake(|connection, shared| connection.control_ready(true, Some(true), shared));
            }
            Action::Connect { holds } => self.dial_in(*holds),
            Action::Finish => {
                if let Some(transfer) = &mut self.transfer {
                    transfer.is_held = false;
                }
            }
        }
        self.settle(&mut seen)?;
        seen.is_closed = self.control.is_at_end();
        Ok(seen)
    }

    fn wake(&mut self, work: impl FnOnce(&mut Connection, &mut Shared)) {
        if let Some(slot) = self.slot {
            self.world.server.step(slot, work);
        }
        self.world.server.exchange();
    }

    fn dial_in(&mut self, holds: bool) {
        let Some(port) = self.port else {
            return;
        };
        let (server, client) = wire();
        self.world
            .server
            .assign_data_connection(0, port - self.world.first_port, Box::new(server), self.peer);
        self.world.server.exchange();
        self.data.take_if(|data| data.is_closed());
        // A stranger is closed at once, and so is one that contends for the port.
        let is_running = self.transfer.is_some() && self.data.is_some();
        if is_running || client.is_closed() {
            return;
        }
        self.data = Some(client);
        if let Some(transfer) = &mut self.transfer {
            transfer.is_held = holds;
        }
    }

    /// Whether a transfer was opened and has not ended.
    pub fn is_transferring(&self) -> bool {
        self.transfer.is_some()
    }

    /// Runs turns until neither side has anything left to do.
    fn settle(&mut self, seen: &mut Seen) -> Result<(), String> {
        for _ in 0..10_000 {
            self.world.server.finish_turn();
            let has_moved = self.read_replies(seen)? | self.move_data(seen);
            let shared = &self.world.server.shared;
            if !has_moved && shared.ready.is_empty() && shared.unflushed.is_empty() {
                return Ok(());
            }
            self.world.server.begin_turn(self.world.now);
        }
        Err("the server never rests".to_owned())
    }

    fn read_replies(&mut self, seen: &mut Seen) -> Result<bool, String> {
        let bytes = self.control.receive();
        self.received.extend_from_slice(&bytes);
        if self.control.has_room_again() {
            self.wake(|connection, shared| connection.control_ready(true, None, shared));
        }
        let replies = take_replies(&mut self.received)?;
        for reply in &replies {
            self.note(reply);
        }
        seen.replies.extend(replies);
        Ok(!bytes.is_empty())
    }

    fn note(&mut self, reply: &[u8]) {
        let numbers: Vec<u16> = reply
            .split(|byte| !byte.is_ascii_digit())
            .filter_map(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
            .collect();
        match code_of(reply) {
            150 => {
                let is_upload = reply == b"150 Ready for the data\r\n" || reply.starts_with(b"150 FILE: ");
                let number = self.uploads;
                self.uploads += u32::from(is_upload);
                self.downloaded.clear();
                self.transfer = Some(Open {
                    is_upload,
                    number,
                    sent: Sent::Nothing,
                    is_held: false,
                });
                if let Some(client) = self.world.dialled.borrow_mut().pop() {
                    self.data = Some(client);
                }
            }
            // STAT during the transfer.
            213 if self.transfer.is_some() => {}
            227 => {
                self.port = numbers.last_chunk().map(|[high, low]| high * 256 + low);
                self.data = None;
            }
            229 => {
                self.port = numbers.last().copied();
                self.data = None;
            }
            _ => {
                if self.transfer.take().is_some() {
                    self.data = None;
                }
            }
        }
    }

    /// Moves bytes of the transfer that is open; whether anything happened.
    fn move_data(&mut self, seen: &mut Seen) -> bool {
        let (Some(data), Some(transfer)) = (&self.data, &mut self.transfer) else {
            return false;
        };
        if transfer.is_upload {
            let bytes = payload(self.seed, transfer.number);
            let half = if self.sends_half { bytes.len() / 2 } else { 0 };
            let until = if transfer.is_held { half } else { bytes.len() };
            match transfer.sent {
                Sent::All => return false,
                Sent::Half(_) if transfer.is_held => return false,
                Sent::Half(before) => data.send(&bytes[before..until]),
                Sent::Nothing => data.send(&bytes[..until]),
            }
            transfer.sent = if transfer.is_held { Sent::Half(until) } else { Sent::All };
            if !transfer.is_held {
                data.close();
            }
            self.wake(Connection::data_event);
            return true;
        }
        if transfer.is_held {
            return false;
        }
        let bytes = data.receive();
        self.downloaded.extend_from_slice(&bytes);
        if data.is_at_end() {
            data.close();
            seen.data.push(std::mem::take(&mut self.downloaded));
            self.data = None;
        } else if !data.has_room_again() && bytes.is_empty() && !self.is_connecting() {
            return false;
        }
        self.wake(Connection::data_event);
        true
    }

    /// Whether the server waits for its active connection.
    fn is_connecting(&mut self) -> bool {
        let slot = self.slot.and_then(|slot| self.world.server.slots.get_mut(slot));
        slot.is_some_and(|connection| connection.channel().name() == "connecting")
    }

    /// The client closes everything; the server must have nothing left.
    pub fn leave(mut self) -> Result<(), String> {
        self.control.close();
        self.data = None;
        self.transfer = None;
        self.wake(|connection, shared| connection.control_ready(true, Some(true), shared));
        let mut seen = Seen::default();
        self.settle(&mut seen)?;
        self.world.dialled.borrow_mut().clear();
        let server = &mut self.world.server;
        let counters = &server.shared.counters;
        let used = server.shared.descriptors.used();
        if counters.panics > 0 {
            return Err(format!("{} panics", counters.panics));
        }
        if !server.slots.is_empty() || used != self.world.descriptors {
            let left: Vec<String> = server
                .slots
                .iter()
                .map(|(_, connection)| connection.describe())
                .collect();
            return Err(format!("left behind: {left:?}, {used} descriptors"));
        }
        Ok(())
    }
}

const _: () = assert!(WINDOW == 64 * 1024);
