//! A server on its own thread, whose system calls fail as planned, and the directory that it serves.

use super::super::tests::{options, server_at, wake_all};
use super::super::{EVENTS_PER_TURN, EventLoop};
use crate::accounts::{Accounts, Privacy, UsersFile};
use crate::kernel::faults::Plan;
use crate::options::{Options, Timeouts};
use crate::storage::{UploadPolicy, is_reserved};
use mio::Events;
use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than every timeout of the server: who waits so long waits for ever.
pub const PATIENCE: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(2);

/// The file that is never changed: 10,000 lines.
pub fn content() -> Vec<u8> {
    (0..10_000)
        .flat_map(|line| format!("{line:06}\n").into_bytes())
        .collect()
}

/// What an upload sends.
pub fn upload() -> Vec<u8> {
    (0..10_000)
        .rev()
        .flat_map(|line| format!("{line:06}\n").into_bytes())
        .collect()
}

/// The password of all accounts, and its hash.
pub const PASSWORD: &str = "secret";
const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$vk+JgWgZGbXHtEqPQPhzXbD+QxxkJR5Fq2AXLhDyYaY";

/// The old content of `target`.
pub const OLD: &[u8] = b"a line of the old file\na second line\n";

/// The entries of the directory `d`, besides `link`.
pub fn entries() -> impl Iterator<Item = String> {
    (0..30).map(|number| format!("entry-{number:02}"))
}

/// The served directory.
pub struct Tree(TempDir);

impl Tree {
    fn plant() -> Self {
        // In memory where possible: fsync would cost more than all else.
        let tree = Self(
            TempDir::new_in("/dev/shm")
                .or_else(|_| TempDir::new())
                .expect("a directory"),
        );
        fs::create_dir(tree.path("d")).expect("a directory");
        for name in entries() {
            fs::write(tree.path("d").join(name), b"x").expect("a file");
        }
        symlink("../file", tree.path("d/link")).expect("a link");
        fs::write(tree.path("file"), content()).expect("a file");
        tree.reset();
        tree
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Removes what a scenario left, and writes the old content of `target`.
    pub fn reset(&self) {
        for name in self.names() {
            let path = self.path(&name);
            match name.as_str() {
                "d" | "file" => {}
                _ if path.is_dir() => fs::remove_dir(path).expect("empty"),
                _ => fs::remove_file(path).expect("there"),
            }
        }
        fs::write(self.path("target"), OLD).expect("a file");
    }

    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("the tree");
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
        names.map(|name| name.expect("UTF-8")).collect()
    }

    pub fn has_temporary_file(&self) -> bool {
        let entries = fs::read_dir(self.0.path()).expect("the tree");
        let mut names = entries.map(|entry| entry.expect("an entry").file_name());
        names.any(|name| is_reserved(name.as_bytes()))
    }

    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.path(name)).ok()
    }
}

/// What the server's thread reports after each turn.
#[derive(Default)]
struct Gauges {
    sessions: AtomicUsize,
    descriptors: AtomicUsize,
    panics: AtomicU64,
    must_shut_down: AtomicBool,
    must_stop: AtomicBool,
}

pub struct FaultyServer {
    pub tree: Tree,
    pub plan: Arc<Plan>,
    pub address: SocketAddr,
    gauges: Arc<Gauges>,
    /// Descriptors in use without clients.
    baseline: usize,
    thread: Option<JoinHandle<()>>,
}

impl FaultyServer {
    /// `low`: where its passive range begins.
    pub fn start(low: u16, policy: UploadPolicy) -> Self {
        let (tree, plan, gauges) = (Tree::plant(), Arc::<Plan>::default(), Arc::<Gauges>::default());
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::spawn({
            let (directory, plan, gauges) = (tree.path(""), Arc::clone(&plan), Arc::clone(&gauges));
            move || {
                plan.install();
                let server = server_at(low, &directory, policy, limits(), accounts());
                let address = server.listeners.first().expect("a listener").address;
                let listening =
                    server.listeners.len() + server.shared.rings.iter().map(|ports| ports.ring.len()).sum::<usize>();
                gauges.publish(&server);
                sender.send((address, listening)).expect("the test waits for it");
                run(server, &plan, &gauges);
            }
        });
        let (address, baseline) = receiver.recv().expect("it starts");
        let server = Self {
            tree,
            plan,
            address,
            gauges,
            baseline,
            thread: Some(thread),
        };
        // The walks of a start have descriptors of their own.
        server.check_idle(PATIENCE).expect("the start ends");
        server
    }

