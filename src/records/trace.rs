//! `--trace`: the loop tells what it does, a line a thought, turn by turn.
//!
//! A line is only made when somebody reads it: every call takes a closure, and when tracing is off that is one test of
//! a boolean. Lines are printed at once, so that a trace of a stuck loop ends where it is stuck.

use std::io::{self, IsTerminal, Write};

/// Who is told of the loop's thoughts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    Off,
    Plain,
    Coloured,
}

/// What kind of line it is; decides its colour and indentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// A turn begins.
    Turn,
    /// Something woke up.
    Wake,
    /// A state changed.
    Transition,
    /// A system call's outcome.
    Call,
    /// What is to come: the ready queue, the next deadline.
    Ahead,
}

impl Trace {
    /// Tracing to standard output, in colour if that is a terminal.
    pub fn to_standard_output(wanted: bool) -> Self {
        if !wanted {
            Trace::Off
        } else if io::stdout().is_terminal() {
            Trace::Coloured
        } else {
            Trace::Plain
        }
    }

    /// Whether anybody reads.
    pub fn is_on(self) -> bool {
        self != Trace::Off
    }

    /// Tells a line, if anybody reads.
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
        // A reader that has gone is not the loop's trouble.
        let _ = io::stdout().write_all(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_made_when_nobody_reads() {
        Trace::Off.tell(Tone::Turn, || unreachable!("tracing is off"));
        assert!(!Trace::to_standard_output(false).is_on());
    }
}
