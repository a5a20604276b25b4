//! One client: its control connection, its session, its data channel, and the deadline of each wait.
//!
//! An idle connection holds no buffer: input and output are allocated when there is something in them and freed when
//! they are empty again. `control.rs` takes lines in and carries the session's steps out; `opening.rs`, `pumping.rs`
//! and `finishing.rs` are a transfer from its command to its 226; `timeouts.rs` knows every deadline.

mod arming;
mod control;
mod data_channel;
mod discarding;
mod finishing;
mod logins;
pub mod opening;
pub mod phase;
mod pumping;
mod recording;
mod replies;
mod securing;
pub mod shared;
mod timeouts;
mod verifying;

use crate::descriptors::Permit;
use crate::ftp::{line::LineReader, reply::Reply};
use crate::reactor::{deadlines::Deadline, pace::Pace, socket::TcpSocket, token::SlotId};
use crate::records::session_event::SessionEvent;
use crate::session::{Ending, Session};
use crate::target::Target;
use crate::tls::ClientTls;
use crate::trace::{self, Client, Kind, call::closing};
use data_channel::DataChannel;
use mio::Interest;
use shared::Shared;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Instant;

/// One client.
#[derive(Debug)]
pub struct Connection {
    slot: SlotId,
    control: Box<dyn TcpSocket>,
    /// What its data connections need to use TLS; `None`: the control connection is clear.
    tls: Option<Box<ClientTls>>,
    _permit: Permit,
    session: Session,
    life: Life,
    input: LineReader,
    /// Held while more input is queued than usual, see [`Shared::permit_long_input`].
    long_input: Option<Rc<()>>,
    inbound: Inbound,
    output: Output,
    channel: DataChannel,
    ring: u16,
    /// The server's address on this connection, once it is known.
    local_address: Option<IpAddr>,
    opened: Instant,
    /// Start of the login timeout: the accept, or the REIN or USER that ended the last login.
    login_since: Instant,
    /// Last activity of the client or for it.
    active: Instant,
    /// Bytes of all transfers so far.
    sent: u64,
    received: u64,
    /// Speed limits of its transfers: `--rate-limit`, and the account's.
    paces: [Option<Rc<Pace>>; 2],
    deadline: Deadline,
    is_queued: bool,
    is_unflushed: bool,
}

/// Progress of closing the control connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// The TLS handshake of the control connection is under way. `greets`: the banner follows (implicit TLS).
    Securing {
        since: Instant,
        greets: bool,
    },
    Serving,
    /// Queued replies are written, then it closes.
    Closing {
        since: Instant,
    },
    /// Our direction is shut down. Input is read and dropped: closing with unread input would reset the connection and
    /// could lose the last reply.
    Lingering {
        since: Instant,
    },
    Gone,
}

/// What is known about unread bytes in the control socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inbound {
    /// Read until `WouldBlock`; an event reports more.
    Drained,
    /// There may be more, and no event will report it. `to_the_end`: a short read does not prove that the socket is
    /// empty, because the event also reported the peer's FIN or urgent data.
    Unread { to_the_end: bool },
    /// The client has closed its direction.
    Ended,
}

/// Replies that are not written yet.
#[derive(Debug, Default)]
struct Output {
    bytes: Vec<u8>,
    written: usize,
    /// Since when the socket has had no room.
    blocked: Option<Instant>,
    is_registered: bool,
}

impl Output {
    /// Queues a reply of a session.
    fn push(&mut self, reply: &Reply, session: u64, shared: &mut Shared) {
        let before = self.bytes.len();
        reply.write_to(&mut self.bytes);
        if let Some(tallies) = &mut shared.tallies {
            let lines = self.bytes.split_at(before).1;
            tallies.reply(session, lines.split(|byte| *byte == b'\r').next().unwrap_or_default());
        }
    }

    /// What is still to be written.
    fn unwritten(&self) -> &[u8] {
        // `written` counts bytes of `bytes`, so it is never beyond the end.
        self.bytes.split_at(self.written).1
    }
}

