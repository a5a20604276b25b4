//! The book as a whole: its table of contents, its pictures, and that mdbook renders it.

use crate::markdown::links;
use crate::setting::{guide, has_program, root};
use libtest_mimic::Trial;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// The pages in the order of SUMMARY.md.
pub fn pages() -> Vec<String> {
    let summary = fs::read_to_string(guide().join("SUMMARY.md")).expect("the table of contents");
    links(&summary).into_iter().map(|(_, page)| page).collect()
}

pub fn page(name: &str) -> String {
    fs::read_to_string(guide().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Whether a reader has to be root for its commands: the page says so in a comment.
pub fn needs_root(name: &str) -> bool {
    page(name).contains("<!-- needs root -->")
}

/// Chapters have a number.
pub fn chapters() -> Vec<String> {
    let is_chapter = |page: &String| page.starts_with(|first: char| first.is_ascii_digit());
    pages().into_iter().filter(is_chapter).collect()
}

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("every page is in the table of contents", || {
            every_page_is_listed();
            Ok(())
        }),
        Trial::test("every chapter has a picture, an exercise and its answer", || {
            chapters().iter().for_each(|chapter| is_complete(chapter));
            Ok(())
        }),
        Trial::test("every picture has a title, a description and dark colours", || {
            pictures_are_accessible();
            Ok(())
        }),
    ];
    let is_missing = !has_program("mdbook");
    let note = if is_missing { " (needs mdbook)" } else { "" };
    let built = Trial::test(format!("mdbook builds the book without warnings{note}"), || {
        is_built_without_warnings();
        Ok(())
    });
    trials.push(built.with_ignored_flag(is_missing && std::env::var_os("CI").is_none()));
    trials
}

fn every_page_is_listed() {
    let listed: BTreeSet<String> = pages().into_iter().collect();
    let entries = fs::read_dir(guide()).expect("the guide");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
    let pages: BTreeSet<String> = names
        .filter(|name| name.ends_with(".md") && name != "SUMMARY.md")
        .collect();
    assert_eq!(listed, pages);
}

fn is_complete(chapter: &str) {
    let text = page(chapter);
    let number = &chapter[..2];
    for needed in [
        "![".to_owned(),
        format!("exercises/{number}.rs"),
        format!("answers/{number}.rs"),
        format!("cargo test --test exercises -- {number}"),
    ] {
        assert!(text.contains(&needed), "{chapter} lacks {needed}");
    }
}

fn pictures_are_accessible() {
    for page_name in pages() {
        for (alternative, target) in links(&page(&page_name)) {
            if !target.ends_with(".svg") {
                continue;
            }
            let picture = page(&target);
            for needed in ["<title>", "<desc>", "prefers-color-scheme: dark", "viewBox"] {
                assert!(picture.contains(needed), "{target} lacks {needed}");
            }
            assert!(alternative.len() > 20, "{page_name}: {target} has no text alternative");
        }
    }
}

fn is_built_without_warnings() {
    assert!(has_program("mdbook"), "the test needs mdbook");
    let directory = tempfile::TempDir::new().expect("a directory");
    let built = Command::new("mdbook")
        .args(["build", "docs", "--dest-dir"])
        .arg(directory.path())
        .current_dir(root())
        .output();
    let built = built.expect("mdbook runs");
    let messages = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{messages}");
    assert!(!messages.contains("WARN") && !messages.contains("ERROR"), "{messages}");
    assert!(directory.path().join("index.html").exists());
}
