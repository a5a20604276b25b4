//! What verbs understand of their arguments (threats A09, A10, A17, D14, D15).

use super::{Done, Model, Refused};

impl Model {
    /// 501, 504 or 522 for arguments that are not understood (threats A09, A10, A17, D14, D15).
    pub(super) fn check_argument(&self, verb: &str, argument: &[u8]) -> Done {
        let trimmed = argument.trim_ascii().to_ascii_uppercase();
        let must = |is_right: bool, code: u16| if is_right { Ok(()) } else { Err(Refused::Bad(code)) };
        match verb {
            "USER" => must(!trimmed.is_empty() && trimmed.len() <= 128, 501),
            "PASS" => must(argument.len() <= 256, 501),
            "HOST" => must(!trimmed.is_empty(), 501),
            "TYPE" => {
                must(!trimmed.is_empty(), 501)?;
                must(
                    matches!(&trimmed[..], b"A" | b"A N" | b"AN" | b"I" | b"I N" | b"L 8" | b"L8"),
                    504,
                )
            }
            "MODE" => {
                must(!trimmed.is_empty(), 501)?;
                must(matches!(&trimmed[..], b"S" | b"Z"), 504)
            }
            "STRU" => {
                must(!trimmed.is_empty(), 501)?;
                must(trimmed == b"F", 504)
            }
            "REST" => must(number(argument).is_some(), 501),
            "RANG" => must(
                range(argument).is_some_and(|(first, last)| first <= last || (first, last) == (1, 0)),
                501,
            ),
            "ALLO" => {
                let mut words = trimmed.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
                must(words.next().and_then(number).is_some(), 501)?;
                match (words.next(), words.next(), words.next()) {
                    (None, _, _) => Ok(()),
                    (Some(b"R"), Some(record), None) => must(number(record).is_some(), 501),
                    _ => Err(Refused::Bad(501)),
                }
            }
            "EPSV" => match &trimmed[..] {
                b"" | b"1" | b"2" | b"ALL" => Ok(()),
                other => Err(Refused::Bad(if number(other).is_some() { 522 } else { 501 })),
            },
            "PORT" => must(port(argument).is_some(), 501),
            "EPRT" => extended_port(argument).map(drop).map_err(Refused::Bad),
            "RETR" | "STOR" | "APPE" | "DELE" | "MKD" | "XMKD" | "RMD" | "XRMD" | "RNFR" | "RNTO" | "SIZE" | "MDTM" => {
                must(!argument.is_empty(), 501)
            }
            "MFMT" => {
                let (time, path) = split_word(argument);
                must(is_time(time) && !path.is_empty(), 501)
            }
            "OPTS" => self.check_option(argument),
            "SITE" => {
                let (word, rest) = split_word(argument.trim_ascii_start());
                match &word.to_ascii_uppercase()[..] {
                    b"" => Err(Refused::Bad(501)),
                    b"HELP" => Ok(()),
                    b"CHMOD" => {
                        let (digits, path) = split_word(rest);
                        let is_octal = digits.iter().all(|digit| (b'0'..=b'7').contains(digit));
                        must(is_octal && (3..=4).contains(&digits.len()), 501)?;
                        must(digits.len() == 3 || digits.starts_with(b"0"), 504)?;
                        must(!path.is_empty(), 501)
                    }
                    _ => Err(Refused::Bad(502)),
                }
            }
            _ => Ok(()),
        }
    }

    pub(super) fn check_option(&self, argument: &[u8]) -> Done {
        let (word, value) = split_word(argument.trim_ascii_start());
        let value = value.trim_ascii().to_ascii_uppercase();
        let is_right = match &word.to_ascii_uppercase()[..] {
            b"UTF8" | b"UTF-8" => matches!(&value[..], b"" | b"ON"),
            b"MLST" => true,
            b"MODE" => {
                let words: Vec<&[u8]> = value
                    .split(|byte| *byte == b' ')
                    .filter(|word| !word.is_empty())
                    .collect();
                match words[..] {
                    [b"Z", b"LEVEL", level] => number(level).is_some_and(|level| (1..=9).contains(&level)),
                    _ => false,
                }
            }
            b"HASH" if !matches!(&value[..], b"" | b"SHA-256" | b"SHA-512" | b"SHA-1" | b"MD5" | b"CRC32") => {
                return Err(Refused::Bad(504));
            }
            b"HASH" => true,
            _ => false,
        };
        if is_right { Ok(()) } else { Err(Refused::Bad(501)) }
    }
}

