//! The server is killed before every system call of a command that changes files (threats H01, H02, H10, H12, H17).
//!
//! For each conversation one server after the other: the first is killed before the first call after the command was
//! sent, the next before the second, and so on, until one answers before its call comes. After each the directory
//! holds the old files or the new ones, what was acknowledged is there, and a new server removes what was left.
//!
//! `CRASH_RUNS` sets how many kills the long test makes; `CRASH_CONVERSATION` restricts both tests to one.

mod conversations;

use crate::killed_at::{Killer, Traced};
use conversations::{Conversation, conversations};
use harness::quotas::WithAccounts;
use harness::server::Setup;
use harness::tree::{contents, hidden_files, served_directory};
use harness::{Client, Server, tree, trials, wait_until};
use libtest_mimic::Trial;
use nix::libc::SYS_renameat2;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

pub fn trials() -> Vec<Trial> {
    // Only root may trace a process that has changed its user.
    trials! {
        "root":
            h02_a_kill_before_any_system_call_of_an_upload_leaves_no_mixture;
        "root" slow "minutes; CRASH_RUNS sets how many kills: cargo test --release -- --ignored h02_a_kill":
            h02_a_kill_before_every_system_call_of_every_change_leaves_no_mixture;
    }
}

/// Servers at once.
const WORKERS: usize = 2;
/// The longest wait for a part of an upload to be written.
const GROWTH_MAX: Duration = Duration::from_millis(20);
/// After this time a temporary file is stale.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A server, and the users file if it has one.
enum Served {
    Anyone(Server),
    Accounts(WithAccounts),
}

impl Served {
    fn start(conversation: &Conversation, directory: &Path) -> Self {
        let setup = Setup::new().directory(directory).arguments(conversation.arguments);
        if conversation.has_quota {
            let account = ("alice", "/:read,write:quota=10M");
            Self::Accounts(WithAccounts::start_with(setup, &[account]))
        } else {
            Self::Anyone(setup.for_uploads().start())
        }
    }

    fn server(&mut self) -> &mut Server {
        match self {
            Self::Anyone(server) | Self::Accounts(WithAccounts { server, .. }) => server,
        }
    }

    fn login(&self) -> Client {
        match self {
            Self::Anyone(server) => server.login(),
            Self::Accounts(server) => server.login("alice"),
        }
    }
}

/// One server: what it is asked, in how many pieces the data come, and before which call it is killed.
#[derive(Clone, Copy)]
struct Kill<'a> {
    conversation: &'a Conversation,
    chunks: usize,
    nth: usize,
}

/// The sizes of the files in `directory`, hidden ones too.
fn tree_size(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).expect("ours").flatten();
    entries.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
}

