//! What the exercises have to do. There is nothing to change here.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::task::{self, Context, Poll, Waker};
use std::thread;
use std::time::Duration;

pub fn c01(data_address: fn(&str) -> Option<SocketAddr>) -> Result<(), String> {
    for (reply, expected) in [
        ("227 Entering Passive Mode (127,0,0,1,117,48)", Some("127.0.0.1:30000")),
        ("227 Connect to (127,0,0,1,0,21), please", Some("127.0.0.1:21")),
        ("227 (10,1,2,3,255,255)", Some("10.1.2.3:65535")),
        ("227 (127,0,0,1,256,0)", None),
        ("227 (127,0,0,1,117)", None),
        ("425 No port is free", None),
    ] {
        let found = data_address(reply).map(|address| address.to_string());
        if found.as_deref() != expected {
            return Err(format!("{reply:?} gives {found:?} instead of {expected:?}"));
        }
    }
    Ok(())
}

pub fn c02(serve: fn(TcpListener)) -> Result<(), String> {
    let address = serving(serve)?;
    let _silent = greeted(address, "the first client")?;
    let _second = greeted(address, "a second client, while the first says nothing,")?;
    Ok(())
}

pub fn c03(serve: fn(TcpListener, usize)) -> Result<(), String> {
    const MOST: usize = 3;
    let address = serving(move |listener| serve(listener, MOST))?;
    for round in 0..4 {
        let mut clients = Vec::new();
        for _ in 0..MOST {
            clients.push(patiently(|| greeted(address, "a client, while there is room,"))?);
        }
        if greeted(address, "one too many").is_ok() {
            return Err("one client more than allowed is served".to_owned());
        }
        for mut client in clients {
            // Bytes that are no text end the thread with an error in one round, and leaving in good order in another.
            let bytes: &[u8] = if round % 2 == 0 { b"QUIT\r\n" } else { b"\xff\xfe\r\n" };
            client.write_all(bytes).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

/// Tries for two seconds.
fn patiently<T>(attempt: impl Fn() -> Result<T, String>) -> Result<T, String> {
    for _ in 0..40 {
        if let Ok(result) = attempt() {
            return Ok(result);
        }
        thread::sleep(Duration::from_millis(50));
    }
    attempt()
}

pub fn c04<Lines: Default>(feed: fn(&mut Lines, &[u8]) -> Vec<String>) -> Result<(), String> {
    let mut reader = Lines::default();
    for (bytes, expected) in [
        ("NO", &[][..]),
        ("OP\r\nQU", &["NOOP"]),
        ("IT\r", &[]),
        ("\nUSER a\r\nPASS b\r\n", &["QUIT", "USER a", "PASS b"]),
        ("\n", &[""]),
    ] {
        let lines = feed(&mut reader, bytes.as_bytes());
        if lines != expected {
            return Err(format!("after {bytes:?} comes {lines:?} instead of {expected:?}"));
        }
    }
    Ok(())
}

type OnReadable = fn(&mut dyn Read, &mut Vec<u8>) -> std::io::Result<bool>;

pub fn c05(on_readable: OnReadable) -> Result<(), String> {
    received(on_readable).map_err(|error| error.to_string())?
}

/// Sends 50,000 bytes at once and reads them as the events come.
fn received(on_readable: OnReadable) -> std::io::Result<Result<(), String>> {
    const SENT: usize = 50_000;
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let mut sender = TcpStream::connect(listener.local_addr()?)?;
    let (socket, _) = listener.accept()?;
    sender.write_all(&[b'.'; SENT])?;
    socket.set_nonblocking(true)?;
    let mut socket = mio::net::TcpStream::from_std(socket);
    let (mut poll, mut events) = (mio::Poll::new()?, mio::Events::with_capacity(8));
    poll.registry()
        .register(&mut socket, mio::Token(0), mio::Interest::READABLE)?;
    let mut input = Vec::new();
    while input.len() < SENT {
        poll.poll(&mut events, Some(Duration::from_secs(1)))?;
        if events.is_empty() {
            let count = input.len();
            return Ok(Err(format!(
                "no event for a second, and only {count} of {SENT} bytes are read"
            )));
        }
        if !on_readable(&mut socket, &mut input)? {
            return Ok(Err("the client is still there".to_owned()));
        }
    }
    drop(sender);
    poll.poll(&mut events, Some(Duration::from_secs(1)))?;
    let has_gone = !on_readable(&mut socket, &mut input)?;
    Ok(has_gone.then_some(()).ok_or("the client has gone".to_owned()))
}

/// What an event carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotToken {
    pub key: usize,
    pub generation: u32,
}

/// Names by slot.
pub trait Slots: Default {
    /// Puts a name into a free slot.
    fn insert(&mut self, name: &str) -> SlotToken;

    /// The name that this token was made for, if it is still there.
    fn get(&self, token: SlotToken) -> Option<&str>;

    /// Frees the slot of this token, if it still belongs to it; returns the name.
    fn remove(&mut self, token: SlotToken) -> Option<String>;
}

pub fn c06<S: Slots>() -> Result<(), String> {
    let mut slots = S::default();
    let bob = slots.insert("Bob");
    let found = slots.remove(bob);
    if found.as_deref() != Some("Bob") {
        return Err(format!("removing Bob returns {found:?}"));
    }
    let carol = slots.insert("Carol");
    if bob.key != carol.key {
        return Err("a free slot is not used again".to_owned());
    }
    if let Some(name) = slots.get(bob) {
        return Err(format!("Bob has gone, and his token leads to {name}"));
    }
    if let Some(name) = slots.remove(bob) {
        return Err(format!("Bob has gone, and his token removes {name}"));
    }
    match slots.get(carol) {
        Some("Carol") => Ok(()),
        other => Err(format!("Carol's token leads to {other:?}")),
    }
}

/// A client that sends lines, as the loop sees it. Replies go into a queue, and from there to the kernel.
pub trait LineClient {
    /// Takes the next line; returns whether there was one. If not, an event comes with the next.
    fn read_line(&mut self) -> bool;

    /// Puts the reply to a line into the queue.
    fn queue_reply(&mut self);

    /// Bytes in the queue.
    fn queued(&self) -> usize;

    /// Gives the kernel as much of the queue as it takes. If something is left, an event comes when there is room.
    fn flush(&mut self);
}

/// What a loop does with a client that it has served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterTurn {
    /// It waits for an event.
    AwaitEvent,
    /// It is served again in the next turn, without an event.
    ServeAgain,
}

/// A client that has sent `unread` lines, and whose kernel has room for so many bytes of replies.
struct SimulatedClient {
    unread: usize,
    queued: usize,
    room: usize,
}

impl LineClient for SimulatedClient {
    fn read_line(&mut self) -> bool {
        let is_there = self.unread > 0;
        self.unread = self.unread.saturating_sub(1);
        is_there
    }

    fn queue_reply(&mut self) {
        self.queued += "200 OK\r\n".len();
    }

    fn queued(&self) -> usize {
        self.queued
    }

    fn flush(&mut self) {
        let count = self.queued.min(self.room);
        self.queued -= count;
        self.room -= count;
    }
}

type Serve = fn(&mut dyn LineClient) -> AfterTurn;

pub fn c07(serve: Serve, queue_limit: usize, lines_per_turn: usize) -> Result<(), String> {
    const LINES: usize = 10_000;
    let client = |unread, room| SimulatedClient {
        unread,
        queued: 0,
        room,
    };
    let mut polite = client(3, 1000);
    let next = serve(&mut polite);
    if polite.queued > 0 {
        let queued = polite.queued;
        return Err(format!(
            "three lines are read, and {queued} bytes of replies are left in the queue"
        ));
    }
    if polite.unread > 0 || next != AfterTurn::AwaitEvent {
        let unread = polite.unread;
        return Err(format!(
            "of three lines {unread} are left, and the loop has to {next:?}"
        ));
    }
    let mut fast = client(LINES, usize::MAX);
    let next = serve(&mut fast);
    let answered = LINES - fast.unread;
    if answered > lines_per_turn {
        return Err(format!(
            "one client gets {answered} replies in a turn, and the others wait"
        ));
    }
    if fast.queued > 0 {
        let queued = fast.queued;
        return Err(format!(
            "the turn is over, and {queued} bytes of replies are left in the queue"
        ));
    }
    if answered == 0 || next != AfterTurn::ServeAgain {
        return Err(format!(
            "{answered} of {LINES} lines are answered, no event will come, and the loop has to {next:?}"
        ));
    }
    let mut silent = client(LINES, 0);
    let is_left_alone = (0..LINES).any(|_| serve(&mut silent) == AfterTurn::AwaitEvent);
    let queued = silent.queued;
    if queued > queue_limit + 8 {
        return Err(format!("{queued} bytes are queued for a client that reads nothing"));
    }
    if !is_left_alone {
        return Err("a client that reads nothing is served again and again, at full speed".to_owned());
    }
    if queued < queue_limit {
        return Err(format!("with {queued} bytes queued, there is room for more replies"));
    }
    // Now it reads, a little at a time.
    for _ in 0..LINES {
        silent.room += 1000;
        serve(&mut silent);
    }
    match silent.unread {
        0 => Ok(()),
        unread => Err(format!(
            "the client reads again, and {unread} of its lines are never answered"
        )),
    }
}

/// Deadlines of clients, in milliseconds. Each client has one at most.
pub trait MovableDeadlines: Default {
    /// Sets a client's deadline, or moves it: later or earlier.
    fn arm(&mut self, client: SlotToken, due: u64);

    /// The client has gone.
    fn forget(&mut self, client: SlotToken);

    /// When the loop has to look again: not later than the nearest deadline. It may be earlier.
    fn next(&self) -> Option<u64>;

    /// A client whose deadline has passed. It has none then.
    fn pop_due(&mut self, now: u64) -> Option<SlotToken>;

    /// How many entries are kept.
    fn entries(&self) -> usize;
}

pub fn c08<D: MovableDeadlines>() -> Result<(), String> {
    let token = |key, generation| SlotToken { key, generation };
    let (alice, bob, carol) = (token(0, 1), token(1, 2), token(1, 3));
    let mut deadlines = D::default();
    deadlines.arm(alice, 1000);
    for command in 1..=1000 {
        deadlines.arm(alice, 1000 + command);
    }
    if deadlines.pop_due(1000) == Some(alice) {
        return Err("Alice has sent commands until 1000 ms, and is sent away at 1000 ms".to_owned());
    }
    if deadlines.entries() > 1 {
        let count = deadlines.entries();
        return Err(format!(
            "Alice has sent a thousand commands, and {count} entries are kept for her"
        ));
    }
    deadlines.arm(bob, 9000);
    deadlines.arm(bob, 1500);
    if deadlines.next().is_none_or(|at| at > 1500) {
        let next = deadlines.next();
        return Err(format!(
            "Bob's deadline moved earlier, to 1500 ms, and the loop sleeps until {next:?}"
        ));
    }
    deadlines.forget(bob);
    deadlines.arm(carol, 5000);
    let mut due = Vec::new();
    while let Some(client) = deadlines.pop_due(2000) {
        due.push(client);
        if due.len() > 3 {
            return Err("pop_due returns the same clients again and again".to_owned());
        }
    }
    if due.contains(&bob) || due.contains(&carol) {
        return Err("Bob has gone, Carol has his slot, and one of them is due at 2000 ms".to_owned());
    }
    if due != [alice] {
        return Err("Alice's last command was at 1000 ms, and she is not due at 2000 ms".to_owned());
    }
    if deadlines.pop_due(4999).is_some() || deadlines.pop_due(5000) != Some(carol) {
        return Err("Carol is not due at 5000 ms exactly".to_owned());
    }
    match deadlines.entries() {
        0 => Ok(()),
        count => Err(format!("nobody has a deadline, and {count} entries are kept")),
    }
}

/// What a loop does after it has accepted clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepting {
    /// The queue is empty: an event announces the next client.
    AwaitEvent,
    /// Clients may wait in the queue, and no event will come for them.
    TryAgainLater,
}