/// `OPTS UTF8` is answered before login (RFC 2640 §3.2).
pub(super) fn is_utf8_option(verb: &str, argument: &[u8]) -> bool {
    let (word, _) = split_word(argument.trim_ascii_start());
    let has_control = argument.iter().any(u8::is_ascii_control);
    verb == "OPTS" && !has_control && matches!(&word.to_ascii_uppercase()[..], b"UTF8" | b"UTF-8")
}

pub(super) fn split_word(text: &[u8]) -> (&[u8], &[u8]) {
    let blank = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
    (&text[..blank], text.get(blank + 1..).unwrap_or_default())
}

/// Digits only, up to 2⁶³−1 (threat A09).
pub(super) fn number(text: &[u8]) -> Option<u64> {
    let digits = text.trim_ascii();
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let number: u64 = std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()?;
    i64::try_from(number).is_ok().then_some(number)
}

pub(super) fn range(argument: &[u8]) -> Option<(u64, u64)> {
    let (first, last) = split_word(argument.trim_ascii());
    Some((number(first)?, number(last)?))
}

/// Six numbers without signs, blanks and leading zeros (threat D15).
pub(super) fn port(argument: &[u8]) -> Option<([u8; 4], u16)> {
    let fields: Option<Vec<u8>> = argument.split(|byte| *byte == b',').map(plain::<u8>).collect();
    match fields?[..] {
        [a, b, c, d, high, low] => Some(([a, b, c, d], u16::from_be_bytes([high, low]))),
        _ => None,
    }
}

pub(super) fn plain<Number: std::str::FromStr>(field: &[u8]) -> Option<Number> {
    let is_plain = field.iter().all(u8::is_ascii_digit) && (field.len() == 1 || field.first() != Some(&b'0'));
    std::str::from_utf8(field).ok().filter(|_| is_plain)?.parse().ok()
}

/// RFC 2428: the address; `None` for one that is not IPv4. 501 or 522 for others.
pub(super) fn extended_port(argument: &[u8]) -> Result<Option<([u8; 4], u16)>, u16> {
    let (delimiter, rest) = argument
        .split_first()
        .filter(|(first, _)| first.is_ascii_punctuation())
        .ok_or(501_u16)?;
    let fields: Vec<&[u8]> = rest.split(|byte| byte == delimiter).collect();
    let [protocol, host, port, b""] = fields[..] else {
        return Err(501);
    };
    let host = std::str::from_utf8(host).map_err(|_| 501_u16)?;
    let protocol: u32 = plain(protocol).ok_or(501_u16)?;
    let address = match protocol {
        1 => host
            .parse::<std::net::Ipv4Addr>()
            .map(|host| Some(host.octets()))
            .map_err(|_| 501_u16)?,
        2 => {
            let host = host.parse::<std::net::Ipv6Addr>().map_err(|_| 501_u16)?;
            host.to_ipv4_mapped().map(|host| host.octets())
        }
        _ => return Err(522),
    };
    let port: u16 = plain(port).filter(|port| *port > 0).ok_or(501_u16)?;
    Ok(address.map(|host| (host, port)))
}

/// Fourteen digits that are a time (RFC 3659 §2.3); a fraction may follow.
pub(super) fn is_time(text: &[u8]) -> bool {
    let field = |from: usize, to: usize| text.get(from..to).and_then(number).unwrap_or(0);
    let (year, month, day) = (field(0, 4), field(4, 6), field(6, 8));
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    text.len() == 14
        && text.iter().all(u8::is_ascii_digit)
        && year >= 1
        && (1..=12).contains(&month)
        && (1..=days).contains(&day)
        && field(8, 10) < 24
        && field(10, 12) < 60
        && field(12, 14) <= 59
}

/// A name that ends so is a directory's, for every command.
pub(super) fn names_directory(argument: &[u8]) -> bool {
    argument.ends_with(b"/") || argument.ends_with(b"/.") || argument.ends_with(b"/..")
}