impl Connection {
    /// A client that was just accepted. `address`: the server's, if the listener is bound to one.
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
            tls: None,
            _permit: permit,
            session,
            life: Life::Serving,
            input: LineReader::default(),
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

    /// Registers the control socket, and greets the client or, with implicit TLS, waits for its handshake.
    pub fn begin(&mut self, is_implicit_tls: bool, shared: &mut Shared) {
        trace::line(Kind::Change, || {
            format!("begins: {} has connected", self.session.client())
        });
        self.record(&SessionEvent::Connect, None, shared);
        let interest = Interest::READABLE | Interest::PRIORITY;
        let token = Target::Control(self.slot).into();
        match self.control.register(&shared.registry, token, interest, false) {
            Ok(()) if is_implicit_tls => {
                self.session.is_encrypted_from_start();
                self.start_tls(true, shared);
            }
            Ok(()) => self.greet(shared),
            Err(_) => self.drop_client(Ending::ServerError, shared),
        }
    }

    /// Queues the banner.
    fn greet(&mut self, shared: &mut Shared) {
        let banner = Reply::banner(&shared.options.banner);
        self.say(&banner, shared);
    }

    /// The conversation.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The data channel.
    pub fn channel(&self) -> &DataChannel {
        &self.channel
    }

    /// The entry in the deadlines.
    pub fn deadline(&mut self) -> &mut Deadline {
        &mut self.deadline
    }

    /// Whether the connection is over and its slot can be freed.
    pub fn is_gone(&self) -> bool {
        self.life == Life::Gone
    }

    /// Whether a shutdown need not wait for it.
    pub fn is_idle(&self) -> bool {
        self.life == Life::Serving && self.session.is_ready()
    }

    /// State of session and data channel, for traces and summaries.
    pub fn describe(&self) -> String {
        format!("{}, data {}", self.session.state_name(), self.channel.name())
    }

    /// Logs what the connection is doing.
    pub fn log_status(&self, now: Instant) {
        log::info!(
            "session {}: {} for {:?}, {}, {} bytes moved, quiet for {:?}",
            self.session.number(),
            self.session.peer(),
            now.saturating_duration_since(self.opened),
            self.describe(),
            self.channel.moved(),
            now.saturating_duration_since(self.active)
        );
    }

    /// Whom the trace is about while this connection is served.
    pub fn traced_client(&self) -> Client {
        Client {
            session: self.session.number(),
            address: self.session.peer(),
        }
    }

    /// Traces what has changed since the last call.
    pub fn trace_states(&self) {
        trace::states(|| [self.session.state_name(), self.channel.name().to_owned()]);
    }

    /// Traces the close of the control connection.
    pub fn trace_end(&self) {
        if let Some(socket) = self.control.descriptor() {
            closing(&socket);
        }
        trace::line(Kind::Change, || "is over".to_owned());
    }

    /// Puts the connection onto the ready queue: work is left that no event will report.
    pub fn queue(&mut self, shared: &mut Shared) {
        if !self.is_queued {
            self.is_queued = true;
            shared.ready.push_back(Target::Control(self.slot));
            trace::line(Kind::Queue, || "goes to the ready queue".to_owned());
        }
    }

    /// Continues a transfer or a long answer from the ready queue. Waiting commands come after it.
    pub fn resume(&mut self, shared: &mut Shared) {
        self.is_queued = false;
        if self.has_data_to_move() {
            self.data_ready(shared);
        }
        self.continue_answer(shared);
    }

    /// After every step: schedules the writing of replies, and arms the deadline.
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

/// For tests of the loop.
#[cfg(any(test, feature = "simulation"))]
impl Connection {
    /// Bytes of queued commands and of queued replies.
    pub fn buffered(&self) -> (usize, usize) {
        (self.input.pending_len(), self.output.bytes.len())
    }

    pub fn control_socket(&self) -> &dyn TcpSocket {
        &*self.control
    }

    pub fn is_drained(&self) -> bool {
        self.inbound == Inbound::Drained
    }
}
