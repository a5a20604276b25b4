use super::*;

const MILLISECOND: Duration = Duration::from_millis(1);

/// Records a turn in which a slot becomes ready and sends 100 bytes.
fn record_turn(recorder: &mut Recorder, number: u64, counters: &mut Counters, start: Instant, steps: u32) {
    recorder.turn_begins(number, start, MILLISECOND, None, 1);
    recorder.handler_begins(Stage::Events, Handler::Control);
    for step in 1..=steps {
        counters.bytes_sent += 100;
        counters.commands += 1;
        recorder.served(3, 9, "sending", start + step * MILLISECOND, counters);
    }
    recorder.handler_ends(start + steps * MILLISECOND, counters);
    recorder.turn_ends(steps * MILLISECOND, 2);
}

#[test]
fn a_turn_has_its_steps_with_their_phases_bytes_and_times() {
    let (start, mut counters) = (Instant::now(), Counters::default());
    let mut recorder = Recorder::new(start);
    record_turn(&mut recorder, 1, &mut counters, start + MILLISECOND, 2);
    let turn = *recorder.turns_between(0, u64::MAX).next().expect("a turn");
    assert_eq!((turn.number, turn.at, turn.took), (1, MILLISECOND, 2 * MILLISECOND));
    let (steps, is_whole) = recorder.steps_of(&turn);
    let steps: Vec<&Step> = steps.collect();
    assert!(is_whole);
    assert_eq!(steps.len(), 2, "the handler itself adds none");
    assert_eq!((steps[0].from, steps[0].to), ("free", "sending"));
    assert_eq!((steps[1].from, steps[1].bytes, steps[1].commands), ("sending", 100, 1));
    assert_eq!((steps[1].took, steps[1].session), (MILLISECOND, Some((3, 9))));
    assert_eq!(recorder.interval.busy, 2 * MILLISECOND);
    assert!(recorder.interval.is_busy);
}

#[test]
fn the_record_is_bounded_and_forgets_the_oldest_turns_first() {
    let (start, mut counters) = (Instant::now(), Counters::default());
    let mut recorder = Recorder::new(start);
    for number in 1..=6_000 {
        record_turn(&mut recorder, number, &mut counters, start, 5);
    }
    assert_eq!((recorder.turns.len(), recorder.steps.len()), (TURNS_KEPT, STEPS_KEPT));
    assert_eq!(size_of::<Step>(), 96, "as the comment says");
    let [oldest, .., newest] = *recorder.turns_between(0, u64::MAX).copied().collect::<Vec<_>>() else {
        panic!("two turns at least");
    };
    assert_eq!(newest.number, 6_000);
    assert!(!recorder.steps_of(&oldest).1 && recorder.steps_of(&newest).1);
    assert_eq!(recorder.steps_of(&newest).0.count(), 5);
    let numbers = |before, most| -> Vec<u64> {
        let (from, end) = recorder.numbers_before(before, most);
        recorder.turns_between(from, end).map(|turn| turn.number).collect()
    };
    assert_eq!(numbers(Some(5_000), 2), [4_998, 4_999]);
    assert_eq!(numbers(None, 1), [6_000]);
    assert_eq!(numbers(Some(1), 2), [0; 0]);
    record_turn(&mut recorder, 6_001, &mut counters, start, 1_000);
    let turn = recorder.turns_between(6_001, u64::MAX).next().expect("a turn");
    assert_eq!(
        (turn.steps as usize, turn.left_out as usize),
        (STEPS_OF_A_TURN, 1_000 - STEPS_OF_A_TURN)
    );
}

#[test]
fn a_step_that_holds_the_loop_causes_a_warning_and_warnings_are_bounded() {
    let (start, counters) = (Instant::now(), Counters::default());
    let mut recorder = Recorder::new(start);
    recorder.turn_begins(5, start, MILLISECOND, None, 1);
    for _ in 0..WARNINGS_KEPT + 5 {
        recorder.turn_begins(5, start, MILLISECOND, None, 1);
        recorder.handler_begins(Stage::Events, Handler::Data);
        recorder.served(0, 1, "ready", start + 14 * MILLISECOND, &counters);
    }
    let warnings = std::mem::take(&mut recorder.interval).warnings;
    assert_eq!(warnings.len(), WARNINGS_KEPT);
    let last = warnings.back().expect("one");
    assert_eq!((last.turn, last.session, last.took), (5, Some(1), 14 * MILLISECOND));
    assert!(recorder.interval.warnings.is_empty());
}

#[test]
fn a_handler_of_each_turn_is_a_step_only_if_it_did_something() {
    let (start, counters) = (Instant::now(), Counters::default());
    let mut recorder = Recorder::new(start);
    recorder.turn_begins(1, start, MILLISECOND, None, 1);
    recorder.handler_begins(Stage::Events, Handler::Accept);
    recorder.handler_ends(start, &counters);
    recorder.handler_begins(Stage::Deadlines, Handler::Deadlines);
    recorder.handler_ends(start, &counters);
    recorder.handler_begins(Stage::Deadlines, Handler::Deadlines);
    recorder.handler_ends(start + MILLISECOND, &counters);
    recorder.turn_ends(MILLISECOND, 0);
    let turn = *recorder.turns_between(0, u64::MAX).next().expect("a turn");
    let steps: Vec<(Stage, Duration)> = recorder.steps_of(&turn).0.map(|step| (step.stage, step.took)).collect();
    assert_eq!(
        steps,
        [(Stage::Events, Duration::ZERO), (Stage::Deadlines, MILLISECOND)]
    );
}
