//! The harness of all behaviour tests: a real server on loopback, a byte-exact client, and `/proc`.
//!
//! Nothing here sleeps to make something pass: every wait is for an event, with a deadline that means failure.

pub mod accounts;
pub mod browser;
pub mod client;
pub mod crowd;
pub mod event_log;
pub mod faulty;
pub mod http;
pub mod link_tree;
pub mod mode_z;
pub mod needs;
pub mod own_process;
pub mod programs;
pub mod quotas;
pub mod secret;
pub mod server;
pub mod stream;
pub mod tree;

pub use client::Client;
pub use server::Server;
pub use stream::Stream;

use std::time::{Duration, Instant};

/// A wait that takes longer fails the test. It says nothing about how fast anything should be.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds; fails the test if it never does.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether the tests run as root, and so the server confines itself.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
