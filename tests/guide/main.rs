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
        let name = format!("{page}: its commands print what it shows");
        Trial::test(name, move || {
            chapter::run(&page, number);
            Ok(())
        })
    });
    let trials = chapters
        .chain(book::trials())
        .chain(text::trials())
        .chain(exercises::trials())
        .chain(shown::trials());
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
