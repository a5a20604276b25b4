//! The guide under `docs/guide` is true: its commands are run and print what it shows, its links and excerpts exist,
//! its exercises fail as delivered and pass with their answers.
//!
//! `GUIDE_WRITE=1 cargo test --features ftpstorm --test guide` writes what the commands print into the chapters.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod book;
mod chapter;
mod exercises;
mod markdown;
mod setting;
mod shown;
mod terminal;
mod text;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

fn main() -> ExitCode {
    let chapters = book::pages().into_iter().zip(1..).map(|(page, number)| {
        let is_missing = book::needs_root(&page) && !harness::is_root();
        let note = if is_missing { " (needs root)" } else { "" };
        let name = format!("{page}: its commands print what it shows{note}");
        Trial::test(name, move || {
            assert!(!is_missing, "the tests do not run as root");
            chapter::run(&page, number);
            Ok(())
        })
        // As in the other tests, what is missing is an error in CI.
        .with_ignored_flag(is_missing && std::env::var_os("CI").is_none())
    });
    let trials = chapters
        .chain(book::trials())
        .chain(text::trials())
        .chain(exercises::trials())
        .chain(shown::trials());
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
