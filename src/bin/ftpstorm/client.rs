//! One client: plays a script, a step at a time, over its control and data connections.
//!
//! Every reply is checked for its form, its code, and for having been asked for. A client never waits: each method does
//! what can be done now and says whether the operation is still under way.

use super::control::Control;
use super::data::{Data, Moved};
use super::failure::{Awaited, Break, Connection, Failure, Said};
use super::loot::Loot;
use super::measurements::Measurements;
use super::polled_socket::PolledSocket;
use super::script::{Announcement, Flow, Misbehaviour, Operation, Step};
use super::sources::connect;
use super::squat::Squatter;
use crate::reply_reader::ServerReply;
use loopftpd::ftp::host_port::{extended_passive_port, passive_address};
use loopftpd::reactor::deadlines::Deadline;
use loopftpd::reactor::ready_queue::ReadyQueue;
use loopftpd::reactor::token::SlotId;
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// What every client may use while it plays.
pub struct Tools {
    pub registry: Registry,
    pub target: SocketAddr,
    /// Where thieves come from: an address of this machine that is not their victims'.
    pub thief_address: Option<IpAddr>,
    pub loot: Loot,
    /// Files that uploads have begun, and whether one was acknowledged: what is to be removed in the end.
    pub uploads: BTreeMap<Rc<str>, bool>,
    pub now: Instant,
    pub patience: Duration,
    pub scratch: Box<[u8]>,
    pub measurements: Measurements,
    /// Who can go on although no event will come.
    pub ready: ReadyQueue<SlotId>,
    pub squatter: Option<Squatter>,
}

/// One client.
pub struct Client {
    pub slot: SlotId,
    pub role: usize,
    pub number: usize,
    /// When the next operation should begin, or should have begun.
    pub intended: Instant,
    pub deadline: Deadline,
    source: Option<IpAddr>,
    control: Option<Control>,
    data: Option<Data>,
    announced: Option<SocketAddr>,
    thief: Option<TcpStream>,
    /// Stands in the ready queue; once is enough.
    is_queued: bool,
    play: Play,
}

/// What a client is doing.
enum Play {
    Resting,
    Performing(Performance),
}

struct Performance {
    operation: Rc<Operation>,
    step: usize,
    began: Instant,
    /// When the step began, or last moved bytes.
    progressed: Instant,
    waits: Waits,
}

/// What the step under way waits for.
#[derive(Clone, Debug)]
enum Waits {
    /// One reply with one of these codes.
    Reply(&'static [u16]),
    Announcement(Announcement),
    /// The replies of a transfer, and the end of its bytes.
    Transfer {
        is_opened: bool,
        is_closed: bool,
        has_moved: bool,
    },
    /// Time.
    Until(Instant),
    /// The server's end of the connection, or time; bytes go out as fast as they are taken, nothing is read.
    Flood {
        bytes: Rc<[u8]>,
        until: Instant,
    },
    /// The same, but replies are read and forgotten.
    Hearing {
        until: Instant,
    },
    /// The same for a transfer whose data is not read; the first reply tells whether there is one.
    Stalling {
        is_opened: bool,
        until: Instant,
    },
    /// The server's patience; a byte goes out each time.
    Trickle {
        every: Duration,
        next: Instant,
    },
}

/// Where an operation stands.
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
    /// The connection broke while nothing was under way.
    LostAtRest(Failure),
    Resting,
}

/// What beginning a step led to.
enum Begun {
    Done,
    Waits(Waits),
}

