//! A simulated client: a script of a session, played with pauses.

use super::wire::{ClientEnd, ServerEnd, wire};
use crate::random::Random;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// Bytes of the file that is fetched: its second half is more than the window of a data connection, so a transfer has to
/// wait for its client.
pub const FILE_BYTES: usize = 200_000;

/// What a client does in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Logs in, lists, fetches, leaves.
    Patient,
    /// Stops reading its file in the middle, but listens to its control connection.
    Stalling,
    /// Disappears in the middle of its file.
    Vanishing,
    /// Never logs in.
    Silent,
}

/// A client on its way.
#[derive(Debug)]
pub struct Client {
    pub kind: Kind,
    pub address: IpAddr,
    pub control: ClientEnd,
    data: Option<ClientEnd>,
    line: Vec<u8>,
    /// Replies so far, by their codes.
    pub codes: Vec<u16>,
    pub fetched: usize,
    pub listed: usize,
    port: Option<u16>,
    is_over: bool,
}

/// What a client has done to the server's side.
#[derive(Debug)]
pub enum Deed {
    /// Its control connection has something to read, or is closed.
    Control,
    /// It connects to a passive port.
    Connect(u16, ServerEnd),
    /// Its data connection was read from, or closed.
    Data,
}

impl Client {
    /// A client and the socket that the server is to accept.
    pub fn new(number: usize) -> (Self, ServerEnd) {
        let (server, control) = wire();
        let kind = match number % 20 {
            0 => Kind::Stalling,
            1 => Kind::Vanishing,
            2 => Kind::Silent,
            _ => Kind::Patient,
        };
        let client = Self {
            kind,
            // An address each, as clients of the world have.
            address: Ipv4Addr::from_bits(0x0a00_0001 + number as u32).into(),
            control,
            data: None,
            line: Vec::new(),
            codes: Vec::new(),
            fetched: 0,
            listed: 0,
            port: None,
            is_over: false,
        };
        (client, server)
    }

    /// Does what is next, if what it waits for is there. The pause before it looks again; `None`: it has left.
    pub fn act(&mut self, random: &mut Random, deeds: &mut Vec<Deed>) -> Option<Duration> {
        self.move_data(deeds);
        for byte in self.control.receive() {
            if byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.reply(&String::from_utf8_lossy(&line), deeds);
            } else {
                self.line.push(byte);
            }
        }
        if self.control.is_at_end() && !self.is_over {
            self.leave(deeds);
        }
        let is_busy = self.data.is_some();
        let pause = if is_busy { 20 } else { 2_000 };
        (!self.is_over).then(|| Duration::from_millis(1 + random.below(pause) as u64))
    }

    fn move_data(&mut self, deeds: &mut Vec<Deed>) {
        let Some(data) = &self.data else {
            return;
        };
        let is_fetching = self.codes.iter().filter(|code| **code == 227).count() == 2;
        let is_halfway = is_fetching && self.fetched >= FILE_BYTES / 2;
        match self.kind {
            Kind::Stalling if is_halfway => {
                if data.is_closed() {
                    assert!(data.is_reset(), "a part must not look like the whole");
                    self.data = None;
                }
                return;
            }
            Kind::Vanishing if is_halfway => {
                data.close();
                self.data = None;
                deeds.push(Deed::Data);
                return self.leave(deeds);
            }
            Kind::Patient | Kind::Stalling | Kind::Vanishing | Kind::Silent => {}
        }
        let count = data.receive().len();
        if is_fetching {
            self.fetched += count;
        } else {
            self.listed += count;
        }
        if data.is_at_end() {
            data.close();
            deeds.push(Deed::Data);
            self.data = None;
        } else if data.has_room_again() {
            deeds.push(Deed::Data);
        }
    }

    fn reply(&mut self, line: &str, deeds: &mut Vec<Deed>) {
        let code = line.get(..3).and_then(|code| code.parse().ok()).expect("a reply");
        assert_eq!(line.as_bytes().get(3), Some(&b' '), "of one line: {line}");
        self.codes.push(code);
        let ports = self.codes.iter().filter(|code| **code == 227).count();
        let next = match (code, ports) {
            (220, _) if self.kind == Kind::Silent => return,
            (220, _) => "USER anonymous",
            (331, _) => "PASS guest",
            (230, _) => "TYPE I",
            (200, _) | (226, 1) => "PASV",
            (227, ports) => {
                self.port = Some(port_of(line));
                if ports == 1 { "LIST" } else { "RETR /gen/200000.zero" }
            }
            (150, _) => {
                let (server, data) = wire();
                let port = self.port.take().expect("announced before");
                self.data = Some(data);
                return deeds.push(Deed::Connect(port, server));
            }
            (226 | 426, _) => "QUIT",
            (221 | 421, _) => return,
            other => panic!("{:?} is answered {other:?}: {line}", self.kind),
        };
        self.control.send(format!("{next}\r\n").as_bytes());
        deeds.push(Deed::Control);
    }

    fn leave(&mut self, deeds: &mut Vec<Deed>) {
        self.is_over = true;
        self.control.close();
        deeds.push(Deed::Control);
    }

    /// What the whole session must have been answered.
    pub fn expected(&self) -> &'static [u16] {
        match self.kind {
            Kind::Patient => &[220, 331, 230, 200, 227, 150, 226, 227, 150, 226, 221],
            Kind::Stalling => &[220, 331, 230, 200, 227, 150, 226, 227, 150, 426, 221],
            Kind::Vanishing => &[220, 331, 230, 200, 227, 150, 226, 227, 150],
            Kind::Silent => &[220, 421],
        }
    }
}

/// `227 Entering Passive Mode (127,0,0,1,p,q)`.
fn port_of(line: &str) -> u16 {
    let numbers: Vec<u16> = line
        .split(['(', ',', ')'])
        .filter_map(|number| number.trim().parse().ok())
        .collect();
    let [.., high, low] = numbers[..] else {
        panic!("an address: {line}");
    };
    high * 256 + low
}
