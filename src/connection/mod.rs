//! One client: its control connection, its session, its data channel, and what of it has to be remembered between
//! turns.
//!
//! An idle connection holds no buffer: input and output are allocated when there is something in them and freed when
//! they are empty again. The behaviour is in two files: `control.rs` (commands in, replies out) and `data.rs` (the data
//! connection); when each wait ends is in `timeouts.rs`.

mod arming;
mod control;
pub mod data_channel;
mod discarding;
mod long_input;
mod opening;
mod publishing;
mod pumping;
mod recording;
mod replies;
pub mod shared;
mod timeouts;
pub mod verifying;

use crate::connection::data_channel::DataChannel;
use crate::connection::long_input::LongInput;
use crate::connection::shared::Shared;
use crate::connection::verifying::Verification;
use crate::descriptors::Permit;
use crate::ftp::line::LineReader;
use crate::reactor::deadlines::Deadline;
use crate::reactor::pace::Pace;
use crate::reactor::token::SlotId;
use crate::records::trace::Tone;
use crate::session::{Attention, LongAnswer, Session};
use crate::target::Target;
use mio::event::Event;
use mio::net::TcpStream;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Instant;

/// A client.
#[derive(Debug)]
pub struct Connection {
    pub(crate) slot: SlotId,
    pub(crate) control: TcpStream,
    _permit: Permit,
    pub(crate) session: Session,
    pub(crate) life: Life,
    pub(crate) input: LineReader,
    /// There while more waits than usual.
    pub(crate) long_input: Option<LongInput>,
    pub(crate) inbound: Inbound,
    pub(crate) verification: Verification,
    pub(crate) output: Output,
    pub(crate) channel: DataChannel,
    /// An answer that is made a budget at a time and goes over the control connection.
    pub(crate) answer: Option<Box<LongAnswer>>,
    pub(crate) ring: u16,
    /// Our end's address, once it is known.
    pub(crate) local_address: Option<IpAddr>,
    pub(crate) opened: Instant,
    /// Since when the client has been expected to log in: its arrival, or the REIN or USER that ended a visit.
    pub(crate) login_since: Instant,
    /// When the client last did something, or something was done for it.
    pub(crate) active: Instant,
    /// Bytes of all its transfers so far.
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// What limits the speed of its transfers: its own rate, and its account's.
    pub(crate) paces: [Option<Rc<Pace>>; 2],
    pub(crate) deadline: Deadline,
    pub(crate) is_queued: bool,
    is_unflushed: bool,
}

/// How far the control connection's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
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
pub(crate) struct Output {
    pub(crate) bytes: Vec<u8>,
    pub(crate) written: usize,
    /// Since when the client's window has been full.
    pub(crate) blocked: Option<Instant>,
    pub(crate) is_registered: bool,
}

/// What a connection needs of the loop before it can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    Nothing,
    PassivePort,
}

impl Connection {
    /// A client that was just accepted. `address`: our end's, where the listener is bound to one.
    pub fn new(
        slot: SlotId,
        control: TcpStream,
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
            verification: Verification::NotAsked,
            output: Output::default(),
            channel: DataChannel::Unarmed,
            answer: None,
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

    /// Whether the connection can be taken out of its slot.
    pub fn is_gone(&self) -> bool {
        self.life == Life::Gone
    }

    /// Whether nothing is under way that a shutdown should wait for.
    pub fn is_idle(&self) -> bool {
        self.life == Life::Serving && self.session.attention() == Attention::Commands
    }

    /// State of conversation and data channel, for traces and summaries.
    pub fn describe(&self) -> String {
        format!("{}, data {}", self.session.state_name(), self.channel.name())
    }

    /// Tells what woke the connection.
    pub(crate) fn tell_wake(&self, socket: &str, event: &Event, shared: &Shared) {
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
    pub(crate) fn come_back(&mut self, shared: &mut Shared) {
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
    pub(crate) fn resume(&mut self, shared: &mut Shared) {
        self.is_queued = false;
        if self.has_data_to_move() {
            self.data_ready(shared);
        }
        self.continue_answer(shared);
    }

    /// After every step: sees to it that what the step left behind is taken up again.
    pub(crate) fn settle(&mut self, shared: &mut Shared) {
        let has_output = !self.output.bytes.is_empty() || matches!(self.life, Life::Closing { .. });
        if has_output && !self.is_unflushed && self.output.blocked.is_none() {
            self.is_unflushed = true;
            shared.unflushed.push(self.slot);
        }
        let due = self.due(&shared.settings);
        shared.deadlines.arm(self.slot, &mut self.deadline, due);
    }

    /// The loop writes its replies now.
    pub(crate) fn is_being_flushed(&mut self) {
        self.is_unflushed = false;
    }
}
