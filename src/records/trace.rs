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

/// The kind of a line; it decides colour and indentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// An iteration begins.
    Turn,
    /// An event arrived.
    Wake,
    /// A state changed.
    Transition,
    /// The result of a system call.
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
    pub fn tell(self, tone: Tone, line: impl FnOnce() -> String) {
        if self.is_on() {
            self.print(tone, &line());
        }
    }

    #[cold]
    fn print(self, tone: Tone, line: &str) {
        let (indentation, colour) = match tone {
            Tone::Turn => ("", "1;36"),
            Tone::Wake => ("  ", "33"),
            Tone::Transition => ("    ", "1;32"),
            Tone::Call => ("    ", "37"),
            Tone::Ahead => ("  ", "2"),
        };
        let text = match self {
            Trace::Off => return,
            Trace::Plain => format!("{indentation}{line}\n"),
            Trace::Coloured => format!("{indentation}\x1b[{colour}m{line}\x1b[0m\n"),
        };
        // If the reader has gone, the loop goes on.
        let _ = io::stdout().write_all(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_made_when_tracing_is_off() {
        Trace::Off.tell(Tone::Turn, || unreachable!("tracing is off"));
        assert!(!Trace::to_standard_output(false).is_on());
    }
}
