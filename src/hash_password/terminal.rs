//! Reading lines from a terminal with echo off.
//!
//! The terminal still edits the line (backspace). Ctrl-C must not end the process at once, because echo would stay off:
//! it ends the line instead, so the caller can restore the terminal first.

use crate::accounts::Password;
use rustix::fd::BorrowedFd;
use rustix::io::{read, retry_on_intr};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use std::io;
use zeroize::Zeroizing;

/// A terminal whose echo is off until this is dropped; only line ends are shown.
#[derive(Debug)]
pub struct MuteTerminal<'a> {
    terminal: BorrowedFd<'a>,
    before: Termios,
    interruption: u8,
}

impl<'a> MuteTerminal<'a> {
    /// Discards what was typed before, because it was shown.
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

    /// Waits for a line and returns at most its first `longest` bytes, without its end; the rest of a longer one is the
    /// next line. `None`: Ctrl-C, or the terminal's own interrupt character.
    pub fn line(&self, longest: usize) -> io::Result<Option<Password>> {
        let mut line = Zeroizing::new(vec![0; longest + 1]);
        let length = retry_on_intr(|| read(self.terminal, &mut line[..]))?;
        line.truncate(length);
        // Zero means that the terminal has no interrupt character.
        if self.interruption != 0 && line.last() == Some(&self.interruption) {
            return Ok(None);
        }
        line.pop_if(|last| *last == b'\n');
        Ok(Some(Password::new(std::mem::take(&mut *line))))
    }
}

impl Drop for MuteTerminal<'_> {
    /// Restores the terminal and discards the rest of an overlong line, which the next reader must not get.
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}