/// Waits until files have grown, but not long: some conversations write only at their end.
fn wait_for_growth(directory: &Path, size: u64, killer: &Killer) {
    let begun = Instant::now();
    while tree_size(directory) == size && !killer.has_killed() && begun.elapsed() < GROWTH_MAX {
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// The command and its data, as far as the server lives; returns all its replies.
fn converse(mut client: Client, kill: Kill<'_>, directory: &Path, server: &mut Server) -> (String, Traced) {
    let Kill {
        conversation,
        chunks,
        nth,
    } = kill;
    let port = conversation.upload.is_some().then(|| client.passive());
    let at_first = tree_size(directory);
    let mut size = at_first;
    let killer = Killer::attach(server.pid(), nth);
    // From here on the server may be dead.
    let mut data = port.and_then(|port| TcpStream::connect(port).ok());
    if let (Some(data), Some(bytes)) = (&mut data, &conversation.upload) {
        // The first bytes come before the command, so that the first call for them finds some.
        let mut parts = bytes.chunks(bytes.len().div_ceil(chunks).max(1));
        let _ = data.write_all(parts.next().unwrap_or_default());
        let _ = client
            .stream
            .write_all(format!("{}\r\n", conversation.command).as_bytes());
        for part in parts {
            // Each part has calls of its own if the part before it has been read.
            wait_for_growth(directory, size, &killer);
            size = tree_size(directory);
            let _ = data.write_all(part);
        }
        if conversation.is_aborted {
            wait_until("all of it is written", || {
                killer.has_killed() || tree_size(directory) == at_first + bytes.len() as u64
            });
            let _ = client.stream.write_all(b"ABOR\r\n");
        }
    } else {
        let _ = client
            .stream
            .write_all(format!("{}\r\n", conversation.command).as_bytes());
    }
    if !conversation.is_aborted {
        drop(data);
    }
    let mut text = String::new();
    while let Some(reply) = client.reply_or_end() {
        text += &format!("{}\n", reply.text());
        let is_last = reply.code >= 200 && reply.code != 426;
        if is_last {
            break;
        }
    }
    let traced = killer.finish();
    if traced.is_killed {
        assert!(!server.wait().success());
    }
    (text, traced)
}

/// What all kills together have shown.
#[derive(Debug, Default)]
struct Tally {
    kills: usize,
    /// Conversation, number of the call, how often the conversation had made it.
    points: BTreeSet<(&'static str, u32, usize)>,
    old: usize,
    new: usize,
    /// Written in place, and the upload not complete.
    parts: usize,
    acknowledged: usize,
    stale_files: usize,
    torn: Vec<String>,
    lost: Vec<String>,
}

impl Tally {
    /// Looks at the directory after a server was killed, or has answered.
    fn judge(&mut self, kill: Kill<'_>, replies: &str, traced: &Traced, directory: &Path) {
        let Kill {
            conversation,
            chunks,
            nth,
        } = kill;
        let what = format!(
            "{}, {chunks} pieces, call {nth} ({:?}): {replies:?}",
            conversation.name,
            traced.calls.last()
        );
        let last = replies.lines().last().unwrap_or_default();
        assert!(
            last.is_empty() || last.starts_with(['1', '2']) || last.starts_with("426"),
            "{what}"
        );
        let mut found = contents(directory);
        let hidden = hidden_files(directory);
        found.retain(|name, _| !hidden.contains(&directory.join(name)));
        let is_acknowledged = last.starts_with('2');
        self.acknowledged += usize::from(is_acknowledged);
        if found == conversation.new {
            self.new += 1;
        } else if is_acknowledged {
            self.lost.push(what.clone());
        } else if found == conversation.old {
            self.old += 1;
        } else if conversation.is_part(&found) {
            self.parts += 1;
        } else {
            self.torn.push(what.clone());
        }
        assert!(hidden.len() <= usize::from(traced.is_killed), "{what}: {hidden:?}");
        if !traced.is_killed {
            assert!(is_acknowledged, "{what}");
            return;
        }
        self.kills += 1;
        let call = *traced.calls.last().expect("the one that was not made");
        let earlier = traced.calls.iter().filter(|number| **number == call).count();
        self.points.insert((conversation.name, call, earlier));
        // The new file has its name exactly from the rename on.
        if conversation.command == "STOR file" && conversation.in_place.is_none() && !conversation.has_quota {
            let is_named = traced.calls[..traced.calls.len() - 1].contains(&(SYS_renameat2 as u32));
            assert_eq!(
                found == conversation.new && conversation.new != conversation.old,
                is_named,
                "{what}"
            );
        }
    }
}

/// One server that is killed, and the one after it. Returns whether the call was reached.
fn kill_once(kill: Kill<'_>, tally: &Mutex<Tally>) -> bool {
    let directory = served_directory();
    let directory = directory.path();
    for (name, content) in &kill.conversation.old {
        let path = directory.join(name);
        fs::write(&path, content).expect("ours");
        tree::give_to_owner(directory, &path);
    }
    let mut served = Served::start(kill.conversation, directory);
    let mut client = served.login();
    for line in kill.conversation.before {
        assert!(matches!(client.code(line), 200 | 350), "{line}");
    }
    let (replies, traced) = converse(client, kill, directory, served.server());
    // One that has answered is killed now, so what it acknowledged must be there without it.
    served.server().is_unchecked = true;
    drop(served);
    let mut tally = tally.lock().expect("no other has failed");
    tally.judge(kill, &replies, &traced, directory);
    let hidden = hidden_files(directory);
    tally.stale_files += hidden.len();
    drop(tally);
    // The next server removes what is a day old, and serves.
    for path in &hidden {
        let file = fs::File::options().write(true).open(path).expect("ours");
        file.set_modified(SystemTime::now() - DAY - Duration::from_secs(60))
            .expect("ours");
    }
    let server = Server::writable_in(directory, &[]);
    server.wait_for_no_hidden_file();
    server.login().stores("STOR file", b"content after it");
    traced.is_killed
}

/// Kills before every call, or before every `stride`th, of each conversation.
fn kill_everywhere(chunks: usize, stride: usize, tally: &Mutex<Tally>) {
    let only = std::env::var("CRASH_CONVERSATION").unwrap_or_default();
    let mut conversations = conversations();
    conversations.retain(|conversation| conversation.name.starts_with(&only));
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(conversation) = conversations.get(next.fetch_add(1, Ordering::Relaxed)) {
            let first = 1 + conversation.name.len() % stride;
            for nth in (first..).step_by(stride) {
                if !kill_once(
                    Kill {
                        conversation,
                        chunks,
                        nth,
                    },
                    tally,
                ) {
                    break;
                }
            }
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..WORKERS).map(|_| scope.spawn(work)).collect();
        work();
        others
            .into_iter()
            .for_each(|other| other.join().expect("it has not failed"));
    });
}

fn report(tally: Mutex<Tally>, begun: Instant) -> Tally {
    let tally = tally.into_inner().expect("none has failed");
    let kinds: BTreeSet<u32> = tally.points.iter().map(|(_, call, _)| *call).collect();
    println!(
        "{} kills at {} distinct points (of {} system calls) of {} conversations in {:.0?}: \
         {} old, {} new, {} parts of appended files, \
         {} torn; {} acknowledged changes, {} of them lost; {} stale files, all removed by the next start",
        tally.kills,
        tally.points.len(),
        kinds.len(),
        conversations().len(),
        begun.elapsed(),
        tally.old,
        tally.new,
        tally.parts,
        tally.torn.len(),
        tally.acknowledged,
        tally.lost.len(),
        tally.stale_files,
    );
    assert!(
        tally.torn.is_empty() && tally.lost.is_empty(),
        "{:#?} {:#?}",
        tally.torn,
        tally.lost
    );
    tally
}

fn h02_a_kill_before_any_system_call_of_an_upload_leaves_no_mixture() {
    let (tally, begun) = (Mutex::default(), Instant::now());
    kill_everywhere(1, 6, &tally);
    assert!(report(tally, begun).kills > 0);
}

fn h02_a_kill_before_every_system_call_of_every_change_leaves_no_mixture() {
    let wanted = std::env::var("CRASH_RUNS").map_or(1_000, |value| value.parse().expect("a number"));
    let (tally, begun) = (Mutex::<Tally>::default(), Instant::now());
    for chunks in [1, 2, 4, 8, 16].into_iter().cycle() {
        kill_everywhere(chunks, 1, &tally);
        if tally.lock().expect("none has failed").kills >= wanted {
            break;
        }
    }
    let tally = report(tally, begun);
    // Every conversation has a call that takes effect, and calls before and after it.
    let names: BTreeSet<&str> = tally.points.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names.len(), conversations().len(), "{names:?}");
}