type AcceptAll = fn(&mut dyn FnMut() -> std::io::Result<()>) -> Accepting;

pub fn c09(accept_all: AcceptAll) -> Result<(), String> {
    const EAGAIN: i32 = 11;
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    const ECONNABORTED: i32 = 103;
    for (errors, expected) in [
        (&[0, 0, EAGAIN][..], Accepting::AwaitEvent),
        (&[0, ECONNABORTED, 0, EAGAIN], Accepting::AwaitEvent),
        (&[0, EMFILE], Accepting::TryAgainLater),
        (&[ENFILE], Accepting::TryAgainLater),
    ] {
        let mut results = errors.iter();
        let next = accept_all(&mut || match results.next() {
            Some(0) => Ok(()),
            Some(error) => Err(std::io::Error::from_raw_os_error(*error)),
            None => Err(std::io::ErrorKind::WouldBlock.into()),
        });
        if next != expected || results.len() > 0 {
            return Err(format!(
                "after the errors {errors:?} the loop has to {expected:?}, not {next:?}"
            ));
        }
    }
    Ok(())
}

/// The ports that a server announces in its replies to `PASV`.
pub trait PassivePorts {
    /// The ports `first..=last` of this address of the machine. Other programs may hold some of them.
    fn open(address: IpAddr, first: u16, last: u16) -> Self;

