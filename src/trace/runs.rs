//! Shortens runs of one system call: of the `newfstatat`s of a long listing the first ones are shown, and how many
//! follow. Calls that fail are always shown.

use super::line::{Client, Kind, Line};

/// Calls of a run that are shown.
const SHOWN: u64 = 4;

/// The run of calls that is under way.
#[derive(Debug, Default)]
pub(super) struct Runs {
    call: String,
    client: Option<Client>,
    count: u64,
}

impl Runs {
    /// The lines to be shown now that `line` has come.
    pub(super) fn shown(&mut self, line: Line) -> Vec<Line> {
        let call = match line.text.split_once(" → ") {
            Some((call, outcome)) if line.kind == Kind::Call && !outcome.starts_with('E') => call,
            Some(_) | None => "",
        };
        if !call.is_empty() && call == self.call && line.client == self.client {
            self.count += 1;
            return if self.count > SHOWN { Vec::new() } else { vec![line] };
        }
        let left_out = self.left_out();
        *self = Self {
            call: call.to_owned(),
            client: line.client,
            count: 1,
        };
        left_out.into_iter().chain([line]).collect()
    }

    /// What was left out of the run that has ended.
    fn left_out(&self) -> Option<Line> {
        let count = self.count.checked_sub(SHOWN).filter(|count| *count > 0)?;
        Some(Line {
            kind: Kind::Call,
            client: self.client,
            moved: 0,
            text: format!("{} … {count} more times", self.call),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(calls: impl IntoIterator<Item = &'static str>) -> Vec<String> {
        let mut runs = Runs::default();
        let lines = calls.into_iter().flat_map(|text| {
            runs.shown(Line {
                kind: Kind::Call,
                client: None,
                moved: 0,
                text: text.to_owned(),
            })
        });
        lines.map(|line| line.text).collect()
    }

    #[test]
    fn of_a_long_run_the_first_calls_are_shown_and_the_others_counted() {
        let entries = std::iter::repeat_n("newfstatat → a directory", 256);
        let lines = shown(entries.chain(["getdents64 → ok"]));
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[4..], ["newfstatat … 252 more times", "getdents64 → ok"]);
    }

    #[test]
    fn short_runs_and_calls_that_fail_are_shown_whole() {
        let mixed = ["sendfile → 5 bytes", "sendfile → EAGAIN", "close (fd 9)"];
        let calls = mixed.into_iter().cycle().take(30);
        assert_eq!(shown(calls).len(), 30);
        assert_eq!(shown(["accept4 → fd 9"; 4]).len(), 4);
        assert_eq!(shown(["accept4 → EMFILE"; 40]).len(), 40);
    }
}
