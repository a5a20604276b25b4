//! The base 64 of crypt(3): other digits than usual, and the low bits first.

/// The value of a digit.
pub(super) fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'.' | b'/' => Some(byte - b'.'),
        b'0'..=b'9' => Some(byte - b'0' + 2),
        b'A'..=b'Z' => Some(byte - b'A' + 12),
        b'a'..=b'z' => Some(byte - b'a' + 38),
        _ => None,
    }
}

/// How many bytes `text` encodes; `None` if no bytes are encoded like this.
pub(super) fn decoded_length(text: &str) -> Option<usize> {
    let last = text.bytes().try_fold(0, |_, byte| digit(byte))?;
    let (whole, rest) = (text.len() / 4 * 3, text.len() % 4);
    // The last digit of an incomplete group has unused bits, which must be zero.
    match rest {
        0 => Some(whole),
        2 if last < 1 << 2 => Some(whole + 1),
        3 if last < 1 << 4 => Some(whole + 2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_digits_have_the_values_of_crypt() {
        let digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        for (value, byte) in digits.bytes().enumerate() {
            assert_eq!(digit(byte).map(usize::from), Some(value));
        }
        for byte in *b"+=$-_ \xff" {
            assert_eq!(digit(byte), None);
        }
    }

    #[test]
    fn only_valid_encodings_have_a_length() {
        for (text, length) in [
            ("", Some(0)),
            ("zzzz", Some(3)),
            ("z1", Some(1)),
            ("z2", None),
            ("zzC", Some(2)),
            ("zzE", None),
            ("z", None),
            ("zz=", None),
        ] {
            assert_eq!(decoded_length(text), length, "{text}");
        }
    }
}