impl Client {
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
            announced: None,
            thief: None,
            is_queued: false,
            play: Play::Resting,
        }
    }

    /// Whether there is a control connection to go on with.
    pub fn has_session(&self) -> bool {
        self.control.is_some()
    }

    pub fn is_resting(&self) -> bool {
        matches!(self.play, Play::Resting)
    }

    /// When to look at the client if nothing happens before.
    pub fn due(&self, patience: Duration) -> Instant {
        match &self.play {
            Play::Resting => self.intended,
            Play::Performing(performance) => match &performance.waits {
                Waits::Until(at)
                | Waits::Flood { until: at, .. }
                | Waits::Hearing { until: at }
                | Waits::Stalling { until: at, .. } => *at,
                Waits::Trickle { next, .. } => *next,
                Waits::Reply(_) | Waits::Announcement(_) | Waits::Transfer { .. } => performance.progressed + patience,
            },
        }
    }

    /// The class of the operation under way, and when it last made progress.
    pub fn under_way(&self) -> Option<(usize, Instant)> {
        match &self.play {
            Play::Resting => None,
            Play::Performing(performance) => Some((performance.operation.class, performance.progressed)),
        }
    }

    /// Begins an operation whose latency counts from `intended`.
    pub fn begin(&mut self, operation: Rc<Operation>, intended: Instant, tools: &mut Tools) -> Status {
        tools.measurements.begun(operation.class);
        self.play = Play::Performing(Performance {
            operation,
            step: 0,
            began: intended,
            progressed: tools.now,
            waits: Waits::Until(tools.now),
        });
        let outcome = self.begin_steps(tools);
        self.status(outcome, tools)
    }

    /// The poll reports the control connection.
    pub fn control_ready(&mut self, event: &Event, tools: &mut Tools) -> Status {
        let outcome = self.hear(event, tools);
        self.status(outcome, tools)
    }

    /// The poll reports the data connection: its bytes are moved when the turn comes to that.
    pub fn queue(&mut self, tools: &mut Tools) {
        if !self.is_queued {
            self.is_queued = true;
            tools.ready.push(self.slot);
        }
    }

    /// The ready queue has come to this client.
    pub fn data_ready(&mut self, tools: &mut Tools) -> Status {
        self.is_queued = false;
        if let Play::Performing(Performance {
            waits: Waits::Flood { bytes, .. },
            ..
        }) = &self.play
        {
            let bytes = Rc::clone(bytes);
            let outcome = self.flood(&bytes, tools);
            return self.status(outcome, tools);
        }
        let outcome = self.move_data(tools).and_then(|()| self.settle_transfer(tools));
        self.status(outcome, tools)
    }

    /// The client's deadline has passed while an operation was under way.
    pub fn time_is_up(&mut self, tools: &mut Tools) -> Status {
        let Play::Performing(performance) = &mut self.play else {
            return Status::Resting;
        };
        let outcome = match &mut performance.waits {
            Waits::Until(_) => {
                performance.step += 1;
                self.begin_steps(tools)
            }
            Waits::Flood { .. } | Waits::Hearing { .. } | Waits::Stalling { .. } => {
                self.hang_up();
                self.next_step(tools)
            }
            Waits::Trickle { every, next } => {
                *next = tools.now + *every;
                match self.control.as_mut().map(|control| control.push(b"U")) {
                    Some(Ok(count)) => {
                        tools.measurements.struck += count as u64;
                        Ok(())
                    }
                    Some(Err(_)) | None => self.end_of_patience(tools),
                }
            }
            Waits::Reply(_) | Waits::Announcement(_) | Waits::Transfer { .. } => Err(self.timed_out()),
        };
        self.status(outcome, tools)
    }

    /// What a client that has waited too long has waited for.
    fn timed_out(&self) -> Failure {
        let connecting = |which| Failure::Connection {
            which,
            broke: Break::ConnectTimedOut,
        };
        let step = match &self.play {
            Play::Resting => None,
            Play::Performing(performance) => performance.operation.steps.get(performance.step),
        };
        let is_greeted = !matches!(step, Some(Step::Connect));
        match (&self.control, &self.data) {
            (Some(control), _) if !control.is_connected() => connecting(Connection::Control),
            (Some(_), Some(data)) if !data.is_connected() => connecting(Connection::Data),
            (_, Some(_)) => Failure::TimedOut(Awaited::Data),
            (_, None) if is_greeted => Failure::TimedOut(Awaited::Reply),
            (_, None) => Failure::TimedOut(Awaited::Greeting),
        }
    }

    /// Gives up whatever is under way and closes everything.
    pub fn hang_up(&mut self) {
        self.control = None;
        if let Some(data) = self.data.take() {
            data.give_up();
        }
        self.thief = None;
        self.announced = None;
    }

    /// Ends what is under way without a verdict: the run is over.
    pub fn stop(&mut self) {
        self.hang_up();
        self.play = Play::Resting;
    }

    fn status(&mut self, outcome: Result<(), Failure>, tools: &mut Tools) -> Status {
        match (&self.play, outcome) {
            (Play::Resting, Ok(())) => Status::Resting,
            (Play::Resting, Err(failure)) => {
                self.hang_up();
                Status::LostAtRest(failure)
            }
            (Play::Performing(performance), Err(failure)) => {
                let (class, since) = (performance.operation.class, performance.progressed);
                // A victim that was not served: somebody else may have been.
                self.count_loot(tools);
                self.stop();
                Status::Failed { class, failure, since }
            }
            (Play::Performing(performance), Ok(())) => {
                if performance.step < performance.operation.steps.len() {
                    return Status::UnderWay;
                }
                let (class, began) = (performance.operation.class, performance.began);
                self.play = Play::Resting;
                Status::Succeeded { class, began }
            }
        }
    }

    fn next_step(&mut self, tools: &mut Tools) -> Result<(), Failure> {
        if let Play::Performing(performance) = &mut self.play {
            performance.step += 1;
        }
        self.begin_steps(tools)
    }

    /// Begins steps until one has to wait, or all are done.
    fn begin_steps(&mut self, tools: &mut Tools) -> Result<(), Failure> {
        loop {
            let Play::Performing(performance) = &self.play else {
                return Ok(());
            };
            let operation = Rc::clone(&performance.operation);
            let Some(step) = operation.steps.get(performance.step) else {
                return Ok(());
            };
            let begun = self.begin_step(step, tools)?;
            let Play::Performing(performance) = &mut self.play else {
                return Ok(());
            };
            match begun {
                Begun::Done => performance.step += 1,
                Begun::Waits(waits) => {
                    performance.waits = waits;
                    performance.progressed = tools.now;
                    return Ok(());
                }
            }
        }
    }

    fn begin_step(&mut self, step: &Step, tools: &mut Tools) -> Result<Begun, Failure> {
        Ok(Begun::Waits(match step {
            Step::Connect => {
                // Without NODELAY: a line is said when the one before has been answered, so none is ever held back.
                let mut stream =
                    connect(tools.target, self.source).map_err(|error| Failure::of(Connection::Control, &error))?;
                register(&mut stream, PolledSocket::Control(self.slot), tools)?;
                self.control = Some(Control::new(stream));
                Waits::Reply(&[220])
            }
            Step::Say { line, codes } => {
                self.say(line)?;
                Waits::Reply(codes)
            }
            Step::Arm(announcement) => {
                self.say(match announcement {
                    Announcement::Pasv => "PASV",
                    Announcement::Epsv => "EPSV",
                })?;
                Waits::Announcement(*announcement)
            }
            Step::Transfer { line, flow } => {
                let stream = self.connect_data()?;
                self.data = Some(Data::new(stream, flow));
                self.say(line)?;
                Waits::Transfer {
                    is_opened: false,
                    is_closed: false,
                    has_moved: false,
                }
            }
            Step::Steal => {
                self.steal(tools);
                return Ok(Begun::Done);
            }
            Step::CountLoot => {
                self.count_loot(tools);
                return Ok(Begun::Done);
            }
            Step::Strike => {
                tools.measurements.struck += 1;
                return Ok(Begun::Done);
            }
            Step::Pause(length) => Waits::Until(tools.now + *length),
            Step::Close => {
                self.hang_up();
                return Ok(Begun::Done);
            }
            Step::Misbehave(misbehaviour) => self.misbehave(misbehaviour, tools)?,
        }))
    }

    fn misbehave(&mut self, misbehaviour: &Misbehaviour, tools: &mut Tools) -> Result<Waits, Failure> {
        Ok(match misbehaviour {
            Misbehaviour::Trickle { every } => Waits::Trickle {
                every: *every,
                next: tools.now,
            },
            Misbehaviour::Flood { bytes, hold } => {
                self.queue(tools);
                Waits::Flood {
                    bytes: Rc::clone(bytes),
                    until: tools.now + *hold,
                }
            }
            Misbehaviour::Babble { bytes, hold } => {
                let control = self.control.as_mut().ok_or(CONTROL_CLOSED)?;
                tools.measurements.struck += control.push(bytes)? as u64;
                Waits::Hearing {
                    until: tools.now + *hold,
                }
            }
            Misbehaviour::Stall { line, hold } => {
                let stream = self.connect_data()?;
                self.data = Some(Data::unread(stream));
                self.say(line)?;
                Waits::Stalling {
                    is_opened: false,
                    until: tools.now + *hold,
                }
            }
            Misbehaviour::Reset { line, after } => {
                let stream = self.connect_data()?;
                self.data = Some(Data::reset_after(stream, *after));
                self.say(line)?;
                Waits::Transfer {
                    is_opened: false,
                    is_closed: false,
                    has_moved: false,
                }
            }
        })
    }

    fn say(&mut self, line: &str) -> Result<(), Failure> {
        let control = self.control.as_mut().ok_or(CONTROL_CLOSED)?;
        if let Some(reply) = control.next_reply()? {
            return Err(unasked(&reply));
        }
        control.say(line)
    }

    fn connect_data(&mut self) -> Result<TcpStream, Failure> {
        // The script has armed before: an announcement without an address ended the operation.
        let announced = self.announced.take().ok_or(CONTROL_CLOSED)?;
        connect(announced, self.source).map_err(|error| Failure::of(Connection::Data, &error))
    }

    /// Reads replies and lets each take the script further.
    fn hear(&mut self, event: &Event, tools: &mut Tools) -> Result<(), Failure> {
        let Some(control) = &mut self.control else {
            return Ok(());
        };
        if event.is_writable() {
            control.flush()?;
        }
        if let Play::Performing(Performance {
            waits: Waits::Flood { .. },
            ..
        }) = &self.play
        {
            // What the server says stays unread.
            self.queue(tools);
            return Ok(());
        }
        let is_open = control.receive(&mut tools.scratch, event.is_read_closed())?;
        while let Some(control) = &mut self.control
            && let Some(reply) = control.next_reply()?
        {
            self.take_reply(&reply, tools)?;
        }
        if is_open || self.control.is_none() {
            return Ok(());
        }
        match &self.play {
            Play::Performing(Performance {
                waits: Waits::Trickle { .. } | Waits::Hearing { .. } | Waits::Stalling { .. },
                ..
            }) => self.end_of_patience(tools),
            Play::Performing(_) | Play::Resting => Err(CONTROL_CLOSED),
        }
    }

    /// Pushes once; if all was taken there may be room for more, if not an event will tell.
    fn flood(&mut self, bytes: &[u8], tools: &mut Tools) -> Result<(), Failure> {
        let Some(control) = &mut self.control else {
            return self.end_of_patience(tools);
        };
        match control.push(bytes) {
            Ok(count) => {
                tools.measurements.struck += count as u64;
                if count == bytes.len() {
                    self.queue(tools);
                }
                Ok(())
            }
            Err(_) => self.end_of_patience(tools),
        }
    }

    /// The server has ended a connection that misbehaved, as it should.
    fn end_of_patience(&mut self, tools: &mut Tools) -> Result<(), Failure> {
        self.hang_up();
        self.next_step(tools)
    }

    fn take_reply(&mut self, reply: &ServerReply, tools: &mut Tools) -> Result<(), Failure> {
        let Play::Performing(performance) = &mut self.play else {
            return Err(unasked(reply));
        };
        match &mut performance.waits {
            Waits::Reply(codes) if codes.contains(&reply.code) => self.next_step(tools),
            Waits::Announcement(announcement) if (227..=229).contains(&reply.code) => {
                let announced = match announcement {
                    Announcement::Pasv => passive_address(&reply.text),
                    Announcement::Epsv => {
                        extended_passive_port(&reply.text).map(|port| SocketAddr::new(tools.target.ip(), port))
                    }
                }
                .ok_or_else(|| Failure::NoAddress(reply.into()))?;
                tools.measurements.ports.insert(announced.port());
                if let Some(squatter) = &mut tools.squatter {
                    squatter.remember(announced.port());
                }
                self.announced = Some(announced);
                self.next_step(tools)
            }
            Waits::Transfer {
                is_opened, is_closed, ..
            } => {
                let upload = performance.operation.steps.get(performance.step).and_then(Step::upload);
                match (reply.code, *is_opened, *is_closed) {
                    (125 | 150, false, false) => {
                        *is_opened = true;
                        if let Some(path) = upload {
                            tools.uploads.entry(path.into()).or_default();
                        }
                        self.queue(tools);
                    }
                    (226 | 250, true, false) => {
                        *is_closed = true;
                        if let Some(path) = upload {
                            tools.uploads.insert(path.into(), true);
                        }
                    }
                    // A reset in the middle is answered 426 or 451; one after the last byte is not noticed.
                    (426 | 451, true, false) if self.was_reset() => self.mark_closed(),
                    (_, _, true) => return Err(unasked(reply)),
                    (_, _, false) => return Err(Failure::Reply(reply.into())),
                }
                self.settle_transfer(tools)
            }
            Waits::Stalling { is_opened, .. } => match (reply.code, *is_opened) {
                (125 | 150, false) => {
                    *is_opened = true;
                    tools.measurements.struck += 1;
                    Ok(())
                }
                // The server got rid of everything: it was too little to stall.
                (226 | 250, true) => {
                    tools.measurements.struck = tools.measurements.struck.saturating_sub(1);
                    Ok(())
                }
                (_, true) => Ok(()),
                (_, false) => Err(Failure::Reply(reply.into())),
            },
            Waits::Hearing { .. } | Waits::Trickle { .. } => Ok(()),
            Waits::Reply(_) | Waits::Announcement(_) => Err(Failure::Reply(reply.into())),
            Waits::Until(_) | Waits::Flood { .. } => Err(unasked(reply)),
        }
    }

    fn was_reset(&self) -> bool {
        let Play::Performing(performance) = &self.play else {
            return false;
        };
        let step = performance.operation.steps.get(performance.step);
        matches!(step, Some(Step::Misbehave(Misbehaviour::Reset { .. })))
    }

    fn mark_closed(&mut self) {
        if let Play::Performing(Performance {
            waits: Waits::Transfer { is_closed, .. },
            ..
        }) = &mut self.play
        {
            *is_closed = true;
        }
    }

    fn move_data(&mut self, tools: &mut Tools) -> Result<(), Failure> {
        let Some(data) = &mut self.data else {
            return Ok(());
        };
        let before = data.moved;
        let moved = data.pump(&mut tools.scratch);
        let total = data.moved;
        let count = total - before;
        let mut must_equal_others = false;
        if let Play::Performing(performance) = &mut self.play {
            tools.measurements.moved(performance.operation.class, count);
            if count > 0 {
                performance.progressed = tools.now;
            }
            let step = performance.operation.steps.get(performance.step);
            must_equal_others = matches!(
                step,
                Some(Step::Transfer {
                    flow: Flow::SameSize,
                    ..
                })
            );
        }
        let moved = moved?;
        match moved {
            Moved::WouldBlock => data.await_event(PolledSocket::Data(self.slot), &tools.registry)?,
            Moved::BudgetSpent => self.queue(tools),
            Moved::Ended | Moved::Reset => {
                self.data = None;
                if moved == Moved::Reset {
                    tools.measurements.struck += 1;
                }
                if must_equal_others && !tools.measurements.downloaded(total) {
                    return Err(Failure::SizesDiffer);
                }
                if let Play::Performing(Performance {
                    waits: Waits::Transfer { has_moved, .. },
                    ..
                }) = &mut self.play
                {
                    *has_moved = true;
                }
            }
        }
        Ok(())
    }

    /// A transfer is over when its bytes and its last reply have both come.
    fn settle_transfer(&mut self, tools: &mut Tools) -> Result<(), Failure> {
        let Play::Performing(performance) = &self.play else {
            return Ok(());
        };
        match &performance.waits {
            Waits::Transfer {
                is_closed: true,
                has_moved: true,
                ..
            } => self.next_step(tools),
            Waits::Transfer { .. }
            | Waits::Reply(_)
            | Waits::Announcement(_)
            | Waits::Until(_)
            | Waits::Flood { .. }
            | Waits::Hearing { .. }
            | Waits::Stalling { .. }
            | Waits::Trickle { .. } => Ok(()),
        }
    }

    /// Connects to what was announced to this client, from somewhere else.
    fn steal(&mut self, tools: &mut Tools) {
        let (Some(announced), Some(from)) = (self.announced, tools.thief_address) else {
            return;
        };
        match connect(announced, Some(from)) {
            Ok(thief) => {
                self.thief = Some(thief);
                tools.measurements.thefts_tried += 1;
            }
            // A server that refuses the thief at once has done well; one that could not set out has proved nothing.
            Err(error) if Failure::of(Connection::Data, &error).is_the_servers() => {
                tools.measurements.thefts_tried += 1;
            }
            Err(_) => {}
        }
    }

    fn count_loot(&mut self, tools: &mut Tools) {
        if let Some(thief) = self.thief.take() {
            tools.measurements.stolen += tools.loot.watch(thief, tools.now, &mut tools.scratch);
        }
    }
}

/// The server has closed the control connection.
const CONTROL_CLOSED: Failure = Failure::Connection {
    which: Connection::Control,
    broke: Break::Closed,
};

/// What an unexpected reply means: a 421 announces the end of the connection, anything else is out of turn.
fn unasked(reply: &ServerReply) -> Failure {
    if reply.code == 421 {
        Failure::Reply(Said::from(reply))
    } else {
        Failure::Unasked(Said::from(reply))
    }
}

fn register(stream: &mut TcpStream, socket: PolledSocket, tools: &Tools) -> Result<(), Failure> {
    let interest = Interest::READABLE | Interest::WRITABLE;
    tools
        .registry
        .register(stream, socket.into(), interest)
        .map_err(|error| Failure::of(Connection::Control, &error))
}

/// The steps of a transfer that reads everything away.
pub fn discard(line: impl Into<Rc<str>>) -> Step {
    Step::Transfer {
        line: line.into(),
        flow: Flow::Discard,
    }
}
