//! Names from clients, as people and programs read them in logs: one line, no command for a terminal, and the bytes can
//! be had again (threat I01).

use serde::{Serialize, Serializer};
use std::fmt::{self, Write};

/// Bytes to be shown. UTF-8 stays as it is; control characters, what turns text around, and bytes that are not UTF-8
/// become
/// `\xNN`, a backslash becomes `\\`. What is longer than its limit loses its end and gets a `…`.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'name> {
    name: &'name [u8],
    most: usize,
    quoted: bool,
}

impl<'name> Shown<'name> {
    /// All of it.
    pub fn whole(name: &'name [u8]) -> Self {
        Self::within(usize::MAX, name)
    }

    /// `most`: bytes that it may take, counted as in JSON or between quotes, where quotes and backslashes take two.
    pub fn within(most: usize, name: &'name [u8]) -> Self {
        Self {
            name,
            most,
            quoted: false,
        }
    }

    /// Between double quotes, so that nothing in it can be taken for what follows; a quote in it becomes `\"`.
    pub fn quoted(self) -> Self {
        Self { quoted: true, ..self }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.quoted {
            formatter.write_char('"')?;
        }
        let mut left = self.most;
        'name: for chunk in self.name.utf8_chunks() {
            let valid = chunk.valid().chars().map(Piece::Character);
            for piece in valid.chain(chunk.invalid().iter().copied().map(Piece::Byte)) {
                let Some(rest) = left.checked_sub(piece.cost()) else {
                    formatter.write_char('…')?;
                    break 'name;
                };
                left = rest;
                piece.write_to(formatter, self.quoted)?;
            }
        }
        if self.quoted {
            formatter.write_char('"')?;
        }
        Ok(())
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a name is made of.
enum Piece {
    Character(char),
    /// Not part of any character.
    Byte(u8),
}

impl Piece {
    /// What it takes of the limit. An escaped byte is a backslash, which takes two, and three more.
    fn cost(&self) -> usize {
        match self {
            Piece::Character('\\') => 4,
            Piece::Character('"') => 2,
            Piece::Character(character) if is_commanding(*character) => 5 * character.len_utf8(),
            Piece::Character(character) => character.len_utf8(),
            Piece::Byte(_) => 5,
        }
    }

    fn write_to(&self, formatter: &mut fmt::Formatter<'_>, quoted: bool) -> fmt::Result {
        match self {
            Piece::Character('\\') => formatter.write_str("\\\\"),
            Piece::Character('"') if quoted => formatter.write_str("\\\""),
            Piece::Character(character) if is_commanding(*character) => {
                let mut buffer = [0; 4];
                let mut bytes = character.encode_utf8(&mut buffer).bytes();
                bytes.try_for_each(|byte| write!(formatter, "\\x{byte:02x}"))
            }
            Piece::Character(character) => formatter.write_char(*character),
            Piece::Byte(byte) => write!(formatter, "\\x{byte:02x}"),
        }
    }
}

/// Whether a character does something to a terminal, or to how the text beside it is read.
pub fn is_commanding(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i01_names_are_shown_as_they_are_unless_they_command_something() {
        for (name, shown) in [
            ("grüße/日本 €".as_bytes(), "grüße/日本 €"),
            (b"a\"b\\c", "a\"b\\\\c"),
            (b"a\r\n\x1b[2J\0", "a\\x0d\\x0a\\x1b[2J\\x00"),
            (
                "\u{9b}2J\u{202e}gpj.\u{2028}".as_bytes(),
                "\\xc2\\x9b2J\\xe2\\x80\\xaegpj.\\xe2\\x80\\xa8",
            ),
            (b"\xff\xfe\xc3", "\\xff\\xfe\\xc3"),
        ] {
            assert_eq!(Shown::whole(name).to_string(), shown);
        }
        assert_eq!(Shown::whole(b"a\" b=\"c").quoted().to_string(), "\"a\\\" b=\\\"c\"");
    }

    #[test]
    fn i01_long_names_lose_their_ends_between_characters() {
        assert_eq!(Shown::within(4, "ü€€".as_bytes()).to_string(), "ü…");
        assert_eq!(Shown::within(5, "ü€€".as_bytes()).quoted().to_string(), "\"ü€…\"");
        assert_eq!(Shown::within(5, b"\xff\xff").to_string(), "\\xff…");
        assert_eq!(Shown::within(2, b"ab").to_string(), "ab");
    }
}
