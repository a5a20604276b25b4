//! Answers that can take more than one turn: STAT with a path, digests, and RETR with a restart in TYPE A, for which
//! the restart marker has to be found in the file before the 150.
//!
//! The connection advances an answer within a budget in each turn; later commands wait. It asks for more lines only
//! after the previous ones have been written, so a slow client does not fill memory.

use super::outcome::Transfer;
use crate::ftp::command::Digest;
use crate::ftp::path::VirtualPath;
use crate::ftp::reply::{self, Reply};
use crate::transfer::{Budget, DigestFile, ListingLines, SeekProgress, SendText, TransferError};
use std::time::{Duration, Instant};

/// Lines of a STAT listing: a control connection is not for bulk data (threat B16).
const LISTING_LINES: usize = 10_000;

/// Interval of the progress lines of a digest. Clients give up after some time without data (FileZilla: 20 s); they
/// accept a reply of several lines, but no other reply in between.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

/// How much of the budget a digested byte uses: the slowest algorithm takes four times as long as sending the byte.
const DIGEST_COST: usize = 4;

/// An answer that is being made.
#[derive(Debug)]
pub(super) enum LongAnswer {
    Listing(ListingAnswer),
    Digest(DigestAnswer),
    /// The search for a restart marker in a translated text, and the transfer that starts there.
    Restart {
        text: SendText,
        transfer: Transfer,
    },
}

/// Whether an answer is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnswerProgress {
    MoreToCome,
    /// The reply's last line is written.
    Finished,
    /// The restart marker is found: the transfer can start.
    MarkerFound,
}

/// A STAT with a path.
#[derive(Debug)]
pub(super) struct ListingAnswer {
    /// Whether the reply's first line has been written.
    has_begun: bool,
    lines: ListingLines,
    lines_left: usize,
}

/// A HASH, XCRC or the like.
#[derive(Debug)]
pub(super) struct DigestAnswer {
    file: DigestFile,
    form: DigestForm,
    /// When the answer began, or its last progress line was written.
    last_line: Option<Instant>,
    /// Whether lines of the reply have been written, so that its code can no longer change.
    has_begun: bool,
}

/// The form of the reply.
#[derive(Debug)]
pub(super) enum DigestForm {
    /// HASH: algorithm, range, digest and path.
    Hash {
        digest: Digest,
        first: u64,
        last: u64,
        path: VirtualPath,
    },
    /// XCRC and the like: only the digest.
    Bare,
}

impl LongAnswer {
    pub(super) fn listing(lines: ListingLines) -> Self {
        LongAnswer::Listing(ListingAnswer {
            has_begun: false,
            lines,
            lines_left: LISTING_LINES,
        })
    }

    pub(super) fn digest(file: DigestFile, form: DigestForm) -> Self {
        LongAnswer::Digest(DigestAnswer {
            file,
            form,
            last_line: None,
            has_begun: false,
        })
    }

    /// Continues within `budget` and appends lines to `out`. `buffer` is for reading files.
    pub(super) fn advance(
        &mut self,
        out: &mut Vec<u8>,
        buffer: &mut [u8],
        budget: &mut Budget,
        now: Instant,
    ) -> AnswerProgress {
        match self {
            LongAnswer::Listing(listing) => listing.advance(out, budget),
            LongAnswer::Digest(digest) => digest.advance(out, buffer, budget, now),
            LongAnswer::Restart { text, .. } => {
                match text.seek(budget) {
                    Ok(SeekProgress::BudgetSpent) => return AnswerProgress::MoreToCome,
                    Ok(SeekProgress::Found) => return AnswerProgress::MarkerFound,
                    Ok(SeekProgress::BeyondEnd) => reply::BAD_RESTART,
                    Err(TransferError::SourceShrank) => reply::FILE_CHANGED,
                    Err(_) => reply::READING_FAILED,
                }
                .write_to(out);
                AnswerProgress::Finished
            }
        }
    }

