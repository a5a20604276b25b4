//! Folds turns that repeat: of a large file's thousand turns the first is shown, and how many are like it.
//!
//! A turn is folded if it has the calls of a turn shown since something last happened, in the same order; how often a
//! call is repeated and how many bytes it moved do not count. A turn in which a client said something, got a reply or
//! changed its state is never folded. Its lines are held back only for as long as it repeats another turn: with the
//! first line that differs they are shown, so the trace of a loop that hangs ends close to where it hangs.

use super::line::{Kind, Line};
use std::time::{Duration, Instant};

/// How many different turns are remembered.
const KNOWN_MAX: usize = 16;
/// How long turns are folded before the count is shown.
const LONGEST_SILENCE: Duration = Duration::from_secs(1);

/// The turns that are folded, and those that they repeat.
#[derive(Debug, Default)]
pub(super) struct Folding {
    /// The shapes of the turns shown since something last happened.
    known: Vec<Vec<String>>,
    /// The shape of this turn so far: equal lines in a row count once.
    shape: Vec<String>,
    /// The lines of this turn; `None`: it differs from every known turn, so they are shown at once.
    held: Option<Vec<Line>>,
    has_news: bool,
    moved: u64,
    folded: Folded,
}

#[derive(Debug, Default)]
struct Folded {
    turns: u64,
    moved: u64,
    since: Option<Instant>,
}

impl Folding {
    /// The lines to be shown now that `line` has come.
    pub(super) fn shown(&mut self, line: Line, now: Instant) -> Vec<Line> {
        if line.kind == Kind::Turn {
            self.begin_turn();
        }
        self.has_news |= line.kind.is_news();
        self.moved += line.moved;
        let (is_last, shape) = (line.kind == Kind::Wait, line.shape());
        if self.shape.last() != Some(&shape) {
            self.shape.push(shape);
        }
        let mut shown = Vec::new();
        match &mut self.held {
            Some(held) => held.push(line),
            None => shown.push(line),
        }
        let repeats = |known: &Vec<String>| known.starts_with(&self.shape);
        if self.has_news || !self.known.iter().any(repeats) {
            shown.splice(0..0, self.release());
        }
        if is_last {
            shown.extend(self.end_turn(now));
        }
        shown
    }

    fn begin_turn(&mut self) {
        self.shape.clear();
        self.held = Some(Vec::new());
        self.has_news = false;
        self.moved = 0;
    }

    /// The turn is not like another: the count of those before it, and its lines so far.
    fn release(&mut self) -> Vec<Line> {
        let held = self.held.take().unwrap_or_default();
        let count = if held.is_empty() { None } else { self.count() };
        count.into_iter().chain(held).collect()
    }

    fn end_turn(&mut self, now: Instant) -> Vec<Line> {
        if self.held.is_some() && self.known.contains(&self.shape) {
            self.held = None;
            self.folded.turns += 1;
            self.folded.moved += self.moved;
            let since = *self.folded.since.get_or_insert(now);
            let is_due = now.saturating_duration_since(since) >= LONGEST_SILENCE;
            return if is_due {
                self.count().into_iter().collect()
            } else {
                Vec::new()
            };
        }
        let shown = self.release();
        if self.has_news {
            self.known.clear();
        } else {
            if self.known.len() == KNOWN_MAX {
                self.known.remove(0);
            }
            self.known.push(std::mem::take(&mut self.shape));
        }
        shown
    }

    /// What is left when the trace ends.
    pub(super) fn rest(&mut self) -> Vec<Line> {
        let held = self.held.take().unwrap_or_default();
        self.count().into_iter().chain(held).collect()
    }

    /// What was left out since the last count.
    fn count(&mut self) -> Option<Line> {
        let Folded { turns, moved, .. } = std::mem::take(&mut self.folded);
        let what = match turns {
            0 => return None,
            1 => "1 more turn".to_owned(),
            _ => format!("{turns} more turns"),
        };
        let moved = if moved > 0 {
            format!(", {}", size(moved))
        } else {
            String::new()
        };
        Some(Line {
            kind: Kind::Folded,
            client: None,
            moved: 0,
            text: format!("… {what}{moved}, nothing else happened"),
        })
    }
}

