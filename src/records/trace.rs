//! `--trace`: prints what every iteration of the event loop does.
//!
//! Every call takes a closure, so when tracing is off it costs one comparison. Lines are printed at once, so the trace
//! of a stuck loop ends where it is stuck.

use std::io::{self, IsTerminal, Write};

/// Whether and how the trace is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    Off,
    Plain,
    Coloured,
}

/// The kind of a line, which decides its colour and indentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceLine {
    /// An iteration begins.
    Turn,
    /// An event arrived.
    Wake,
    /// A state changed.
    Transition,
    /// A line from a client, or the result of a system call.
    Call,
    /// What comes next: the ready queue, the next deadline.
    Ahead,
}

impl Trace {
    /// Tracing to standard output, coloured if that is a terminal.
    pub fn to_standard_output(wanted: bool) -> Self {
        if !wanted {
            Trace::Off
        } else if io::stdout().is_terminal() {
            Trace::Coloured
        } else {
            Trace::Plain
        }
    }

    /// Whether tracing is on.
    pub fn is_on(self) -> bool {
        self != Trace::Off
    }

    /// Prints a line, if tracing is on.
    pub fn print(self, kind: TraceLine, line: impl FnOnce() -> String) {
        if self.is_on() {
            self.print_line(kind, &line());
        }
    }

    #[cold]
    fn print_line(self, kind: TraceLine, line: &str) {
        // Without a reader the trace is lost, and the loop goes on.
        let _ = io::stdout().write_all(self.formatted(kind, line).as_bytes());
    }

    fn formatted(self, kind: TraceLine, line: &str) -> String {
        let (indentation, colour) = match kind {
            TraceLine::Turn => ("", "1;36"),
            TraceLine::Wake => ("  ", "33"),
            TraceLine::Transition => ("    ", "1;32"),
            TraceLine::Call => ("    ", "37"),
            TraceLine::Ahead => ("  ", "2"),
        };
        match self {
            Trace::Off => String::new(),
            Trace::Plain => format!("{indentation}{line}\n"),
            Trace::Coloured => format!("{indentation}\x1b[{colour}m{line}\x1b[0m\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_made_when_tracing_is_off() {
        Trace::Off.print(TraceLine::Turn, || unreachable!("tracing is off"));
        assert!(!Trace::to_standard_output(false).is_on());
        assert_eq!(Trace::Off.formatted(TraceLine::Turn, "turn 1"), "");
    }

    #[test]
    fn lines_are_indented_by_kind_and_coloured_on_a_terminal_only() {
        assert_eq!(Trace::Plain.formatted(TraceLine::Turn, "turn 1"), "turn 1\n");
        assert_eq!(Trace::Plain.formatted(TraceLine::Call, "read 3"), "    read 3\n");
        assert_eq!(
            Trace::Coloured.formatted(TraceLine::Wake, "readable"),
            "  \x1b[33mreadable\x1b[0m\n"
        );
    }
}