    /// A port that this client can connect to, which is then pending for it. A port may be pending for several clients,
    /// but only once for each. `None`: there is none.
    fn announce(&mut self, client: IpAddr) -> Option<u16>;

    /// The transfer over this port is over: it is no longer pending for this client.
    fn release(&mut self, port: u16, client: IpAddr);
}

pub fn c10<P: PassivePorts>() -> Result<(), String> {
    const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let [alice, bob] = [2, 3].map(|last| IpAddr::from([127, 0, 0, last]));
    let (first, last) = free_ports(SERVER)?;
    let taken = first + 1;
    let _other_program = TcpListener::bind((SERVER, taken)).map_err(|error| error.to_string())?;
    let mut ports = P::open(SERVER, first, last);
    let mut pending = Vec::new();
    for _ in 0..3 {
        let port = ports
            .announce(alice)
            .ok_or("three ports are free, and none is announced")?;
        if port == taken {
            return Err(format!("port {port} is announced, and another program holds it"));
        }
        if !(first..=last).contains(&port) {
            return Err(format!("port {port} is announced, and the range is {first} to {last}"));
        }
        if pending.contains(&port) {
            return Err(format!("port {port} is announced to Alice while it is pending for her"));
        }
        if TcpStream::connect((SERVER, port)).is_err() {
            return Err(format!("port {port} is announced, and nobody listens there"));
        }
        if TcpListener::bind((SERVER, port)).is_ok() {
            return Err(format!("port {port} is announced, and another program can take it"));
        }
        pending.push(port);
    }
    if let Some(port) = ports.announce(alice) {
        return Err(format!(
            "all ports are pending for Alice, and {port} is announced to her"
        ));
    }
    if ports.announce(bob).is_none() {
        return Err("all ports are pending for Alice, and Bob gets none".to_owned());
    }
    for port in pending.iter().cycle().take(30).copied() {
        ports.release(port, alice);
        let next = ports.announce(alice);
        if next != Some(port) {
            return Err(format!("only port {port} is free for Alice, and the next is {next:?}"));
        }
    }
    Ok(())
}

