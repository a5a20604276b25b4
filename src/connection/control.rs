//! The control connection: bytes in, lines to the session, requests carried out.
//!
//! Replies are only queued here and leave at the end of the turn, those to pipelined commands together; only a 150
//! leaves at once, before its data. A client that does not read its replies is not listened to; one that sends faster
//! than it is served waits in its own queue.

use crate::connection::data_channel::DataChannel;
use crate::connection::long_input::{INPUT_MAX, LONG_INPUT_MAX};
use crate::connection::replies::OUTPUT_ENOUGH;
use crate::connection::shared::Shared;
use crate::connection::verifying::Verification;
use crate::connection::{Connection, Inbound, Life, Wants};
use crate::ftp::command::Command;
use crate::ftp::interruption::Interruption;
use crate::ftp::password::without_password;
use crate::ftp::reply::{self, Reply};
use crate::options::Technique;
use crate::records::trace::Tone;
use crate::session::{Attention, Ending, Outcome, Request};
use crate::shown_name::Shown;
use mio::event::Event;
use std::io::{ErrorKind, Read};

/// Lines answered before other connections have their turn.
const COMMANDS_PER_TURN: usize = 16;
/// Reads of one control socket before other connections have their turn.
const READS_PER_TURN: usize = 8;

/// How a read went.
enum Received {
    Something,
    Nothing,
}

/// Whether all was taken in that there was room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    All,
    /// The reads of this turn are used up.
    NotAll,
}

impl Connection {
    /// The poll reports the control socket. Events are hints: only the system calls tell what is there.
    pub(crate) fn control_event(&mut self, event: &Event, shared: &mut Shared) {
        if event.is_writable() && self.output.blocked.is_some() {
            self.flush(shared);
        }
        if event.is_readable() || event.is_priority() || event.is_read_closed() || event.is_error() {
            let to_the_end = event.is_read_closed() || event.is_priority() || event.is_error();
            self.inbound = match self.inbound {
                Inbound::Unread { to_the_end: before } => Inbound::Unread {
                    to_the_end: before || to_the_end,
                },
                Inbound::Drained => Inbound::Unread { to_the_end },
                Inbound::Ended => Inbound::Ended,
            };
        }
    }

    /// Answers what waits, as far as budgets and the client allow.
    pub(crate) fn serve(&mut self, shared: &mut Shared) -> Wants {
        let mut commands = COMMANDS_PER_TURN;
        let mut reads = READS_PER_TURN;
        loop {
            match self.life {
                Life::Serving => {}
                Life::Draining { .. } => {
                    self.drain_control(shared);
                    return Wants::Nothing;
                }
                Life::Closing { .. } | Life::Gone => return Wants::Nothing,
            }
            match self.session.attention() {
                Attention::Commands => {}
                Attention::Transfer => {
                    self.attend_transfer(&mut reads, shared);
                    if self.session.attention() == Attention::Transfer {
                        return Wants::Nothing;
                    }
                    continue;
                }
                Attention::Waiting => {
                    self.attend_answer(&mut reads, shared);
                    if self.session.attention() == Attention::Waiting {
                        return Wants::Nothing;
                    }
                    continue;
                }
                Attention::Closing => return Wants::Nothing,
            }
            if self.output.bytes.len() - self.output.written >= OUTPUT_ENOUGH {
                // Flushing it brings the connection back.
                return Wants::Nothing;
            }
            if commands == 0 || reads == 0 {
                self.come_back(shared);
                return Wants::Nothing;
            }
            let cost = self.input.peek_line().map_or(0, |line| self.session.cost_of(line));
            if cost > 0 && (self.is_queued || shared.bulk_left == 0) {
                // A connection in the queue has its turn there, not ahead of others that wait.
                self.come_back(shared);
                return Wants::Nothing;
            }
            match self.input.next_line(self.session.line_limit()) {
                Some(Ok(line)) => {
                    commands -= 1;
                    shared.bulk_left = shared.bulk_left.saturating_sub(cost);
                    if self.answer(line.as_bytes(), shared) == Wants::PassivePort {
                        return Wants::PassivePort;
                    }
                }
                Some(Err(error)) => {
                    let request = self.session.line_error(error, &mut self.output.bytes);
                    // Whoever sends such a line is still sending: closing on it would reset the reply away.
                    self.inbound = Inbound::Unread { to_the_end: true };
                    self.fulfil(request, shared);
                }
                None => {
                    self.long_input = None;
                    match self.inbound {
                        Inbound::Drained => return Wants::Nothing,
                        Inbound::Unread { .. } => {
                            reads -= 1;
                            self.receive(INPUT_MAX, shared);
                        }
                        Inbound::Ended => self.vanish(Ending::ClientClosed, shared),
                    }
                }
            }
        }
    }

