//! Counts of latencies, bytes, failures and ports, for the whole run and for each second.

use crate::failure::Failure;
use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

/// Longer latencies are counted as this one.
const LONGEST: Duration = Duration::from_secs(600);
/// Different failures of one class that are listed with the text of the reply; more are counted by code.
const TEXTS: usize = 10;

/// Everything that was counted.
#[derive(Debug)]
pub struct Measurements {
    pub classes: Vec<Class>,
    pub seconds: Vec<Second>,
    /// Passive ports that were announced.
    pub ports: HashSet<u16>,
    pub attack: AttackCounts,
    /// Bytes of file and listing data, both ways.
    pub bytes: u64,
    pub began: Instant,
    /// The size of the first complete download, which all others must have.
    download_size: Option<u64>,
    /// The time is up: operations that still end are judged, but are part of no rate.
    is_time_up: bool,
    current: Second,
    current_began: Instant,
    current_latencies: Histogram<u64>,
}

/// What attackers have done; the fields are named as in the JSON report.
#[derive(Debug, Default, Serialize)]
pub struct AttackCounts {
    /// Bytes that thieves received.
    pub stolen_bytes: u64,
    pub thefts_tried: u64,
    /// Ports that the squatter holds, and those that it tried to bind.
    pub squatted_ports: u64,
    pub squats_tried: u64,
    /// Connections that a port of the squatter received.
    pub diverted_connections: u64,
    /// In the unit of the scenario: bytes sent, ports hoarded, downloads stalled or reset.
    #[serde(skip)]
    pub effects: u64,
}

/// One row of the table: operations of one kind.
#[derive(Debug)]
pub struct Class {
    pub name: &'static str,
    pub kind: ClassKind,
    /// Whether a failure here means that the server, or the run, failed.
    pub is_judged: bool,
    /// Nanoseconds.
    pub latencies: Histogram<u64>,
    pub begun: u64,
    /// Operations that succeeded before the time was up.
    pub in_time: u64,
    pub bytes: u64,
    pub failures: BTreeMap<Failure, u64>,
}

/// What the operations of a class are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassKind {
    /// They open the session that a client needs for its other operations.
    Login,
    Operation,
}

/// One second of the run; the last may be shorter, and a busy loop makes some longer.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Second {
    #[serde(serialize_with = "seconds")]
    pub length: Duration,
    pub operations: u64,
    pub failures: u64,
    pub bytes: u64,
    #[serde(rename = "p50", serialize_with = "seconds")]
    pub median: Duration,
    #[serde(serialize_with = "seconds")]
    pub p99: Duration,
}

/// A duration in the JSON report, in seconds.
pub fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

impl Class {
    pub fn new(name: &'static str, kind: ClassKind, is_judged: bool) -> Self {
        Self {
            name,
            kind,
            is_judged,
            latencies: histogram(),
            begun: 0,
            in_time: 0,
            bytes: 0,
            failures: BTreeMap::new(),
        }
    }

    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    pub fn succeeded(&self) -> u64 {
        self.latencies.len()
    }

    pub fn ended(&self) -> u64 {
        self.succeeded() + self.failed()
    }

    /// The latency below which this share of the operations lies.
    pub fn quantile(&self, share: f64) -> Duration {
        Duration::from_nanos(self.latencies.value_at_quantile(share))
    }
}

fn histogram() -> Histogram<u64> {
    // Three digits, from 1 ns: constants that the constructor accepts.
    let mut histogram = Histogram::new_with_bounds(1, LONGEST.as_nanos() as u64, 3)
        .unwrap_or_else(|_| unreachable!("the bounds are constants that are in order"));
    histogram.auto(false);
    histogram
}

impl Measurements {
    pub fn new(classes: Vec<Class>, now: Instant) -> Self {
        Self {
            classes,
            seconds: Vec::new(),
            ports: HashSet::new(),
            attack: AttackCounts::default(),
            bytes: 0,
            began: now,
            download_size: None,
            is_time_up: false,
            current: Second::default(),
            current_began: now,
            current_latencies: histogram(),
        }
    }

    /// All clients have logged in: the clock starts.
    pub fn begin(&mut self, now: Instant) {
        self.began = now;
        self.next_second(now);
    }

    fn next_second(&mut self, now: Instant) {
        self.current = Second::default();
        self.current_began = now;
        self.current_latencies.reset();
    }

    /// Operations that end from now on are part of no rate and no second.
    pub fn time_is_up(&mut self, now: Instant) {
        if !self.is_time_up {
            self.second_ends(now);
            self.is_time_up = true;
        }
    }

    /// Whether a failure of this class means that the server, or the run, failed.
    pub fn is_judged(&self, class: usize) -> bool {
        self.classes.get(class).is_some_and(|class| class.is_judged)
    }

    pub fn begun(&mut self, class: usize) {
        if let Some(class) = self.classes.get_mut(class) {
            class.begun += 1;
        }
    }

    /// An operation succeeded.
    pub fn success(&mut self, class: usize, latency: Duration) {
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX).max(1);
        if let Some(class) = self.classes.get_mut(class) {
            class.latencies.saturating_record(nanoseconds);
            if !self.is_time_up {
                class.in_time += 1;
                self.current.operations += 1;
                self.current_latencies.saturating_record(nanoseconds);
            }
        }
    }

    pub fn failure(&mut self, class: usize, failure: Failure) {
        if let Some(class) = self.classes.get_mut(class) {
            let is_listed = class.failures.len() < TEXTS || class.failures.contains_key(&failure);
            let failure = if is_listed { failure } else { failure.without_text() };
            *class.failures.entry(failure).or_default() += 1;
            if class.is_judged {
                self.current.failures += 1;
            }
        }
    }

    pub fn moved(&mut self, class: usize, bytes: u64) {
        if self.is_time_up {
            return;
        }
        if let Some(class) = self.classes.get_mut(class) {
            class.bytes += bytes;
        }
        self.bytes += bytes;
        self.current.bytes += bytes;
    }

    /// A download has ended with `size` bytes; returns whether the first one had as many.
    pub fn downloaded(&mut self, size: u64) -> bool {
        *self.download_size.get_or_insert(size) == size
    }

    /// A second is over: its counts become a point of the chart.
    pub fn second_ends(&mut self, now: Instant) -> Second {
        let quantile = |share| Duration::from_nanos(self.current_latencies.value_at_quantile(share));
        let second = Second {
            length: now.saturating_duration_since(self.current_began),
            median: quantile(0.5),
            p99: quantile(0.99),
            ..self.current
        };
        self.seconds.push(second);
        self.next_second(now);
        second
    }

    pub fn judged(&self) -> impl Iterator<Item = &Class> {
        self.classes.iter().filter(|class| class.is_judged)
    }

    /// Judged operations that failed.
    pub fn failed(&self) -> u64 {
        self.judged().map(Class::failed).sum()
    }

    /// Judged operations that succeeded.
    pub fn succeeded(&self) -> u64 {
        self.judged().map(Class::succeeded).sum()
    }
}

#[cfg(test)]
mod tests;
