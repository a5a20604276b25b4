//! The thread: results, wake-ups, its bounds, panics and its end; the queue: turns.

use super::queue::{SlowWorkQueue, Work};
use super::*;
use crate::accounts::{Accounts, Claim, Password, PasswordHash, Quotas, RecentProofs, WorkingMemory};
use crate::descriptors::Descriptors;
use crate::ftp::path::VirtualPath;
use crate::reactor::token::SlotId;
use crate::storage::{DiskRoot, Storage, TreeSize, WalkPurpose};
use mio::{Events, Poll};
use std::net::IpAddr;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

/// Of `secret`, cheap.
const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$vk+JgWgZGbXHtEqPQPhzXbD+QxxkJR5Fq2AXLhDyYaY";
/// After this a test has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// An attempt of session `key` at `peer`.
pub(super) fn attempt_from(peer: IpAddr, key: u32, password: &str) -> LoginAttempt {
    let claim = Claim {
        user: b"alice"[..].into(),
        hash: PasswordHash::parse(HASH).expect("a hash"),
        password: Password::new(password.as_bytes().to_vec()),
    };
    LoginAttempt {
        slot: SlotId { key, generation: 1 },
        peer,
        proof: RecentProofs::new(&[1; 64]).of(&claim),
        claim,
    }
}

fn attempt(key: u32, password: &str) -> Work {
    Work::Password(attempt_from(IpAddr::from([192, 0, 2, 1]), key, password))
}

fn is_secret(claim: &Claim) -> bool {
    claim.password.as_bytes() == b"secret"
}

fn as_attempt(work: Work) -> LoginAttempt {
    match work {
        Work::Password(attempt) => attempt,
        Work::Job(_) => unreachable!("no job was submitted"),
    }
}

/// The next result: whose it is, and whether the password matched.
fn result(work: &mut SlowWorkQueue) -> Option<(u32, Result<bool, Panicked>)> {
    work.finished().map(|done| match done {
        Done::PasswordVerified { slot, matches, .. } => (slot.key, matches),
        Done::Published { .. }
        | Done::Walked(_)
        | Done::AccountsRead(_)
        | Done::CertificatesRead(_)
        | Done::Discarded(_) => unreachable!("no job was submitted"),
    })
}

#[test]
fn f04_passwords_are_verified_on_the_thread_and_the_loop_is_woken() {
    let (wake, woken) = channel();
    let caller = thread::current().id();
    let mut work = SlowWorkQueue::start_with(Work::perform, move || {
        assert_ne!(thread::current().id(), caller);
        let _ = wake.send(());
    })
    .expect("a thread");
    assert_eq!(result(&mut work), None);
    for (key, password) in [(0, "secret"), (1, "wrong")] {
        assert!(work.submit(attempt(key, password)), "room");
    }
    for (key, matches) in [(0, true), (1, false)] {
        woken.recv_timeout(PATIENCE).expect("a wake-up after each result");
        assert_eq!(result(&mut work), Some((key, Ok(matches))));
    }
    assert_eq!(result(&mut work), None);
}

#[test]
fn f04_a_full_queue_refuses_more_work() {
    let (wake, woken) = channel();
    let (begin, begun) = channel();
    let (release, gate) = channel::<()>();
    let perform = move |work, _: &mut WorkingMemory| {
        begin.send(()).expect("the test waits");
        gate.recv_timeout(PATIENCE).expect("released");
        as_attempt(work).verify(is_secret)
    };
    let mut work = SlowWorkQueue::start_with(perform, move || {
        let _ = wake.send(());
    })
    .expect("a thread");
    assert!(work.submit(attempt(0, "secret")), "an idle thread");
    begun.recv_timeout(PATIENCE).expect("it has begun");
    let waiting = 1..=SlowWorkQueue::RESULTS_AT_ONCE as u32;
    for key in waiting.clone() {
        assert!(work.submit(attempt(key, "secret")), "room to wait");
    }
    assert!(!work.submit(attempt(99, "wrong")), "no room");
    for key in std::iter::once(0).chain(waiting) {
        release.send(()).expect("it waits");
        woken.recv_timeout(PATIENCE).expect("a result");
        assert_eq!(result(&mut work), Some((key, Ok(true))));
    }
    assert!(work.submit(attempt(100, "secret")), "room again");
}

#[test]
fn work_that_panics_is_a_result_and_the_thread_continues() {
    let (wake, woken) = channel();
    let perform = |work, memory: &mut WorkingMemory| {
        as_attempt(work).verify(|claim| {
            assert!(is_secret(claim), "this panic belongs to the test");
            claim.is_right(memory)
        })
    };
    let mut work = SlowWorkQueue::start_with(perform, move || {
        let _ = wake.send(());
    })
    .expect("a thread");
    assert!(work.submit(attempt(1, "wrong")), "room");
    assert!(work.submit(attempt(2, "secret")), "room");
    for expected in [(1, Err(Panicked)), (2, Ok(true))] {
        woken.recv_timeout(PATIENCE).expect("a result");
        assert_eq!(result(&mut work), Some(expected));
    }
}

#[test]
fn dropping_it_ends_the_thread_before_it_begins_anything_more() {
    let alive = Arc::new(());
    let held: Weak<()> = Arc::downgrade(&alive);
    let (begin, begun) = channel();
    let (release, gate) = channel::<()>();
    let perform = move |work, _: &mut WorkingMemory| {
        let _held = &alive;
        begin.send(()).expect("the test waits");
        gate.recv_timeout(PATIENCE).expect("released");
        as_attempt(work).verify(is_secret)
    };
    let work = SlowWorkQueue::start_with(perform, || panic!("the loop must not be woken")).expect("a thread");
    assert!(work.submit(attempt(0, "secret")), "room");
    begun.recv_timeout(PATIENCE).expect("the first has begun");
    (1..3).for_each(|key| assert!(work.submit(attempt(key, "secret")), "room"));
    drop(work);
    assert!(held.upgrade().is_some(), "dropping did not wait for the work");
    release.send(()).expect("it waits");
    assert_eq!(
        begun.recv_timeout(PATIENCE),
        Err(RecvTimeoutError::Disconnected),
        "the thread ended without beginning the next"
    );
}

#[test]
fn the_kinds_of_jobs_take_turns() {
    let directory = tempfile::TempDir::new().expect("a directory");
    let root = DiskRoot::open(directory.path(), Descriptors::for_process(256)).expect("the root");
    let walk = || {
        let purpose = WalkPurpose::Measure(TreeSize::default());
        Job::Walk(Box::new(root.walk(&VirtualPath::ROOT, purpose)))
    };
    let discard = || Job::Discard(Box::new((Accounts::default(), Arc::new(Quotas::default()))));
    let mut poll = Poll::new().expect("a poll");
    let mut queue = SlowWorkQueue::start(poll.registry()).expect("a thread");
    for job in [discard(), discard(), discard(), walk(), walk()] {
        queue.enqueue(job);
    }
    let mut order = Vec::new();
    while order.len() < 5 {
        poll.poll(&mut Events::with_capacity(8), Some(PATIENCE))
            .expect("polled");
        while let Some(done) = queue.finished() {
            order.push(match done {
                Done::Walked(Ok(_)) => "walk",
                Done::Discarded(Ok(())) => "discard",
                other => unreachable!("{other:?}"),
            });
        }
    }
    assert_eq!(order, ["discard", "walk", "discard", "walk", "discard"]);
    assert!(queue.takes_password());
}