    /// During a transfer the client is listened to with one ear: ABOR and STAT, and whether it is still there.
    fn attend_transfer(&mut self, reads: &mut usize, shared: &mut Shared) {
        if self.listen(reads, shared) == Heard::NotAll || self.life != Life::Serving {
            return;
        }
        while self.output.bytes.len() < OUTPUT_ENOUGH
            && self
                .input
                .peek_line()
                .is_some_and(|line| matches!(Command::parse(line), Ok(Command::StatSession)))
        {
            // Nothing waits before it, so answering it now keeps the order.
            let _ = self.input.next_line(self.session.line_limit());
            shared.counters.commands += 1;
            self.session
                .transfer_status(self.channel.moved(), &mut self.output.bytes);
        }
        if let DataChannel::Storing { .. } = self.channel {
            // All has come and is being given its name: neither ABOR nor the client's end takes that back any more.
            return;
        }
        if self.input.holds(Interruption::Abort) {
            // The effect comes now, the ABOR's own reply in its turn: 426, then 226. What is all sent cannot be
            // aborted.
            let outcome = match self.channel {
                DataChannel::Draining { .. } => Outcome::Complete,
                DataChannel::Unarmed
                | DataChannel::InLine { .. }
                | DataChannel::Announced { .. }
                | DataChannel::ToConnect(_)
                | DataChannel::AwaitingClient { .. }
                | DataChannel::Connecting { .. }
                | DataChannel::Transferring { .. }
                | DataChannel::Discarding { .. }
                | DataChannel::Storing { .. } => Outcome::Aborted,
            };
            self.end_transfer(outcome, shared);
        } else if self.inbound == Inbound::Ended && !self.input.holds(Interruption::Quit) {
            self.vanish(Ending::ClientClosed, shared);
        }
    }

    /// During a long answer, and while a password is verified, commands wait, except for an ABOR that ends the answer;
    /// but work for a client that has gone would be for nobody.
    fn attend_answer(&mut self, reads: &mut usize, shared: &mut Shared) {
        let is_owed = self.answer.is_some() || self.verification != Verification::NotAsked;
        if !is_owed || self.listen(reads, shared) == Heard::NotAll || self.life != Life::Serving {
            return;
        }
        if self.answer.is_some() && self.input.holds(Interruption::Abort) {
            self.abort_answer(shared);
        } else if self.inbound == Inbound::Ended && !self.input.holds(Interruption::Quit) {
            self.vanish(Ending::ClientClosed, shared);
        }
    }

    /// Takes in what the client says, as far as there is room, without answering it.
    fn listen(&mut self, reads: &mut usize, shared: &mut Shared) -> Heard {
        loop {
            let limit = self.input_limit(shared);
            if !matches!(self.inbound, Inbound::Unread { .. }) || self.input.pending_len() >= limit {
                return Heard::All;
            }
            if *reads == 0 {
                self.come_back(shared);
                return Heard::NotAll;
            }
            *reads -= 1;
            self.receive(limit, shared);
        }
    }

    /// How much may wait now: more than usual while an ABOR behind it would end something.
    fn input_limit(&mut self, shared: &Shared) -> usize {
        let may_be_aborted = self.answer.is_some() || self.session.attention() == Attention::Transfer;
        if !may_be_aborted || self.input.pending_len() < INPUT_MAX {
            return INPUT_MAX;
        }
        if self.long_input.is_none() {
            self.long_input = shared.long_inputs.permit();
        }
        match self.long_input {
            Some(_) => LONG_INPUT_MAX,
            None => INPUT_MAX,
        }
    }

