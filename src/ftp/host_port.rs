//! Addresses on the control connection: PORT's six numbers and EPRT's delimited fields, and the same in 227 and 229
//! (RFC 959 §4.1.2, RFC 2428 §§2–3).
//!
//! Only the exact forms are accepted: lenient parsers of these have been security holes. Whether an address may be
//! connected to is decided elsewhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Why EPRT's argument is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EprtError {
    #[error("not delimited fields")]
    Syntax,
    /// A network protocol other than 1 (IPv4) and 2 (IPv6).
    #[error("unknown network protocol")]
    Protocol,
}

/// Reads `h1,h2,h3,h4,p1,p2`: six numbers up to 255, no blanks, no leading zeros.
pub fn parse_port(argument: &[u8]) -> Option<SocketAddr> {
    let mut fields = argument.split(|byte| *byte == b',').map(parse_byte);
    let mut next = || fields.next().flatten();
    let host = Ipv4Addr::new(next()?, next()?, next()?, next()?);
    let port = u16::from_be_bytes([next()?, next()?]);
    match fields.next() {
        None => Some(SocketAddr::new(host.into(), port)),
        Some(_) => None,
    }
}

fn parse_byte(field: &[u8]) -> Option<u8> {
    parse_number(field).and_then(|number| u8::try_from(number).ok())
}

/// A number of one to five digits without leading zeros.
fn parse_number(field: &[u8]) -> Option<u32> {
    let is_plain = (1..=5).contains(&field.len())
        && field.iter().all(u8::is_ascii_digit)
        && (field.len() == 1 || field.first() != Some(&b'0'));
    is_plain.then(|| {
        field
            .iter()
            .fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
    })
}

/// Reads `|1|132.235.1.2|6275|` or `|2|1080::8|5282|`; any printable delimiter. A v4-mapped address is IPv4.
pub fn parse_eprt(argument: &[u8]) -> Result<SocketAddr, EprtError> {
    let (delimiter, rest) = argument.split_first().ok_or(EprtError::Syntax)?;
    if !(33..=126).contains(delimiter) || delimiter.is_ascii_alphanumeric() {
        return Err(EprtError::Syntax);
    }
    let mut fields = rest.split(|byte| byte == delimiter);
    let mut next = || fields.next().ok_or(EprtError::Syntax);
    let (protocol, host, port, end) = (next()?, next()?, next()?, next()?);
    if !end.is_empty() || fields.next().is_some() {
        return Err(EprtError::Syntax);
    }
    let protocol = parse_number(protocol).ok_or(EprtError::Syntax)?;
    let host = std::str::from_utf8(host).map_err(|_| EprtError::Syntax)?;
    let host = match protocol {
        1 => host.parse::<Ipv4Addr>().map(IpAddr::V4),
        2 => host.parse::<Ipv6Addr>().map(IpAddr::V6),
        _ => return Err(EprtError::Protocol),
    }
    .map_err(|_| EprtError::Syntax)?;
    let port = parse_number(port)
        .and_then(|port| u16::try_from(port).ok())
        .filter(|port| *port > 0)
        .ok_or(EprtError::Syntax)?;
    Ok(SocketAddr::new(host.to_canonical(), port))
}

/// The address in the text of a 227: six numbers in parentheses.
pub fn passive_address(text: &[u8]) -> Option<SocketAddr> {
    in_parentheses(text).and_then(parse_port)
}

/// The port in the text of a 229: `(|||port|)`.
pub fn extended_passive_port(text: &[u8]) -> Option<u16> {
    let digits = in_parentheses(text)?.strip_prefix(b"|||")?.strip_suffix(b"|")?;
    parse_number(digits).and_then(|port| u16::try_from(port).ok())
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
        assert_eq!(
            parse_port(b"127,0,0,1,4,1"),
            Some(SocketAddr::from(([127, 0, 0, 1], 1025)))
        );
        for bad in [
            "1,2,3,4,256,1",
            "-1,2,3,4,5,6",
            "010,2,3,4,5,6",
            "1, 2,3,4,5,6",
            "1,2,3,4,5",
            "1,2,3,4,5,6,7",
            "1,2,3,4,5,6,",
            "",
            "a,b,c,d,e,f",
            "1,2,3,4,5,",
            "1,2,3,4,5,0x10",
            "+1,2,3,4,5,6",
        ] {
            assert_eq!(parse_port(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn d14_eprt_accepts_only_the_forms_of_rfc_2428() {
        let v4 = SocketAddr::from(([132, 235, 1, 2], 6275));
        assert_eq!(parse_eprt(b"|1|132.235.1.2|6275|"), Ok(v4));
        assert_eq!(parse_eprt(b"!1!132.235.1.2!6275!"), Ok(v4));
        assert_eq!(
            parse_eprt(b"|2|::ffff:132.235.1.2|6275|"),
            Ok(v4),
            "mapped addresses are IPv4"
        );
        assert!(parse_eprt(b"|2|1080::8:800:200C:417A|5282|").is_ok());
        assert_eq!(parse_eprt(b"|3|1.2.3.4|5282|"), Err(EprtError::Protocol));
        for bad in [
            "",
            "|",
            "|1|1.2.3.4|5282",
            "|1|1.2.3.4|5282||",
            "|1|1.2.3.4|0|",
            "|1|1.2.3.4|65536|",
            "|1|1.2.3.4| 1025|",
            "|2|fe80::1%eth0|1025|",
            "|1|::1|1025|",
            "|2|1.2.3.4|1025|",
            "|1|1.2.3|1025|",
            " 1 1.2.3.4 1025 ",
            "11111.2.3.4110251",
        ] {
            assert_eq!(parse_eprt(bad.as_bytes()), Err(EprtError::Syntax), "{bad}");
        }
    }

    #[test]
    fn announced_addresses_are_found_in_their_replies() {
        assert_eq!(
            passive_address(b"Entering Passive Mode (127,0,0,1,4,1)."),
            Some(SocketAddr::from(([127, 0, 0, 1], 1025)))
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
            prop_assert_eq!(parse_port(six.as_bytes()), Some(expected));
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
