//! What an event is about, packed into the number that the kernel hands back.
//!
//! A token of a connection carries the slot's key and its generation: the key says where, the generation says who. An
//! event for a slot that was freed and used again in the same batch names the old generation and is dropped (threat
//! K01).

use mio::Token;

const KIND_BITS: u32 = 3;
const GENERATION_BITS: u32 = 29;
const KEY_BITS: u32 = 32;

/// A connection's place in the slab, and which of the place's successive owners is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId {
    pub(crate) key: u32,
    pub(crate) generation: u32,
}

/// Whom an event is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    Signals,
    /// The thread beside the loop has finished something.
    SlowWork,
    ControlListener(u32),
    PassivePort {
        ring: u16,
        port: u16,
    },
    Control(SlotId),
    Data(SlotId),
}

/// Generations wrap here; a slot would have to be reused this often within one batch of events to be mistaken.
pub(crate) const GENERATION_MASK: u32 = (1 << GENERATION_BITS) - 1;

impl From<Target> for Token {
    fn from(target: Target) -> Token {
        let (kind, generation, key) = match target {
            Target::Signals => (0, 0, 0),
            Target::SlowWork => (5, 0, 0),
            Target::ControlListener(index) => (1, 0, index),
            Target::PassivePort { ring, port } => (2, 0, u32::from(ring) << 16 | u32::from(port)),
            Target::Control(slot) => (3, slot.generation, slot.key),
            Target::Data(slot) => (4, slot.generation, slot.key),
        };
        let packed =
            u64::from(key) | u64::from(generation & GENERATION_MASK) << KEY_BITS | kind << (KEY_BITS + GENERATION_BITS);
        Token(packed as usize)
    }
}

impl TryFrom<Token> for Target {
    type Error = UnknownToken;

    fn try_from(token: Token) -> Result<Target, UnknownToken> {
        let packed = token.0 as u64;
        let key = (packed & u64::from(u32::MAX)) as u32;
        let generation = (packed >> KEY_BITS) as u32 & GENERATION_MASK;
        let slot = SlotId { key, generation };
        match packed >> (u64::BITS - KIND_BITS) {
            0 => Ok(Target::Signals),
            1 => Ok(Target::ControlListener(key)),
            2 => Ok(Target::PassivePort {
                ring: (key >> 16) as u16,
                port: (key & 0xffff) as u16,
            }),
            3 => Ok(Target::Control(slot)),
            4 => Ok(Target::Data(slot)),
            5 => Ok(Target::SlowWork),
            _ => Err(UnknownToken),
        }
    }
}

/// A token that this loop never gave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownToken;

const _: () = assert!(usize::BITS == 64, "tokens pack kind, generation and key into 64 bits");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_survives_the_kernel() {
        let slot = SlotId {
            key: u32::MAX,
            generation: GENERATION_MASK,
        };
        let targets = [
            Target::Signals,
            Target::SlowWork,
            Target::ControlListener(7),
            Target::PassivePort { ring: 3, port: 65535 },
            Target::Control(slot),
            Target::Data(slot),
            Target::Data(SlotId { key: 0, generation: 1 }),
        ];
        for target in targets {
            assert_eq!(Target::try_from(Token::from(target)), Ok(target));
        }
        assert_eq!(Target::try_from(Token(usize::MAX)), Err(UnknownToken));
    }
}
