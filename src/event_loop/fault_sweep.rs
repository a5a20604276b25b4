//! Every system call of every command fails, one at a time, with every error (threats C21, H04, K06).
//!
//! A conversation is run without a fault to count its calls, and then again for each call and each error. After each:
//! no panic was counted, every descriptor is back, no success was reported for something that did not happen, no file
//! is torn or left over, and the next client is served.

mod client;
mod conversations;
mod faulty_server;
mod scenarios;
mod wholeness;

use super::tests::free_passive_range;
use crate::descriptors::Descriptors;
use crate::kernel::faults::{Effect, Fault};
use client::{Client, Said, Stop};
use conversations::downloads_during_shutdown;
use faulty_server::{FaultyServer, PATIENCE, content};
use rustix::io::Errno;
use scenarios::{SCENARIOS, Scenario};
use std::collections::{BTreeMap, BTreeSet};

const ANONYMOUS: &str = "anonymous";

const FILE_ERRORS: [Errno; 31] = [
    Errno::ACCESS,
    Errno::AGAIN,
    Errno::BADF,
    Errno::BUSY,
    Errno::DQUOT,
    Errno::EXIST,
    Errno::FBIG,
    Errno::INTR,
    Errno::INVAL,
    Errno::IO,
    Errno::ISDIR,
    Errno::LOOP,
    Errno::MFILE,
    Errno::NAMETOOLONG,
    Errno::NFILE,
    Errno::NODEV,
    Errno::NOENT,
    Errno::NOMEM,
    Errno::NOSPC,
    Errno::NOSYS,
    Errno::NOTDIR,
    Errno::NOTEMPTY,
    Errno::NXIO,
    Errno::OPNOTSUPP,
    Errno::OVERFLOW,
    Errno::PERM,
    Errno::ROFS,
    Errno::STALE,
    Errno::TIMEDOUT,
    Errno::TXTBSY,
    Errno::XDEV,
];

const SOCKET_ERRORS: [Errno; 21] = [
    Errno::ACCESS,
    Errno::ADDRINUSE,
    Errno::ADDRNOTAVAIL,
    Errno::AGAIN,
    Errno::CONNABORTED,
    Errno::CONNREFUSED,
    Errno::CONNRESET,
    Errno::HOSTUNREACH,
    Errno::INTR,
    Errno::INVAL,
    Errno::IO,
    Errno::MFILE,
    Errno::NETDOWN,
    Errno::NFILE,
    Errno::NOBUFS,
    Errno::NOMEM,
    Errno::NOTCONN,
    Errno::PERM,
    Errno::PIPE,
    Errno::PROTO,
    Errno::TIMEDOUT,
];

/// Calls of sockets; `sendfile` and `splice_from_socket` fail for reasons of both.
const SOCKET_CALLS: [&str; 11] = [
    "accept4",
    "bind",
    "connect",
    "epoll_ctl",
    "getpeername",
    "getsockname",
    "recv",
    "send",
    "setsockopt",
    "shutdown",
    "socket",
];
const MIXED_CALLS: [&str; 2] = ["sendfile", "splice_from_socket"];
/// Calls that may move fewer bytes than asked for.
const MOVING_CALLS: [&str; 8] = [
    "pread",
    "pwrite",
    "read",
    "recv",
    "send",
    "sendfile",
    "splice_from_socket",
    "splice_into_file",
];

/// All that can happen to a call.
fn effects(call: &str) -> Vec<Effect> {
    let mut errors: BTreeSet<i32> = BTreeSet::new();
    if SOCKET_CALLS.contains(&call) || MIXED_CALLS.contains(&call) {
        errors.extend(SOCKET_ERRORS.map(Errno::raw_os_error));
    }
    if !SOCKET_CALLS.contains(&call) {
        errors.extend(FILE_ERRORS.map(Errno::raw_os_error));
    }
    let is_misleading = |errno: &Errno| match call {
        // The kernel says that there is no such entry, or that the directory has gone: that is believed.
        "getdents64" | "statat" => *errno == Errno::NOENT,
        _ => false,
    };
    let errors = errors.into_iter().map(Errno::from_raw_os_error);
    let failures = errors.filter(|errno| !is_misleading(errno)).map(Effect::Fail);
    let cut = MOVING_CALLS.contains(&call).then_some(Effect::Cut);
    failures.chain(cut).collect()
}

