//! What a client does, as data: the steps of well-behaved clients, which expect exact replies, and of attackers.
//!
//! A script knows no socket; [`client`](super::client) runs it.

use loopftpd::computed_file::Content;
use std::rc::Rc;
use std::time::Duration;

/// What is measured as one, from its first step to its last.
#[derive(Debug)]
pub struct Operation {
    /// Index of the class that it is counted in.
    pub class: usize,
    pub steps: Vec<ScriptStep>,
}

/// One step of a client. Only attackers take the last four, each of which goes on until the server closes the
/// connection or the time is over.
#[derive(Clone, Debug)]
pub enum ScriptStep {
    /// Opens the control connection and reads the greeting.
    Connect,
    /// Sends a line; the reply must have one of these codes.
    Send { line: Rc<str>, codes: &'static [u16] },
    /// Asks for a passive port and stores the address in the reply.
    Passive(PassiveCommand),
    /// Connects to the passive port, sends a line, and moves bytes until `226`.
    Transfer { line: Rc<str>, flow: Flow },
    /// A thief at another address connects to the passive port.
    Steal,
    /// Counts the bytes that the thief received.
    CountStolenBytes,
    /// Counts the previous step as an effect of the attack.
    CountEffect,
    /// Does nothing for a while; the connection must survive it.
    Pause(Duration),
    /// Closes the control connection.
    Close,
    /// Sends a byte of a line each time, never its end.
    Trickle { every: Duration },
    /// Sends bytes as fast as the server takes them and never reads replies.
    Flood { bytes: Rc<[u8]>, hold: Duration },
    /// Starts a transfer and reads nothing of it.
    Stall { line: Rc<str>, hold: Duration },
    /// Sends malformed lines and ignores the replies.
    Malformed { bytes: Rc<[u8]>, hold: Duration },
}

/// How a passive port is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassiveCommand {
    Pasv,
    Epsv,
}

/// The direction of a transfer, and what is known of its bytes.
#[derive(Clone, Copy, Debug)]
pub enum Flow {
    /// The kernel drops the bytes; only their number is known.
    Discard,
    /// The kernel drops the bytes, and all downloads must have the same number of them.
    SameSize,
    /// Every byte is compared; exactly `size` bytes must arrive.
    Compare {
        content: Content,
        size: u64,
    },
    /// The CRC-32 of all bytes is compared.
    Checksum(u32),
    Upload {
        content: Content,
        size: u64,
    },
    /// An attacker reads nothing.
    LeaveUnread,
    /// An attacker resets the data connection after this many bytes.
    ResetAfter(u64),
}

impl ScriptStep {
    pub fn send(line: impl Into<Rc<str>>, codes: &'static [u16]) -> Self {
        let line = line.into();
        ScriptStep::Send { line, codes }
    }

    pub fn transfer(line: impl Into<Rc<str>>, flow: Flow) -> Self {
        let line = line.into();
        ScriptStep::Transfer { line, flow }
    }

    /// The path that the step uploads to, if it does.
    pub fn upload(&self) -> Option<&str> {
        match self {
            ScriptStep::Transfer {
                line,
                flow: Flow::Upload { .. },
            } => line.strip_prefix("STOR "),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_upload_has_a_path_to_clean_up() {
        let flow = Flow::Upload {
            content: Content::Pattern,
            size: 3,
        };
        let upload = ScriptStep::transfer("STOR up/storm 1.pattern", flow);
        assert_eq!(upload.upload(), Some("up/storm 1.pattern"));
        let listing = ScriptStep::transfer("STOR file", Flow::Discard);
        for other in [listing, ScriptStep::send("STOR file", &[226]), ScriptStep::Connect] {
            assert_eq!(other.upload(), None, "{other:?}");
        }
    }
}
