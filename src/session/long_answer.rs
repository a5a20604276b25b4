//! Answers that take more than a turn to make: STAT with a path, HASH and its like, and RETR with a restart in TYPE A, whose
//! place in the file has to be found before the transfer can be opened or refused.
//!
//! The loop lets one advance a budget at a time until it is finished; commands behind it wait. Nothing is ever made beyond
//! what the client takes: the loop asks for more only when the last of it is on its way.

use super::state::Transfer;
use crate::ftp::command::Digest;
use crate::ftp::path::VirtualPath;
use crate::ftp::reply::{self, Reply};
use crate::transfer::{Budget, DigestFile, DigestProgress, ListingLines, SeekProgress, SendText};

/// Lines of a STAT listing, for a connection that has no data connection's flow (threat B16).
const LISTING_LINES: usize = 10_000;

/// Such an answer under way.
#[derive(Debug)]
pub enum LongAnswer {
    Listing(ListingAnswer),
    Digest(DigestAnswer),
    Restart(RestartAnswer),
}

/// Whether an answer has been made to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerProgress {
    MoreToCome,
    /// The reply's last line is written; or a transfer can begin, which will write its own.
    Finished,
}

/// The lines of a STAT with a path; the reply's first line has been written.
#[derive(Debug)]
pub struct ListingAnswer {
    lines: ListingLines,
    lines_left: usize,
}

/// A digest, and how it will be told.
#[derive(Debug)]
pub struct DigestAnswer {
    file: DigestFile,
    form: DigestForm,
}

/// How a digest is told.
#[derive(Debug)]
pub enum DigestForm {
    /// HASH: which digest of which octets of which file.
    Hash {
        digest: Digest,
        first: u64,
        last: u64,
        path: VirtualPath,
    },
    /// XCRC and its like: nothing but the digest.
    Bare,
}

/// The search for a restart marker in a translated text, and the transfer that begins there.
#[derive(Debug)]
pub struct RestartAnswer {
    text: SendText,
    download: Transfer,
    is_found: bool,
}

impl LongAnswer {
    pub(super) fn listing(lines: ListingLines) -> Self {
        LongAnswer::Listing(ListingAnswer {
            lines,
            lines_left: LISTING_LINES,
        })
    }

    pub(super) fn digest(file: DigestFile, form: DigestForm) -> Self {
        LongAnswer::Digest(DigestAnswer { file, form })
    }

    pub(super) fn restart(text: SendText, download: Transfer) -> Self {
        LongAnswer::Restart(RestartAnswer {
            text,
            download,
            is_found: false,
        })
    }

    /// The transfer that a finished answer leads to, if it does.
    pub(super) fn into_download(self) -> Option<(Transfer, SendText)> {
        match self {
            LongAnswer::Restart(restart) if restart.is_found => Some((restart.download, restart.text)),
            LongAnswer::Listing(_) | LongAnswer::Digest(_) | LongAnswer::Restart(_) => None,
        }
    }

    /// Goes on, at most `budget` far, and appends what is to be said to `out`; `buffer` is lent for the call.
    pub fn advance(&mut self, out: &mut Vec<u8>, buffer: &mut [u8], budget: &mut Budget) -> AnswerProgress {
        match self {
            LongAnswer::Listing(listing) => listing.advance(out, budget),
            LongAnswer::Digest(digest) => digest.advance(out, buffer, budget),
            LongAnswer::Restart(restart) => restart.advance(out, budget),
        }
    }
}

impl ListingAnswer {
    fn advance(&mut self, out: &mut Vec<u8>, budget: &mut Budget) -> AnswerProgress {
        let mut batch = Vec::new();
        let failed = self.lines.next_batch(&mut batch, &mut budget.entries).is_err();
        budget.bytes = budget.bytes.saturating_sub(batch.len());
        for line in batch.split_inclusive(|byte| *byte == b'\n').take(self.lines_left) {
            out.push(b' ');
            // 0xFF is Telnet's on the control connection, so it is doubled here.
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
    fn advance(&mut self, out: &mut Vec<u8>, buffer: &mut [u8], budget: &mut Budget) -> AnswerProgress {
        match self.file.advance(buffer, &mut budget.bytes) {
            DigestProgress::BudgetSpent => return AnswerProgress::MoreToCome,
            DigestProgress::Complete(bytes) => self.form.reply(&bytes),
            DigestProgress::SourceFailed => reply::DIGEST_FAILED,
            DigestProgress::SourceShrank => reply::DIGEST_OF_CHANGED,
        }
        .write_to(out);
        AnswerProgress::Finished
    }
}

impl RestartAnswer {
    fn advance(&mut self, out: &mut Vec<u8>, budget: &mut Budget) -> AnswerProgress {
        match self.text.seek(budget) {
            SeekProgress::BudgetSpent => return AnswerProgress::MoreToCome,
            SeekProgress::Found => self.is_found = true,
            SeekProgress::BeyondEnd => reply::BAD_RESTART.write_to(out),
            SeekProgress::SourceFailed => reply::READING_FAILED.write_to(out),
            SeekProgress::SourceShrank => reply::FILE_CHANGED.write_to(out),
        }
        AnswerProgress::Finished
    }
}

impl DigestForm {
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
