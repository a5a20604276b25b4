//! One client between turns: its control connection, its session, its data channel, and when each wait ends.
//!
//! An idle connection holds no buffer: input and output are allocated when there is something in them and freed when
//! they are empty again. `control.rs` takes lines in and carries the session's steps out; `opening.rs`, `pumping.rs` and
//! `finishing.rs` are a transfer from its command to its 226; `timeouts.rs` knows every deadline.

mod answering;
mod arming;
pub mod budgets;
mod control;
mod data_channel;
mod discarding;
mod finishing;
mod logins;
mod long_input;
mod opening;
mod publishing;
mod pumping;
mod recording;
mod replies;
pub mod shared;
mod timeouts;
mod verifying;

use crate::descriptors::Permit;
use crate::ftp::line::LineReader;
use crate::ftp::reply::Reply;
use crate::reactor::deadlines::Deadline;
use crate::reactor::pace::Pace;
use crate::reactor::socket::TcpSocket;
use crate::reactor::token::SlotId;
use crate::records::trace::Tone;
use crate::session::{Ending, Session};
use crate::target::Target;
use data_channel::DataChannel;
use long_input::LongInput;
use mio::Interest;
use mio::event::Event;
use shared::Shared;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Instant;

/// A client.
#[derive(Debug)]
pub struct Connection {
    slot: SlotId,
    control: Box<dyn TcpSocket>,
    _permit: Permit,
    session: Session,
    life: Life,
    input: LineReader,
    /// There while more waits than usual.
    long_input: Option<LongInput>,
    inbound: Inbound,
    output: Output,
    channel: DataChannel,
    ring: u16,
    /// Our end's address, once it is known.
    local_address: Option<IpAddr>,
    opened: Instant,
    /// Since when the client has been expected to log in: its arrival, or the REIN or USER that ended a visit.
    login_since: Instant,
    /// When the client last did something, or something was done for it.
    active: Instant,
    /// Bytes of all its transfers so far.
    sent: u64,
    received: u64,
    /// What limits the speed of its transfers: its own rate, and its account's.
    paces: [Option<Rc<Pace>>; 2],
    deadline: Deadline,
    is_queued: bool,
    is_unflushed: bool,
}

/// How far the control connection's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Serving,
    /// What is queued goes out, then it ends.
    Closing {
        since: Instant,
    },
    /// Our end is shut; what the client still sends is read away, so that the last reply is not lost to a reset.
    Draining {
        since: Instant,
    },
    Gone,
}

/// What is known of the bytes that wait in the control socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inbound {
    /// Read until it would block; an event will tell of more.
    Drained,
    /// There may be more, and no event will come for it. `to_the_end`: a short read proves nothing, because the peer's
    /// FIN or urgent data was announced with the same event.
    Unread { to_the_end: bool },
    /// The client has closed its end.
    Ended,
}

/// Replies on their way out.
#[derive(Debug, Default)]
struct Output {
    bytes: Vec<u8>,
    written: usize,
    /// Since when the client's window has been full.
    blocked: Option<Instant>,
    is_registered: bool,
}

impl Output {
    /// What is still to be written.
    fn unwritten(&self) -> &[u8] {
        // Never more is written than there is.
        self.bytes.get(self.written..).unwrap_or_default()
    }
}

impl Connection {
    /// A client that was just accepted. `address`: our end's, where the listener is bound to one.
    pub fn new(
        slot: SlotId,
        control: Box<dyn TcpSocket>,
        permit: Permit,
        session: Session,
        ring: u16,
        address: Option<IpAddr>,
        now: Instant,
    ) -> Self {
        Self {
            slot,
            control,
            _permit: permit,
            session,
            life: Life::Serving,
            input: LineReader::new(),
            long_input: None,
            inbound: Inbound::Drained,
            output: Output::default(),
            channel: DataChannel::Unarmed,
            ring,
            local_address: address,
            opened: now,
            login_since: now,
            active: now,
            sent: 0,
            received: 0,
            paces: [None, None],
            deadline: Deadline::new(now),
            is_queued: false,
            is_unflushed: false,
        }
    }

    /// Registers the control socket and greets the client.
    pub fn greet(&mut self, banner: &Reply, shared: &mut Shared) {
        let interest = Interest::READABLE | Interest::PRIORITY;
        let token = Target::Control(self.slot).into();
        match self.control.register(&shared.registry, token, interest, false) {
            Ok(()) => self.say(banner),
            Err(_) => self.vanish(Ending::ServerError, shared),
        }
    }

    /// The conversation.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// When the client was accepted.
    pub fn opened(&self) -> Instant {
        self.opened
    }

    /// When it last did something.
    pub fn active(&self) -> Instant {
        self.active
    }

    /// The data channel.
    pub fn channel(&self) -> &DataChannel {
        &self.channel
    }

    /// The ring whose ports are announced to this client.
    pub fn ring(&self) -> u16 {
        self.ring
    }

    /// When the connection has to be looked at if nothing happens before.
    pub fn deadline(&mut self) -> &mut Deadline {
        &mut self.deadline
    }

    /// Whether the connection can be taken out of its slot.
    pub fn is_gone(&self) -> bool {
        self.life == Life::Gone
    }

    /// Whether nothing is under way that a shutdown should wait for.
    pub fn is_idle(&self) -> bool {
        self.life == Life::Serving && self.session.is_ready()
    }

    /// State of conversation and data channel, for traces and summaries.
    pub fn describe(&self) -> String {
        format!("{}, data {}", self.session.state_name(), self.channel.name())
    }

    /// Tells what woke the connection.
    pub fn tell_wake(&self, socket: &str, event: &Event, shared: &Shared) {
        let number = self.session.number();
        shared.trace.tell(Tone::Wake, || {
            let readable = if event.is_readable() { " readable" } else { "" };
            let writable = if event.is_writable() { " writable" } else { "" };
            let closed = if event.is_read_closed() {
                ", closed by the client"
            } else {
                ""
            };
            format!("session {number} wakes: {socket} connection is{readable}{writable}{closed}")
        });
    }

    /// Comes back in this turn or the next: something was left undone although no event will tell of it.
    pub fn come_back(&mut self, shared: &mut Shared) {
        if !self.is_queued {
            self.is_queued = true;
            shared.ready.push(Target::Control(self.slot));
            let number = self.session.number();
            shared
                .trace
                .tell(Tone::Ahead, || format!("  session {number} goes to the ready queue"));
        }
    }

    /// The ready queue has brought the connection back: takes up what was left. Waiting commands are served after it.
    pub fn resume(&mut self, shared: &mut Shared) {
        self.is_queued = false;
        if self.has_data_to_move() {
            self.data_ready(shared);
        }
        self.continue_answer(shared);
    }

    /// After every step: sees to it that what the step left behind is taken up again.
    pub fn settle(&mut self, shared: &mut Shared) {
        let has_output = !self.output.bytes.is_empty() || matches!(self.life, Life::Closing { .. });
        if has_output && !self.is_unflushed && self.output.blocked.is_none() {
            self.is_unflushed = true;
            shared.unflushed.push(self.slot);
        }
        let due = self.due(shared);
        shared.deadlines.arm(self.slot, &mut self.deadline, due);
    }
}

/// What tests of the loop look at.
#[cfg(test)]
impl Connection {
    pub fn control_socket(&self) -> &dyn TcpSocket {
        &*self.control
    }

    pub fn is_drained(&self) -> bool {
        self.inbound == Inbound::Drained
    }
}
