//! A simulated client, which runs a fixed sequence of commands with pauses.

use super::ClientEnd;
use crate::event_loop::tests::passive_port;
use crate::random::Random;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// The size of the downloaded file. Its second half is larger than the window of a data connection, so the transfer has
/// to wait for the client.
pub const FILE_BYTES: usize = 200_000;

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Logs in, lists, downloads, quits.
    Patient,
    /// Stops reading in the middle of the download, but keeps reading replies.
    Stalling,
    /// Closes both connections in the middle of the download.
    Vanishing,
    /// Never logs in.
    Silent,
}

/// A client and its progress.
#[derive(Debug)]
pub struct SimulatedClient {
    pub behaviour: Behaviour,
    pub address: IpAddr,
    /// `None`: it has not connected yet.
    pub control: Option<ClientEnd>,
    pub data: Option<ClientEnd>,
    line: Vec<u8>,
    /// The codes of the replies so far.
    pub codes: Vec<u16>,
    pub fetched: usize,
    pub listed: usize,
    port: Option<u16>,
    is_over: bool,
}

/// An effect of a client on the server.
#[derive(Debug)]
pub enum Action {
    /// A connection to a passive port.
    Connect(u16),
    /// The client has sent something, made room or closed its end.
    Act(ClientEnd),
}

impl SimulatedClient {
    pub fn new(number: usize) -> Self {
        let behaviour = match number % 20 {
            0 => Behaviour::Stalling,
            1 => Behaviour::Vanishing,
            2 => Behaviour::Silent,
            _ => Behaviour::Patient,
        };
        Self {
            behaviour,
            // Each client has its own address.
            address: Ipv4Addr::from_bits(0x0a00_0001 + number as u32).into(),
            control: None,
            data: None,
            line: Vec::new(),
            codes: Vec::new(),
            fetched: 0,
            listed: 0,
            port: None,
            is_over: false,
        }
    }

    /// Reads what has arrived and reacts. Returns the pause until the next call; `None`: the client has finished.
    pub fn act(&mut self, random: &mut Random, actions: &mut Vec<Action>) -> Option<Duration> {
        let control = self.control.clone()?;
        self.move_data(&control, actions);
        for byte in control.receive() {
            if byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.reply(&String::from_utf8_lossy(&line), &control, actions);
            } else {
                self.line.push(byte);
            }
        }
        if control.is_at_end() && !self.is_over {
            self.leave(&control, actions);
        }
        let is_busy = self.data.is_some();
        let pause = if is_busy { 20 } else { 2_000 };
        (!self.is_over).then(|| Duration::from_millis(1 + random.below(pause) as u64))
    }

    fn move_data(&mut self, control: &ClientEnd, actions: &mut Vec<Action>) {
        let Some(data) = self.data.clone() else {
            return;
        };
        let is_fetching = self.codes.iter().filter(|code| **code == 227).count() == 2;
        let is_halfway = is_fetching && self.fetched >= FILE_BYTES / 2;
        match self.behaviour {
            Behaviour::Stalling if is_halfway => {
                if data.is_closed() {
                    assert!(data.is_reset(), "an incomplete file must not end with a FIN");
                    self.data = None;
                }
                return;
            }
            Behaviour::Vanishing if is_halfway => {
                data.close();
                self.data = None;
                actions.push(Action::Act(data));
                return self.leave(control, actions);
            }
            Behaviour::Patient | Behaviour::Stalling | Behaviour::Vanishing | Behaviour::Silent => {}
        }
        let count = data.receive().len();
        if is_fetching {
            self.fetched += count;
        } else {
            self.listed += count;
        }
        if data.is_at_end() {
            data.close();
            self.data = None;
        }
        actions.push(Action::Act(data));
    }

    fn reply(&mut self, line: &str, control: &ClientEnd, actions: &mut Vec<Action>) {
        let code = line.get(..3).and_then(|code| code.parse().ok()).expect("a reply");
        assert_eq!(line.as_bytes().get(3), Some(&b' '), "of one line: {line}");
        self.codes.push(code);
        let ports = self.codes.iter().filter(|code| **code == 227).count();
        let next = match (code, ports) {
            (220, _) if self.behaviour == Behaviour::Silent => return,
            (220, _) => "USER anonymous",
            (331, _) => "PASS guest",
            (230, _) => "TYPE I",
            (200, _) | (226, 1) => "PASV",
            (227, ports) => {
                self.port = Some(passive_port(line));
                if ports == 1 { "LIST" } else { "RETR /gen/200000.zero" }
            }
            (150, _) => {
                let port = self.port.take().expect("announced before");
                return actions.push(Action::Connect(port));
            }
            (226 | 426, _) => "QUIT",
            (221 | 421, _) => return,
            other => panic!("{:?} is answered {other:?}: {line}", self.behaviour),
        };
        control.send(format!("{next}\r\n").as_bytes());
        actions.push(Action::Act(control.clone()));
    }

    fn leave(&mut self, control: &ClientEnd, actions: &mut Vec<Action>) {
        self.is_over = true;
        control.close();
        actions.push(Action::Act(control.clone()));
    }

    /// The expected codes of the whole session.
    pub fn expected(&self) -> &'static [u16] {
        match self.behaviour {
            Behaviour::Patient => &[220, 331, 230, 200, 227, 150, 226, 227, 150, 226, 221],
            Behaviour::Stalling => &[220, 331, 230, 200, 227, 150, 226, 227, 150, 426, 221],
            Behaviour::Vanishing => &[220, 331, 230, 200, 227, 150, 226, 227, 150],
            Behaviour::Silent => &[220, 421],
        }
    }
}