/// `78 MiB`, with one decimal below 10.
fn size(bytes: u64) -> String {
    let mut unit = "bytes";
    let (mut whole, mut below) = (bytes, 0);
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if whole < 1024 {
            break;
        }
        (whole, below, unit) = (whole / 1024, whole % 1024, larger);
    }
    if whole < 10 && unit != "bytes" {
        format!("{whole}.{} {unit}", below * 10 / 1024)
    } else {
        format!("{whole} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A trace that is fed turn by turn.
    struct Run {
        folding: Folding,
        now: Instant,
        shown: Vec<String>,
    }

    impl Run {
        fn new() -> Self {
            Self {
                folding: Folding::default(),
                now: Instant::now(),
                shown: Vec::new(),
            }
        }

        fn line(&mut self, kind: Kind, text: &str) {
            let line = Line {
                kind,
                client: None,
                moved: if kind == Kind::Moved { 256 * 1024 } else { 0 },
                text: text.to_owned(),
            };
            let shown = self.folding.shown(line, self.now);
            self.shown.extend(shown.into_iter().map(|line| line.text));
        }

        /// A turn with these lines.
        fn turn(&mut self, lines: &[(Kind, &str)]) {
            self.line(Kind::Turn, "turn 1");
            for (kind, text) in lines {
                self.line(*kind, text);
            }
            self.line(Kind::Wait, "wait");
        }

        /// What was shown since the last call.
        fn shown(&mut self) -> String {
            std::mem::take(&mut self.shown).join("|")
        }
    }

    const BULK: [(Kind, &str); 2] = [(Kind::Call, "sendfile → 262144 bytes"), (Kind::Moved, "sent 262144")];

    #[test]
    fn of_equal_turns_the_first_is_shown_and_the_others_are_counted() {
        let mut run = Run::new();
        (0..312).for_each(|_| run.turn(&BULK));
        assert_eq!(run.shown(), "turn 1|sendfile → 262144 bytes|sent 262144|wait");
        run.turn(&[(Kind::Reply, "226")]);
        assert_eq!(
            run.shown(),
            "… 311 more turns, 77 MiB, nothing else happened|turn 1|226|wait"
        );
        run.turn(&BULK);
        assert!(run.shown().contains("sendfile"), "something has happened since");
    }

    #[test]
    fn numbers_and_repeated_calls_do_not_make_turns_different_but_another_call_does() {
        let mut run = Run::new();
        let [call, moved] = BULK;
        run.turn(&BULK);
        run.turn(&[(Kind::Call, "sendfile → 5 bytes"), call, moved]);
        assert_eq!(run.shown().matches("turn 1").count(), 1);
        run.turn(&[call, (Kind::Call, "sendfile → EAGAIN"), moved]);
        let shown = run.shown();
        assert!(shown.starts_with("… 1 more turn, 256 KiB, nothing else happened|turn 1|sendfile"));
        assert!(shown.ends_with("EAGAIN|sent 262144|wait"), "{shown}");
        for _ in 0..3 {
            run.turn(&BULK);
            run.turn(&[call, (Kind::Call, "sendfile → EAGAIN"), moved]);
        }
        assert_eq!(run.shown(), "", "turns that alternate repeat, too");
        assert!(
            run.folding
                .count()
                .is_some_and(|line| line.text.contains("6 more turns"))
        );
    }

    #[test]
    fn commands_replies_and_changes_are_shown_however_often_they_repeat() {
        for kind in [Kind::Command, Kind::Reply, Kind::Change] {
            let mut run = Run::new();
            (0..5).for_each(|_| run.turn(&[(Kind::Event, "readable"), (kind, "NOOP")]));
            assert_eq!(run.shown().matches("turn 1|readable|NOOP|wait").count(), 5);
        }
    }

    #[test]
    fn a_turn_is_shown_from_the_line_on_that_differs_and_a_shorter_one_at_its_end() {
        let mut run = Run::new();
        run.turn(&BULK);
        run.shown();
        run.line(Kind::Turn, "turn 2");
        assert_eq!(run.shown(), "", "it may be like the first");
        run.line(Kind::Call, "openat2 → fd 11");
        assert_eq!(run.shown(), "turn 2|openat2 → fd 11");
        run.line(Kind::Call, "hangs");
        assert_eq!(run.shown(), "hangs", "at once");
        run.line(Kind::Wait, "wait");
        run.shown();
        run.turn(&[]);
        assert_eq!(run.shown(), "turn 1|wait");
    }

    #[test]
    fn the_count_is_shown_every_second() {
        let mut run = Run::new();
        for _ in 0..25 {
            run.turn(&BULK);
            run.now += Duration::from_millis(100);
        }
        assert_eq!(run.shown().matches("more turns").count(), 2);
    }

    #[test]
    fn sizes_are_short() {
        let cases = [
            (5, "5 bytes"),
            (1536, "1.5 KiB"),
            (78 << 20, "78 MiB"),
            (u64::MAX, "16777215 TiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size(bytes), text);
        }
    }
}
