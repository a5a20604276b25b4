//! Sessions and turns as JSON: whole objects for programs, arrays for the page, which gets thousands of them.

use super::handler::{Handler, Stage};
use super::recorder::{Recorder, Turn};
use super::rings::{self, Rings};
use super::seen::{QUEUES, Seen};
use crate::connection::Connection;
use crate::reactor::token::SlotId;
use crate::shown_name::Shown;
use serde::Serialize;
use std::net::SocketAddr;
use std::time::Duration;

/// Sessions, slots or turns in one piece of an answer.
pub const ROWS_PER_PIECE: usize = 64;
/// Bytes that a name may take. Names are escaped twice: control characters for people, and what JSON requires.
const NAME_MAX: usize = 160;

/// A session, in `/sessions.json`.
#[derive(Serialize)]
struct SessionObject<'session> {
    session: u64,
    slot: u32,
    client: SocketAddr,
    user: Option<Shown<'session>>,
    state: &'static str,
    transfer: Option<TransferObject<'session>>,
    bytes: u64,
    connected_seconds: u64,
    waits_for: &'static str,
    /// When it is given up, in milliseconds from now.
    deadline_milliseconds: u64,
    is_in_ready_queue: bool,
}

#[derive(Serialize)]
struct TransferObject<'session> {
    verb: &'static str,
    path: Shown<'session>,
    bytes: u64,
}

pub fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

pub fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Appends one session as an object.
pub fn push_object(out: &mut Vec<u8>, slot: SlotId, connection: &Connection, seen: &Seen<'_>) {
    let (session, now) = (connection.session(), seen.shared.now);
    let object = SessionObject {
        session: session.number(),
        slot: slot.key,
        client: session.client(),
        user: session.user().map(|user| Shown::within(NAME_MAX, user)),
        state: connection.phase().0,
        transfer: session.transfer().map(|transfer| TransferObject {
            verb: transfer.verb,
            path: Shown::within(NAME_MAX, transfer.path.as_bytes()),
            bytes: connection.channel().moved(),
        }),
        bytes: connection.bytes(),
        connected_seconds: now.saturating_duration_since(connection.opened()).as_secs(),
        waits_for: connection.waits_for(seen.shared),
        deadline_milliseconds: milliseconds(connection.due(seen.shared).saturating_duration_since(now)),
        is_in_ready_queue: connection.is_in_ready_queue(),
    };
    push_json(out, &object);
}

/// Appends one slot as an array: `[slot, session, state, kind, client, user, verb and path, bytes of the transfer, of
/// all transfers, what it waits for, deadline, since when replies are unread, whether in the ready queue]`; `[slot]` if it
/// is free. Times are milliseconds since the start of the server.
pub fn push_array(out: &mut Vec<u8>, key: u32, seen: &Seen<'_>, recorder: &Recorder) {
    let Some((_, connection)) = seen.slots.at(key as usize) else {
        push_json(out, &[key]);
        return;
    };
    let session = connection.session();
    let transfer = session
        .transfer()
        .map(|transfer| (transfer.verb, Shown::within(NAME_MAX, transfer.path.as_bytes())));
    let (state, kind) = connection.phase();
    let row = (
        key,
        session.number(),
        state,
        kind,
        session.client(),
        session.user().map(|user| Shown::within(NAME_MAX, user)),
        transfer,
        connection.channel().moved(),
        connection.bytes(),
        connection.waits_for(seen.shared),
        recorder.milliseconds(connection.due(seen.shared)),
        connection.unread_since().map(|since| recorder.milliseconds(since)),
        connection.is_in_ready_queue(),
    );
    push_json(out, &row);
}

/// A turn, in `/turns.json`.
#[derive(Serialize)]
struct TurnObject {
    turn: u64,
    /// Since the start of the server.
    at_microseconds: u64,
    slept_microseconds: u64,
    timeout_microseconds: Option<u64>,
    events: u32,
    took_microseconds: u64,
    ready: u32,
    steps_left_out: u32,
    /// Some of its steps were forgotten again.
    is_whole: bool,
    steps: Vec<StepObject>,
}

#[derive(Serialize)]
struct StepObject {
    stage: Stage,
    handler: &'static str,
    slot: Option<u32>,
    session: Option<u64>,
    from: Option<&'static str>,
    to: Option<&'static str>,
    bytes: u64,
    commands: u32,
    would_block: u32,
    took_nanoseconds: u64,
}

/// Appends a turn with its steps as an object.
pub fn push_turn(out: &mut Vec<u8>, turn: &Turn, recorder: &Recorder) {
    let (steps, is_whole) = recorder.steps_of(turn);
    let steps = steps.map(|step| StepObject {
        stage: step.stage,
        handler: step.handler.names().0,
        slot: step.session.map(|(slot, _)| slot),
        session: step.session.map(|(_, session)| session),
        from: step.session.map(|_| step.from),
        to: step.session.map(|_| step.to),
        bytes: step.bytes,
        commands: step.commands,
        would_block: step.would_block,
        took_nanoseconds: u64::try_from(step.took.as_nanos()).unwrap_or(u64::MAX),
    });
    let object = TurnObject {
        turn: turn.number,
        at_microseconds: microseconds(turn.at),
        slept_microseconds: microseconds(turn.slept),
        timeout_microseconds: turn.timeout.map(microseconds),
        events: turn.events,
        took_microseconds: microseconds(turn.took),
        ready: turn.ready,
        steps_left_out: turn.left_out,
        is_whole,
        steps: steps.collect(),
    };
    push_json(out, &object);
}

/// What does not change while the server runs, as the first message to a viewer.
#[derive(Serialize)]
struct Hello<'server> {
    version: &'static str,
    /// In seconds since 1970.
    started: f64,
    handlers: [(&'static str, &'static str); Handler::ALL.len()],
    queues: [(&'static str, &'static str); QUEUES],
    max_sessions: usize,
    max_descriptors: usize,
    listeners: &'server [String],
    rings: Vec<RingObject>,
    /// As in the messages.
    busy_marks: Rings,
}

#[derive(Serialize)]
struct RingObject {
    address: String,
    ports: usize,
    marks: usize,
    first: u16,
}

/// Appends the first message's data.
pub fn push_hello(out: &mut Vec<u8>, seen: &Seen<'_>, started: f64, listeners: &[String]) {
    let descriptors = &seen.shared.descriptors;
    let hello = Hello {
        version: env!("CARGO_PKG_VERSION"),
        started,
        handlers: Handler::ALL.map(Handler::names),
        queues: seen.queues().map(|(name, what, _)| (name, what)),
        max_sessions: seen.shared.options.max_sessions,
        max_descriptors: descriptors.used() + descriptors.free(),
        listeners,
        rings: (seen.shared.rings.iter())
            .map(|ports| RingObject {
                address: ports.address.to_string(),
                ports: ports.wanted(),
                marks: rings::marks(ports),
                first: ports.number(0).unwrap_or(0),
            })
            .collect(),
        busy_marks: rings::of(seen),
    };
    push_json(out, &hello);
}

/// Appends `value`. Nothing that is shown here can fail to be formatted; if it does, the reader sees `null`.
pub fn push_json(out: &mut Vec<u8>, value: &impl Serialize) {
    let before = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(before);
        out.extend_from_slice(b"null");
    }
}
