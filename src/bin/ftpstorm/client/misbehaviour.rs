//! What attackers do to the server.

use super::active_operation::{ActiveOperation, Waits};
use super::steps::StepStart;
use super::{CONTROL_CLOSED, ScriptedClient, Tools};
use crate::data_connection::DataConnection;
use crate::failure::Failure;
use crate::script::Misbehaviour;
use std::rc::Rc;

impl ScriptedClient {
    pub(super) fn misbehave(&mut self, misbehaviour: &Misbehaviour, tools: &mut Tools) -> Result<StepStart, Failure> {
        match misbehaviour {
            Misbehaviour::Trickle { every } => Ok(StepStart::Waits(Waits::Trickle {
                every: *every,
                next: tools.now,
            })),
            Misbehaviour::Flood { bytes, hold } => {
                self.queue(tools);
                Ok(StepStart::Waits(Waits::Flood {
                    bytes: Rc::clone(bytes),
                    until: tools.now + *hold,
                }))
            }
            Misbehaviour::Malformed { bytes, hold } => {
                let control = self.control.as_mut().ok_or(CONTROL_CLOSED)?;
                tools.measurements.attack_effects += control.push(bytes)? as u64;
                Ok(StepStart::Waits(Waits::IgnoredReplies {
                    until: tools.now + *hold,
                }))
            }
            Misbehaviour::Stall { line, hold } => {
                let stream = self.connect_data()?;
                self.data = Some(DataConnection::unread(stream));
                self.send(line)?;
                Ok(StepStart::Waits(Waits::Stall {
                    has_begun: false,
                    until: tools.now + *hold,
                }))
            }
            Misbehaviour::Reset { line, after } => {
                let stream = self.connect_data()?;
                self.begin_transfer(DataConnection::reset_after(stream, *after), line)
            }
        }
    }

    /// What a client that floods sends again and again.
    pub(super) fn flood_bytes(&self) -> Option<Rc<[u8]>> {
        match &self.active {
            Some(ActiveOperation {
                waits: Waits::Flood { bytes, .. },
                ..
            }) => Some(Rc::clone(bytes)),
            Some(_) | None => None,
        }
    }

    /// Pushes once. If all was taken there may be room for more; if not, an event will come.
    pub(super) fn flood(&mut self, bytes: &[u8], tools: &mut Tools) -> Result<(), Failure> {
        match self.push(bytes, tools) {
            Some(count) => {
                if count == bytes.len() {
                    self.queue(tools);
                }
                Ok(())
            }
            None => self.misbehaviour_ended(tools),
        }
    }

    /// Sends a byte of a line that never ends.
    pub(super) fn trickle(&mut self, tools: &mut Tools) -> Result<(), Failure> {
        match self.push(b"U", tools) {
            Some(_) => Ok(()),
            None => self.misbehaviour_ended(tools),
        }
    }

    /// Sends bytes as far as the socket takes them, counted as effects; `None`: the connection is gone.
    fn push(&mut self, bytes: &[u8], tools: &mut Tools) -> Option<usize> {
        let count = self.control.as_mut()?.push(bytes).ok()?;
        tools.measurements.attack_effects += count as u64;
        Some(count)
    }

    /// The server has closed a connection that misbehaved, as it should.
    pub(super) fn misbehaviour_ended(&mut self, tools: &mut Tools) -> Result<(), Failure> {
        self.close_connections();
        self.next_step(tools)
    }
}
