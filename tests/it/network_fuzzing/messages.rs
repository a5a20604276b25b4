//! What a fuzzing client sends: written conversations, mutated message by message.

use crate::grid::STRINGS;
use harness::tree::noise;
use std::net::{Ipv4Addr, SocketAddrV4};

/// Numbers that depend on a seed alone (SplitMix64).
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.number() % limit.max(1) as u64) as usize
    }

    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

const LOGIN: &str = "USER anonymous\nPASS x\nTYPE I";

/// The written conversations. `PORT P` and `EPRT P` get an address of the client.
#[rustfmt::skip]
const SEEDS: [&str; 30] = [
    LOGIN,
    "USER anonymous\nPASS wrong\nUSER alice\nPASS secret\nREIN\nUSER anonymous\nPASS x",
    "PASV\nLIST",
    "PASV\nNLST d\nPASV\nMLSD\nMLST a.txt",
    "PORT P\nLIST",
    "EPRT P\nRETR a.txt",
    "EPSV\nRETR a.txt",
    "EPSV ALL\nEPSV\nRETR big",
    "PASV\nSTOR new",
    "PASV\nSTOU\nEPSV\nSTOU",
    "PASV\nREST 5\nRETR a.txt",
    "REST 3\nPASV\nSTOR a.txt\nPASV\nAPPE b.bin",
    "RNFR a.txt\nRNTO c.txt\nRNFR c.txt\nRNTO a.txt",
    "MKD sub\nCWD sub\nPWD\nCDUP\nRMD sub",
    "MFMT 20240101000000 a.txt\nMDTM a.txt\nMFF modify=20240101000000;UNIX.mode=0644; a.txt",
    "MDTM 20240101000000 a.txt\nSITE UTIME 20240101000000 a.txt\nSIZE a.txt",
    "SITE HELP\nSITE CHMOD 644 a.txt\nSITE UMASK",
    "HASH a.txt\nOPTS HASH SHA-256\nHASH big\nXCRC b.bin\nXMD5 a.txt\nXSHA1 a.txt 0 5\nRANG 1 4\nHASH a.txt",
    "STAT\nSTAT d\nSTAT a.txt",
    "PASV\nRETR big\nABOR\nPASV\nSTOR new\nABOR",
    "PASV\nRETR big\nSTAT\nNOOP\nPWD",
    "MODE Z\nPASV\nRETR big\nPASV\nSTOR new.z\nMODE S",
    "TYPE A\nPASV\nRETR big\nTYPE A N\nPASV\nSTOR text\nTYPE L 8\nTYPE I",
    "FEAT\nHELP\nHELP STOR\nSYST\nOPTS UTF8 ON\nOPTS MLST type;size;\nCLNT fuzz\nHOST localhost",
    "STRU F\nMODE S\nALLO 1000\nACCT x\nPRET RETR a.txt\nAVBL\nNOOP",
    "DELE new\nDELE c.txt\nRMD d\nXMKD e\nXRMD e\nXCWD d\nXCUP\nXPWD",
    "CWD d\nCWD ..\nCWD /\nCWD up\nLIST ../outside\nRETR out",
    "PASV\nPASV\nEPSV\nPORT P\nPASV\nLIST -la",
    "MLSD\nRETR a.txt\nSTOR x\nREST 7\nNOOP\nRNFR a.txt\nNOOP\nRNTO z",
    "RANG 0 3\nEPSV\nRETR a.txt\nREST 18446744073709551615\nREST 0",
];

const NUMBERS: [&str; 14] = [
    "0",
    "-1",
    "1",
    "127",
    "255",
    "256",
    "65535",
    "65536",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "18446744073709551616",
    "00000000000000000000000000000001",
    "99999999999999999999999999999999999999999999",
];

/// The messages of one session, each with its line end, and some of them joined.
pub fn session(chance: &mut Chance, active: SocketAddrV4) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    // Most sessions get beyond the login.
    let login = conversation(LOGIN, active);
    messages.extend(if chance.one_in(8) {
        mutated(login, chance)
    } else {
        login
    });
    for _ in 0..=chance.below(MOST_CONVERSATIONS) {
        let written = conversation(chance.pick::<&str>(&SEEDS), active);
        messages.extend(if chance.one_in(4) {
            written
        } else {
            mutated(written, chance)
        });
    }
    if !chance.one_in(16) {
        messages.push(b"QUIT\r\n".to_vec());
    }
    messages
}