    /// The last reply after ABOR.
    pub(super) fn aborted(&self) -> Reply {
        match self {
            LongAnswer::Listing(_) => reply::STATUS_LISTING_ABORTED,
            LongAnswer::Digest(digest) => digest.ending(reply::DIGEST_ABORTED),
            LongAnswer::Restart { .. } => reply::TRANSFER_ABORTED,
        }
    }
}

impl ListingAnswer {
    fn advance(&mut self, out: &mut Vec<u8>, budget: &mut Budget) -> AnswerProgress {
        if !self.has_begun {
            reply::STATUS_LISTING_BEGINS.write_to(out);
            self.has_begun = true;
        }
        let mut batch = Vec::new();
        let failed = self.lines.next_batch(&mut batch, &mut budget.entries).is_err();
        budget.bytes = budget.bytes.saturating_sub(batch.len());
        for line in batch.split_inclusive(|byte| *byte == b'\n').take(self.lines_left) {
            out.push(b' ');
            // On the control connection 0xFF is a Telnet command, so it is doubled.
            for part in line.split_inclusive(|byte| *byte == 0xff) {
                out.extend_from_slice(part);
                if part.ends_with(b"\xff") {
                    out.push(0xff);
                }
            }
        }
        let made = batch.iter().filter(|byte| **byte == b'\n').count();
        let truncated = made > self.lines_left;
        self.lines_left = self.lines_left.saturating_sub(made);
        let end = if truncated {
            reply::STATUS_LISTING_TRUNCATED
        } else if failed {
            reply::STATUS_LISTING_FAILED
        } else if self.lines.is_finished() {
            reply::STATUS_LISTING_ENDS
        } else {
            return AnswerProgress::MoreToCome;
        };
        end.write_to(out);
        AnswerProgress::Finished
    }
}

impl DigestAnswer {
    fn advance(&mut self, out: &mut Vec<u8>, buffer: &mut [u8], budget: &mut Budget, now: Instant) -> AnswerProgress {
        let share = budget.bytes.div_ceil(DIGEST_COST);
        let mut left = share;
        let progress = self.file.advance(buffer, &mut left);
        budget.bytes = budget.bytes.saturating_sub((share - left) * DIGEST_COST);
        match progress {
            Ok(None) => {
                self.report_progress(out, now);
                return AnswerProgress::MoreToCome;
            }
            Ok(Some(bytes)) => self.form.reply(&bytes),
            Err(TransferError::SourceShrank) => self.ending(reply::DIGEST_OF_CHANGED),
            Err(_) => self.ending(reply::DIGEST_FAILED),
        }
        .write_to(out);
        AnswerProgress::Finished
    }

    /// Appends a progress line if the last line is old enough.
    fn report_progress(&mut self, out: &mut Vec<u8>, now: Instant) {
        let last_line = *self.last_line.get_or_insert(now);
        if now.saturating_duration_since(last_line) >= PROGRESS_INTERVAL {
            self.last_line = Some(now);
            self.has_begun = true;
            Reply::still_reading(self.form.code(), self.file.left()).write_to(out);
        }
    }

    /// Gives `reply` the code of the lines written before it, also if it reports a failure (RFC 959 §4.2).
    fn ending(&self, reply: Reply) -> Reply {
        if self.has_begun {
            reply.with_code(self.form.code())
        } else {
            reply
        }
    }
}

impl DigestForm {
    fn code(&self) -> u16 {
        match self {
            DigestForm::Hash { .. } => 213,
            DigestForm::Bare => 250,
        }
    }

    fn reply(&self, bytes: &[u8]) -> Reply {
        match self {
            DigestForm::Hash {
                digest,
                first,
                last,
                path,
            } => Reply::hash(*digest, *first, *last, bytes, path),
            DigestForm::Bare => Reply::checksum(bytes),
        }
    }
}

#[cfg(test)]
mod tests;
