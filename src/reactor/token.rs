//! Which source an event is for, packed into the number that the kernel returns with it.
//!
//! A token carries a kind, a key and a generation. For a slot the key says where it is, and the generation says which
//! of its successive owners is meant: an event for a slot that was freed and used again in the same batch names the old
//! generation and is dropped (threat K01). Each loop numbers its own kinds.

use mio::Token;

const KIND_BITS: u32 = 3;
const GENERATION_BITS: u32 = 29;
const KEY_BITS: u32 = 32;

/// Generations wrap here; a slot would have to be reused this often within one batch of events to be mistaken.
pub(crate) const GENERATION_MASK: u32 = (1 << GENERATION_BITS) - 1;

/// A place in the slab, and which of its successive owners is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId {
    pub(crate) key: u32,
    pub(crate) generation: u32,
}

/// What a token carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenParts {
    /// What kind of source it is, 0 to 7.
    pub kind: u8,
    /// Below 2^29.
    pub generation: u32,
    pub key: u32,
}

impl TokenParts {
    /// A source of the connection in `slot`.
    pub fn of_slot(kind: u8, slot: SlotId) -> Self {
        Self {
            kind,
            generation: slot.generation,
            key: slot.key,
        }
    }

    /// A source that is never freed while the loop runs, and so needs no generation.
    pub fn of_number(kind: u8, number: u32) -> Self {
        Self {
            kind,
            generation: 0,
            key: number,
        }
    }

    /// The slot of a source that was made with [`of_slot`](Self::of_slot).
    pub fn slot(self) -> SlotId {
        SlotId {
            key: self.key,
            generation: self.generation,
        }
    }
}

impl From<TokenParts> for Token {
    fn from(parts: TokenParts) -> Token {
        let packed = u64::from(parts.key)
            | u64::from(parts.generation & GENERATION_MASK) << KEY_BITS
            | u64::from(parts.kind) << (KEY_BITS + GENERATION_BITS);
        Token(packed as usize)
    }
}

impl From<Token> for TokenParts {
    fn from(token: Token) -> Self {
        let packed = token.0 as u64;
        Self {
            kind: (packed >> (u64::BITS - KIND_BITS)) as u8,
            generation: (packed >> KEY_BITS) as u32 & GENERATION_MASK,
            key: packed as u32,
        }
    }
}

const _: () = assert!(usize::BITS == 64, "tokens pack kind, generation and key into 64 bits");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_unpacked_to_what_was_packed() {
        let slot = SlotId {
            key: u32::MAX,
            generation: GENERATION_MASK,
        };
        for kind in 0..1 << KIND_BITS {
            let parts = TokenParts::of_slot(kind, slot);
            assert_eq!(TokenParts::from(Token::from(parts)), parts);
            assert_eq!(parts.slot(), slot);
            let numbered = TokenParts::of_number(kind, 7);
            assert_eq!(TokenParts::from(Token::from(numbered)), numbered);
        }
        let tokens = [
            TokenParts::of_number(0, 1),
            TokenParts::of_number(1, 0),
            TokenParts::of_slot(0, SlotId { key: 0, generation: 1 }),
        ]
        .map(Token::from);
        assert!(tokens[0] != tokens[1] && tokens[1] != tokens[2] && tokens[0] != tokens[2]);
    }
}