/// Four ports in a row, which nobody holds at this address.
fn free_ports(address: IpAddr) -> Result<(u16, u16), String> {
    let is_free = |port| TcpListener::bind((address, port)).is_ok();
    let mut ranges = (11_000..30_000).step_by(4).map(|first| (first, first + 3));
    let free = ranges.find(|(first, last)| (*first..=*last).all(is_free));
    free.ok_or("no four ports in a row are free".to_owned())
}

pub fn c11(restart_at: fn(&str, u64) -> Option<u64>) -> Result<(), String> {
    const GIB: u64 = 1 << 30;
    for (argument, size, expected) in [
        ("0", 30, Some(0)),
        ("30", 30, Some(30)),
        ("31", 30, None),
        ("2147483648", 5 * GIB, Some(2 * GIB)),
        ("4294967301", 5 * GIB, Some(4 * GIB + 5)),
        ("4294967301", 30, None),
        ("18446744073709551616", 30, None),
        ("-1", 30, None),
        ("+1", 30, None),
    ] {
        let found = restart_at(argument, size);
        if found != expected {
            return Err(format!(
                "REST {argument} in a file of {size} bytes gives {found:?}, not {expected:?}"
            ));
        }
    }
    Ok(())
}

/// What a process can ask of the kernel. For the exercise, the kernel is simulated.
pub trait Process {
    /// `/` becomes this directory. The working directory stays where it is. Only root may do it.
    fn chroot(&mut self, directory: &str) -> Result<(), String>;

