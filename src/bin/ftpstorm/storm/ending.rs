//! When a run is over, and what is done then.

use super::{Outcome, Phase, Storm, TICK};
use crate::cleanup;
use crate::failure::Failure;
use crate::loot;
use crate::process::Sample;
use crate::rate::Rate;
use loopftpd::reactor::token::SlotId;
use std::time::{Duration, Instant};

/// How long the server's descriptors may take to come back to where they were.
const AFTERMATH: Duration = Duration::from_secs(10);

/// How the run came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The time is up or the count is full.
    Done,
    /// Nothing succeeded for `--timeout`.
    NothingSucceeded {
        last: Failure,
    },
    /// The watched process has ended.
    ServerGone,
    Interrupted {
        exit_code: u8,
    },
}

/// Whether anything succeeds.
#[derive(Debug)]
pub(super) struct SuccessWatch {
    last_success: Instant,
    /// Bytes moved when that was last looked at: a long transfer is a success too.
    bytes: u64,
    /// The first failure since, and since when there was no progress.
    failing: Option<(Instant, Failure)>,
}

impl Storm<'_> {
    /// Once a second: a point of the chart, a sample of the server. And whether the run is over, and how.
    pub(super) fn look_at_the_clock(&mut self) -> Option<End> {
        let now = self.tools.now;
        if self.interrupt.has_come() {
            self.tools.measurements.time_is_up(now);
            return Some(End::Interrupted {
                exit_code: self.interrupt.exit_code(),
            });
        }
        let is_server_gone = self.phase == Phase::Running && self.next_second <= now && !self.second_passes();
        if is_server_gone {
            return Some(End::ServerGone);
        }
        if let Some(last) = self
            .success_watch
            .stalled(now, self.tools.measurements.bytes, self.options.timeout)
        {
            return Some(End::NothingSucceeded { last });
        }
        match self.phase {
            Phase::Gathering => None,
            Phase::Running => {
                let elapsed = now - self.tools.measurements.began;
                let all_counted = self.counted.limit.is_some_and(|limit| self.counted.ended >= limit);
                let out_of_time = self.options.duration.is_some_and(|duration| elapsed >= duration);
                if all_counted || out_of_time {
                    self.tools.measurements.time_is_up(now);
                    self.phase = Phase::Draining { since: now };
                }
                self.drained(now).then_some(End::Done)
            }
            Phase::Draining { .. } => self.drained(now).then_some(End::Done),
        }
    }

    /// Whether every judged operation that was under way when the time was up has ended, or has moved bytes since: what
    /// waits in vain must not be taken for what merely was not finished.
    fn drained(&self, now: Instant) -> bool {
        let Phase::Draining { since } = self.phase else {
            return false;
        };
        let is_owed = |(class, progressed): (usize, Instant)| {
            let class = self.tools.measurements.classes.get(class);
            class.is_some_and(|class| class.is_judged) && progressed <= since
        };
        let is_late = now.saturating_duration_since(since) > self.options.timeout + TICK;
        is_late
            || !self
                .clients
                .iter()
                .any(|(_, client)| client.under_way().is_some_and(is_owed))
    }

    /// Whether the watched process is still there.
    fn second_passes(&mut self) -> bool {
        let now = self.tools.now;
        self.next_second += TICK;
        let second = self.tools.measurements.second_ends(now);
        let elapsed = now - self.tools.measurements.began;
        let by_count = self
            .counted
            .limit
            .map_or(0.0, |limit| self.counted.ended as f64 / limit as f64);
        let by_time = self
            .options
            .duration
            .map_or(0.0, |duration| elapsed.as_secs_f64() / duration.as_secs_f64());
        let failed = self.tools.measurements.failed();
        self.progress.second(&second, failed, by_count.max(by_time));
        self.tools.measurements.stolen += self.tools.loot.collect(now, &mut self.tools.scratch);
        self.sample()
    }

    /// Whether the watched process is still there.
    fn sample(&mut self) -> bool {
        let (Some(pid), Some(samples)) = (self.options.pid, &mut self.samples) else {
            return true;
        };
        let sample = Sample::of(pid);
        if let Some(sample) = sample {
            samples.note(sample);
        }
        sample.is_some()
    }

    /// Everybody hangs up, and what was uploaded is removed; then the server is watched until it holds no more than
    /// before.
    pub(super) fn conclude(mut self, end: End) -> Outcome {
        let now = self.tools.now;
        self.tools.measurements.time_is_up(now);
        let ended = match self.phase {
            Phase::Draining { since } => since,
            Phase::Gathering | Phase::Running => now,
        };
        let end = match end {
            End::Done | End::NothingSucceeded { .. } if !self.sample() => End::ServerGone,
            End::Done | End::NothingSucceeded { .. } | End::ServerGone | End::Interrupted { .. } => end,
        };
        self.progress.end();
        let rate = self.rate(ended);
        let sessions = self.clients.len();
        let slots: Vec<SlotId> = self.clients.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            if let Some(mut client) = self.clients.remove(slot) {
                client.stop();
            }
        }
        if !self.tools.loot.is_empty() {
            std::thread::sleep(loot::PATIENCE);
            self.tools.measurements.stolen += self.tools.loot.collect(Instant::now(), &mut self.tools.scratch);
        }
        drop(self.poller);
        let cleanup = cleanup::remove(&self.tools.uploads, self.options, &self.interrupt);
        if let (Some(pid), Some(samples)) = (self.options.pid, &mut self.samples) {
            let start = Instant::now();
            let was_interrupted = self.interrupt.has_come();
            while let Some(sample) = Sample::of(pid) {
                samples.after = sample;
                let is_interrupted = !was_interrupted && self.interrupt.has_come();
                if sample.descriptors <= samples.before.descriptors || start.elapsed() > AFTERMATH || is_interrupted {
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let began = self.tools.measurements.began;
        Outcome {
            measurements: self.tools.measurements,
            elapsed: ended.saturating_duration_since(began),
            sessions,
            samples: self.samples,
            rate,
            cleanup,
            end,
        }
    }

    /// How the rate fared in a run that ended at `ended`; with a count, when its last operation began.
    fn rate(&self, ended: Instant) -> Option<Rate> {
        let schedule = self.schedule.as_ref()?;
        let is_full = self.counted.limit.is_some_and(|limit| self.counted.begun >= limit);
        let until = if is_full { self.counted.last_began } else { ended };
        Some(schedule.judge(self.tools.measurements.began, until, self.counted.begun))
    }
}

impl SuccessWatch {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            last_success: now,
            bytes: 0,
            failing: None,
        }
    }

    pub(super) fn success(&mut self, now: Instant) {
        self.last_success = now;
        self.failing = None;
    }

    /// Something failed that had made no progress since `since`.
    pub(super) fn failure(&mut self, since: Instant, failure: &Failure) {
        let since = self
            .failing
            .as_ref()
            .map_or(since.max(self.last_success), |(first, _)| *first);
        self.failing = Some((since, failure.clone()));
    }

    /// The last failure, if nothing has succeeded and no byte has moved for `patience`.
    fn stalled(&mut self, now: Instant, bytes: u64, patience: Duration) -> Option<Failure> {
        if self.bytes != bytes {
            self.bytes = bytes;
            self.success(now);
        }
        let (since, last) = self.failing.as_ref()?;
        (now.saturating_duration_since(*since) >= patience).then(|| last.clone())
    }
}
