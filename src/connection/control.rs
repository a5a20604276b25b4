//! The control connection: bytes in, lines to the session, its steps carried out.
//!
//! Replies are only queued here. They are written at the end of the turn, those to pipelined commands together; only a
//! 150 is written at once, before its data. Commands of a client that does not read its replies wait, and so do those
//! of a client that sends faster than it is served.

use super::{Connection, Inbound, Life, data_channel::DataChannel, replies::OUTPUT_ENOUGH, shared::Shared};
use crate::ftp::password::without_password;
use crate::ftp::reply::{self, Reply};
use crate::records::conversation::Spoken;
use crate::session::{Ending, Outcome, Step};
use mio::event::Event;
use std::io::ErrorKind;
use std::ops::ControlFlow;

/// Bytes of commands that may be queued; more stay in the kernel.
const INPUT_MAX: usize = 8 * 1024;
/// The same during a transfer or a long answer, to find an ABOR behind other commands.
const LONG_INPUT_MAX: usize = 64 * 1024;
/// Commands of one connection in a turn.
const COMMANDS_PER_TURN: usize = 16;
/// Reads of one control socket in a turn.
const READS_PER_TURN: usize = 8;

impl Connection {
    /// An event of the control socket. Events are hints: only system calls show what there is.
    pub fn control_event(&mut self, event: &Event, shared: &mut Shared) {
        let to_the_end = event.is_read_closed() || event.is_priority() || event.is_error();
        let readable = (event.is_readable() || to_the_end).then_some(to_the_end);
        self.control_ready(event.is_writable(), readable, shared);
    }

    /// `readable`: whether what is readable has to be read to its end, see `Inbound::Unread`.
    pub fn control_ready(&mut self, is_writable: bool, readable: Option<bool>, shared: &mut Shared) {
        if is_writable && self.output.blocked.is_some() {
            self.flush(shared);
        }
        if let Some(to_the_end) = readable {
            self.inbound = match self.inbound {
                Inbound::Unread { to_the_end: before } => Inbound::Unread {
                    to_the_end: before || to_the_end,
                },
                Inbound::Drained => Inbound::Unread { to_the_end },
                Inbound::Ended => Inbound::Ended,
            };
        }
    }

    /// Answers commands, as far as the budgets and the client allow.
    pub fn serve(&mut self, shared: &mut Shared) {
        if let Life::Securing { .. } = self.life {
            self.continue_control_handshake(shared);
        }
        let mut commands = COMMANDS_PER_TURN;
        let mut reads = READS_PER_TURN;
        while self.life == Life::Serving {
            // A long answer keeps the output full, but ABOR has to end it.
            if self.output.unwritten().len() >= OUTPUT_ENOUGH && !self.session.is_answering() {
                // Flushing queues the connection again.
                return;
            }
            if commands == 0 {
                self.queue(shared);
                return;
            }
            let went_on = match self.next_step(shared) {
                Some(step) => {
                    commands -= 1;
                    self.take(step, shared)
                }
                None => self.listen(&mut reads, shared),
            };
            if went_on.is_break() {
                return;
            }
        }
        if let Life::Lingering { .. } = self.life {
            self.linger(shared);
        }
    }

