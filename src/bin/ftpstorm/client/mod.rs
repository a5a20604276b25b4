//! One client: runs scripts, a step at a time, over its control and data connections.
//!
//! Every reply is checked for its form, its code, and for having been asked for. A client never waits: each method does
//! what can be done now and returns whether the operation is still under way.
//!
//! [`active_operation`] decides what replies mean, [`steps`] begins each step, [`traffic`] reads replies and moves
//! data.

mod active_operation;
mod steps;
mod traffic;

use crate::control_connection::ControlConnection;
use crate::data_connection::DataConnection;
use crate::failure::{Awaited, Break, Failure};
use crate::measurements::Measurements;
use crate::script::{Operation, ScriptStep};
use crate::squat::Squatter;
use crate::stolen_bytes::StolenBytes;
use active_operation::{ActiveOperation, Waits};
use loopftpd::reactor::deadlines::Deadline;
use loopftpd::reactor::token::SlotId;
use mio::Registry;
use mio::event::Event;
use mio::net::TcpStream;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// What a client may use while it runs its script: lent to one at a time.
pub struct Tools {
    pub registry: Registry,
    pub target: SocketAddr,
    /// Where thieves connect from: an address of this machine that their victims do not have.
    pub thief_address: Option<IpAddr>,
    pub stolen_bytes: StolenBytes,
    /// Files that uploads have begun, and whether an upload was acknowledged: they are removed after the run.
    pub uploads: BTreeMap<Rc<str>, bool>,
    pub now: Instant,
    /// A step that makes no progress for this long has failed.
    pub patience: Duration,
    pub scratch: Box<[u8]>,
    pub measurements: Measurements,
    /// Clients that can go on although no event will come.
    pub ready: VecDeque<SlotId>,
    pub squatter: Option<Squatter>,
}

/// One client.
pub struct ScriptedClient {
    slot: SlotId,
    /// Index of its role.
    pub role: usize,
    /// Its number among all clients.
    pub number: usize,
    /// When the next operation should begin, or should have begun.
    pub intended: Instant,
    pub deadline: Deadline,
    source: Option<IpAddr>,
    control: Option<ControlConnection>,
    data: Option<DataConnection>,
    /// Where the server listens for the next data connection.
    passive_address: Option<SocketAddr>,
    thief: Option<TcpStream>,
    /// It is in the ready queue already.
    is_queued: bool,
    /// `None`: it rests.
    active: Option<ActiveOperation>,
}

/// What a client's operation has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    UnderWay,
    Succeeded {
        class: usize,
        began: Instant,
    },
    Failed {
        class: usize,
        failure: Failure,
        /// When the step that failed last made progress.
        since: Instant,
    },
    /// The connection broke while no operation was under way.
    LostAtRest(Failure),
    Resting,
}

impl ScriptedClient {
    pub fn new(slot: SlotId, role: usize, number: usize, source: Option<IpAddr>, intended: Instant) -> Self {
        Self {
            slot,
            role,
            number,
            intended,
            deadline: Deadline::new(intended),
            source,
            control: None,
            data: None,
            passive_address: None,
            thief: None,
            is_queued: false,
            active: None,
        }
    }

    /// Whether it has a control connection.
    pub fn has_session(&self) -> bool {
        self.control.is_some()
    }

    pub fn is_resting(&self) -> bool {
        self.active.is_none()
    }

    /// When to look at the client if nothing happens before.
    pub fn due(&self, patience: Duration) -> Instant {
        self.active
            .as_ref()
            .map_or(self.intended, |active| active.due(patience))
    }

    /// The class of the operation under way, and when it last made progress.
    pub fn under_way(&self) -> Option<(usize, Instant)> {
        let active = self.active.as_ref()?;
        Some((active.operation.class, active.progressed))
    }

    /// Begins an operation whose latency counts from `intended`.
    pub fn begin(&mut self, operation: Rc<Operation>, intended: Instant, tools: &mut Tools) -> Status {
        tools.measurements.begun(operation.class);
        self.active = Some(ActiveOperation::new(operation, intended, tools.now));
        let outcome = self.begin_steps(tools);
        self.status(outcome, tools)
    }

