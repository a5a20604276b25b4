//! The server's process as `/proc` shows it: memory, descriptors and processor time, its children's included.

use crate::measurements::seconds;
use serde::Serialize;
use std::fs;
use std::time::Duration;

/// What a process and its descendants use at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Bytes: the proportional set size if it can be read, else the resident set size.
    pub memory: u64,
    pub descriptors: u64,
    pub processes: u64,
    #[serde(rename = "processor_seconds", serialize_with = "seconds")]
    pub processor: Duration,
}

/// Before, at most, and after.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Samples {
    pub before: Sample,
    pub most: Sample,
    pub after: Sample,
}

impl Sample {
    /// `None`: the process is gone.
    pub fn of(pid: u32) -> Option<Self> {
        let mut sample = Self::default();
        let mut waiting = vec![pid];
        while let Some(pid) = waiting.pop() {
            let Some(ticks) = processor_ticks(pid) else {
                continue;
            };
            sample.processes += 1;
            sample.memory += memory(pid);
            sample.descriptors += fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |entries| entries.count() as u64);
            sample.processor += Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64);
            waiting.extend(children(pid));
        }
        (sample.processes > 0).then_some(sample)
    }
}

impl Samples {
    pub fn new(before: Sample) -> Self {
        Self {
            before,
            most: before,
            after: before,
        }
    }

    /// Takes a sample during the run.
    pub fn note(&mut self, sample: Sample) {
        self.most.memory = self.most.memory.max(sample.memory);
        self.most.descriptors = self.most.descriptors.max(sample.descriptors);
        self.most.processes = self.most.processes.max(sample.processes);
    }
}

/// Bytes. Only the owner and root can read the proportional size.
fn memory(pid: u32) -> u64 {
    let kibibytes = |file: &str, field: &str| {
        let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(field))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let size = kibibytes("smaps_rollup", "Pss:").or_else(|| kibibytes("status", "VmRSS:"));
    size.unwrap_or(0) * 1024
}

fn processor_ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in parentheses, which may hold anything; utime and stime are the 14th and 15th.
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let all = lists.collect::<String>();
    all.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_holds_memory_and_descriptors_and_its_children_count() {
        let alone = Sample::of(std::process::id()).expect("it runs");
        assert!(alone.memory > 100_000 && alone.descriptors >= 3);
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("a child");
        let together = Sample::of(std::process::id()).expect("it runs");
        child.kill().expect("ours");
        child.wait().expect("ours");
        assert!(together.processes > alone.processes);
        assert_eq!(Sample::of(u32::MAX), None);
    }
}
