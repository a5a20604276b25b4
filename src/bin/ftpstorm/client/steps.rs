//! How each step of a script begins.

use super::active_operation::{TransferReplies, Waits, unsolicited};
use super::{CONTROL_CLOSED, ScriptedClient, Tools};
use crate::control_connection::ControlConnection;
use crate::data_connection::DataConnection;
use crate::failure::Failure;
use crate::polled_socket::PolledSocket;
use crate::script::{Flow, PassiveCommand, ScriptStep};
use crate::sources::connect;
use mio::Interest;
use std::rc::Rc;

impl ScriptedClient {
    pub(super) fn next_step(&mut self, tools: &mut Tools) -> Result<(), Failure> {
        if let Some(active) = &mut self.active {
            active.advance();
        }
        self.begin_steps(tools)
    }

    /// Begins steps until one has to wait, or all are done.
    pub(super) fn begin_steps(&mut self, tools: &mut Tools) -> Result<(), Failure> {
        while let Some(step) = self.active.as_ref().and_then(|active| active.step()).cloned() {
            let waits = self.begin_step(&step, tools)?;
            let Some(active) = &mut self.active else {
                return Ok(());
            };
            match waits {
                None => active.advance(),
                Some(waits) => {
                    active.wait(waits, tools.now);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Returns what the step waits for; `None`: it is done.
    fn begin_step(&mut self, step: &ScriptStep, tools: &mut Tools) -> Result<Option<Waits>, Failure> {
        let waits = match step {
            ScriptStep::Connect => {
                self.connect_control(tools)?;
                Waits::Reply(&[220])
            }
            ScriptStep::Send { line, codes } => {
                self.send(line)?;
                Waits::Reply(codes)
            }
            ScriptStep::Passive(command) => {
                self.send(match command {
                    PassiveCommand::Pasv => "PASV",
                    PassiveCommand::Epsv => "EPSV",
                })?;
                Waits::PassiveReply(*command)
            }
            ScriptStep::Transfer { line, flow } => {
                self.open_data(*flow)?;
                self.send(line)?;
                Waits::Transfer {
                    replies: TransferReplies::NoneYet,
                    has_moved: false,
                }
            }
            ScriptStep::Steal => {
                self.steal(tools);
                return Ok(None);
            }
            ScriptStep::CountStolenBytes => {
                self.count_stolen_bytes(tools);
                return Ok(None);
            }
            ScriptStep::CountEffect => {
                tools.measurements.attack.effects += 1;
                return Ok(None);
            }
            ScriptStep::Close => {
                self.close_connections();
                return Ok(None);
            }
            ScriptStep::Pause(length) => Waits::Pause {
                until: tools.now + *length,
            },
            ScriptStep::Trickle { every } => Waits::Trickle {
                every: *every,
                next: tools.now,
            },
            ScriptStep::Flood { bytes, hold } => {
                self.queue(tools);
                Waits::Flood {
                    bytes: Rc::clone(bytes),
                    until: tools.now + *hold,
                }
            }
            ScriptStep::Stall { line, hold } => {
                self.open_data(Flow::LeaveUnread)?;
                self.send(line)?;
                Waits::Stall {
                    has_begun: false,
                    until: tools.now + *hold,
                }
            }
            ScriptStep::Malformed { bytes, hold } => {
                let control = self.control.as_mut().ok_or(CONTROL_CLOSED)?;
                tools.measurements.attack.effects += control.push(bytes)? as u64;
                Waits::IgnoredReplies {
                    until: tools.now + *hold,
                }
            }
        };
        Ok(Some(waits))
    }

    fn connect_control(&mut self, tools: &Tools) -> Result<(), Failure> {
        // Without NODELAY: a line is sent when the previous one has been answered, so none is ever held back.
        let mut stream = connect(tools.target, self.source).map_err(Failure::of_control)?;
        let (token, interest) = (
            PolledSocket::Control(self.slot).into(),
            Interest::READABLE | Interest::WRITABLE,
        );
        let registered = tools.registry.register(&mut stream, token, interest);
        registered.map_err(Failure::of_control)?;
        self.control = Some(ControlConnection::new(stream));
        Ok(())
    }

    fn send(&mut self, line: &str) -> Result<(), Failure> {
        let control = self.control.as_mut().ok_or(CONTROL_CLOSED)?;
        if let Some(reply) = control.next_reply()? {
            return Err(unsolicited(&reply));
        }
        control.send(line)
    }

    fn open_data(&mut self, flow: Flow) -> Result<(), Failure> {
        // A script asks for a passive port before; a reply without an address ended the operation.
        let address = self.passive_address.take().ok_or(CONTROL_CLOSED)?;
        let stream = connect(address, self.source).map_err(Failure::of_data)?;
        self.data = Some(DataConnection::new(stream, flow));
        Ok(())
    }

    /// Connects to the passive port that this client asked for, from another address.
    fn steal(&mut self, tools: &mut Tools) {
        let (Some(address), Some(from)) = (self.passive_address, tools.thief_address) else {
            return;
        };
        let thief = connect(address, Some(from)).map_err(Failure::of_data);
        // A server that refuses the thief at once has done well; a local failure has tested nothing.
        if thief.as_ref().err().is_none_or(Failure::concerns_server) {
            tools.measurements.attack.thefts_tried += 1;
        }
        self.thief = thief.ok();
    }

    pub(super) fn count_stolen_bytes(&mut self, tools: &mut Tools) {
        if let Some(thief) = self.thief.take() {
            tools.measurements.attack.stolen_bytes += tools.stolen_bytes.watch(thief, tools.now, &mut tools.scratch);
        }
    }

    /// What a client that floods sends again and again.
    pub(super) fn flood_bytes(&self) -> Option<Rc<[u8]>> {
        match &self.active.as_ref()?.waits {
            Waits::Flood { bytes, .. } => Some(Rc::clone(bytes)),
            _ => None,
        }
    }

    /// Sends bytes as far as the socket takes them, counted as effects; `None`: the connection is gone.
    pub(super) fn push(&mut self, bytes: &[u8], tools: &mut Tools) -> Option<usize> {
        let count = self.control.as_mut()?.push(bytes).ok()?;
        tools.measurements.attack.effects += count as u64;
        Some(count)
    }

    /// Its time is over, or the server has closed the connection, as it should.
    pub(super) fn misbehaviour_ended(&mut self, tools: &mut Tools) -> Result<(), Failure> {
        self.close_connections();
        self.next_step(tools)
    }
}
