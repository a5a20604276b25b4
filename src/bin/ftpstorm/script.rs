//! What a client does, written down as steps: honest ones that expect exact replies, and the misbehaviour of attackers.
//!
//! A script is data. It knows no socket; [`client`](super::client) plays it.

use loopftpd::computed_file::Content;
use std::rc::Rc;
use std::time::Duration;

/// What is measured as one: from its first step to its last.
#[derive(Debug)]
pub struct Operation {
    /// Which row of the table it counts in.
    pub class: usize,
    pub steps: Vec<Step>,
}

/// One step of a client.
#[derive(Clone, Debug)]
pub enum Step {
    /// Opens the control connection and reads the greeting.
    Connect,
    /// Says a line; the reply has to carry one of these codes.
    Say {
        line: Rc<str>,
        codes: &'static [u16],
    },
    /// Asks for a passive port and remembers what was announced.
    Arm(Announcement),
    /// Connects to what was announced, says a line, and moves bytes until `226`.
    Transfer {
        line: Rc<str>,
        flow: Flow,
    },
    /// A thief at another address connects to what was announced.
    Steal,
    /// Looks what the thief got.
    CountLoot,
    /// Counts the step before as something that an attack has achieved.
    Strike,
    /// Does nothing for a while; the connection has to survive it.
    Pause(Duration),
    /// Closes the control connection.
    Close,
    Misbehave(Misbehaviour),
}

/// How a passive port is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announcement {
    Pasv,
    Epsv,
}

/// Which way the bytes of a transfer go, and what is known of them.
#[derive(Clone, Debug)]
pub enum Flow {
    /// The bytes are dropped in the kernel; only their number is known.
    Discard,
    /// The bytes are dropped, and all downloads must have the same number of them.
    SameSize,
    /// Every byte is compared; exactly `size` must come.
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
}

/// What no honest client does. Each goes on until the server ends the connection or the time is over.
#[derive(Clone, Debug)]
pub enum Misbehaviour {
    /// One byte of a line now and then, never its end.
    Trickle { every: Duration },
    /// Bytes as fast as the server takes them; replies are never read.
    Flood { bytes: Rc<[u8]>, hold: Duration },
    /// Starts a transfer and reads nothing of it.
    Stall { line: Rc<str>, hold: Duration },
    /// Starts a transfer and resets the data connection in the middle.
    Reset { line: Rc<str>, after: u64 },
    /// Says something odd and waits for whatever comes.
    Babble { bytes: Rc<[u8]>, hold: Duration },
}

impl Step {
    /// The file that the step stores, if it does.
    pub fn upload(&self) -> Option<&str> {
        match self {
            Step::Transfer {
                line,
                flow: Flow::Upload { .. },
            } => line.strip_prefix("STOR "),
            Step::Transfer { .. }
            | Step::Connect
            | Step::Say { .. }
            | Step::Arm(_)
            | Step::Steal
            | Step::CountLoot
            | Step::Strike
            | Step::Pause(_)
            | Step::Close
            | Step::Misbehave(_) => None,
        }
    }

    pub fn say(line: impl Into<Rc<str>>, codes: &'static [u16]) -> Self {
        Step::Say {
            line: line.into(),
            codes,
        }
    }
}
