//! How each step of a script begins.

use super::active_operation::{TransferReplies, Waits, unsolicited};
use super::{CONTROL_CLOSED, ScriptedClient, Tools};
use crate::control_connection::ControlConnection;
use crate::data_connection::DataConnection;
use crate::failure::{ConnectionKind, Failure};
use crate::polled_socket::PolledSocket;
use crate::script::ScriptStep;
use crate::sources::connect;
use mio::Interest;
use mio::net::TcpStream;
use std::rc::Rc;

/// What beginning a step led to.
pub(super) enum StepStart {
    Done,
    Waits(Waits),
}

impl StepStart {
    pub(super) fn transfer() -> Self {
        StepStart::Waits(Waits::Transfer {
            replies: TransferReplies::NoneYet,
            has_moved: false,
        })
    }
}

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
            let begun = self.begin_step(&step, tools)?;
            let Some(active) = &mut self.active else {
                return Ok(());
            };
            match begun {
                StepStart::Done => active.advance(),
                StepStart::Waits(waits) => {
                    active.wait(waits, tools.now);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn begin_step(&mut self, step: &ScriptStep, tools: &mut Tools) -> Result<StepStart, Failure> {
        match step {
            ScriptStep::Connect => {
                self.connect_control(tools)?;
                Ok(StepStart::Waits(Waits::Reply(&[220])))
            }
            ScriptStep::Send { line, codes } => {
                self.send(line)?;
                Ok(StepStart::Waits(Waits::Reply(codes)))
            }
            ScriptStep::Passive(command) => {
                self.send(command.line())?;
                Ok(StepStart::Waits(Waits::PassiveReply(*command)))
            }
            ScriptStep::Transfer { line, flow } => {
                let stream = self.connect_data()?;
                self.begin_transfer(DataConnection::new(stream, flow), line)
            }
            ScriptStep::Steal => {
                self.steal(tools);
                Ok(StepStart::Done)
            }
            ScriptStep::CountStolenBytes => {
                self.count_stolen_bytes(tools);
                Ok(StepStart::Done)
            }
            ScriptStep::CountEffect => {
                tools.measurements.attack_effects += 1;
                Ok(StepStart::Done)
            }
            ScriptStep::Pause(length) => Ok(StepStart::Waits(Waits::Pause {
                until: tools.now + *length,
            })),
            ScriptStep::Close => {
                self.close_connections();
                Ok(StepStart::Done)
            }
            ScriptStep::Misbehave(misbehaviour) => self.misbehave(misbehaviour, tools),
        }
    }

    fn connect_control(&mut self, tools: &Tools) -> Result<(), Failure> {
        // Without NODELAY: a line is sent when the previous one has been answered, so none is ever held back.
        let mut stream =
            connect(tools.target, self.source).map_err(|error| Failure::of(ConnectionKind::Control, &error))?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        tools
            .registry
            .register(&mut stream, PolledSocket::Control(self.slot).into(), interest)
            .map_err(|error| Failure::of(ConnectionKind::Control, &error))?;
        self.control = Some(ControlConnection::new(stream));
        Ok(())
    }

    pub(super) fn send(&mut self, line: &str) -> Result<(), Failure> {
        let control = self.control.as_mut().ok_or(CONTROL_CLOSED)?;
        if let Some(reply) = control.next_reply()? {
            return Err(unsolicited(&reply));
        }
        control.send(line)
    }

    pub(super) fn connect_data(&mut self) -> Result<TcpStream, Failure> {
        // A script asks for a passive port before; a reply without an address ended the operation.
        let address = self.passive_address.take().ok_or(CONTROL_CLOSED)?;
        connect(address, self.source).map_err(|error| Failure::of(ConnectionKind::Data, &error))
    }

    pub(super) fn begin_transfer(&mut self, data: DataConnection, line: &Rc<str>) -> Result<StepStart, Failure> {
        self.data = Some(data);
        self.send(line)?;
        Ok(StepStart::transfer())
    }

    /// Connects to the passive port that this client asked for, from another address.
    fn steal(&mut self, tools: &mut Tools) {
        let (Some(address), Some(from)) = (self.passive_address, tools.thief_address) else {
            return;
        };
        match connect(address, Some(from)) {
            Ok(thief) => {
                self.thief = Some(thief);
                tools.measurements.thefts_tried += 1;
            }
            // A server that refuses the thief at once has done well; a local failure has tested nothing.
            Err(error) if Failure::of(ConnectionKind::Data, &error).concerns_server() => {
                tools.measurements.thefts_tried += 1;
            }
            Err(_) => {}
        }
    }

    pub(super) fn count_stolen_bytes(&mut self, tools: &mut Tools) {
        if let Some(thief) = self.thief.take() {
            tools.measurements.stolen += tools.stolen_bytes.watch(thief, tools.now, &mut tools.scratch);
        }
    }
}
