//! `docs/architecture.md` and the source agree: every file, type and function that it names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn document() -> String {
    fs::read_to_string(root().join("docs/architecture.md")).expect("the document")
}

/// The text of every Rust file under `src`, one after the other.
fn sources() -> String {
    fn read(directory: &Path, text: &mut String) {
        for entry in fs::read_dir(directory).expect("a directory of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                read(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                *text += &fs::read_to_string(path).expect("a source");
            }
        }
    }
    let mut text = String::new();
    read(&root().join("src"), &mut text);
    text
}

/// What stands between backticks, outside of blocks of code.
fn code_spans(text: &str) -> BTreeSet<&str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|part| part.split('`').skip(1).step_by(2)).collect()
}

#[derive(Debug, PartialEq, Eq)]
enum Named<'span> {
    File(&'span str),
    Function(&'span str),
    Type(&'span str),
    /// A command, an option, a number, a word of the shell.
    Other,
}

fn classify(span: &str) -> Vec<Named<'_>> {
    let is_path = span.ends_with(".rs") || span.ends_with('/');
    if is_path {
        return vec![Named::File(span)];
    }
    let (name, is_function) = match span.strip_suffix("()") {
        Some(name) => (name, true),
        None => (span, false),
    };
    let is_type = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_uppercase())
            && part.contains(|letter: char| letter.is_ascii_lowercase())
            && part.chars().all(|letter| letter.is_ascii_alphanumeric())
    };
    let parts: Vec<&str> = name.split("::").collect();
    let Some((last, types)) = parts.split_last() else {
        return vec![Named::Other];
    };
    let mut named: Vec<Named<'_>> = types.iter().map(|part| Named::Type(part)).collect();
    named.push(match last {
        function if is_function => Named::Function(function),
        part if is_type(part) => Named::Type(part),
        _ => Named::Other,
    });
    named
}

fn exists(named: &Named<'_>, sources: &str) -> bool {
    match named {
        Named::File(path) => root().join("src").join(path).exists() || root().join(path).exists(),
        Named::Function(name) => [format!("fn {name}("), format!("fn {name}<")]
            .iter()
            .any(|definition| sources.contains(definition)),
        Named::Type(name) => is_defined(name, sources),
        Named::Other => true,
    }
}

/// A type, or a variant of one: on a line of its own it begins the line.
fn is_defined(name: &str, sources: &str) -> bool {
    let keywords = ["struct", "enum", "trait", "type"];
    let defined = |line: &str| {
        let line = line.trim_start();
        keywords.iter().any(|keyword| {
            let definition = format!("{keyword} {name}");
            line.contains(&definition) && !line.starts_with("//")
        }) || line
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(['(', ',', ' ']) && !rest.contains("=>"))
    };
    sources.lines().any(defined)
}

#[test]
fn everything_that_the_document_names_exists() {
    let (document, sources) = (document(), sources());
    let named: Vec<_> = code_spans(&document).into_iter().flat_map(classify).collect();
    let count = |is_one: fn(&Named<'_>) -> bool| named.iter().filter(|named| is_one(named)).count();
    let files = count(|named| matches!(named, Named::File(_)));
    let functions = count(|named| matches!(named, Named::Function(_)));
    let types = count(|named| matches!(named, Named::Type(_)));
    assert!(
        files > 40 && functions > 30 && types > 20,
        "{files}, {functions}, {types}"
    );
    let missing: Vec<_> = named.iter().filter(|named| !exists(named, &sources)).collect();
    assert!(
        missing.is_empty(),
        "docs/architecture.md names things that do not exist: {missing:?}"
    );
}

#[test]
fn names_that_do_not_exist_are_found() {
    let sources = sources();
    for span in [
        "connection/none.rs",
        "no_such_function()",
        "NoSuchType",
        "Step::NoSuchVariant",
        "Session::no_such()",
    ] {
        assert!(!classify(span).iter().all(|named| exists(named, &sources)), "{span}");
    }
    for span in [
        "Step::Transfer",
        "connection/mod.rs",
        "records/",
        "--trace",
        "226",
        "PASV",
        "poll",
        "/null",
    ] {
        assert!(classify(span).iter().all(|named| exists(named, &sources)), "{span}");
    }
}

#[test]
fn a_download_a_port_and_an_upload_are_read_in_few_files() {
    let document = document();
    for (heading, most) in [("## One RETR", 14), ("## One PASV", 10), ("## One STOR", 18)] {
        let (_, section) = document.split_once(heading).expect("the section");
        let (_, list) = section.split_once("Files to read").expect("its files");
        let (list, _) = list.split_once("\n\n").expect("the end of the list");
        let files = code_spans(list).len();
        assert!((5..=most).contains(&files), "{heading}: {files} files");
    }
}
