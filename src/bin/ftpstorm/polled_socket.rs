//! Which socket an event is for.

use loopftpd::reactor::token::{SlotId, TokenParts};
use mio::Token;

/// A socket that the loop polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolledSocket {
    Control(SlotId),
    Data(SlotId),
    /// The squatter's listener at this port.
    SquattedPort(u16),
}

impl From<PolledSocket> for Token {
    fn from(socket: PolledSocket) -> Token {
        let parts = match socket {
            PolledSocket::Control(slot) => TokenParts::of_slot(0, slot),
            PolledSocket::Data(slot) => TokenParts::of_slot(1, slot),
            PolledSocket::SquattedPort(port) => TokenParts::of_number(2, u32::from(port)),
        };
        parts.into()
    }
}

impl PolledSocket {
    /// `None`: a token that the loop never gave out.
    pub fn of(token: Token) -> Option<Self> {
        let parts = TokenParts::from(token);
        match parts.kind {
            0 => Some(PolledSocket::Control(parts.slot())),
            1 => Some(PolledSocket::Data(parts.slot())),
            2 => u16::try_from(parts.key).ok().map(PolledSocket::SquattedPort),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loopftpd::reactor::slots::Slots;

    #[test]
    fn a_token_leads_back_to_its_socket() {
        let slot = Slots::default().insert_with(|_| ());
        for socket in [
            PolledSocket::Control(slot),
            PolledSocket::Data(slot),
            PolledSocket::SquattedPort(65535),
        ] {
            assert_eq!(PolledSocket::of(socket.into()), Some(socket));
        }
        assert_eq!(PolledSocket::of(Token(usize::MAX)), None);
    }
}
