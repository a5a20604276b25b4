//! PORT and EPRT: what is read, written in the RFC's form, is read as the same; addresses in replies are found again.

use loopftpd::ftp::command::CommandError;
use loopftpd::ftp::host_port::{extended_passive_port, parse_eprt, parse_port, passive_address};
use std::net::{IpAddr, SocketAddr};

pub fn check(input: &[u8]) {
    match parse_port(input) {
        Ok(address) => {
            // There is one spelling, so what was read is what is written.
            assert_eq!(six_numbers(address).as_deref(), Some(input), "the only spelling");
            check_written(address);
        }
        Err(error) => assert_eq!(error, CommandError::BadAddress),
    }
    match parse_eprt(input) {
        Ok(address) => {
            assert_ne!(address.port(), 0);
            assert_eq!(address.ip(), address.ip().to_canonical(), "a v4-mapped address is IPv4");
            check_written(address);
            let fields = input.iter().filter(|byte| **byte == input[0]).count();
            assert_eq!(fields, 4, "four delimiters");
        }
        Err(error) => assert!(matches!(
            error,
            CommandError::BadAddress | CommandError::UnsupportedProtocol
        )),
    }
    if let Some(address) = passive_address(input) {
        let text = format!(
            "({})",
            String::from_utf8(six_numbers(address).expect("IPv4")).expect("digits")
        );
        let is_there = input.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(is_there, "{text} is in the reply");
    }
    if let Some(port) = extended_passive_port(input) {
        let text = format!("(|||{port}|)");
        assert!(
            input.windows(text.len()).any(|window| window == text.as_bytes()),
            "{text} is in the reply"
        );
    }
}

fn check_written(address: SocketAddr) {
    if let Some(six) = six_numbers(address) {
        assert_eq!(parse_port(&six), Ok(address));
        let reply = [b"Entering Passive Mode (", &six[..], b")"].concat();
        assert_eq!(passive_address(&reply), Some(address));
    }
    if address.port() == 0 {
        return;
    }
    let protocol = if address.is_ipv4() { 1 } else { 2 };
    for delimiter in ["|", "!", "~"] {
        let fields = [
            String::new(),
            protocol.to_string(),
            address.ip().to_string(),
            address.port().to_string(),
        ];
        let written = fields.join(delimiter) + delimiter;
        assert_eq!(parse_eprt(written.as_bytes()), Ok(address), "{written}");
    }
    let reply = format!("Entering Extended Passive Mode (|||{}|)", address.port());
    assert_eq!(extended_passive_port(reply.as_bytes()), Some(address.port()));
}

fn six_numbers(address: SocketAddr) -> Option<Vec<u8>> {
    let IpAddr::V4(host) = address.ip() else {
        return None;
    };
    let [a, b, c, d] = host.octets();
    let [high, low] = address.port().to_be_bytes();
    Some(format!("{a},{b},{c},{d},{high},{low}").into_bytes())
}