    /// The session's next step, if there is a command that can be answered now.
    fn next_step(&mut self, shared: &mut Shared) -> Option<Step> {
        if let DataChannel::AwaitingClient { is_opened: false, .. } = self.channel
            && self.input.is_stat_next()
        {
            // It must not be answered before the 150, which comes in this turn.
            return None;
        }
        // A queued connection is served from the queue, not before the others in it.
        let share = if self.is_queued { 0 } else { shared.bulk_left };
        let mut bulk_left = share;
        let line = (shared.tallies.is_some())
            .then(|| self.input.peek_line(INPUT_MAX)?.ok())
            .flatten();
        let said = line.map(|line| Spoken::command(without_password(line)));
        let (was_ready, was_logging_in) = (self.session.is_ready(), self.session.is_logging_in());
        let step = self.session.next(&mut self.input, &mut bulk_left, &shared.context())?;
        if let Step::Postpone = step {
            return Some(step);
        }
        shared.charge(share - bulk_left, 0);
        // An ABOR that ends a transfer is answered, and counted, later.
        if was_ready || matches!(step, Step::ReportProgress) {
            shared.counters.commands += 1;
            if let (Some(said), Some(tallies)) = (said, &mut shared.tallies) {
                tallies.conversation.add(self.session.number(), said);
            }
        }
        if was_ready {
            self.active = shared.now;
        }
        if !was_logging_in && self.session.is_logging_in() {
            self.login_since = shared.now;
        }
        self.trace_states();
        Some(step)
    }

    /// Carries out a step: the one place where the effect of a command reaches sockets.
    pub(super) fn take(&mut self, step: Step, shared: &mut Shared) -> ControlFlow<()> {
        self.record_notice(shared);
        match step {
            Step::Ignore => {}
            Step::Reply(reply) => self.say(&reply, shared),
            Step::Postpone => {
                self.queue(shared);
                return ControlFlow::Break(());
            }
            Step::ArmPassive => {
                self.disarm(shared);
                let request = (self.ring, self.session.peer(), self.slot);
                shared.port_requests.push_back(request);
                return ControlFlow::Break(());
            }
            Step::ArmActive(address, reply) => {
                self.say(&reply, shared);
                self.disarm(shared);
                self.channel = DataChannel::ToConnect(address);
            }
            Step::Disarm(reply) => {
                self.say(&reply, shared);
                self.disarm(shared);
            }
            Step::StartTls(reply) => {
                self.say(&reply, shared);
                self.disarm(shared);
                self.start_tls(false, shared);
                return ControlFlow::Break(());
            }
            Step::Transfer(pump) => self.start_transfer(pump, shared),
            Step::ReportProgress => self.say(&Reply::transfer_status(self.channel.moved()), shared),
            Step::AbortTransfer => return self.abort_transfer(shared),
            Step::Answer => self.continue_answer(shared),
            Step::VerifyPassword(claim) => self.verify(*claim, shared),
            Step::Close {
                reply,
                farewell,
                is_mid_line,
            } => {
                reply.iter().for_each(|reply| self.say(reply, shared));
                self.say(&farewell, shared);
                self.disarm(shared);
                if is_mid_line {
                    // The client is still sending: closing now would reset the connection and lose the farewell.
                    self.inbound = Inbound::Unread { to_the_end: true };
                }
                self.life = Life::Closing { since: shared.now };
            }
        }
        ControlFlow::Continue(())
    }

    /// Queues a reply.
    pub(super) fn say(&mut self, reply: &Reply, shared: &mut Shared) {
        self.output.push(reply, self.session.number(), shared);
    }

    /// ABOR ends the transfer now; its own reply comes in its turn: 426, then 226.
    fn abort_transfer(&mut self, shared: &mut Shared) -> ControlFlow<()> {
        if let DataChannel::Storing { .. } = self.channel {
            // The upload is complete and being renamed: neither ABOR nor a closed connection stops that.
            return ControlFlow::Break(());
        }
        let outcome = self.channel.outcome_if_ended(Outcome::Aborted);
        self.end_transfer(outcome, shared);
        ControlFlow::Continue(())
    }

