//! The event log as its readers take it.

use crate::accounts::{Premises, Walls};
use crate::{Server, wait_until};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// One event a line.
pub fn parsed(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}")))
        .collect()
}

/// The lines in a file, once there are so many, and no more than that.
pub fn events_in(path: &Path, count: usize) -> Vec<Value> {
    wait_until("the events are written", || {
        fs::read_to_string(path).is_ok_and(|text| text.lines().count() >= count)
    });
    let events = parsed(&fs::read_to_string(path).expect("written"));
    assert_eq!(events.len(), count, "{events:?}");
    events
}

/// Alice and everyone else may change files; events go to a file beside the served directory.
pub fn with_events(walls: Walls) -> (Premises, PathBuf, Server) {
    let premises = Premises::new();
    premises.write("alice/file", b"0123456789");
    premises.write_users(&[("alice", "/alice:read,write:sessions=1")]);
    let events = premises.outside().join("neighbour/events");
    let users = premises.users_file();
    let [file, accounts] = [&events, &users].map(|path| path.to_str().expect("UTF-8"));
    let server = premises.serve_within(walls, &["--write", "--users", accounts, "--events", file]);
    (premises, events, server)
}
