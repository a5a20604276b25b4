//! The catalogue of threats, `docs/threats.md`, agrees with the tests: its rows are complete, the tests that they name
//! exist, every id in the name of a test has a row, and each row of priority P0 and four of five of priority P1 have a
//! test that every run of the suite includes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const CATALOGUE: &str = include_str!("../../docs/threats.md");

/// Rows of priority P1 that must have a test, in percent.
const P1_SHARE: usize = 80;

/// Names of functions, and whether each runs in every run of the suite, as far as its attributes say. The tests of
/// `tests/external` have none: those are listed in their modules.
type Functions = BTreeMap<String, bool>;

/// All functions in the Rust sources under `directory`.
fn functions(directory: &Path, names: &mut Functions) {
    for entry in fs::read_dir(directory).expect("a directory of the project") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            functions(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("a source file");
            let is_external = path.components().any(|component| component.as_os_str() == "external");
            let mut parts = source.split("fn ");
            let mut before = parts.next().unwrap_or_default();
            for part in parts {
                let attributes = before.rsplit(['}', ';']).next().unwrap_or_default();
                let is_run = is_external || attributes.contains("#[test]") && !attributes.contains("#[ignore");
                if let Some((name, _)) = part.split_once('(') {
                    *names.entry(name.to_owned()).or_default() |= is_run;
                }
                before = part;
            }
        }
    }
}

/// The ids at the beginning of a test's name: `a03` and `b10` in `a03_b10_the_rest`.
fn ids_in(name: &str) -> impl Iterator<Item = String> {
    name.split('_')
        .take_while(|word| matches!(word.as_bytes(), [b'a'..=b'o', b'0'..=b'9', b'0'..=b'9']))
        .map(str::to_uppercase)
}

/// Of the rows of one priority: those with a test, and all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Coverage {
    tested: usize,
    rows: usize,
}

impl Coverage {
    fn percent(self) -> usize {
        100 * self.tested / self.rows.max(1)
    }
}

/// What is wrong with `catalogue`, given all functions, and the coverage by priority; `has_tls`: whether the rows of
/// group E apply.
fn examine(catalogue: &str, functions: &Functions, has_tls: bool) -> (Vec<String>, BTreeMap<String, Coverage>) {
    let mut problems = Vec::new();
    let mut coverage: BTreeMap<String, Coverage> = BTreeMap::new();
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
        for test in named.iter().filter(|test| !functions.contains_key(**test)) {
            wrong(format!("there is no test {test}"));
        }
        let is_run = named.iter().any(|test| functions.get(*test) == Some(&true));
        if !id.starts_with('E') || has_tls {
            let covered = coverage.entry(priority.to_owned()).or_default();
            covered.rows += 1;
            covered.tested += usize::from(is_run);
            if !is_run && priority == "P0" {
                wrong("is P0 and names no test that every run includes".to_owned());
            }
        }
        if named.is_empty() && tests.strip_prefix("none: ").is_none_or(str::is_empty) {
            wrong("names no test and no reason".to_owned());
        }
    }
    for name in functions.keys() {
        for id in ids_in(name).filter(|id| !ids.contains(id)) {
            problems.push(format!("{name}: {id} is not in the catalogue"));
        }
    }
    let p1 = coverage.get("P1").copied().unwrap_or_default();
    if p1.rows > 0 && p1.percent() < P1_SHARE {
        problems.push(format!("only {} of {} rows of P1 have a test", p1.tested, p1.rows));
    }
    (problems, coverage)
}

fn all_functions() -> Functions {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = Functions::new();
    functions(&project.join("src"), &mut names);
    functions(&project.join("tests"), &mut names);
    names
}

#[test]
fn the_catalogue_of_threats_agrees_with_the_tests() {
    let has_tls = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tls").exists();
    let (found, coverage) = examine(CATALOGUE, &all_functions(), has_tls);
    println!("| priority | rows with a test | rows | % |\n|---|---|---|---|");
    for (priority, covered) in &coverage {
        println!(
            "| {priority} | {} | {} | {} |",
            covered.tested,
            covered.rows,
            covered.percent()
        );
    }
    assert!(found.is_empty(), "docs/threats.md:\n{}", found.join("\n"));
    assert!(
        CATALOGUE.contains("| A01 |") && CATALOGUE.contains("| L23 |"),
        "it has its rows"
    );
}

#[test]
fn a_broken_row_of_the_catalogue_is_found() {
    let functions = |names: &[(&str, bool)]| {
        names
            .iter()
            .map(|(name, is_run)| ((*name).to_owned(), *is_run))
            .collect()
    };
    let problems = |catalogue: &str, functions: &Functions, has_tls| examine(catalogue, functions, has_tls).0;
    let known: Functions = functions(&[("a01_a_test", true), ("other", true), ("a01_ignored", false)]);
    let good = "| A01 | P0 | fault | what \\| happens | `a01_a_test`, `other` |\n\
                | E01 | P0 | fault | none yet | none: no TLS |\n";
    let (found, coverage) = examine(good, &known, false);
    assert_eq!(found, [""; 0]);
    assert_eq!(
        coverage.get("P0"),
        Some(&Coverage { tested: 1, rows: 1 }),
        "without TLS"
    );
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
            "A02: is P0 and names no test that every run includes",
        ),
        (
            "| A02 | P0 | fault | behaviour | `a01_ignored` |",
            "A02: is P0 and names no test that every run includes",
        ),
        (
            "| A02 | P1 | fault | behaviour | none: too hard |",
            "only 0 of 1 rows of P1 have a test",
        ),
        (
            "| A02 | P1 | fault | behaviour | none |",
            "A02: names no test and no reason",
        ),
    ] {
        let found = problems(&format!("{good}{row}\n"), &known, false);
        assert!(found.iter().any(|found| found == problem), "{row}: {found:?}");
    }
    let unknown: Functions = functions(&[("a01_a_test", true), ("other", true), ("a01_k99_a_test", true)]);
    assert_eq!(
        problems(good, &unknown, false),
        ["a01_k99_a_test: K99 is not in the catalogue"]
    );
    assert_eq!(
        problems(good, &known, true),
        ["E01: is P0 and names no test that every run includes"]
    );
}