    /// Changes the working directory.
    fn chdir(&mut self, directory: &str) -> Result<(), String>;

    /// Sets the supplementary groups. Only root may do it.
    fn setgroups(&mut self, groups: &[u32]) -> Result<(), String>;

    /// Sets the real, the effective and the saved group. Only root may change them.
    fn setresgid(&mut self, group: u32) -> Result<(), String>;

    /// Sets the real, the effective and the saved user. Only root may change them.
    fn setresuid(&mut self, user: u32) -> Result<(), String>;
}

#[derive(Clone)]
struct SimulatedProcess {
    root: String,
    directory: String,
    groups: Vec<u32>,
    group: u32,
    user: u32,
    /// The right to become any user, which can outlive root.
    keeps_right: bool,
    /// The call that fails, as it may in a container.
    failing: &'static str,
}

impl SimulatedProcess {
    fn call(&self, name: &str, is_allowed: bool) -> Result<(), String> {
        if self.failing == name || !is_allowed {
            return Err(format!("{name}: Operation not permitted"));
        }
        Ok(())
    }
}

impl Process for SimulatedProcess {
    fn chroot(&mut self, directory: &str) -> Result<(), String> {
        self.call("chroot", self.user == 0)?;
        self.root = directory.to_owned();
        Ok(())
    }

    fn chdir(&mut self, directory: &str) -> Result<(), String> {
        self.call("chdir", true)?;
        let root = self.root.trim_end_matches('/');
        self.directory = format!("{root}{directory}").trim_end_matches('/').to_owned();
        Ok(())
    }

    fn setgroups(&mut self, groups: &[u32]) -> Result<(), String> {
        self.call("setgroups", self.user == 0)?;
        self.groups = groups.to_vec();
        Ok(())
    }

    fn setresgid(&mut self, group: u32) -> Result<(), String> {
        self.call("setresgid", self.user == 0 || self.group == group)?;
        self.group = group;
        Ok(())
    }

    fn setresuid(&mut self, user: u32) -> Result<(), String> {
        self.call("setresuid", self.user == 0 || self.user == user || self.keeps_right)?;
        self.user = user;
        Ok(())
    }
}

type Confine = fn(&mut dyn Process, &str, u32, u32) -> Result<(), String>;

