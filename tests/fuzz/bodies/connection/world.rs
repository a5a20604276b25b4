//! The server and its clients. Events of an input do one thing to a client or its connections, or let time pass.

use super::super::script::Numbers;
use super::client::{Client, check_secret};
use loopftpd::event_loop::simulation::{ClientEnd, Simulation};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// For a data connection, and for progress.
pub const TIMEOUT: Duration = Duration::from_secs(30);
/// Begins an event.
const ESCAPE: u8 = 0x1b;
/// Events of one input; what follows is text.
const EVENTS: usize = 200;
/// Turns in which the server may have work left at one moment without sending a reply.
const TURNS: usize = 2_000;
/// Bytes of commands, and of replies, that a session may hold.
const INPUT_MAX: usize = 64 * 1024;
const OUTPUT_MAX: usize = 32 * 1024;
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

pub struct World {
    server: Simulation,
    clients: Vec<Client>,
    current: usize,
    /// Data connections that their clients have replaced by others, and closed.
    replaced: Vec<ClientEnd>,
    descriptors: usize,
}

impl World {
    pub fn new(server: Simulation) -> Self {
        let descriptors = server.descriptors();
        let mut world = Self {
            server,
            clients: Vec::new(),
            current: 0,
            replaced: Vec::new(),
            descriptors,
        };
        world.connect();
        world
    }

    fn connect(&mut self) {
        let port = 40_000 + self.clients.len() as u16;
        let now = self.server.now();
        self.server.begin_turn(now);
        let control = self.server.connect(SocketAddr::new(ADDRESS, port));
        self.server.finish_turn();
        self.clients.push(Client::new(control));
    }

    pub fn play(&mut self, script: &[u8]) {
        let (mut rest, mut text) = (Numbers::of(script), Vec::new());
        let mut events = 0;
        while !rest.is_empty() {
            match rest.byte() {
                ESCAPE if events < EVENTS => {
                    events += 1;
                    let letter = rest.byte();
                    if letter == ESCAPE {
                        text.push(ESCAPE);
                        continue;
                    }
                    self.send(&std::mem::take(&mut text));
                    self.event(letter, &mut rest);
                }
                byte => text.push(byte),
            }
        }
        self.send(&text);
        self.run_until_quiet();
    }

    fn send(&mut self, text: &[u8]) {
        let client = &mut self.clients[self.current];
        if !text.is_empty() && !client.control.is_shut() {
            client.sent.extend_from_slice(text);
            client.control.send(text);
            self.turn();
        }
    }

    /// Does what the letter stands for.
    fn event(&mut self, letter: u8, rest: &mut Numbers<'_>) {
        let client = &mut self.clients[self.current];
        let data = client.data.clone();
        match letter {
            // The server does all that it can do now.
            b'n' => self.run_until_quiet(),
            // Time passes: from a millisecond to two minutes.
            b't' => self.advance(Duration::from_millis(1 << (rest.byte() % 18))),
            // A data connection to the port announced last, by this client or by another at the same port.
            b'c' | b'C' => {
                self.run_until_quiet();
                self.connect_data(if letter == b'c' { ADDRESS } else { STRANGER });
            }
            // Bytes on the data connection, from the input or many.
            b'd' => {
                let count = usize::from(rest.byte());
                let bytes = rest.bytes(count);
                if let Some(data) = data.filter(|data| !data.is_shut()) {
                    data.send(bytes);
                }
            }
            b'D' => {
                let count = usize::from(rest.byte()) * 256;
                if let Some(data) = data.filter(|data| !data.is_shut()) {
                    data.send(&b"0123456789\r\n".repeat(count / 12));
                }
            }
            // The data connection: read, read some, close, reset, another window, an interrupted call.
            b'r' => data.iter().for_each(|data| check_secret(&data.receive())),
            b'q' => {
                let count = usize::from(rest.byte()) * 64;
                data.iter().for_each(|data| check_secret(&data.receive_some(count)));
            }
            b'x' => data.iter().for_each(ClientEnd::close),
            b'X' => data.iter().for_each(ClientEnd::reset),
            b'v' => {
                let window = usize::from(rest.byte()) * 16;
                data.iter().for_each(|data| data.set_window(window));
            }
            b'I' => data.iter().for_each(ClientEnd::interrupt),
            // The control connection: stop and go on reading, another window, close, reset, urgent data, interruptions.
            b's' => {
                client.is_reading = false;
                client.is_rude = true;
            }
            b'S' => client.is_reading = true,
            b'w' => {
                client.is_rude = true;
                client.control.set_window(usize::from(rest.byte()));
            }
            b'z' => {
                client.is_rude = true;
                client.control.close();
            }
            b'Z' => {
                client.is_rude = true;
                client.control.reset();
            }
            b'u' => client.control.mark_urgent(),
            b'i' => client.control.interrupt(),
            // A long word.
            b'a' => {
                let count = usize::from(rest.byte()) * 32;
                self.send(&vec![b'a'; count]);
            }
            // Events without a cause.
            b'e' => {
                let now = self.server.now();
                self.server.begin_turn(now);
                self.deliver(true);
                self.server.finish_turn();
            }
            // Another client.
            b'1'..=b'3' => {
                self.current = usize::from(letter - b'1').min(self.clients.len());
                if self.current == self.clients.len() {
                    self.connect();
                }
            }
            _ => {}
        }
        self.turn();
    }

