//! Bytes that were made but not sent yet: the small buffer between a source of lines or text and the data connection.
//!
//! It holds at most what its source makes at once; the source is asked for more only when it is empty.

use super::{Budget, DataStream, Progress, connection_failure};

/// Made, not sent.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    bytes: Vec<u8>,
    start: usize,
    sent: u64,
}

impl Unsent {
    /// The buffer to append to, emptied of what was sent.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        &mut self.bytes
    }

    /// Bytes sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Writes until empty ([`Progress::Complete`]), or says why not.
    pub(super) fn flush(&mut self, stream: &mut impl DataStream, budget: &mut Budget) -> Progress {
        loop {
            let unsent = self.bytes.get(self.start..).unwrap_or_default();
            if unsent.is_empty() {
                self.bytes.clear();
                self.start = 0;
                return Progress::Complete;
            }
            if budget.bytes == 0 {
                return Progress::BudgetSpent;
            }
            let allowed = unsent.get(..budget.bytes).unwrap_or(unsent);
            match stream.send(allowed) {
                Ok(count) => {
                    self.start += count;
                    self.sent += count as u64;
                    budget.bytes -= count;
                }
                Err(error) => {
                    if let Some(progress) = connection_failure(&error) {
                        return progress;
                    }
                }
            }
        }
    }
}
