//! `--trace`: the running loop as a story: why each turn began, the commands and replies, the system calls with their
//! outcomes, the changes of state, and what the loop waits for.
//!
//! A trace belongs to a thread. The loop starts it, and what runs on its thread adds lines without being handed
//! anything, as with log lines. The calls are traced where all of them pass ([`kernel`](crate::kernel),
//! [`socket`](crate::reactor::socket)), so the code that makes them shows none of it. Texts are made by closures: a
//! line costs one branch while no trace was started. Lines are printed at once, except for turns that repeat others
//! (`folding.rs`) and long runs of one call (`runs.rs`).

pub mod call;
mod folding;
mod line;
mod runs;
mod selection;

pub use line::{Client, Kind};
pub use selection::Selection;

use folding::Folding;
use line::Line;
use runs::Runs;
use selection::Spotlight;
use std::cell::{Cell, RefCell};
use std::io::{self, IsTerminal, Write};
use std::time::Instant;

thread_local! {
    static IS_ON: Cell<bool> = const { Cell::new(false) };
    static TRACER: RefCell<Option<Tracer>> = const { RefCell::new(None) };
}

struct Tracer {
    spotlight: Spotlight,
    runs: Runs,
    folding: Folding,
    is_coloured: bool,
    /// Whom the loop serves.
    client: Option<Client>,
    /// The states of its session and data connection, as they were printed last.
    states: Option<[String; 2]>,
}

/// What the states are of.
const STATES: [&str; 2] = ["", "data connection "];

/// Starts the trace of this thread on standard output: with colours if that is a terminal and `NO_COLOR` is not set.
pub fn start(selection: Selection) {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    TRACER.set(Some(Tracer {
        spotlight: Spotlight::on(selection),
        runs: Runs::default(),
        folding: Folding::default(),
        is_coloured: io::stdout().is_terminal() && !no_colour,
        client: None,
        states: None,
    }));
    IS_ON.set(true);
}

/// Ends the trace of this thread.
pub fn stop() {
    IS_ON.set(false);
    if let Some(mut tracer) = TRACER.take() {
        let rest = tracer.folding.rest();
        tracer.write(&rest);
    }
}

/// Whether this thread has a trace. For texts that have to be made before a line.
#[inline]
pub fn is_on() -> bool {
    IS_ON.get()
}

/// Prints a line about the client that is being served, or about the loop.
#[inline]
pub fn line(kind: Kind, text: impl FnOnce() -> String) {
    if is_on() {
        print(kind, 0, text());
    }
}

/// Prints how many bytes of a transfer were moved.
#[inline]
pub fn moved(bytes: u64, text: impl FnOnce() -> String) {
    if is_on() {
        print(Kind::Moved, bytes, text());
    }
}

/// Prints which of the states of session and data connection have changed since they were given last.
#[inline]
pub fn states(states: impl FnOnce() -> [String; 2]) {
    if is_on() {
        print_changes(states());
    }
}

/// Lines are about this client until the result is dropped.
#[inline]
pub fn serve(client: Client) -> Served {
    if is_on() {
        set_client(Some(client));
    }
    Served
}

/// A client is being served, see [`serve`].
#[must_use]
#[derive(Debug)]
pub struct Served;

impl Drop for Served {
    #[inline]
    fn drop(&mut self) {
        if is_on() {
            set_client(None);
        }
    }
}

/// Whether lines about this client are shown.
pub fn shows(client: Client) -> bool {
    TRACER.with_borrow(|tracer| tracer.as_ref().is_some_and(|tracer| tracer.spotlight.includes(client)))
}

#[cold]
fn set_client(client: Option<Client>) {
    TRACER.with_borrow_mut(|tracer| {
        if let Some(tracer) = tracer {
            tracer.client = client;
            tracer.states = None;
        }
    });
}

#[cold]
fn print(kind: Kind, moved: u64, text: String) {
    TRACER.with_borrow_mut(|tracer| {
        if let Some(tracer) = tracer {
            let client = tracer.client;
            tracer.print(Line {
                kind,
                client,
                moved,
                text,
            });
        }
    });
}

#[cold]
fn print_changes(now: [String; 2]) {
    let before = TRACER.with_borrow_mut(|tracer| tracer.as_mut()?.states.replace(now.clone()));
    for ((name, before), now) in STATES.into_iter().zip(before.into_iter().flatten()).zip(now) {
        if before != now {
            print(Kind::Change, 0, format!("{name}{before} → {now}"));
        }
    }
}

impl Tracer {
    fn print(&mut self, line: Line) {
        let lines = self.spotlight.shown(line).into_iter();
        let lines: Vec<Line> = lines.flat_map(|line| self.runs.shown(line)).collect();
        for line in lines {
            let shown = self.folding.shown(line, Instant::now());
            self.write(&shown);
        }
    }

    fn write(&self, lines: &[Line]) {
        for line in lines {
            // Without a reader the trace is lost, and the loop goes on.
            let _ = io::stdout().write_all(line.printed(self.is_coloured).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_made_where_no_trace_was_started() {
        line(Kind::Turn, || unreachable!("tracing is off"));
        moved(1, || unreachable!("tracing is off"));
        states(|| unreachable!("tracing is off"));
        let client = Client {
            session: 1,
            address: [127, 0, 0, 1].into(),
        };
        let served = serve(client);
        assert!(!is_on() && !shows(client));
        drop(served);
        stop();
    }

    #[test]
    fn a_trace_belongs_to_its_thread() {
        start(Selection::Session(u64::MAX));
        assert!(is_on());
        std::thread::spawn(|| assert!(!is_on())).join().expect("no panic");
        stop();
        assert!(!is_on());
    }
}
