//! LIST, NLST and MLSD: the lines of a listing to the data connection.
//!
//! Lines are made a batch of entries at a time and sent before the next batch is read, so the memory of a listing is
//! one batch, however large the directory.

use super::data_stream::DataSink;
use super::listing_lines::ListingLines;
use super::progress::{Budget, Progress, TransferError};
use super::unsent::Unsent;

/// A listing on its way.
#[derive(Debug)]
pub struct SendListing {
    lines: ListingLines,
    unsent: Unsent,
}

impl SendListing {
    /// Sends everything that `lines` makes.
    pub fn new(lines: ListingLines) -> Self {
        Self {
            lines,
            unsent: Unsent::default(),
        }
    }

    /// Bytes handed to the kernel so far.
    pub fn sent(&self) -> u64 {
        self.unsent.sent()
    }

    /// See [`Pump::pump`](super::Pump::pump).
    pub fn pump(&mut self, sink: &mut impl DataSink, budget: &mut Budget) -> Progress {
        let progress = self.move_on(sink, budget);
        self.unsent.settle();
        progress
    }

    fn move_on(&mut self, sink: &mut impl DataSink, budget: &mut Budget) -> Progress {
        loop {
            // Lines collect up to a segment's worth of batches before they are sent.
            if self.unsent.len() < SEND_FROM && !self.lines.is_finished() {
                if budget.entries == 0 {
                    return Progress::BudgetSpent;
                }
                if self
                    .lines
                    .next_batch(self.unsent.buffer(), &mut budget.entries)
                    .is_err()
                {
                    return Progress::Failed(TransferError::SourceFailed);
                }
                continue;
            }
            match self.unsent.flush(sink, budget) {
                Progress::Complete if self.lines.is_finished() => return Progress::Complete,
                Progress::Complete => {}
                other @ (Progress::WouldBlock | Progress::BudgetSpent | Progress::Failed(_)) => return other,
            }
        }
    }
}

/// Bytes of lines that are worth a system call. A listing that waits for its client holds at most that and a batch.
const SEND_FROM: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::super::tests::MoodySink;
    use super::*;

    fn pump(listing: &mut SendListing, sink: &mut MoodySink, entries: usize) -> Progress {
        listing.pump(sink, &mut Budget { bytes: 1_000, entries })
    }

    #[test]
    fn no_batch_is_read_without_a_budget_for_entries() {
        let mut listing = SendListing::new(ListingLines::Ready(b"line\r\n".to_vec()));
        let mut sink = MoodySink::new(1_000, 0);
        assert_eq!(pump(&mut listing, &mut sink, 0), Progress::BudgetSpent);
        assert_eq!(sink.taken, b"");
        assert_eq!(pump(&mut listing, &mut sink, 1), Progress::Complete);
        assert_eq!((sink.taken.as_slice(), listing.sent()), (&b"line\r\n"[..], 6));
    }

    #[test]
    fn lines_wait_while_the_client_does_not_read() {
        let mut listing = SendListing::new(ListingLines::Ready(b"0123456789".to_vec()));
        let mut sink = MoodySink::new(4, 2);
        assert_eq!(pump(&mut listing, &mut sink, 1), Progress::WouldBlock);
        assert_eq!(sink.taken, b"0123");
        while pump(&mut listing, &mut sink, 1) != Progress::Complete {}
        assert_eq!(sink.taken, b"0123456789");
    }
}
