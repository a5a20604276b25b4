//! Names from clients, as logs and listings show them: on one line, without anything that controls a terminal (threat
//! I01).

use serde::{Serialize, Serializer};
use std::fmt::{self, Write};

/// A name to be shown, in a form from which its bytes can be recovered. UTF-8 stays as it is; control characters,
/// characters that change the direction of text, and bytes that are not UTF-8 become `\xNN`; a backslash becomes `\\`.
/// What exceeds the limit is cut off and replaced by `…`.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'name> {
    name: &'name [u8],
    limit: usize,
    quoted: bool,
}

impl<'name> Shown<'name> {
    /// The complete name.
    pub fn whole(name: &'name [u8]) -> Self {
        Self::within(usize::MAX, name)
    }

    /// At most `limit` bytes of output, counted as in JSON or between quotes, where quotes and backslashes take two.
    pub fn within(limit: usize, name: &'name [u8]) -> Self {
        Self {
            name,
            limit,
            quoted: false,
        }
    }

    /// Between double quotes, so that the end of the name is certain; a quote in it becomes `\"`.
    pub fn quoted(self) -> Self {
        Self { quoted: true, ..self }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.quoted {
            formatter.write_char('"')?;
        }
        let mut left = self.limit;
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

/// A part of a name.
enum Piece {
    Character(char),
    /// Not UTF-8.
    Byte(u8),
}

impl Piece {
    /// Bytes of the limit that it uses. An escaped byte is a backslash, which takes two, and three more.
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

/// Appends `name` with every character that `is_replaced` accepts replaced by `substitute`. A name that is not UTF-8 is
/// read as Latin-1, because its bytes from 0x80 to 0x9f could be control characters for a terminal, and its other bytes
/// stay as they are.
pub fn push_replacing(out: &mut Vec<u8>, name: &[u8], substitute: u8, is_replaced: impl Fn(char) -> bool) {
    if name
        .iter()
        .all(|byte| byte.is_ascii() && !is_replaced(char::from(*byte)))
    {
        out.extend_from_slice(name);
        return;
    }
    match std::str::from_utf8(name) {
        Ok(text) => {
            let mut buffer = [0; 4];
            for character in text.chars() {
                if is_replaced(character) {
                    out.push(substitute);
                } else {
                    out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                }
            }
        }
        Err(_) => out.extend(name.iter().map(|byte| {
            let is_replaced = is_replaced(char::from(*byte));
            if is_replaced { substitute } else { *byte }
        })),
    }
}

/// Whether a character can control a terminal or change the direction of the text around it.
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
    fn i01_names_are_shown_as_they_are_except_for_control_characters() {
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
    fn i01_long_names_are_cut_between_characters() {
        assert_eq!(Shown::within(4, "ü€€".as_bytes()).to_string(), "ü…");
        assert_eq!(Shown::within(5, "ü€€".as_bytes()).quoted().to_string(), "\"ü€…\"");
        assert_eq!(Shown::within(5, b"\xff\xff").to_string(), "\\xff…");
        assert_eq!(Shown::within(2, b"ab").to_string(), "ab");
    }

    #[test]
    fn i01_replaced_characters_keep_neither_utf_8_nor_latin_1_controls() {
        for (name, shown) in [
            ("grüße/日本".as_bytes(), "grüße/日本".as_bytes()),
            (b"a b\r\n\x1b[2J\x7f", b"a b??\x3f[2J?"),
            ("\u{9b}2J\u{a0}".as_bytes(), "?2J\u{a0}".as_bytes()),
            (b"csi\x9b2J\xe9\xa0", b"csi?2J\xe9\xa0"),
        ] {
            let mut out = Vec::new();
            push_replacing(&mut out, name, b'?', char::is_control);
            assert_eq!(out, shown, "{}", name.escape_ascii());
        }
    }
}
