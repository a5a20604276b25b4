//! The event log as a reader gets it.

use crate::accounts::{ConfinedBy, Premises};
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

/// The events in a file, once there are `count`; fails if there are more.
pub fn events_in(path: &Path, count: usize) -> Vec<Value> {
    wait_until("the events are written", || {
        fs::read_to_string(path).is_ok_and(|text| text.lines().count() >= count)
    });
    let events = parsed(&fs::read_to_string(path).expect("written"));
    assert_eq!(events.len(), count, "{events:?}");
    events
}

/// A server on which all clients may change files, with `alice` and an events file beside the served directory.
pub fn with_events(confined_by: ConfinedBy) -> (Premises, PathBuf, Server) {
    let premises = Premises::new();
    premises.write("alice/file", b"0123456789");
    premises.write_users(&[("alice", "/alice:read,write:sessions=1")]);
    let events = premises.outside().join("neighbour/events");
    let users = premises.users_file();
    let [file, accounts] = [&events, &users].map(|path| path.to_str().expect("UTF-8"));
    let server = premises.serve_within(confined_by, &["--write", "--users", accounts, "--events", file]);
    (premises, events, server)
}
