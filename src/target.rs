//! Tokens of the server's poll: which socket or queue an event is for.

use crate::reactor::token::{SlotId, TokenParts};
use mio::Token;

/// A source of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    Signals,
    /// The slow-work thread has a result.
    SlowWork,
    /// A listener for control connections, by its index.
    ControlListener(u32),
    PassivePort {
        ring: u16,
        port: u16,
    },
    Control(SlotId),
    Data(SlotId),
    /// The listener of the status page.
    StatusListener,
    /// A viewer of the status page, by its slot among the viewers.
    Viewer(SlotId),
}

/// The key of the listener among the slots of viewers, of which there are only a few.
const STATUS_LISTENER: u32 = u32::MAX;

impl From<Target> for Token {
    fn from(target: Target) -> Token {
        let parts = match target {
            Target::Signals => TokenParts::of_number(0, 0),
            Target::ControlListener(index) => TokenParts::of_number(1, index),
            Target::PassivePort { ring, port } => TokenParts::of_number(2, u32::from(ring) << 16 | u32::from(port)),
            Target::Control(slot) => TokenParts::of_slot(3, slot),
            Target::Data(slot) => TokenParts::of_slot(4, slot),
            Target::SlowWork => TokenParts::of_number(5, 0),
            Target::StatusListener => TokenParts::of_number(6, STATUS_LISTENER),
            Target::Viewer(slot) => TokenParts::of_slot(6, slot),
        };
        parts.into()
    }
}

impl TryFrom<Token> for Target {
    type Error = UnknownToken;

    fn try_from(token: Token) -> Result<Target, UnknownToken> {
        let parts = TokenParts::from(token);
        match parts.kind {
            0 => Ok(Target::Signals),
            1 => Ok(Target::ControlListener(parts.key)),
            2 => Ok(Target::PassivePort {
                ring: (parts.key >> 16) as u16,
                port: parts.key as u16,
            }),
            3 => Ok(Target::Control(parts.slot())),
            4 => Ok(Target::Data(parts.slot())),
            5 => Ok(Target::SlowWork),
            6 if parts.key == STATUS_LISTENER => Ok(Target::StatusListener),
            6 => Ok(Target::Viewer(parts.slot())),
            _ => Err(UnknownToken),
        }
    }
}

/// A token that this server never registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownToken;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_survives_the_kernel() {
        let slot = SlotId {
            key: u32::MAX,
            generation: 77,
        };
        let targets = [
            Target::Signals,
            Target::SlowWork,
            Target::ControlListener(7),
            Target::PassivePort { ring: 3, port: 65535 },
            Target::Control(slot),
            Target::Data(slot),
            Target::Data(SlotId { key: 0, generation: 1 }),
            Target::StatusListener,
            Target::Viewer(SlotId { key: 15, generation: 7 }),
        ];
        for target in targets {
            assert_eq!(Target::try_from(Token::from(target)), Ok(target));
        }
        assert_eq!(Target::try_from(Token(usize::MAX)), Err(UnknownToken));
    }
}