/// Conversations in one session, after the login.
const MOST_CONVERSATIONS: usize = 16;

fn conversation(text: &str, active: SocketAddrV4) -> Vec<Vec<u8>> {
    let line = |line: &str| {
        let line = match line {
            "PORT P" => port_command(*active.ip(), active.port()),
            "EPRT P" => format!("EPRT |1|{}|{}|", active.ip(), active.port()),
            other => other.to_owned(),
        };
        format!("{line}\r\n").into_bytes()
    };
    text.lines().map(line).collect()
}

fn port_command(address: Ipv4Addr, port: u16) -> String {
    let [a, b, c, d] = address.octets();
    let [high, low] = port.to_be_bytes();
    format!("PORT {a},{b},{c},{d},{high},{low}")
}

fn mutated(mut messages: Vec<Vec<u8>>, chance: &mut Chance) -> Vec<Vec<u8>> {
    for _ in 0..=chance.below(3) {
        let place = chance.below(messages.len());
        let other = chance.below(messages.len());
        let kind = chance.below(13);
        let message = &mut messages[place];
        match kind {
            0 => {
                let byte = chance.below(message.len());
                message[byte] ^= 1 << chance.below(8);
            }
            1 => {
                let byte = chance.below(message.len());
                message[byte] = chance.number() as u8;
            }
            2 => {
                let length = chance.below(message.len());
                message.truncate(length);
                message.extend_from_slice(b"\r\n");
            }
            // Cut without a line end: joined with the next.
            3 => {
                let length = chance.below(message.len());
                message.truncate(length.max(1));
            }
            4 => *message = message.repeat(1 + chance.below(6)),
            5 => messages.swap(place, other),
            6 => drop(messages.remove(place)),
            7 => replace_number(message, chance),
            8 => {
                let argument = chance.pick(&STRINGS).0;
                replace_argument(message, argument);
            }
            9 => {
                let byte = chance.below(message.len());
                let inserted = chance.pick(&STRINGS).0;
                message.splice(byte..byte, inserted.iter().copied());
            }
            10 => message.retain(|byte| *byte != b'\r'),
            11 => {
                let limit = *chance.pick(&[9_000, 300, 300, 300, 300, 300, 30, 30]);
                let long = vec![b'a' + chance.below(26) as u8; 1 + chance.below(limit)];
                replace_argument(message, &long);
            }
            _ => {
                let argument = noise(chance.number() as u32, 1 + chance.below(40));
                replace_argument(message, &argument);
            }
        }
        if messages.is_empty() {
            messages.push(b"NOOP\r\n".to_vec());
        }
    }
    messages
}

fn replace_argument(message: &mut Vec<u8>, argument: &[u8]) {
    let verb = message
        .iter()
        .position(|byte| *byte == b' ')
        .unwrap_or(message.len().min(4));
    message.truncate(verb);
    message.push(b' ');
    message.extend_from_slice(argument);
    message.extend_from_slice(b"\r\n");
}

/// Replaces one run of digits, or adds a number.
fn replace_number(message: &mut Vec<u8>, chance: &mut Chance) {
    let number = chance.pick(&NUMBERS).as_bytes();
    let digits: Vec<usize> = (0..message.len())
        .filter(|place| message[*place].is_ascii_digit())
        .collect();
    if digits.is_empty() {
        return replace_argument(message, number);
    }
    let begin = *chance.pick(&digits);
    let length = message[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    message.splice(begin..begin + length, number.iter().copied());
}

/// Bytes for an upload: text, noise, zeros or a zlib stream, mostly short.
pub fn upload(chance: &mut Chance) -> Vec<u8> {
    let limit = if chance.one_in(64) { 300_000 } else { 3_000 };
    let length = chance.below(limit);
    match chance.below(5) {
        0 => Vec::new(),
        1 => b"a line of text\r\n".repeat(length / 16),
        2 => vec![0; length],
        3 => harness::mode_z::deflated(&vec![7; length]),
        _ => noise(chance.number() as u32, length),
    }
}
