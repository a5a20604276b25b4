//! When a run is over, and what is done then.

use super::{End, Phase, RunOutcome, Storm, TICK};
use crate::cleanup;
use crate::interrupt::Interrupt;
use crate::process::{Sample, Samples};
use crate::rate::Rate;
use crate::stolen_bytes;
use loopftpd::reactor::token::SlotId;
use std::time::{Duration, Instant};

/// How long the server may take to close the descriptors of the run.
const CLOSING_TIME: Duration = Duration::from_secs(10);
/// How often its descriptors are counted in that time.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(20);

impl Storm<'_> {
    /// Whether the run is over, and why. Takes a point of the chart and a sample of the server once a second.
    pub(super) fn check_end(&mut self) -> Option<End> {
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
                let out_of_time = self.options.duration.is_some_and(|duration| elapsed >= duration);
                if self.counted.all_ended() || out_of_time {
                    self.tools.measurements.time_is_up(now);
                    self.phase = Phase::Finishing { since: now };
                }
                self.has_finished(now).then_some(End::Done)
            }
            Phase::Finishing { .. } => self.has_finished(now).then_some(End::Done),
        }
    }

    /// Whether every judged operation that was under way when the time was up has ended, or has moved bytes since: one
    /// that the server does not serve must not pass for one that was only not finished.
    fn has_finished(&self, now: Instant) -> bool {
        let Phase::Finishing { since } = self.phase else {
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

    /// Returns whether the watched process is still there.
    fn second_passes(&mut self) -> bool {
        let now = self.tools.now;
        self.next_second += TICK;
        let second = self.tools.measurements.second_ends(now);
        let elapsed = now - self.tools.measurements.began;
        let by_time = self
            .options
            .duration
            .map_or(0.0, |duration| elapsed.as_secs_f64() / duration.as_secs_f64());
        let failed = self.tools.measurements.failed();
        self.progress
            .second(&second, failed, self.counted.share_ended().max(by_time));
        self.tools.measurements.attack.stolen_bytes += self.tools.stolen_bytes.collect(now, &mut self.tools.scratch);
        self.sample()
    }

    /// Returns whether the watched process is still there.
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

    /// Closes all connections and removes the uploads; then waits until the server holds no more descriptors than
    /// before.
    pub(super) fn conclude(mut self, end: End) -> RunOutcome {
        let now = self.tools.now;
        self.tools.measurements.time_is_up(now);
        let ended = match self.phase {
            Phase::Finishing { since } => since,
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
        if !self.tools.stolen_bytes.is_empty() {
            std::thread::sleep(stolen_bytes::PATIENCE);
            let now = Instant::now();
            self.tools.measurements.attack.stolen_bytes +=
                self.tools.stolen_bytes.collect(now, &mut self.tools.scratch);
        }
        drop(self.poller);
        let cleanup = cleanup::remove(&self.tools.uploads, self.options, &self.interrupt);
        if let (Some(pid), Some(samples)) = (self.options.pid, &mut self.samples) {
            samples.after = wait_for_descriptors(pid, samples, &self.interrupt);
        }
        let began = self.tools.measurements.began;
        RunOutcome {
            measurements: self.tools.measurements,
            elapsed: ended.saturating_duration_since(began),
            sessions,
            samples: self.samples,
            rate,
            cleanup,
            end,
        }
    }

    /// The rate of a run that ended at `ended`; with a count, when its last operation began.
    fn rate(&self, ended: Instant) -> Option<Rate> {
        let schedule = self.schedule.as_ref()?;
        let until = if self.counted.all_begun() {
            self.counted.last_began
        } else {
            ended
        };
        Some(schedule.judge(self.tools.measurements.began, until, self.counted.begun))
    }
}

/// Waits until the server has closed the descriptors of the run; returns the last sample. A signal ends the wait,
/// unless one has ended the run already.
fn wait_for_descriptors(pid: u32, samples: &Samples, interrupt: &Interrupt) -> Sample {
    let start = Instant::now();
    let was_interrupted = interrupt.has_come();
    let mut after = samples.after;
    while let Some(sample) = Sample::of(pid) {
        after = sample;
        let is_interrupted = !was_interrupted && interrupt.has_come();
        if sample.descriptors <= samples.before.descriptors || start.elapsed() > CLOSING_TIME || is_interrupted {
            break;
        }
        std::thread::sleep(SAMPLE_INTERVAL);
    }
    after
}