    /// Reads once, as far as there is room below `limit`.
    fn receive(&mut self, limit: usize, shared: &mut Shared) -> Received {
        let room = limit.saturating_sub(self.input.pending_len()).clamp(1, INPUT_MAX);
        let window = shared.scratch.len().min(room);
        let Some(buffer) = shared.scratch.get_mut(..window) else {
            return Received::Nothing;
        };
        loop {
            match self.control.read(buffer) {
                Ok(0) => {
                    self.inbound = Inbound::Ended;
                    return Received::Nothing;
                }
                Ok(count) => {
                    if count < window && self.inbound == (Inbound::Unread { to_the_end: false }) {
                        // A short read means that the socket is empty (epoll(7)); the next byte brings an event.
                        self.inbound = Inbound::Drained;
                    }
                    self.input.feed(buffer.get(..count).unwrap_or_default());
                    return Received::Something;
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock => {
                        shared.counters.would_block += 1;
                        self.inbound = Inbound::Drained;
                        return Received::Nothing;
                    }
                    _ => {
                        self.vanish(Ending::ConnectionLost, shared);
                        return Received::Nothing;
                    }
                },
            }
        }
    }

    fn answer(&mut self, line: &[u8], shared: &mut Shared) -> Wants {
        #[cfg(debug_assertions)]
        assert!(line != b"XPANIC", "a client asked a debug build to panic (threat K09)");
        shared.counters.commands += 1;
        self.active = shared.now;
        let before = shared.trace.is_on().then(|| self.session.state_name());
        let was_logging_in = self.session.is_logging_in();
        let request = self.session.line(line, &shared.context(), &mut self.output.bytes);
        self.tell_notice(shared);
        if !was_logging_in && self.session.is_logging_in() {
            self.login_since = shared.now;
        }
        if let Some(before) = before {
            self.tell_command(line, &before, shared);
        }
        let wants = match request {
            Some(request) => self.fulfil(request, shared),
            None => Wants::Nothing,
        };
        if !shared.settings.techniques.include(Technique::Coalescing) {
            self.flush(shared);
        }
        wants
    }

    fn tell_command(&self, line: &[u8], before: &str, shared: &Shared) {
        let number = self.session.number();
        let shown = without_password(line);
        shared
            .trace
            .tell(Tone::Call, || format!("session {number}: says {}", Shown::whole(shown)));
        let after = self.session.state_name();
        if before != after {
            shared
                .trace
                .tell(Tone::Transition, || format!("session {number}: {before} → {after}"));
        }
    }

    /// Does what the session asks for.
    pub(crate) fn fulfil(&mut self, request: Request, shared: &mut Shared) -> Wants {
        match request {
            Request::ArmPassive => {
                self.disarm(shared);
                return Wants::PassivePort;
            }
            Request::ArmActive(address) => self.arm_active(address, shared),
            Request::Disarm => self.disarm(shared),
            Request::Transfer(pump) => self.start_transfer(pump, shared),
            Request::VerifyPassword(claim) => self.verify(claim, shared),
            Request::Answer(answer) => {
                self.answer = Some(answer);
                self.continue_answer(shared);
            }
            Request::Close => {
                self.disarm(shared);
                self.withdraw_password(shared);
                self.answer = None;
                self.life = Life::Closing { since: shared.now };
            }
        }
        Wants::Nothing
    }

    /// Ends the conversation with a last word.
    pub(crate) fn dismiss(&mut self, farewell: &Reply, ending: Ending, shared: &mut Shared) {
        let request = self.session.dismiss(farewell, ending, &mut self.output.bytes);
        self.fulfil(request, shared);
    }

    /// Makes room for others at once: a last word, and no waiting for whether it is heard. What the client may still
    /// send is not read away, or slow clients would hold their descriptors for as long as closing may take.
    pub(crate) fn evict(&mut self, shared: &mut Shared) {
        self.dismiss(&reply::TOO_MANY_CONNECTIONS, Ending::MadeRoom, shared);
        self.inbound = Inbound::Ended;
        self.flush(shared);
    }

    /// The client is gone, or is given up: nothing is said any more.
    pub(crate) fn vanish(&mut self, ending: Ending, shared: &mut Shared) {
        self.session.ends(ending);
        self.abandon_channel(shared);
        self.withdraw_password(shared);
        self.answer = None;
        self.life = Life::Gone;
    }

    /// Reads and forgets what a client still sends after the last reply.
    fn drain_control(&mut self, shared: &mut Shared) {
        for _ in 0..READS_PER_TURN {
            match self.inbound {
                Inbound::Drained => return,
                Inbound::Ended => {
                    self.life = Life::Gone;
                    return;
                }
                Inbound::Unread { .. } => match self.receive(INPUT_MAX, shared) {
                    Received::Something => self.input.clear(),
                    Received::Nothing => {}
                },
            }
            if self.life == Life::Gone {
                return;
            }
        }
        self.come_back(shared);
    }
}
