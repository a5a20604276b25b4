//! What counts where.

use super::*;
use crate::failure::ReplySummary;
use crate::reply_reader::ServerReply;

const LATENCY: Duration = Duration::from_millis(5);

fn measurements() -> Measurements {
    let class = |name, is_judged| Class::new(name, ClassKind::Operation, is_judged);
    Measurements::new(vec![class("judged", true), class("attack", false)], Instant::now())
}

#[test]
fn a_second_has_only_what_ended_in_it() {
    let mut measurements = measurements();
    let began = measurements.began;
    measurements.success(0, LATENCY);
    measurements.moved(0, 10);
    measurements.failure(0, Failure::WrongBytes);
    measurements.failure(1, Failure::WrongBytes);
    let first = measurements.second_ends(began + Duration::from_secs(1));
    assert_eq!((first.operations, first.bytes, first.failures), (1, 10, 1));
    assert!(first.median.abs_diff(LATENCY) < LATENCY / 100, "{:?}", first.median);
    let second = measurements.second_ends(began + Duration::from_millis(1_500));
    assert_eq!((second.operations, second.bytes, second.failures), (0, 0, 0));
    assert_eq!(second.length, Duration::from_millis(500));
    assert_eq!(measurements.seconds.len(), 2);
}

#[test]
fn an_operation_that_ends_after_the_time_is_judged_but_in_no_rate() {
    let mut measurements = measurements();
    let end = measurements.began + Duration::from_secs(1);
    measurements.time_is_up(end);
    measurements.time_is_up(end);
    measurements.success(0, LATENCY);
    measurements.moved(0, 10);
    measurements.failure(0, Failure::WrongBytes);
    assert_eq!((measurements.succeeded(), measurements.failed()), (1, 1));
    assert_eq!((measurements.classes[0].in_time, measurements.bytes), (0, 0));
    assert_eq!(measurements.seconds.len(), 1, "the last second ended once");
}

#[test]
fn only_classes_that_are_judged_count_in_the_totals() {
    let mut measurements = measurements();
    measurements.success(1, LATENCY);
    measurements.failure(1, Failure::WrongBytes);
    assert_eq!((measurements.succeeded(), measurements.failed()), (0, 0));
    assert_eq!(measurements.classes[1].ended(), 2);
}

#[test]
fn failures_with_too_many_different_texts_are_counted_by_code() {
    let mut measurements = measurements();
    let reply = |number: usize| {
        let text = format!("no file {number}").into_bytes();
        Failure::Reply(ReplySummary::from(&ServerReply { code: 550, text }))
    };
    for number in (0..TEXTS + 5).chain([0]) {
        measurements.failure(0, reply(number));
    }
    let failures = &measurements.classes[0].failures;
    assert_eq!(failures.len(), TEXTS + 1);
    assert_eq!(failures.get(&reply(0)), Some(&2));
    assert_eq!(failures.get(&reply(0).without_text()), Some(&5));
}

#[test]
fn every_download_must_have_the_size_of_the_first() {
    let mut measurements = measurements();
    assert!(measurements.downloaded(100) && measurements.downloaded(100));
    assert!(!measurements.downloaded(99) && measurements.downloaded(100));
}
