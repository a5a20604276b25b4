//! ABOR and QUIT behind other lines: they take effect out of turn (RFC 959 §4.1.3).
//!
//! Each pending byte is looked at once, and each line once more when it is taken out, however often the question is
//! asked: a client that queues many lines byte by byte costs no more than one that sends them at once.

/// How many pending lines are ABOR or QUIT, and how far they were counted.
#[derive(Debug, Default)]
pub(super) struct Interruptions {
    aborts: u32,
    quits: u32,
    /// Where the first line begins that is not counted yet.
    uncounted: usize,
    /// From `uncounted` up to here there is no LF.
    searched: usize,
}

/// A command that takes effect before the lines in front of it are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// ABOR: the transfer or long answer under way ends.
    Abort,
    /// QUIT: the transfer under way goes on, even if the client closes its end.
    Quit,
}

impl Interruption {
    fn of(line: &[u8]) -> Option<Self> {
        let verb = line
            .strip_prefix(b"\r")
            .unwrap_or(line)
            .split(|byte| matches!(byte, b' ' | b'\r' | b'\n'))
            .next()?;
        if verb.eq_ignore_ascii_case(b"ABOR") {
            Some(Interruption::Abort)
        } else if verb.eq_ignore_ascii_case(b"QUIT") {
            Some(Interruption::Quit)
        } else {
            None
        }
    }
}

/// The bytes from offset `from` up to `to`; there must be so many.
pub(super) fn between(bytes: &[u8], from: usize, to: usize) -> &[u8] {
    let (front, _) = bytes.split_at(to);
    let (_, part) = front.split_at(from);
    part
}

impl Interruptions {
    /// Whether a complete line of `pending` is `wanted`.
    pub(super) fn contains(&mut self, wanted: Interruption, pending: &[u8]) -> bool {
        loop {
            let (_, unsearched) = pending.split_at(self.searched);
            let Some(offset) = unsearched.iter().position(|byte| *byte == b'\n') else {
                break;
            };
            let past = self.searched + offset + 1;
            // `uncounted` is never behind `searched`.
            let line = between(pending, self.uncounted, past);
            if let Some(found) = Interruption::of(line) {
                *self.count(found) += 1;
            }
            self.uncounted = past;
            self.searched = past;
        }
        self.searched = pending.len();
        *self.count(wanted) > 0
    }

    /// The line in front, with its line end, is taken out: `pending` begins at `past` now.
    pub(super) fn line_taken(&mut self, line: &[u8], past: usize) {
        if past > self.uncounted {
            self.uncounted = past;
            self.searched = self.searched.max(past);
        } else if let Some(counted) = Interruption::of(line) {
            let count = self.count(counted);
            *count = count.saturating_sub(1);
        }
    }

    /// `bytes` that were taken out are removed from the front of `pending`.
    pub(super) fn moved_up(&mut self, bytes: usize) {
        self.uncounted = self.uncounted.saturating_sub(bytes);
        self.searched = self.searched.saturating_sub(bytes);
    }

    fn count(&mut self, of: Interruption) -> &mut u32 {
        match of {
            Interruption::Abort => &mut self.aborts,
            Interruption::Quit => &mut self.quits,
        }
    }
}