pub fn c12(confine: Confine) -> Result<(), String> {
    const NOBODY: u32 = 65_534;
    let started = SimulatedProcess {
        root: "/".to_owned(),
        directory: "/home/admin".to_owned(),
        groups: vec![0, 6],
        group: 0,
        user: 0,
        keeps_right: false,
        failing: "",
    };
    let mut process = started.clone();
    confine(&mut process, "/srv/ftp", NOBODY, NOBODY)?;
    if process.root != "/srv/ftp" || process.directory != process.root {
        let (root, directory) = (process.root, process.directory);
        return Err(format!("the root is {root}, and the working directory is {directory}"));
    }
    if process.user != NOBODY || process.group != NOBODY || !process.groups.is_empty() {
        let (user, group, groups) = (process.user, process.group, process.groups);
        return Err(format!(
            "the user is {user}, the group {group}, the others are {groups:?}"
        ));
    }
    for failing in ["chroot", "chdir", "setgroups", "setresgid", "setresuid"] {
        let mut process = started.clone();
        process.failing = failing;
        if confine(&mut process, "/srv/ftp", NOBODY, NOBODY).is_ok() {
            return Err(format!("{failing} fails, and the server starts"));
        }
    }
    let mut process = started;
    process.keeps_right = true;
    if confine(&mut process, "/srv/ftp", NOBODY, NOBODY).is_ok() {
        return Err("the process can become root again, and the server starts".to_owned());
    }
    Ok(())
}

/// How far a download has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Complete,
    /// The socket is full: an event comes when it has room.
    Later,
    Failed,
}

type SendFile = fn(&mut Range<u64>, &mut dyn FnMut(u64, usize) -> std::io::Result<usize>) -> Sent;

pub fn c13(send: SendFile) -> Result<(), String> {
    const GIB: u64 = 1 << 30;
    const EINTR: i32 = 4;
    const EIO: i32 = 5;
    const EAGAIN: i32 = 11;
    /// The most that a call moves.
    const MOST: u64 = 0x7fff_f000;
    // The size at the beginning, the size from the second call on, and errors at offsets.
    for (part, then, errors, expected) in [
        (0..30, 30, &[][..], (Sent::Complete, 30)),
        (10..30, 30, &[], (Sent::Complete, 30)),
        (30..30, 30, &[], (Sent::Complete, 30)),
        (0..5 * GIB, 5 * GIB, &[], (Sent::Complete, 5 * GIB)),
        (0..5 * GIB, 6 * GIB, &[], (Sent::Complete, 5 * GIB)),
        (0..5 * GIB, GIB, &[], (Sent::Failed, MOST)),
        (0..5 * GIB, 5 * GIB, &[(MOST, EAGAIN)], (Sent::Later, MOST)),
        (0..5 * GIB, 5 * GIB, &[(MOST, EINTR)], (Sent::Complete, 5 * GIB)),
        (0..5 * GIB, 5 * GIB, &[(MOST, EIO)], (Sent::Failed, MOST)),
    ] {
        let (mut left, mut moved, mut calls) = (part.clone(), part.start, 0);
        let mut errors = errors.to_vec();
        let outcome = send(&mut left, &mut |offset, count| {
            calls += 1;
            if calls > 1_000 || offset != moved {
                return Err(std::io::Error::from_raw_os_error(EIO));
            }
            if let Some(error) = errors.pop_if(|(at, _)| *at == offset) {
                return Err(std::io::Error::from_raw_os_error(error.1));
            }
            let size = if calls == 1 { part.end } else { then };
            let count = size.saturating_sub(offset).min(count as u64).min(MOST);
            moved += count;
            Ok(count as usize)
        });
        if calls > 1_000 {
            return Err("a file that has become shorter is sent for ever".to_owned());
        }
        if (outcome, moved) != expected {
            let (right, bytes) = expected;
            return Err(format!(
                "{part:?} is {outcome:?} after byte {moved}, instead of {right:?} after byte {bytes}"
            ));
        }
        if left != (moved..part.end) {
            return Err(format!("{part:?} leaves {left:?} instead of {moved}..{}", part.end));
        }
    }
    Ok(())
}

/// Takes its time.
pub type IsRight = Box<dyn Fn(&str) -> bool + Send>;

/// Makes the loop call [`Checker::finished`] until there is no more result.
pub type Wake = Box<dyn Fn() + Send>;

/// Passwords that may wait to be checked.
pub const MOST_WAITING: usize = 10;