    /// Asks for an orderly end, as TERM does.
    pub fn shut_down(&self) {
        self.gauges.must_shut_down.store(true, Ordering::Relaxed);
        // Wakes the loop.
        drop(TcpStream::connect(self.address));
    }

    /// Waits until all sessions have ended. Then all descriptors must be back, and no panic counted.
    pub fn check_idle(&self, patience: Duration) -> Result<(), String> {
        let end = Instant::now() + patience;
        loop {
            let [sessions, descriptors] =
                [&self.gauges.sessions, &self.gauges.descriptors].map(|gauge| gauge.load(Ordering::Acquire));
            let panics = self.gauges.panics.load(Ordering::Acquire);
            if panics > 0 {
                return Err(format!("{panics} panics"));
            }
            let is_over = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
            if sessions == 0 && descriptors == self.baseline || is_over {
                return Ok(());
            }
            if Instant::now() > end {
                let leaked = descriptors as isize - self.baseline as isize;
                return Err(format!("{sessions} sessions and {leaked} descriptors are left"));
            }
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    /// Waits for the end of the server's thread.
    pub fn join(&mut self) -> Result<(), String> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        let end = Instant::now() + 2 * PATIENCE;
        while !thread.is_finished() {
            if Instant::now() > end {
                return Err("the server does not end".to_owned());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        thread.join().map_err(|_| "the loop ended by a panic".to_owned())
    }
}

impl Drop for FaultyServer {
    fn drop(&mut self) {
        self.plan.arm(None);
        self.gauges.must_stop.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
        let _ = self.join();
    }
}

/// `alice` has a quota, `bob` another root.
fn accounts() -> Accounts {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let text = format!("alice:{HASH}:/:read,write:quota=10M\nbob:{HASH}:/d:read\n");
    file.write_all(text.as_bytes()).expect("room");
    let opened = UsersFile::open(file.path(), Privacy::Required);
    opened.and_then(|file| file.read()).expect("a valid file")
}

fn limits() -> Options {
    Options {
        timeouts: Timeouts {
            login: TIMEOUT,
            idle: TIMEOUT,
            connect: TIMEOUT,
            stall: TIMEOUT,
        },
        ..options()
    }
}

fn run(mut server: EventLoop, plan: &Plan, gauges: &Gauges) {
    let mut events = Events::with_capacity(EVENTS_PER_TURN);
    while !server.is_shut_down() && !gauges.must_stop.load(Ordering::Relaxed) {
        let owes_event = plan.take_owed_event();
        if owes_event {
            let now = server.poller.sleep(&mut events, Some(Duration::ZERO)).expect("a poll");
            server.begin_turn(now);
        } else {
            server.sleep(&mut events).expect("a poll");
        }
        for event in &events {
            server.dispatch(event);
        }
        if owes_event {
            wake_all(&mut server);
        }
        if gauges.must_shut_down.swap(false, Ordering::Relaxed) {
            server.shut_down();
        }
        server.finish_turn();
        gauges.publish(&server);
    }
    // Those that the end cuts off.
    gauges.sessions.store(0, Ordering::Release);
}

impl Gauges {
    fn publish(&self, server: &EventLoop) {
        self.panics.store(server.shared.counters.panics, Ordering::Release);
        self.descriptors
            .store(server.shared.descriptors.used(), Ordering::Release);
        self.sessions.store(server.slots.len(), Ordering::Release);
    }
}

/// Whether `bytes` are `old` and then some of `new`, nothing else.
pub fn is_extended(bytes: &[u8], old: &[u8], new: &[u8]) -> bool {
    bytes.strip_prefix(old).is_some_and(|rest| new.starts_with(rest))
}