/// Runs `scenario` once. Returns how many calls of each kind were made, and whether the fault happened.
fn play(
    server: &FaultyServer,
    scenario: &Scenario,
    fault: Option<Fault>,
) -> Result<(bool, BTreeMap<&'static str, usize>), String> {
    server.tree.reset();
    let conversation = if scenario.includes_login {
        server.plan.arm(fault);
        Client::logged_in(server.address, scenario.user)
    } else {
        let client = Client::logged_in(server.address, scenario.user);
        server.plan.arm(fault);
        client
    };
    let said = conversation.and_then(|mut client| {
        let said = (scenario.converse)(&mut client, &server.tree);
        match said {
            // The session goes on, or is over.
            Ok(()) | Err(Stop::Refused) if !scenario.includes_login => client.ask("NOOP", &[200]).map(drop),
            said => said,
        }
    });
    let counts = end_of(server, said, fault)?;
    if !(scenario.is_whole)(&server.tree) {
        return Err("a file is torn".to_owned());
    }
    next_client_is_served(server)?;
    Ok(counts)
}

/// Waits until the clients of the scenario have left nothing.
fn end_of(
    server: &FaultyServer,
    said: Said<()>,
    fault: Option<Fault>,
) -> Result<(bool, BTreeMap<&'static str, usize>), String> {
    let idle = server.check_idle(PATIENCE);
    let counts = server.plan.disarm();
    match (said, fault) {
        (Err(Stop::Violation(what)), _) => return Err(what),
        (Err(Stop::Refused), None) => return Err("refused without a fault".to_owned()),
        (Ok(()) | Err(Stop::Refused), _) => {}
    }
    idle?;
    // Where removing it is what failed, it stays until the sweep of the next start.
    let may_stay = fault.is_some_and(|fault| fault.call == "unlinkat" && fault.effect != Effect::Lie);
    if server.tree.has_temporary_file() && !may_stay {
        return Err("a temporary file is left".to_owned());
    }
    Ok(counts)
}

fn next_client_is_served(server: &FaultyServer) -> Result<(), String> {
    let said = Client::logged_in(server.address, ANONYMOUS).and_then(|mut client| {
        let data = client.passive()?;
        client.fetch("RETR file", data)
    });
    match said {
        Ok(bytes) if bytes == content() => server.check_idle(PATIENCE),
        other => Err(format!(
            "the next client is not served: {:?}",
            other.map(|bytes| bytes.len())
        )),
    }
}

/// Whether the server rightly repeats a call that fails so, or waits for an event: not to be done to every call.
fn is_endless(call: &str, effect: Effect) -> bool {
    call == "accept4" || matches!(effect, Effect::Fail(Errno::INTR | Errno::AGAIN))
}

/// Where all servers of a sweep, one after the other, have their passive ports.
fn passive_range() -> u16 {
    free_passive_range(&Descriptors::for_process(200)).0
}

#[derive(Debug, Default)]
struct Sweep {
    /// Distinct faults that happened.
    faults: usize,
    by_call: BTreeMap<&'static str, usize>,
    violations: Vec<String>,
}

impl Sweep {
    fn note(&mut self, scenario: &str, fault: Fault, result: Result<bool, String>) {
        match result {
            Ok(false) => {}
            Ok(true) => {
                self.faults += 1;
                *self.by_call.entry(fault.call).or_default() += 1;
            }
            Err(what) => {
                let violation = format!("{scenario}: {fault:?}: {what}");
                println!("{violation}");
                self.violations.push(violation);
            }
        }
    }

    /// Every fault in the calls of `counts`, or every `stride`th.
    fn each(counts: &BTreeMap<&'static str, usize>, stride: usize, offset: &mut usize, mut run: impl FnMut(Fault)) {
        for (&call, &count) in counts {
            for nth in (1..=count).map(Some).chain([None]) {
                for effect in effects(call) {
                    if nth.is_none() && is_endless(call, effect) {
                        continue;
                    }
                    *offset += 1;
                    if (*offset).is_multiple_of(stride) {
                        run(Fault { call, nth, effect });
                    }
                }
            }
        }
    }

