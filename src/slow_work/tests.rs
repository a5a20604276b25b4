//! The thread: results, wake-ups, its bounds, panics and its end; the queue: turns.

use super::queue::SlowWorkQueue;
use super::*;
use crate::accounts::{Accounts, Claim, Password, PasswordHash, Quotas, RecentProofs};
use crate::descriptors::Descriptors;
use crate::ftp::path::VirtualPath;
use crate::reactor::token::SlotId;
use crate::storage::{DiskRoot, Storage, TreeSize, WalkPurpose};
use mio::{Events, Poll};
use std::net::IpAddr;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Weak};

/// Of `secret`, cheap.
const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$vk+JgWgZGbXHtEqPQPhzXbD+QxxkJR5Fq2AXLhDyYaY";
/// After this a test has failed.
const PATIENCE: Duration = Duration::from_secs(30);

fn slot(key: u32) -> SlotId {
    SlotId { key, generation: 1 }
}

/// An attempt of session `key`.
fn attempt(key: u32, password: &str) -> Work {
    let claim = Claim {
        user: b"alice"[..].into(),
        hash: PasswordHash::parse(HASH).expect("a hash"),
        password: Password::new(password.as_bytes().to_vec()),
    };
    Work::Password(LoginAttempt {
        slot: slot(key),
        peer: IpAddr::from([192, 0, 2, 1]),
        proof: RecentProofs::new(&[1; 64]).of(&claim),
        claim,
    })
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
fn result(work: &SlowWork) -> Option<(u32, Result<bool, Panicked>)> {
    work.finished().map(|done| match done {
        Done::PasswordVerified { slot, matches, .. } => (slot.key, matches),
        Done::Published { .. } | Done::Walked(_) | Done::AccountsRead(_) | Done::Discarded(_) => {
            unreachable!("no job was submitted")
        }
    })
}

#[test]
fn f04_passwords_are_verified_on_the_thread_and_the_loop_is_woken() {
    let (wake, woken) = channel();
    let caller = thread::current().id();
    let work = SlowWork::start(move || {
        assert_ne!(thread::current().id(), caller);
        let _ = wake.send(());
    })
    .expect("a thread");
    assert_eq!(result(&work), None);
    for (key, password) in [(0, "secret"), (1, "wrong")] {
        work.submit(attempt(key, password)).expect("room");
    }
    for (key, matches) in [(0, true), (1, false)] {
        woken.recv_timeout(PATIENCE).expect("a wake-up after each result");
        assert_eq!(result(&work), Some((key, Ok(matches))));
    }
    assert_eq!(result(&work), None);
}

#[test]
fn f04_a_full_queue_returns_the_job() {
    let (wake, woken) = channel();
    let (begin, begun) = channel();
    let (release, gate) = channel::<()>();
    let perform = move |work, _: &mut WorkingMemory| {
        begin.send(()).expect("the test waits");
        gate.recv_timeout(PATIENCE).expect("released");
        as_attempt(work).verify_with(is_secret)
    };
    let work = SlowWork::start_with(perform, move || {
        let _ = wake.send(());
    })
    .expect("a thread");
    work.submit(attempt(0, "secret")).expect("an idle thread");
    begun.recv_timeout(PATIENCE).expect("it has begun");
    let waiting = 1..=Work::AT_ONCE as u32;
    for key in waiting.clone() {
        work.submit(attempt(key, "secret")).expect("room to wait");
    }
    let refused = as_attempt(work.submit(attempt(99, "wrong")).expect_err("no room"));
    assert_eq!(refused.slot, slot(99), "the same attempt comes back");
    assert!(!is_secret(&refused.claim));
    for key in std::iter::once(0).chain(waiting) {
        release.send(()).expect("it waits");
        woken.recv_timeout(PATIENCE).expect("a result");
        assert_eq!(result(&work), Some((key, Ok(true))));
    }
    work.submit(attempt(100, "secret")).expect("room again");
}

#[test]
fn work_that_panics_is_a_result_and_the_thread_continues() {
    let (wake, woken) = channel();
    let perform = |work, memory: &mut WorkingMemory| {
        as_attempt(work).verify_with(|claim| {
            assert!(is_secret(claim), "this panic belongs to the test");
            claim.is_right(memory)
        })
    };
    let work = SlowWork::start_with(perform, move || {
        let _ = wake.send(());
    })
    .expect("a thread");
    work.submit(attempt(1, "wrong")).expect("room");
    work.submit(attempt(2, "secret")).expect("room");
    for expected in [(1, Err(Panicked)), (2, Ok(true))] {
        woken.recv_timeout(PATIENCE).expect("a result");
        assert_eq!(result(&work), Some(expected));
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
        as_attempt(work).verify_with(is_secret)
    };
    let work = SlowWork::start_with(perform, || panic!("the loop must not be woken")).expect("a thread");
    work.submit(attempt(0, "secret")).expect("room");
    begun.recv_timeout(PATIENCE).expect("the first has begun");
    (1..3).for_each(|key| work.submit(attempt(key, "secret")).expect("room"));
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
