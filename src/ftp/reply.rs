//! Replies: codes, texts and their form on the wire (RFC 959 §4.2).

mod composed;
mod fixed;

pub use fixed::*;

use std::borrow::Cow;

/// A code and its text. Lines of a multi-line text are separated by LF here and indented on the wire, so that none can
/// be taken for the last line (threat A13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    form: Form,
    text: Cow<'static, [u8]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Whole,
    /// The first line of a reply whose body is streamed (STAT with a path).
    Opening,
}

impl Reply {
    fn with_text(code: u16, text: impl Into<Vec<u8>>) -> Self {
        Self {
            code,
            form: Form::Whole,
            text: Cow::Owned(text.into()),
        }
    }

    /// The three digits.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The same text under another code.
    pub fn with_code(self, code: u16) -> Self {
        Self { code, ..self }
    }

    /// Appends the reply as it goes over the wire.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let code = [
            b'0' + (self.code / 100 % 10) as u8,
            b'0' + (self.code / 10 % 10) as u8,
            b'0' + (self.code % 10) as u8,
        ];
        let mut lines = self.text.split(|byte| *byte == b'\n').peekable();
        let mut is_first = true;
        while let Some(line) = lines.next() {
            let is_last = lines.peek().is_none() && self.form == Form::Whole;
            if is_first || is_last {
                out.extend_from_slice(&code);
            }
            out.push(if is_first && !is_last { b'-' } else { b' ' });
            out.extend_from_slice(line);
            out.extend_from_slice(b"\r\n");
            is_first = false;
        }
    }
}

#[cfg(test)]
mod tests;