/// Checks passwords. The loop calls these functions, so none of them may take time.
pub trait Checker {
    fn start(is_right: IsRight, wake: Wake) -> Self;

    /// Has a password checked; `false` if too many wait already.
    fn submit(&mut self, client: usize, password: String) -> bool;

    /// The next result, if there is one: a client, and whether its password was right.
    fn finished(&mut self) -> Option<(usize, bool)>;
}

pub fn c14<C: Checker>() -> Result<(), String> {
    const PATIENCE: Duration = Duration::from_secs(3);
    // No password is checked while the gate exists.
    let (gate, opened) = channel::<()>();
    let (woken, wakes) = channel();
    let (submitted, takes) = channel();
    let (found, results) = channel();
    thread::spawn(move || {
        let is_right = move |password: &str| opened.recv().is_err() && password == "right";
        let wake = move || woken.send(()).unwrap_or_default();
        let mut checker = C::start(Box::new(is_right), Box::new(wake));
        for client in 0..1_000 {
            let password = if client % 2 == 0 { "right" } else { "wrong" };
            let _ = submitted.send(checker.submit(client, password.to_owned()));
        }
        drop(submitted);
        // A loop sleeps until it is woken.
        while wakes.recv().is_ok() {
            while let Some(result) = checker.finished() {
                let _ = found.send(result);
            }
        }
    });
    // Usually the first ones. But one may leave the queue late, to be checked, and make room for another.
    let (mut taken, mut submitted) = (Vec::new(), 0..);
    loop {
        match takes.recv_timeout(PATIENCE) {
            Ok(is_taken) => taken.extend(submitted.next().filter(|_| is_taken)),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                return Err(
                    "the loop waits in `submit` while a password is checked, and everybody else with it".to_owned(),
                );
            }
        }
    }
    // One may be in work, and one between the queues.
    if !(1..=MOST_WAITING + 2).contains(&taken.len()) {
        let taken = taken.len();
        return Err(format!(
            "{taken} of 1000 passwords are taken at once, and {MOST_WAITING} may wait"
        ));
    }
    drop(gate);
    for client in taken {
        match results.recv_timeout(PATIENCE) {
            Ok(result) if result == (client, client % 2 == 0) => {}
            Ok(result) => return Err(format!("client {client} was the next, and the result is {result:?}")),
            Err(_) => return Err(format!("the loop is not woken for the result of client {client}")),
        }
    }
    Ok(())
}

type DataConnection = fn(&TcpListener, IpAddr) -> std::io::Result<TcpStream>;

pub fn c15(data_connection: DataConnection) -> Result<(), String> {
    let address = serving(move |listener| {
        for control in listener.incoming().flatten() {
            thread::spawn(move || list_to(control, data_connection));
        }
    })?;
    let ended = Command::new(ftpstorm()?)
        .args([
            "thief",
            &address.to_string(),
            "--count",
            "100",
            "--timeout",
            "5s",
            "--quiet",
        ])
        .output()
        .map_err(|error| format!("ftpstorm: {error}"))?;
    if ended.status.success() {
        return Ok(());
    }
    let verdict = String::from_utf8_lossy(&ended.stderr);
    let stolen = verdict.trim_end().rsplit("; ").find(|part| part.ends_with("stolen"));
    Err(format!("ftpstorm thief: {}", stolen.unwrap_or(&verdict)))
}

/// The program `ftpstorm`, which was built beside this test.
fn ftpstorm() -> Result<PathBuf, String> {
    let test = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut directories = test.ancestors().skip(1).map(|directory| directory.join("ftpstorm"));
    let built = directories.find(|program| program.is_file());
    built.ok_or("there is no ftpstorm: build it as in docs/guide/before.md".to_owned())
}