    fn connect_data(&mut self, peer: IpAddr) {
        let now = self.server.now();
        let client = &mut self.clients[self.current];
        let Some(port) = client.announced_port() else {
            return;
        };
        self.server.begin_turn(now);
        let data = self
            .server
            .connect_data(port, peer)
            .expect("an announced port is the server's");
        self.server.finish_turn();
        if peer == ADDRESS {
            self.use_data(data);
        } else {
            assert!(data.is_closed(), "a stranger is not served");
        }
    }

    fn use_data(&mut self, data: ClientEnd) {
        if let Some(old) = self.clients[self.current].data.replace(data) {
            old.close();
            self.replaced.push(old);
        }
    }

    /// One turn, with all events that are due.
    fn turn(&mut self) {
        let now = self.server.now();
        self.turn_at(now);
    }

    fn turn_at(&mut self, now: Duration) {
        self.server.begin_turn(now);
        self.deliver(false);
        self.server.finish_turn();
        for (address, data) in self.server.take_dialled() {
            assert!(
                address.ip() == ADDRESS && address.port() >= 1024,
                "it connects to {address}"
            );
            self.use_data(data);
        }
        for client in self.clients.iter_mut().filter(|client| client.is_reading) {
            client.received.extend(client.control.receive());
        }
        assert_eq!(self.server.counters().panics, 0);
        let (input, output) = self.server.most_buffered();
        assert!(input <= INPUT_MAX, "{input} bytes of commands");
        assert!(output <= OUTPUT_MAX, "{output} bytes of replies");
        let has_deadline = self.server.next_deadline().is_some();
        assert!(has_deadline || self.server.sessions() == 0, "a session waits for ever");
    }

    fn deliver(&mut self, are_spurious: bool) {
        for client in &self.clients {
            self.server.deliver(&client.control, are_spurious);
            if let Some(data) = &client.data {
                self.server.deliver(data, are_spurious);
            }
        }
        for data in &self.replaced {
            self.server.deliver(data, are_spurious);
        }
    }

    fn is_quiet(&self) -> bool {
        let has_event =
            |client: &Client| client.control.has_event() || client.data.as_ref().is_some_and(ClientEnd::has_event);
        let is_due = self.server.next_deadline().is_some_and(|at| at <= self.server.now());
        !is_due && !self.clients.iter().any(has_event) && !self.replaced.iter().any(ClientEnd::has_event)
    }

    fn run_until_quiet(&mut self) {
        let received = |world: &Self| world.clients.iter().map(|client| client.received.len()).sum::<usize>();
        let (mut turns, mut before) = (0, received(self));
        while !self.is_quiet() {
            self.turn();
            turns += 1;
            // A small window is read once a turn.
            if received(self) > before {
                (turns, before) = (0, received(self));
            }
            assert!(turns < TURNS, "the server is busy for {TURNS} turns");
        }
    }

    fn advance(&mut self, time: Duration) {
        let end = self.server.now() + time;
        self.run_until_quiet();
        while let Some(next) = self.server.next_deadline().filter(|next| *next <= end) {
            self.turn_at(next);
            self.run_until_quiet();
        }
        self.turn_at(end);
        self.run_until_quiet();
    }

    /// All clients become polite and read everything; then all that was sent is answered, and when they have gone,
    /// nothing is left of them.
    pub fn end(&mut self) {
        for client in &mut self.clients {
            client.is_reading = true;
            client.control.set_window(64 * 1024);
            client.data.iter().for_each(|data| data.set_window(64 * 1024));
        }
        self.run_until_quiet();
        // Each transfer may wait for its data connection, and the next begins only then.
        let rounds = self.clients.iter().map(Client::command_count).max().unwrap_or(0) + 2;
        for _ in 0..rounds {
            self.read_data();
            let is_open = |client: &&Client| !client.control.is_closed() && !client.control.is_shut();
            let mut open = self.clients.iter().filter(is_open);
            if open.all(|client| client.unanswered() == 0) {
                break;
            }
            self.advance(TIMEOUT + Duration::from_secs(1));
        }
        self.clients.iter().for_each(Client::check_replies);
        for client in &self.clients {
            client.control.close();
        }
        self.advance(3 * TIMEOUT);
        self.read_data();
        self.advance(3 * TIMEOUT);
        assert_eq!(self.server.sessions(), 0, "sessions without clients");
        assert_eq!(self.server.descriptors(), self.descriptors, "descriptors are left");
        assert!(self.server.is_idle(), "work or a deadline is left");
        assert!(
            self.replaced.iter().all(ClientEnd::is_closed),
            "a replaced data connection is open"
        );
        for client in &self.clients {
            assert!(client.control.is_closed());
            assert!(
                client.data.as_ref().is_none_or(ClientEnd::is_closed),
                "the data connection is closed"
            );
        }
    }

    fn read_data(&mut self) {
        // The largest file, in windows, and under a speed limit.
        for _ in 0..20 {
            let mut count = 0;
            for data in self.clients.iter().filter_map(|client| client.data.as_ref()) {
                let bytes = data.receive();
                check_secret(&bytes);
                count += bytes.len();
            }
            if count == 0 {
                break;
            }
            self.run_until_quiet();
        }
        for data in self.clients.iter().filter_map(|client| client.data.as_ref()) {
            data.close();
        }
        self.run_until_quiet();
    }
}
