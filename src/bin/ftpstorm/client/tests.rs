//! Clients that need no server: their scripts open no connection, or have lost it.

use super::*;
use crate::measurements::{Class, ClassKind};
use crate::script::Flow;
use loopftpd::reactor::slots::Slots;

const PATIENCE: Duration = Duration::from_secs(30);

fn tools() -> Tools {
    let now = Instant::now();
    let poll = mio::Poll::new().expect("a poll instance");
    Tools {
        registry: poll.registry().try_clone().expect("a second handle"),
        target: SocketAddr::from(([127, 0, 0, 1], 21)),
        thief_address: None,
        stolen_bytes: StolenBytes::default(),
        uploads: BTreeMap::new(),
        now,
        patience: PATIENCE,
        scratch: Box::default(),
        measurements: Measurements::new(vec![Class::new("test", ClassKind::Operation, true)], now),
        ready: VecDeque::new(),
        squatter: None,
    }
}

fn client(now: Instant) -> ScriptedClient {
    let slot = Slots::default().insert_with(|_| ());
    ScriptedClient::new(slot, 0, 0, None, now)
}

fn operation(steps: Vec<ScriptStep>) -> Rc<Operation> {
    Rc::new(Operation { class: 0, steps })
}

#[test]
fn steps_that_need_no_reply_follow_each_other_and_a_pause_ends_at_its_time() {
    let mut tools = tools();
    let mut client = client(tools.now);
    let (intended, pause) = (tools.now, Duration::from_millis(5));
    let steps = vec![
        ScriptStep::CountEffect,
        ScriptStep::Pause(pause),
        ScriptStep::CountEffect,
        ScriptStep::Close,
    ];
    assert_eq!(client.begin(operation(steps), intended, &mut tools), Status::UnderWay);
    assert_eq!(tools.measurements.attack.effects, 1);
    assert_eq!(client.due(PATIENCE), tools.now + pause);
    assert_eq!(client.under_way(), Some((0, tools.now)));
    tools.now += pause;
    let succeeded = Status::Succeeded {
        class: 0,
        began: intended,
    };
    assert_eq!(client.time_is_up(&mut tools), succeeded);
    assert_eq!(tools.measurements.attack.effects, 2);
    assert!(client.is_resting());
    assert_eq!(client.time_is_up(&mut tools), Status::Resting);
}

#[test]
fn a_step_without_its_connection_fails_the_operation() {
    let (bytes, hold) = ([0].into(), PATIENCE);
    for step in [
        ScriptStep::send("NOOP", &[200]),
        ScriptStep::transfer("LIST", Flow::Discard),
        ScriptStep::Malformed { bytes, hold },
    ] {
        let mut tools = tools();
        let mut client = client(tools.now);
        let failed = Status::Failed {
            class: 0,
            failure: CONTROL_CLOSED,
            since: tools.now,
        };
        let status = client.begin(operation(vec![step, ScriptStep::Close]), tools.now, &mut tools);
        assert_eq!(status, failed);
        assert!(client.is_resting(), "the rest of the script is dropped");
    }
}

#[test]
fn a_client_that_waits_too_long_fails_with_what_it_waited_for() {
    for (step, awaited) in [
        (ScriptStep::Connect, Awaited::Greeting),
        (ScriptStep::send("NOOP", &[200]), Awaited::Reply),
    ] {
        let mut tools = tools();
        let mut client = client(tools.now);
        let mut active = ActiveOperation::new(operation(vec![step]), tools.now, tools.now);
        active.wait(Waits::Reply(&[200]), tools.now);
        let since = active.progressed;
        client.active = Some(active);
        assert_eq!(client.due(PATIENCE), since + PATIENCE);
        tools.now += PATIENCE;
        let failed = Status::Failed {
            class: 0,
            failure: Failure::TimedOut(awaited),
            since,
        };
        assert_eq!(client.time_is_up(&mut tools), failed);
    }
}

#[test]
fn misbehaviour_ends_with_its_time_or_its_connection() {
    let (bytes, hold) = ((*b"NOOP\r\n").into(), PATIENCE);
    for misbehaviour in [
        ScriptStep::Trickle { every: PATIENCE },
        ScriptStep::Flood { bytes, hold },
    ] {
        let mut tools = tools();
        let mut client = client(tools.now);
        let script = operation(vec![misbehaviour]);
        assert_eq!(client.begin(script, tools.now, &mut tools), Status::UnderWay);
        let ended = client.time_is_up(&mut tools);
        assert!(matches!(ended, Status::Succeeded { class: 0, .. }), "{ended:?}");
    }
}

#[test]
fn a_client_is_in_the_ready_queue_at_most_once() {
    let mut tools = tools();
    let mut client = client(tools.now);
    client.queue(&mut tools);
    client.queue(&mut tools);
    assert_eq!(tools.ready.len(), 1);
    assert_eq!(tools.ready.pop_front(), Some(client.slot));
    assert_eq!(client.resume(&mut tools), Status::Resting);
    client.queue(&mut tools);
    assert_eq!(tools.ready.len(), 1, "it can come back");
}
