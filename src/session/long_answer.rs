//! Answers that take more than a turn to make: STAT with a path, HASH and its like, and RETR with a restart in TYPE A,
//! whose place in the file has to be found before the transfer can be opened or refused.
//!
//! The loop lets one advance a budget at a time until it is finished; commands behind it wait. Nothing is ever made
//! beyond what the client takes: the loop asks for more only when the last of it is on its way.

use super::transfer_record::Transfer;
use crate::ftp::command::Digest;
use crate::ftp::path::VirtualPath;
use crate::ftp::reply::{self, Reply};
use crate::transfer::{Budget, DigestFile, DigestProgress, ListingLines, SeekProgress, SendText};
use std::time::{Duration, Instant};

/// Lines of a STAT listing, for a connection that has no data connection's flow (threat B16).
const LISTING_LINES: usize = 10_000;

/// How long a client hears nothing of a digest. Clients give up after some time without a word (FileZilla: 20 s), and
/// take a reply of several lines, but no other reply in between.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// What a byte through a digest costs of the budget: the slowest takes four times as long as sending it.
const DIGEST_COST: usize = 4;

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

/// A STAT with a path.
#[derive(Debug)]
pub struct ListingAnswer {
    /// Whether the reply's first line has been written.
    has_begun: bool,
    lines: ListingLines,
    lines_left: usize,
}

/// A digest, and how it will be told.
#[derive(Debug)]
pub struct DigestAnswer {
    file: DigestFile,
    form: DigestForm,
    /// When it began, or the client last heard of it.
    heard: Option<Instant>,
    /// Whether lines of the reply have been written, so that its code is settled.
    has_begun: bool,
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
    transfer: Transfer,
    is_found: bool,
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
            heard: None,
            has_begun: false,
        })
    }

    pub(super) fn restart(text: SendText, transfer: Transfer) -> Self {
        LongAnswer::Restart(RestartAnswer {
            text,
            transfer,
            is_found: false,
        })
    }

    /// The transfer that a finished answer leads to, if it does.
    pub(super) fn into_transfer(self) -> Option<(Transfer, SendText)> {
        match self {
            LongAnswer::Restart(restart) if restart.is_found => Some((restart.transfer, restart.text)),
            LongAnswer::Listing(_) | LongAnswer::Digest(_) | LongAnswer::Restart(_) => None,
        }
    }

    /// Goes on, at most `budget` far, and appends what is to be said to `out`; `buffer` is lent for the call.
    pub fn advance(
        &mut self,
        out: &mut Vec<u8>,
        buffer: &mut [u8],
        budget: &mut Budget,
        now: Instant,
    ) -> AnswerProgress {
        match self {
            LongAnswer::Listing(listing) => listing.advance(out, budget),
            LongAnswer::Digest(digest) => digest.advance(out, buffer, budget, now),
            LongAnswer::Restart(restart) => restart.advance(out, budget),
        }
    }

    /// How it ends when the client no longer wants it.
    pub(super) fn aborted(&self) -> Reply {
        match self {
            LongAnswer::Listing(_) => reply::STATUS_LISTING_ABORTED,
            LongAnswer::Digest(digest) => digest.ending(reply::DIGEST_ABORTED),
            LongAnswer::Restart(_) => reply::TRANSFER_ABORTED,
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
    fn advance(&mut self, out: &mut Vec<u8>, buffer: &mut [u8], budget: &mut Budget, now: Instant) -> AnswerProgress {
        let share = budget.bytes.div_ceil(DIGEST_COST);
        let mut left = share;
        let progress = self.file.advance(buffer, &mut left);
        budget.bytes = budget.bytes.saturating_sub((share - left) * DIGEST_COST);
        match progress {
            DigestProgress::BudgetSpent => {
                self.keep_alive(out, now);
                return AnswerProgress::MoreToCome;
            }
            DigestProgress::Complete(bytes) => self.form.reply(&bytes),
            DigestProgress::SourceFailed => self.ending(reply::DIGEST_FAILED),
            DigestProgress::SourceShrank => self.ending(reply::DIGEST_OF_CHANGED),
        }
        .write_to(out);
        AnswerProgress::Finished
    }

    /// A line of the reply that will end with the digest, when the client has not heard of it for long.
    fn keep_alive(&mut self, out: &mut Vec<u8>, now: Instant) {
        let heard = *self.heard.get_or_insert(now);
        if now.saturating_duration_since(heard) >= KEEP_ALIVE {
            self.heard = Some(now);
            self.has_begun = true;
            Reply::still_reading(self.form.code(), self.file.left()).write_to(out);
        }
    }

    /// The last line of a reply that has begun has the code of its first (RFC 959 §4.2), also where there is no digest.
    fn ending(&self, reply: Reply) -> Reply {
        if self.has_begun {
            reply.with_code(self.form.code())
        } else {
            reply
        }
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
mod tests {
    use super::*;
    use crate::descriptors::Descriptors;
    use crate::storage::OpenFile;
    use std::io::Write;

    fn answer_of(form: DigestForm) -> (std::fs::File, LongAnswer) {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(&[b'a'; 1_000]).expect("room for it");
        let open = OpenFile::on_disk(
            file.try_clone().expect("a second handle").into(),
            1_000,
            Descriptors::for_process(64).permit().expect("room"),
        );
        let digest = DigestFile::new(open, 0..1_000, Digest::Crc32);
        (file, LongAnswer::digest(digest, form))
    }

    /// What has been written after so many turns of 10 bytes, `seconds` apart.
    fn after(answer: &mut LongAnswer, turns: usize, seconds: u64) -> String {
        let (mut out, mut now) = (Vec::new(), Instant::now());
        for _ in 0..turns {
            let mut budget = Budget {
                bytes: 10 * DIGEST_COST,
                entries: 0,
            };
            if answer.advance(&mut out, &mut [0; 10], &mut budget, now) == AnswerProgress::Finished {
                break;
            }
            now += Duration::from_secs(seconds);
        }
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn a_client_hears_of_a_digest_that_takes_long_in_the_same_reply() {
        let (_file, mut answer) = answer_of(DigestForm::Bare);
        assert_eq!(
            after(&mut answer, 5, 5),
            "250-Still reading, 970 bytes left\r\n250-Still reading, 950 bytes left\r\n"
        );
        assert_eq!(after(&mut answer, 100, 0), "250 9A38DA03\r\n");
    }

    #[test]
    fn a_quick_digest_is_one_line() {
        let (_file, mut answer) = answer_of(DigestForm::Bare);
        assert_eq!(after(&mut answer, 100, 0), "250 9A38DA03\r\n");
    }

    #[test]
    fn a_reply_that_has_begun_ends_with_its_code_whatever_happens() {
        for has_begun in [false, true] {
            let (file, mut answer) = answer_of(DigestForm::Bare);
            let turns = if has_begun { 3 } else { 2 };
            assert_eq!(after(&mut answer, turns, 5).starts_with("250-"), has_begun);
            let mut aborted = Vec::new();
            answer.aborted().write_to(&mut aborted);
            assert!(aborted.starts_with(if has_begun { b"250 Aborted" } else { b"426 Aborted" }));
            file.set_len(5).expect("truncated");
            let shrunk = after(&mut answer, 1, 0);
            assert!(shrunk.starts_with(if has_begun { "250 The file" } else { "451 The file" }));
        }
    }
}