/// An FTP server for one client, which can log in and get a listing.
fn list_to(mut control: TcpStream, data_connection: DataConnection) -> std::io::Result<()> {
    let mut passive = None;
    control.set_nodelay(true)?;
    control.write_all(b"220 Ready\r\n")?;
    for line in BufReader::new(control.try_clone()?).lines() {
        match (line?.as_str(), passive.take()) {
            ("PASV", _) => {
                let listener = TcpListener::bind((control.local_addr()?.ip(), 0))?;
                let port = listener.local_addr()?.port();
                let host = control.local_addr()?.ip().to_string().replace('.', ",");
                passive = Some(listener);
                write!(control, "227 Connect to ({host},{},{})\r\n", port >> 8, port & 255)?;
            }
            ("LIST", Some(listener)) => {
                control.write_all(b"150 Here it comes\r\n")?;
                let mut data = data_connection(&listener, control.peer_addr()?.ip())?;
                data.write_all(b"plans.txt\r\n")?;
                drop((data, listener));
                control.write_all(b"226 Done\r\n")?;
            }
            ("QUIT", _) => return control.write_all(b"221 Bye\r\n"),
            (line, _) if line.starts_with("USER") => control.write_all(b"331 Any password\r\n")?,
            (line, _) if line.starts_with("PASS") => control.write_all(b"230 Logged in\r\n")?,
            _ => control.write_all(b"200 OK\r\n")?,
        }
    }
    Ok(())
}

/// Where a task waits for a letter.
pub trait Mailbox: Default {
    fn deliver(&mut self, letter: &str);

    /// The letter; or `Pending`, and then the task of this context is woken as soon as there is one.
    fn poll_letter(&mut self, context: &mut Context<'_>) -> Poll<String>;
}

/// Counts how often its task was woken.
#[derive(Default)]
struct Alarm(AtomicUsize);

impl task::Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

pub fn c16<M: Mailbox>() -> Result<(), String> {
    let alarms = [Arc::new(Alarm::default()), Arc::new(Alarm::default())];
    let [first, second] = alarms.clone().map(Waker::from);
    let rings = || alarms.each_ref().map(|alarm| alarm.0.load(Ordering::Relaxed));
    let mut mailbox = M::default();
    let poll = |mailbox: &mut M, waker: &Waker| mailbox.poll_letter(&mut Context::from_waker(waker));
    if let Poll::Ready(letter) = poll(&mut mailbox, &first) {
        return Err(format!("the mailbox is empty, and gives {letter:?}"));
    }
    mailbox.deliver("one");
    if rings() == [0, 0] {
        return Err("a letter has come, and the task that waits for it is not woken: it sleeps for ever".to_owned());
    }
    match poll(&mut mailbox, &first) {
        Poll::Ready(letter) if letter == "one" => {}
        other => return Err(format!("a letter has come, and the mailbox gives {other:?}")),
    }
    mailbox.deliver("two");
    match poll(&mut mailbox, &first) {
        Poll::Ready(letter) if letter == "two" => {}
        other => {
            return Err(format!(
                "a letter was there before the task, and the mailbox gives {other:?}"
            ));
        }
    }
    let [_, before] = rings();
    if poll(&mut mailbox, &first).is_ready() || poll(&mut mailbox, &second).is_ready() {
        return Err("the mailbox gives a letter twice".to_owned());
    }
    mailbox.deliver("three");
    match rings() {
        [_, woken] if woken == before => Err("another waker came later, and only it counts".to_owned()),
        _ => Ok(()),
    }
}

/// Starts a server in a thread of its own; returns its address.
fn serving(serve: impl FnOnce(TcpListener) + Send + 'static) -> Result<SocketAddr, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    thread::spawn(move || serve(listener));
    Ok(address)
}

/// A client that has read the greeting, within three seconds.
fn greeted(address: SocketAddr, who: &str) -> Result<TcpStream, String> {
    let greeting = || {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(3)))?;
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line)?;
        Ok((stream, line))
    };
    match greeting() {
        Ok((stream, line)) if line.starts_with("220") => Ok(stream),
        Ok((_, line)) => Err(format!("{who} reads {line:?} instead of 220")),
        Err(error) => {
            let error: std::io::Error = error;
            Err(format!("{who} gets no greeting: {error}"))
        }
    }
}
