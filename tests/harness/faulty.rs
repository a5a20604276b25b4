//! A server whose system calls fail, stall or kill it, and the trace that proves that they did.

use crate::server::Setup;
use crate::{Server, wait_until};

/// A server some of whose system calls fail, and the trace that shows it.
pub struct Faulty {
    pub server: Server,
    log: tempfile::NamedTempFile,
}

impl Faulty {
    /// `call`: one system call, or several with commas; `fault`: what is done to which of them, as strace takes it.
    pub fn start(call: &str, fault: &str) -> Self {
        Self::start_with(Setup::new(), &[], call, fault)
    }

    pub fn start_with(setup: Setup, filter: &[&str], call: &str, fault: &str) -> Self {
        let log = tempfile::NamedTempFile::new().expect("a file");
        let (trace, inject) = (format!("trace={call}"), format!("inject={call}:{fault}"));
        let output = log.path().to_str().expect("UTF-8");
        let wrapper = ["strace", "-f", "-qq", "-o", output, "-e", &trace, "-e", &inject];
        let server = setup.under(&[&wrapper[..], filter].concat()).start();
        Self { server, log }
    }

    /// What was traced so far.
    pub fn calls(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.log.path()).unwrap_or_default()).into_owned()
    }

    /// Fails if the fault was never injected.
    pub fn assert_it_happened(&self, what: &str) {
        wait_until(&format!("{what} was injected"), || self.calls().contains("(INJECTED)"));
    }
}

/// How often a server makes each of these calls before its first client connects, in the order of `calls`.
pub fn calls_of_a_start(calls: &[&str], setup: impl Fn() -> Setup) -> Vec<usize> {
    let log = tempfile::NamedTempFile::new().expect("a file");
    let trace = format!("trace={}", calls.join(","));
    let output = log.path().to_str().expect("UTF-8");
    let server = setup().under(&["strace", "-qq", "-o", output, "-e", &trace]).start();
    // The loop sleeps by then, so the trace of the start is complete.
    wait_until("the loop waits", || server.status("State").starts_with(['S', 't']));
    let text = String::from_utf8_lossy(&std::fs::read(log.path()).expect("the trace")).into_owned();
    let count = |call: &&str| {
        text.lines()
            .filter(|line| line.starts_with(&format!("{call}(")))
            .count()
    };
    calls.iter().map(count).collect()
}