    /// The poll reports the control connection.
    pub fn control_ready(&mut self, event: &Event, tools: &mut Tools) -> Status {
        let outcome = self.receive(event, tools);
        self.status(outcome, tools)
    }

    /// The poll reports the data connection: its bytes are moved when the turn comes to the ready queue.
    pub fn queue(&mut self, tools: &mut Tools) {
        if !self.is_queued {
            self.is_queued = true;
            tools.ready.push_back(self.slot);
        }
    }

    /// The ready queue has come to this client.
    pub fn resume(&mut self, tools: &mut Tools) -> Status {
        self.is_queued = false;
        let outcome = match self.flood_bytes() {
            Some(bytes) => match self.push(&bytes, tools) {
                None => self.misbehaviour_ended(tools),
                Some(count) => {
                    // If all was taken there may be room for more; if not, an event will come.
                    if count == bytes.len() {
                        self.queue(tools);
                    }
                    Ok(())
                }
            },
            None => self.move_data(tools).and_then(|()| self.settle_transfer(tools)),
        };
        self.status(outcome, tools)
    }

    /// The client's deadline has passed while an operation was under way.
    pub fn time_is_up(&mut self, tools: &mut Tools) -> Status {
        let Some(active) = &mut self.active else {
            return Status::Resting;
        };
        let outcome = match &mut active.waits {
            Waits::Pause { .. } => self.next_step(tools),
            Waits::Flood { .. } | Waits::IgnoredReplies { .. } | Waits::Stall { .. } => self.misbehaviour_ended(tools),
            Waits::Trickle { every, next } => {
                *next = tools.now + *every;
                // A byte of a line that never ends.
                match self.push(b"U", tools) {
                    Some(_) => Ok(()),
                    None => self.misbehaviour_ended(tools),
                }
            }
            Waits::Reply(_) | Waits::PassiveReply(_) | Waits::Transfer { .. } => Err(self.timed_out()),
        };
        self.status(outcome, tools)
    }

    /// What a client that has waited too long has waited for.
    fn timed_out(&self) -> Failure {
        let step = self.active.as_ref().and_then(ActiveOperation::step);
        let is_greeted = !matches!(step, Some(ScriptStep::Connect));
        match (&self.control, &self.data) {
            (Some(control), _) if !control.is_connected() => Failure::Control(Break::ConnectTimedOut),
            (Some(_), Some(data)) if !data.is_connected() => Failure::Data(Break::ConnectTimedOut),
            (_, Some(_)) => Failure::TimedOut(Awaited::Data),
            (_, None) if is_greeted => Failure::TimedOut(Awaited::Reply),
            (_, None) => Failure::TimedOut(Awaited::Greeting),
        }
    }

    fn close_connections(&mut self) {
        self.control = None;
        if let Some(data) = self.data.take() {
            data.abandon();
        }
        self.thief = None;
        self.passive_address = None;
    }

    /// Ends the operation under way without counting it: the run is over.
    pub fn stop(&mut self) {
        self.close_connections();
        self.active = None;
    }

    fn status(&mut self, outcome: Result<(), Failure>, tools: &mut Tools) -> Status {
        match (&self.active, outcome) {
            (None, Ok(())) => Status::Resting,
            (None, Err(failure)) => {
                self.close_connections();
                Status::LostAtRest(failure)
            }
            (Some(active), Err(failure)) => {
                let (class, since) = (active.operation.class, active.progressed);
                // The client was not served, but the thief may have been.
                self.count_stolen_bytes(tools);
                self.stop();
                Status::Failed { class, failure, since }
            }
            (Some(active), Ok(())) => {
                if active.step().is_some() {
                    return Status::UnderWay;
                }
                let (class, began) = (active.operation.class, active.began);
                self.active = None;
                Status::Succeeded { class, began }
            }
        }
    }
}

/// The server has closed the control connection.
const CONTROL_CLOSED: Failure = Failure::Control(Break::Closed);

#[cfg(test)]
mod tests;