    /// Reads more input, if there is any and room for it. Also while commands wait: a client that has closed the
    /// connection is noticed, and work for it stops.
    fn listen(&mut self, reads: &mut usize, shared: &mut Shared) -> ControlFlow<()> {
        let limit = self.input_limit(shared);
        match self.inbound {
            Inbound::Drained => ControlFlow::Break(()),
            Inbound::Unread { .. } if self.input.pending_len() >= limit => ControlFlow::Break(()),
            Inbound::Unread { .. } if *reads == 0 => {
                self.queue(shared);
                ControlFlow::Break(())
            }
            Inbound::Unread { .. } => {
                *reads -= 1;
                self.receive(limit, shared);
                ControlFlow::Continue(())
            }
            Inbound::Ended => {
                let is_stored = matches!(self.channel, DataChannel::Storing { .. });
                if !is_stored && !self.session.outlives_client(&self.input) {
                    self.drop_client(Ending::ClientClosed, shared);
                }
                ControlFlow::Break(())
            }
        }
    }

    /// How much input may be queued: more than usual while an ABOR in it would end something.
    fn input_limit(&mut self, shared: &Shared) -> usize {
        let can_be_aborted = self.session.can_be_aborted();
        if self.input.pending_len() < INPUT_MAX {
            if !can_be_aborted {
                self.long_input = None;
            }
            return INPUT_MAX;
        }
        if self.long_input.is_none() && can_be_aborted {
            self.long_input = shared.permit_long_input();
        }
        if self.long_input.is_some() {
            LONG_INPUT_MAX
        } else {
            INPUT_MAX
        }
    }

    /// Reads once, as far as there is room below `limit`.
    fn receive(&mut self, limit: usize, shared: &mut Shared) {
        let room = limit.saturating_sub(self.input.pending_len()).clamp(1, INPUT_MAX);
        let window = shared.scratch.len().min(room);
        let Some(buffer) = shared.scratch.get_mut(..window) else {
            return;
        };
        loop {
            match self.control.read(buffer) {
                Ok(0) => {
                    self.inbound = Inbound::Ended;
                    return;
                }
                Ok(count) => {
                    let is_empty = count < window && self.control.is_emptied_by_short_read();
                    if is_empty && self.inbound == (Inbound::Unread { to_the_end: false }) {
                        // A short read means that the socket is empty (epoll(7)); the next byte brings an event.
                        self.inbound = Inbound::Drained;
                    }
                    self.input.feed(buffer.split_at(count).0);
                    return;
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock => {
                        shared.counters.would_block += 1;
                        self.inbound = Inbound::Drained;
                        return;
                    }
                    _ => {
                        self.drop_client(Ending::ConnectionLost, shared);
                        return;
                    }
                },
            }
        }
    }

    /// Ends the session with a farewell reply.
    pub fn dismiss(&mut self, farewell: Reply, ending: Ending, shared: &mut Shared) {
        self.withdraw_password(shared);
        self.stop_waiting_for_port(shared);
        let step = self.session.close(farewell, ending);
        let _ = self.take(step, shared);
    }

    /// Ends the session at once, to make room for another. Input is not read first: a slow client would hold its
    /// descriptor for the whole close timeout.
    pub fn evict(&mut self, shared: &mut Shared) {
        self.dismiss(reply::TOO_MANY_CONNECTIONS, Ending::MadeRoom, shared);
        self.inbound = Inbound::Ended;
        self.flush(shared);
    }

    /// Ends the session without a reply: the connection is lost, or useless.
    pub fn drop_client(&mut self, ending: Ending, shared: &mut Shared) {
        self.session.set_ending(ending);
        self.withdraw_password(shared);
        self.stop_waiting_for_port(shared);
        self.abandon_channel(shared);
        self.life = Life::Gone;
    }

    /// Reads and drops what the client sends after the last reply.
    fn linger(&mut self, shared: &mut Shared) {
        for _ in 0..READS_PER_TURN {
            match self.inbound {
                Inbound::Drained => return,
                Inbound::Ended => {
                    self.life = Life::Gone;
                    return;
                }
                Inbound::Unread { .. } => {
                    self.receive(INPUT_MAX, shared);
                    self.input.clear();
                }
            }
            if self.life == Life::Gone {
                return;
            }
        }
        self.queue(shared);
    }
}
