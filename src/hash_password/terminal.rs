//! Lines typed at a terminal that does not show them.
//!
//! The terminal goes on editing its line by itself. An interruption does not end the process on the spot, which would
//! leave the terminal mute: it comes as the end of a line, and whoever holds the terminal can put it back first.

use rustix::fd::BorrowedFd;
use rustix::io::{read, retry_on_intr};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use std::io;
use zeroize::Zeroizing;

/// A terminal that shows nothing but the ends of lines until this is dropped.
#[derive(Debug)]
pub struct MuteTerminal<'a> {
    terminal: BorrowedFd<'a>,
    before: Termios,
    interruption: u8,
}

/// What came of asking for a line.
#[derive(Debug)]
pub enum Typed {
    /// Techniques its end, as far as there was room.
    Line(Zeroizing<Vec<u8>>),
    /// Ctrl-C, or whatever the terminal has for it.
    Interruption,
}

impl<'a> MuteTerminal<'a> {
    /// What was typed before is thrown away, because it was shown.
    pub fn mute(terminal: BorrowedFd<'a>) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let interruption = before.special_codes[SpecialCodeIndex::VINTR];
        let mut mute = before.clone();
        mute.local_modes -= LocalModes::ECHO | LocalModes::ISIG;
        mute.local_modes |= LocalModes::ICANON | LocalModes::ECHONL;
        mute.special_codes[SpecialCodeIndex::VEOL] = interruption;
        tcsetattr(terminal, OptionalActions::Flush, &mute)?;
        Ok(Self {
            terminal,
            before,
            interruption,
        })
    }

    /// Waits for a line and returns at most its first `longest` bytes; the rest of a longer one is the next line.
    pub fn line(&self, longest: usize) -> io::Result<Typed> {
        let mut line = Zeroizing::new(vec![0; longest + 1]);
        let length = retry_on_intr(|| read(self.terminal, &mut line[..]))?;
        line.truncate(length);
        // Zero turns a special code off, so it can be no byte that was typed.
        if self.interruption != 0 && line.last() == Some(&self.interruption) {
            return Ok(Typed::Interruption);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        Ok(Typed::Line(line))
    }
}

impl Drop for MuteTerminal<'_> {
    /// What is left of an overlong line goes with it, rather than to whoever reads from the terminal next.
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}
