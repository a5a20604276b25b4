//! The catalogue of threats, `docs/threats.md`, agrees with the tests: its rows are complete, the tests that they name
//! exist, and every id in the name of a test has a row.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const CATALOGUE: &str = include_str!("../../docs/threats.md");

/// Names of all functions in the Rust sources under `directory`.
fn functions(directory: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).expect("a directory of the project") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            functions(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("a source file");
            let declared = source.split("fn ").skip(1).filter_map(|rest| rest.split_once('('));
            names.extend(declared.map(|(name, _)| name.to_owned()));
        }
    }
}

/// The ids at the beginning of a test's name: `a03` and `b10` in `a03_b10_the_rest`.
fn ids_in(name: &str) -> impl Iterator<Item = String> {
    name.split('_')
        .take_while(|word| matches!(word.as_bytes(), [b'a'..=b'o', b'0'..=b'9', b'0'..=b'9']))
        .map(str::to_uppercase)
}

/// What is wrong with `catalogue`, given the names of all functions; `has_tls`: whether the rows of group E apply.
fn problems(catalogue: &str, functions: &BTreeSet<String>, has_tls: bool) -> Vec<String> {
    let mut problems = Vec::new();
    let mut ids = BTreeSet::new();
    let is_row = |line: &&str| line.starts_with('|') && !line.starts_with("| id |") && !line.starts_with("|---");
    for line in catalogue.lines().filter(is_row) {
        let unescaped = line.replace("\\|", "¦");
        let cells: Vec<&str> = unescaped.trim_matches('|').split('|').map(str::trim).collect();
        let id = cells.first().copied().unwrap_or_default();
        let mut wrong = |text: String| problems.push(format!("{id}: {text}"));
        if !ids.insert(id.to_owned()) {
            wrong("has two rows".to_owned());
        }
        if cells.iter().any(|cell| cell.is_empty()) {
            wrong("a field is empty".to_owned());
        }
        let [_, priority, _, _, tests] = cells[..] else {
            // What holds in every test has no priority and no tests of its own.
            if cells.len() != 3 || !id.starts_with('O') {
                wrong(format!("has {} fields", cells.len()));
            }
            continue;
        };
        if !["P0", "P1", "P2"].contains(&priority) {
            wrong(format!("{priority:?} is no priority"));
        }
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        for test in named.iter().filter(|test| !functions.contains(**test)) {
            wrong(format!("there is no test {test}"));
        }
        let is_exempt = id.starts_with('E') && !has_tls;
        if named.is_empty() && priority == "P0" && !is_exempt {
            wrong("is P0 and names no test".to_owned());
        }
        if named.is_empty() && tests.strip_prefix("none: ").is_none_or(str::is_empty) {
            wrong("names no test and no reason".to_owned());
        }
    }
    for name in functions {
        for id in ids_in(name).filter(|id| !ids.contains(id)) {
            problems.push(format!("{name}: {id} is not in the catalogue"));
        }
    }
    problems
}

fn all_functions() -> BTreeSet<String> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = BTreeSet::new();
    functions(&project.join("src"), &mut names);
    functions(&project.join("tests"), &mut names);
    names
}

#[test]
fn the_catalogue_of_threats_agrees_with_the_tests() {
    let has_tls = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tls").exists();
    let found = problems(CATALOGUE, &all_functions(), has_tls);
    assert!(found.is_empty(), "docs/threats.md:\n{}", found.join("\n"));
    assert!(
        CATALOGUE.contains("| A01 |") && CATALOGUE.contains("| L23 |"),
        "it has its rows"
    );
}

#[test]
fn a_broken_row_of_the_catalogue_is_found() {
    let functions = BTreeSet::from(["a01_a_test".to_owned(), "other".to_owned()]);
    let good = "| A01 | P0 | fault | what \\| happens | `a01_a_test`, `other` |\n\
                | E01 | P0 | fault | none yet | none: no TLS |\n";
    assert_eq!(problems(good, &functions, false), [""; 0]);
    for (row, problem) in [
        ("| A01 | P0 | fault | behaviour | `a01_a_test` |", "A01: has two rows"),
        ("| A02 | P0 |  | behaviour | `other` |", "A02: a field is empty"),
        ("| A02 | P1 | fault | behaviour |  |", "A02: a field is empty"),
        ("| A02 | P1 | fault | `other` |", "A02: has 4 fields"),
        (
            "| A02 | P3 | fault | behaviour | `other` |",
            "A02: \"P3\" is no priority",
        ),
        (
            "| A02 | P1 | fault | behaviour | `a02_gone` |",
            "A02: there is no test a02_gone",
        ),
        (
            "| A02 | P0 | fault | behaviour | none: too hard |",
            "A02: is P0 and names no test",
        ),
        (
            "| A02 | P1 | fault | behaviour | none |",
            "A02: names no test and no reason",
        ),
    ] {
        let found = problems(&format!("{good}{row}\n"), &functions, false);
        assert!(found.iter().any(|found| found == problem), "{row}: {found:?}");
    }
    let unknown = BTreeSet::from(["a01_a_test".to_owned(), "other".to_owned(), "a01_k99_a_test".to_owned()]);
    assert_eq!(
        problems(good, &unknown, false),
        ["a01_k99_a_test: K99 is not in the catalogue"]
    );
    assert_eq!(problems(good, &functions, true), ["E01: is P0 and names no test"]);
}
