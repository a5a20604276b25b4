//! What the text names exists: files and headings that it links to, functions and types, and the code that it quotes.

use crate::book::{page, pages};
use crate::markdown::{blocks, links, prose};
use crate::setting::{guide, root};
use libtest_mimic::Trial;
use std::fs;
use std::path::Path;

/// What it checks, and how it checks one page.
type Check = (&'static str, fn(&str));

pub fn trials() -> Vec<Trial> {
    let checks: [Check; 4] = [
        ("links lead somewhere", links_lead_somewhere),
        ("linked names are defined in the linked file", linked_names_are_defined),
        ("functions that are named exist", functions_exist),
        ("quoted code is in the source", quotations_are_exact),
    ];
    let trial = |(name, check): Check| {
        Trial::test(name, move || {
            pages().iter().for_each(|page| check(page));
            Ok(())
        })
    };
    checks.into_iter().map(trial).collect()
}

fn links_lead_somewhere(page_name: &str) {
    for (text, target) in links(&page(page_name)) {
        if target.starts_with("https://") {
            continue;
        }
        let (file, heading) = target.split_once('#').unwrap_or((&target, ""));
        let path = if file.is_empty() {
            guide().join(page_name)
        } else {
            guide().join(file)
        };
        assert!(path.exists(), "{page_name}: {target}");
        assert!(!text.is_empty(), "{page_name}: {target} has no text");
        if !heading.is_empty() {
            let linked = fs::read_to_string(path).expect("a page");
            assert!(anchors(&linked).contains(&heading.to_owned()), "{page_name}: {target}");
        }
    }
}

/// The anchors of a page's headings.
fn anchors(page: &str) -> Vec<String> {
    let headings = prose(page);
    let headings = headings.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        words
            .chars()
            .filter(|letter| letter.is_alphanumeric() || *letter == '-')
            .collect()
    };
    headings.map(anchor).collect()
}

/// A link from a name to a source leads to the file that defines it.
fn linked_names_are_defined(page_name: &str) {
    for (text, target) in links(&page(page_name)) {
        let name = text.trim_matches('`').trim_end_matches("()");
        let name = name.rsplit("::").next().unwrap_or(name);
        let is_name = !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
        if target.ends_with(".rs") && text.starts_with('`') && is_name {
            let source = fs::read_to_string(guide().join(&target)).expect("a source");
            assert!(defines(&source, name), "{page_name}: {target} does not define {name}");
        }
    }
}

fn defines(source: &str, name: &str) -> bool {
    let is_whole = |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
    let keywords = ["fn", "struct", "enum", "trait", "type", "const", "mod"];
    source.lines().map(str::trim_start).any(|line| {
        let is_variant = line
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with([',', '(', ' ']));
        let is_item = keywords.iter().any(|keyword| {
            let definition = format!("{keyword} {name}");
            line.find(&definition)
                .is_some_and(|at| is_whole(&line[at + definition.len()..]))
        });
        (is_variant || is_item) && !line.starts_with("//")
    })
}

/// `name()` in the text is a function of ours; calls of the system and the library are written without parentheses.
fn functions_exist(page_name: &str) {
    let sources = sources().concat();
    let text = prose(&page(page_name));
    for span in text.split('`').skip(1).step_by(2) {
        if let Some(name) = span.strip_suffix("()") {
            let name = name.rsplit("::").next().unwrap_or(name);
            assert!(defines(&sources, name), "{page_name}: {span}");
        }
        if span.ends_with(".rs") {
            let exists =
                ["src", "docs/guide", "docs/guide/examples", "."].map(|base| root().join(base).join(span).exists());
            assert!(exists.contains(&true), "{page_name}: {span}");
        }
    }
}

/// Each part of a quotation, between lines that say `// …`, is somewhere in the source as it is.
fn quotations_are_exact(page_name: &str) {
    let sources: Vec<String> = sources().iter().map(|source| unindented(source)).collect();
    let text = page(page_name);
    for block in blocks(&text).iter().filter(|block| block.language == "rust") {
        for part in block.text(&text).split("// …") {
            let part = unindented(part);
            let is_quoted = sources.iter().any(|source| source.contains(part.trim()));
            assert!(is_quoted, "{page_name}: this is not in the source:\n{part}");
        }
    }
}

fn unindented(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", line.trim())).collect()
}

/// All Rust files of the server and of the guide.
fn sources() -> Vec<String> {
    let mut sources = Vec::new();
    for directory in ["src", "docs/guide"] {
        read_sources(&root().join(directory), &mut sources);
    }
    sources
}

fn read_sources(directory: &Path, sources: &mut Vec<String>) {
    for entry in fs::read_dir(directory).expect("a directory of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_sources(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(fs::read_to_string(path).expect("a source"));
        }
    }
}
