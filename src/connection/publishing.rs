//! The end of an upload: the file gets its name, and only then the client its 226.

use super::Connection;
use super::data_channel::DataChannel;
use super::shared::Shared;
use crate::session::Outcome;
use crate::slow_work::Job;
use crate::storage::{Held, Published, StorageError};

impl Connection {
    /// Everything has been received: closes the data connection and renames the file. If that waits for the disk, it is
    /// done on the slow-work thread, and the reply waits for it.
    pub(super) fn finish_receiving(&mut self, shared: &mut Shared) {
        let DataChannel::Transferring { pump, .. } = self.channel.take() else {
            return;
        };
        let Some(upload) = pump.into_upload() else {
            return;
        };
        let received = upload.received();
        let (publication, held) = match upload.finish() {
            Ok(finished) => finished,
            Err(error) => return self.end_transfer_of(received, Outcome::NotStored(error), shared),
        };
        if publication.waits() {
            let since = shared.now;
            let held = Box::new(held);
            self.channel = DataChannel::Storing { received, since, held };
            if let Some(queue) = &mut shared.slow_work {
                let slot = self.slot;
                queue.enqueue(Job::Publish { slot, publication });
            }
            return;
        }
        let outcome = self.outcome_of(publication.run(), received, held);
        self.end_transfer_of(received, outcome, shared);
    }

    /// The slow-work thread has renamed the file, or failed to.
    pub fn stored(&mut self, result: Result<Published, StorageError>, shared: &mut Shared) {
        // Otherwise it took too long, and the client has had its reply.
        if let DataChannel::Storing { .. } = self.channel
            && let DataChannel::Storing { received, held, .. } = self.channel.take()
        {
            let outcome = self.outcome_of(result, received, *held);
            self.end_transfer_of(received, outcome, shared);
        }
    }

    /// Releases what was held; only a file that exists is charged to the quota.
    fn outcome_of(&self, published: Result<Published, StorageError>, received: u64, held: Held) -> Outcome {
        let published = match published {
            Ok(published) => published,
            Err(error) => return Outcome::NotStored(error),
        };
        let swallowed = held.swallowed;
        held.settle(published);
        match swallowed {
            None if published.is_confirmed => Outcome::Complete,
            None => Outcome::StoredUnknown,
            Some(crc32) => Outcome::Swallowed {
                bytes: received,
                crc32,
                took: self.active.elapsed(),
            },
        }
    }
}
