//! Which of the lines that wait act out of their turn: ABOR and QUIT (RFC 959 §4.1.3).
//!
//! Each byte that waits is looked at once, and each line once more when it is taken out, however often somebody asks:
//! a client that queues much and sends it byte by byte costs no more than one that sends it at once.

/// Counts of the lines that act out of their turn, and how far they were counted.
#[derive(Debug, Default)]
pub(super) struct Interruptions {
    aborts: usize,
    quits: usize,
    /// Where the first line begins that is not counted.
    uncounted: usize,
    /// Up to here there is no LF behind that.
    searched: usize,
}

/// What a line asks for at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// ABOR: what is under way is to end.
    Abort,
    /// QUIT: what is under way is to go on, although the client's end may close.
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

impl Interruptions {
    /// Whether a complete line of `pending` asks for it.
    pub(super) fn hold(&mut self, wanted: Interruption, pending: &[u8]) -> bool {
        while let Some(offset) = pending
            .get(self.searched..)
            .and_then(|rest| rest.iter().position(|byte| *byte == b'\n'))
        {
            let past = self.searched + offset + 1;
            let line = pending.get(self.uncounted..past).unwrap_or_default();
            if let Some(found) = Interruption::of(line) {
                *self.count(found) += 1;
            }
            self.uncounted = past;
            self.searched = past;
        }
        self.searched = pending.len();
        *self.count(wanted) > 0
    }

    /// The line in front is taken out, with its line end; what waits begins at `past` now.
    pub(super) fn line_taken(&mut self, line: &[u8], past: usize) {
        if past > self.uncounted {
            self.uncounted = past;
            self.searched = self.searched.max(past);
        } else if let Some(counted) = Interruption::of(line) {
            let count = self.count(counted);
            *count = count.saturating_sub(1);
        }
    }

    /// `bytes` that were given out already are no longer kept in front.
    pub(super) fn moved_up(&mut self, bytes: usize) {
        self.uncounted = self.uncounted.saturating_sub(bytes);
        self.searched = self.searched.saturating_sub(bytes);
    }

    fn count(&mut self, of: Interruption) -> &mut usize {
        match of {
            Interruption::Abort => &mut self.aborts,
            Interruption::Quit => &mut self.quits,
        }
    }
}