    fn run(stride: usize) -> Self {
        let mut sweep = Self::default();
        let (low, mut offset) = (passive_range(), 0);
        for scenario in &SCENARIOS {
            let server = FaultyServer::start(low, scenario.policy);
            let (_, counts) = play(&server, scenario, None).unwrap_or_else(|what| panic!("{}: {what}", scenario.name));
            Self::each(&counts, stride, &mut offset, |fault| {
                let result = play(&server, scenario, Some(fault));
                sweep.note(scenario.name, fault, result.map(|(is_injected, _)| is_injected));
            });
        }
        let counts = shut_down(low, None).unwrap_or_else(|what| panic!("shutdown: {what}")).1;
        Self::each(&counts, stride, &mut offset, |fault| {
            let result = shut_down(low, Some(fault));
            sweep.note("shutdown", fault, result.map(|(is_injected, _)| is_injected));
        });
        sweep
    }

    fn check(&self) {
        println!(
            "{} distinct faults (command, call, nth, error), by call: {:?}",
            self.faults, self.by_call
        );
        let violations = &self.violations;
        assert!(
            violations.is_empty(),
            "{} violations:\n{}",
            violations.len(),
            violations.join("\n")
        );
    }
}

/// A server that is shut down while a client downloads.
fn shut_down(low: u16, fault: Option<Fault>) -> Result<(bool, BTreeMap<&'static str, usize>), String> {
    let mut server = FaultyServer::start(low, Default::default());
    let client = Client::logged_in(server.address, ANONYMOUS);
    server.plan.arm(fault);
    let said = client.and_then(|mut client| downloads_during_shutdown(&mut client, || server.shut_down()));
    if said.is_err() {
        // The fault may have come before the request.
        server.shut_down();
    }
    server.join()?;
    end_of(&server, said, fault)
}

/// The sweep can fail: it finds a storage that only pretends, a panic, and a descriptor that is not given back.
#[test]
fn k06_the_sweep_finds_lost_errors_panics_and_leaks() {
    let low = passive_range();
    let found = |name: &str, call, effect| {
        let scenario = SCENARIOS
            .iter()
            .find(|scenario| scenario.name == name)
            .expect("a scenario");
        let server = FaultyServer::start(low, scenario.policy);
        let nth = Some(1);
        play(&server, scenario, Some(Fault { call, nth, effect }))
    };
    for (scenario, call, what) in [
        ("RETR", "sendfile", "a 226 for another file"),
        ("STOR, new", "splice_into_file", "a 226 for a file that is not there"),
        ("STOR, replacing", "renameat_with", "a 226 for a file that is not there"),
        ("STOR, TYPE A", "pwrite", "a 226 for another text"),
        ("STOR, reset", "unlinkat", "a temporary file is left"),
        ("RNFR, RNTO", "renameat_with", "a 250 for a file that was not renamed"),
        ("MKD, RMD", "mkdirat", "a 257 for a directory that is not there"),
        ("DELE", "unlinkat", "a 250 for a file that is still there"),
        ("MFMT, SITE CHMOD", "utimensat", "a 213 for a time that was not set"),
        ("MFMT, SITE CHMOD", "fchmod", "a 200 for a mode that was not set"),
    ] {
        let result = found(scenario, call, Effect::Lie);
        assert_eq!(result.err().as_deref(), Some(what), "{scenario}: {call}");
    }
    assert_eq!(
        found("LIST", "openat2", Effect::Panic).err().as_deref(),
        Some("1 panics")
    );
    let server = FaultyServer::start(low, Default::default());
    let client = Client::logged_in(server.address, ANONYMOUS);
    let idle = server.check_idle(std::time::Duration::from_millis(50));
    assert_eq!(idle.err().as_deref(), Some("1 sessions and 1 descriptors are left"));
    drop(client);
}

/// A sample of the sweep.
#[test]
fn k06_a_fault_in_any_call_of_any_command_leaks_nothing_and_reports_no_false_success() {
    let sweep = Sweep::run(67);
    sweep.check();
    assert!(sweep.faults > 300, "{}", sweep.faults);
}

#[test]
#[ignore = "two minutes: every call of every command, every error; cargo test --release --lib -- --ignored k06"]
fn k06_every_fault_in_every_call_of_every_command_leaks_nothing_and_reports_no_false_success() {
    let stride = std::env::var("FAULT_STRIDE").map_or(1, |stride| stride.parse().expect("a number"));
    let sweep = Sweep::run(stride);
    sweep.check();
    assert!(stride > 1 || sweep.faults >= 5_000, "{}", sweep.faults);
}
