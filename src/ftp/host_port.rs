//! Addresses on the control connection: PORT's six numbers and EPRT's delimited fields, and the same in 227 and 229
//! (RFC 959 §4.1.2, RFC 2428 §§2–3).
//!
//! Only the exact forms are accepted: lenient parsers of these have been security holes. Whether an address may be
//! connected to is decided elsewhere.

use crate::ftp::command::CommandError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Reads `h1,h2,h3,h4,p1,p2`: six numbers up to 255, no blanks, no leading zeros.
pub fn parse_port(argument: &[u8]) -> Result<SocketAddr, CommandError> {
    six_numbers(argument).ok_or(CommandError::BadAddress)
}

fn six_numbers(argument: &[u8]) -> Option<SocketAddr> {
    let mut fields = argument.split(|byte| *byte == b',').map(number::<u8>);
    let mut next = || fields.next().flatten();
    let host = Ipv4Addr::new(next()?, next()?, next()?, next()?);
    let port = u16::from_be_bytes([next()?, next()?]);
    fields.next().is_none().then(|| SocketAddr::new(host.into(), port))
}

/// A number of one to five digits without leading zeros.
fn number<Number: FromStr>(field: &[u8]) -> Option<Number> {
    let is_plain = field.iter().all(u8::is_ascii_digit) && (field.len() == 1 || !field.starts_with(b"0"));
    let digits = std::str::from_utf8(field).ok()?;
    digits.parse().ok().filter(|_| is_plain && digits.len() <= 5)
}

/// Reads `|1|132.235.1.2|6275|` or `|2|1080::8|5282|`; any printable delimiter. A v4-mapped address is IPv4.
pub fn parse_eprt(argument: &[u8]) -> Result<SocketAddr, CommandError> {
    let (protocol, host, port) = three_fields(argument).ok_or(CommandError::BadAddress)?;
    let host = match protocol {
        1 => host.parse::<Ipv4Addr>().map(IpAddr::V4),
        2 => host.parse::<Ipv6Addr>().map(IpAddr::V6),
        _ => return Err(CommandError::UnsupportedProtocol),
    };
    match (host, number(port)) {
        (Ok(host), Some(port @ 1..)) => Ok(SocketAddr::new(host.to_canonical(), port)),
        _ => Err(CommandError::BadAddress),
    }
}

/// Protocol, address and port between delimiters.
fn three_fields(argument: &[u8]) -> Option<(u32, &str, &[u8])> {
    let (delimiter, rest) = argument
        .split_first()
        .filter(|(first, _)| first.is_ascii_punctuation())?;
    let mut fields = rest.strip_suffix(&[*delimiter])?.split(|byte| byte == delimiter);
    let (protocol, host, port) = (number(fields.next()?)?, fields.next()?, fields.next()?);
    let is_all = fields.next().is_none();
    is_all.then_some((protocol, std::str::from_utf8(host).ok()?, port))
}

/// The address in the text of a 227: six numbers in parentheses.
pub fn passive_address(text: &[u8]) -> Option<SocketAddr> {
    in_parentheses(text).and_then(six_numbers)
}

/// The port in the text of a 229: `(|||port|)`.
pub fn extended_passive_port(text: &[u8]) -> Option<u16> {
    let digits = in_parentheses(text)?.strip_prefix(b"|||")?.strip_suffix(b"|")?;
    number(digits)
}

fn in_parentheses(text: &[u8]) -> Option<&[u8]> {
    let open = text.iter().position(|byte| *byte == b'(')?;
    let inside = text.get(open + 1..)?;
    let close = inside.iter().position(|byte| *byte == b')')?;
    inside.get(..close)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn d15_port_accepts_exactly_six_plain_numbers() {
        let address = SocketAddr::from(([127, 0, 0, 1], 1025));
        assert_eq!(parse_port(b"127,0,0,1,4,1"), Ok(address));
        let bad_numbers = [
            "1,2,3,4,256,1",
            "-1,2,3,4,5,6",
            "010,2,3,4,5,6",
            "1, 2,3,4,5,6",
            "1,2,3,4,5,0x10",
        ];
        let bad_forms = [
            "1,2,3,4,5",
            "1,2,3,4,5,6,7",
            "1,2,3,4,5,6,",
            "",
            "a,b,c,d,e,f",
            "1,2,3,4,5,",
            "+1,2,3,4,5,6",
        ];
        for bad in bad_numbers.iter().chain(&bad_forms) {
            assert_eq!(parse_port(bad.as_bytes()), Err(CommandError::BadAddress), "{bad}");
        }
    }

    #[test]
    fn d14_eprt_accepts_only_the_forms_of_rfc_2428() {
        let v4 = SocketAddr::from(([132, 235, 1, 2], 6275));
        let v6 = SocketAddr::from(([0x1080, 0, 0, 0, 8, 0x800, 0x200c, 0x417a], 5282));
        let no_protocol = Err(CommandError::UnsupportedProtocol);
        let bad = Err(CommandError::BadAddress);
        for (argument, parsed) in [
            ("|1|132.235.1.2|6275|", Ok(v4)),
            ("!1!132.235.1.2!6275!", Ok(v4)),
            ("|2|::ffff:132.235.1.2|6275|", Ok(v4)),
            ("|2|1080::8:800:200C:417A|5282|", Ok(v6)),
            ("|3|1.2.3.4|5282|", no_protocol),
            ("|99999|1.2.3.4|5282|", no_protocol),
            ("|100000|1.2.3.4|5282|", bad),
            ("", bad),
            ("|", bad),
            ("||", bad),
            ("|1|1.2.3.4|5282", bad),
            ("|1|1.2.3.4|5282||", bad),
            ("|1|1.2.3.4|0|", bad),
            ("|1|1.2.3.4|65536|", bad),
            ("|1|1.2.3.4| 1025|", bad),
            ("|2|fe80::1%eth0|1025|", bad),
            ("|1|::1|1025|", bad),
            ("|2|1.2.3.4|1025|", bad),
            ("|1|1.2.3|1025|", bad),
            (" 1 1.2.3.4 1025 ", bad),
            ("11111.2.3.4110251", bad),
        ] {
            assert_eq!(parse_eprt(argument.as_bytes()), parsed, "{argument}");
        }
    }

    #[test]
    fn announced_addresses_are_found_in_their_replies() {
        let address = SocketAddr::from(([127, 0, 0, 1], 1025));
        assert_eq!(
            passive_address(b"Entering Passive Mode (127,0,0,1,4,1)."),
            Some(address)
        );
        assert_eq!(
            extended_passive_port(b"Entering Extended Passive Mode (|||6446|)"),
            Some(6446)
        );
        for bad in ["", "(", "()", "(1,2,3,4,5)", "(|||70000|)", "(|||1|", ")("] {
            assert_eq!(passive_address(bad.as_bytes()), None, "{bad}");
            assert_eq!(extended_passive_port(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn d14_written_addresses_are_parsed_back(address: [u8; 4], port in 1..=u16::MAX) {
            let [a, b, c, d] = address;
            let [high, low] = port.to_be_bytes();
            let expected = SocketAddr::from((address, port));
            let six = format!("{a},{b},{c},{d},{high},{low}");
            prop_assert_eq!(parse_port(six.as_bytes()), Ok(expected));
            let delimited = format!("|1|{}|{port}|", expected.ip());
            prop_assert_eq!(parse_eprt(delimited.as_bytes()), Ok(expected));
        }

        #[test]
        fn d14_no_bytes_make_the_parsers_panic(bytes: Vec<u8>) {
            let _ = parse_port(&bytes);
            let _ = parse_eprt(&bytes);
        }
    }
}
