//! Digests that take long: progress lines, and how the reply ends.

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

/// The lines written in `turns` turns of 10 bytes, `seconds` apart.
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
fn a_long_digest_sends_progress_lines_in_its_reply_and_a_quick_one_is_one_line() {
    let (_file, mut answer) = answer_of(DigestForm::Bare);
    assert_eq!(
        after(&mut answer, 5, 5),
        "250-Still reading, 970 bytes left\r\n250-Still reading, 950 bytes left\r\n"
    );
    assert_eq!(after(&mut answer, 100, 0), "250 9A38DA03\r\n");
    let (_file, mut quick) = answer_of(DigestForm::Bare);
    assert_eq!(after(&mut quick, 100, 0), "250 9A38DA03\r\n");
}

#[test]
fn a_reply_that_has_begun_always_ends_with_its_code() {
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
