//! What happened, counted: latencies, bytes, failures, ports; for the whole run and second by second.

use super::failure::Failure;
use hdrhistogram::Histogram;
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

/// Longest latency that is told apart from longer ones.
const LONGEST: Duration = Duration::from_secs(600);

/// Everything that was counted.
#[derive(Debug)]
pub struct Measurements {
    pub classes: Vec<Class>,
    pub seconds: Vec<Second>,
    /// Passive ports that were announced.
    pub ports: HashSet<u16>,
    /// Bytes that a thief at another address got.
    pub stolen: u64,
    pub thefts_tried: u64,
    /// Connections that came to a port squatted upon.
    pub diverted: u64,
    /// Ports that could be squatted upon.
    pub squatted: u64,
    /// Bytes of file and listing data, both ways.
    pub bytes: u64,
    pub began: Instant,
    current: Second,
    current_latencies: Histogram<u64>,
}

/// One row of the table: operations of one kind.
#[derive(Debug)]
pub struct Class {
    pub name: &'static str,
    /// Whether a failure here means that the server, or the run, failed.
    pub is_judged: bool,
    /// Nanoseconds.
    pub latencies: Histogram<u64>,
    pub bytes: u64,
    pub failures: BTreeMap<Failure, u64>,
}

/// One second of the run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Second {
    pub operations: u64,
    pub failures: u64,
    pub bytes: u64,
    pub median: Duration,
    pub p99: Duration,
}

impl Class {
    pub fn new(name: &'static str, is_judged: bool) -> Self {
        Self {
            name,
            is_judged,
            latencies: histogram(),
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
            stolen: 0,
            thefts_tried: 0,
            diverted: 0,
            squatted: 0,
            bytes: 0,
            began: now,
            current: Second::default(),
            current_latencies: histogram(),
        }
    }

    /// An operation succeeded.
    pub fn success(&mut self, class: usize, latency: Duration) {
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX).max(1);
        if let Some(class) = self.classes.get_mut(class) {
            class.latencies.saturating_record(nanoseconds);
            self.current.operations += 1;
            self.current_latencies.saturating_record(nanoseconds);
        }
    }

    pub fn failure(&mut self, class: usize, failure: Failure) {
        if let Some(class) = self.classes.get_mut(class) {
            *class.failures.entry(failure).or_default() += 1;
            if class.is_judged {
                self.current.failures += 1;
            }
        }
    }

    pub fn moved(&mut self, class: usize, bytes: u64) {
        if let Some(class) = self.classes.get_mut(class) {
            class.bytes += bytes;
        }
        self.bytes += bytes;
        self.current.bytes += bytes;
    }

    /// A second is over: what was counted in it becomes a point of the chart.
    pub fn second_ends(&mut self) -> Second {
        let quantile = |share| Duration::from_nanos(self.current_latencies.value_at_quantile(share));
        let second = Second {
            median: quantile(0.5),
            p99: quantile(0.99),
            ..self.current
        };
        self.seconds.push(second);
        self.current = Second::default();
        self.current_latencies.reset();
        second
    }

    /// Judged operations that failed.
    pub fn failed(&self) -> u64 {
        self.classes
            .iter()
            .filter(|class| class.is_judged)
            .map(Class::failed)
            .sum()
    }
}
