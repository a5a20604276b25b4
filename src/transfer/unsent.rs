//! Bytes made but not sent yet: the small buffer between a source of lines or text and the data connection.
//!
//! It holds at most one batch of its source, which is asked for more only when the buffer is (nearly) empty. During a
//! turn the bytes are in an ordinary buffer. Between turns, when a client may leave them unread for minutes, they are
//! in pages of their own: those of a thousand stalled transfers return to the system when the transfers end, where
//! holes in the heap would remain.

use super::data_stream::DataSink;
use super::halt::{Halt, write_some};
use super::progress::{Budget, Progress};
use memmap2::MmapMut;

/// Fewer bytes than this stay in the heap.
const PAGES_FROM: usize = 4 * 1024;

/// Made, not sent.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    /// Empty while there are pages.
    bytes: Vec<u8>,
    pages: Option<MmapMut>,
    start: usize,
    sent: u64,
}

impl Unsent {
    fn rest(&self) -> &[u8] {
        let all = self.pages.as_deref().unwrap_or(&self.bytes);
        let (_sent, rest) = all.split_at(self.start);
        rest
    }

    /// How many bytes are left.
    pub(super) fn len(&self) -> usize {
        self.rest().len()
    }

    /// The buffer to append to; what was sent is removed.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        if let Some(pages) = self.pages.take() {
            self.bytes.extend_from_slice(&pages);
        }
        self.bytes.drain(..self.start);
        self.start = 0;
        &mut self.bytes
    }

    /// Bytes sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Writes until empty ([`Progress::Complete`]), or says why not.
    pub(super) fn flush(&mut self, sink: &mut impl DataSink, budget: &mut Budget) -> Progress {
        loop {
            let unsent = self.rest();
            if unsent.is_empty() {
                return Progress::Complete;
            }
            if budget.bytes == 0 {
                return Progress::BudgetSpent;
            }
            let (allowed, _) = unsent.split_at(unsent.len().min(budget.bytes));
            match write_some(sink, allowed) {
                Ok(count) => {
                    self.start += count;
                    self.sent += count as u64;
                    budget.bytes -= count;
                }
                Err(Halt::Retry) => {}
                Err(Halt::Stop(progress)) => return progress,
            }
        }
    }

    /// At the end of the pump's turn: keeps no more memory than the rest needs.
    pub(super) fn settle(&mut self) {
        let rest = self.rest();
        if self.pages.is_some() && !rest.is_empty() {
            return;
        }
        let mut bytes = Vec::new();
        let mut pages = None;
        if rest.len() >= PAGES_FROM {
            pages = MmapMut::map_anon(rest.len()).ok();
        }
        match &mut pages {
            Some(pages) => pages.copy_from_slice(rest),
            // Few bytes; or the system gives no mapping, and the heap has to do.
            None => bytes.extend_from_slice(rest),
        }
        (self.bytes, self.pages, self.start) = (bytes, pages, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::MoodySink;
    use super::*;

    #[test]
    fn d19_bytes_that_wait_for_a_client_arrive_whole() {
        let made: Vec<u8> = (0..50_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut unsent = Unsent::default();
        let mut sink = MoodySink::new(999, 0);
        let mut rest = made.as_slice();
        while unsent.len() > 0 || !rest.is_empty() {
            let (part, behind) = rest.split_at(rest.len().min(10_000));
            unsent.buffer().extend_from_slice(part);
            rest = behind;
            let mut budget = Budget {
                bytes: 7_000,
                entries: 0,
            };
            unsent.flush(&mut sink, &mut budget);
            unsent.settle();
            assert_eq!(unsent.pages.is_some(), unsent.len() >= PAGES_FROM);
            assert_eq!(unsent.bytes.capacity() > 0, (1..PAGES_FROM).contains(&unsent.len()));
        }
        assert_eq!(sink.taken, made);
        assert_eq!(unsent.sent(), made.len() as u64);
    }
}
