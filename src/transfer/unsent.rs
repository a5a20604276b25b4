//! Bytes made but not sent yet: the small buffer between a source of lines or text and the data connection.
//!
//! It holds at most one batch of its source, which is asked for more only when the buffer is (nearly) empty. During a
//! turn the bytes are in an ordinary buffer. Between turns, when a client may leave them unread for minutes, they are
//! in pages of their own: those of a thousand stalled transfers return to the system when the transfers end, where
//! holes in the heap would remain.

use super::data_stream::DataSink;
use super::progress::{Budget, Progress, write_some};
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

    /// A pump's turn: sends what is left, and then what `make` appends, until one of them ends the turn. `make` is
    /// called when everything is sent; at the end of its source it fails with [`Progress::Complete`].
    pub(super) fn pump(
        &mut self,
        sink: &mut impl DataSink,
        budget: &mut Budget,
        mut make: impl FnMut(&mut Vec<u8>, &mut Budget) -> Result<(), Progress>,
    ) -> Progress {
        let progress = loop {
            let made = self.flush(sink, budget).and_then(|()| make(self.buffer(), budget));
            if let Err(progress) = made {
                break progress;
            }
        };
        self.settle();
        progress
    }

    fn flush(&mut self, sink: &mut impl DataSink, budget: &mut Budget) -> Result<(), Progress> {
        loop {
            let unsent = self.rest();
            if unsent.is_empty() {
                return Ok(());
            }
            if budget.bytes == 0 {
                return Err(Progress::BudgetSpent);
            }
            let (allowed, _) = unsent.split_at(unsent.len().min(budget.bytes));
            let count = write_some(sink, allowed)?;
            self.start += count;
            self.sent += count as u64;
            budget.bytes -= count;
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
    use super::super::tests::IrregularSink;
    use super::*;

    #[test]
    fn d19_bytes_that_wait_for_a_client_arrive_whole() {
        let made: Vec<u8> = (0..50_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut parts = made.chunks(10_000);
        let mut unsent = Unsent::default();
        let mut sink = IrregularSink::new(999, 0);
        let (mut progress, mut was_in_pages) = (Progress::BudgetSpent, false);
        while progress == Progress::BudgetSpent {
            let mut budget = Budget {
                bytes: 7_000,
                entries: 0,
            };
            progress = unsent.pump(&mut sink, &mut budget, |out, _| {
                out.extend_from_slice(parts.next().ok_or(Progress::Complete)?);
                Ok(())
            });
            let in_pages = unsent.pages.as_ref().map_or(0, |pages| pages.len());
            let in_heap = unsent.bytes.capacity();
            assert!(in_pages <= 10_000 && in_heap < PAGES_FROM, "{in_pages}, {in_heap}");
            assert_eq!(
                in_pages + in_heap > 0,
                !unsent.rest().is_empty(),
                "nothing is kept for nothing"
            );
            was_in_pages |= in_pages > 0;
        }
        assert!(was_in_pages);
        assert_eq!(progress, Progress::Complete);
        assert_eq!(sink.taken, made);
        assert_eq!(unsent.sent(), made.len() as u64);
    }
}
