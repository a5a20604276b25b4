//! Every command with a path, against every spelling of a way up, behind every kind of link (threats C01, C03, O5).

use harness::accounts::{CANARY, CHANGING, ConfinedBy, Premises, everything, snapshot};
use std::path::PathBuf;

const READING: [&str; 9] = ["RETR", "SIZE", "MDTM", "MLST", "MLSD", "LIST", "NLST", "CWD", "STAT"];

/// Ways up, as scanners send them.
const UPS: [&str; 14] = [
    "../",
    "..//",
    "./../",
    "/../",
    "d/../../",
    "..\\",
    "..%2f",
    "%2e%2e/",
    "..%c0%af",
    "....//",
    ".../",
    "..;/",
    "~/../",
    "\u{ff0e}\u{ff0e}/",
];
const DEPTHS: [usize; 3] = [1, 2, 8];
/// The root has neither of these directories.
const TARGETS: [&str; 3] = ["neighbour/secret", "neighbour/new", "etc/passwd"];

/// Names in the root, and where they lead: outside, to each other, nowhere, and out through procfs.
fn links(premises: &Premises) -> [(&'static str, PathBuf); 7] {
    let neighbour = premises.outside().join("neighbour");
    [
        ("relative-link", "../neighbour/secret".into()),
        ("absolute-link", neighbour.join("secret")),
        ("directory-link", "../neighbour".into()),
        ("up", "..".into()),
        ("chain", "directory-link".into()),
        ("loop", "loop".into()),
        ("process", "/proc/self/root".into()),
    ]
}

/// Paths that every command must refuse: `link` is a link or nothing.
fn paths_behind(link: &str) -> Vec<String> {
    let mut paths = Vec::new();
    if !link.is_empty() {
        paths.extend(
            ["secret", "new"]
                .iter()
                .chain(&TARGETS)
                .map(|target| format!("{link}/{target}")),
        );
    }
    for (up, depth) in UPS.iter().flat_map(|up| DEPTHS.map(|depth| (up, depth))) {
        paths.extend(TARGETS.map(|target| format!("{link}/{}{target}", up.repeat(depth))));
    }
    paths
}

/// Sends every command with every path. Returns how many cases these were.
fn run_grid(confined_by: ConfinedBy) -> usize {
    let premises = Premises::new();
    premises.write("file", b"inside");
    premises.write("d/e/inside", b"x");
    let links = links(&premises);
    for (name, target) in &links {
        premises.link(name, target);
    }
    let server = premises.serve_within(confined_by, &["--write"]);
    let (outside, inside) = (premises.neighbour(), snapshot(&premises.root()));
    let mut cases = 0;
    for link in links.iter().map(|(name, _)| *name).chain([""]) {
        let mut client = server.login();
        for path in paths_behind(link) {
            for verb in READING.iter().chain(&CHANGING) {
                // STOU chooses a name in the working directory; the path is ignored.
                if *verb == "STOU" {
                    continue;
                }
                if *verb == "RNTO" {
                    assert_eq!(client.code("RNFR file"), 350);
                }
                let (code, text) = everything(&mut client, &format!("{verb} {path}"));
                assert!((500..600).contains(&code), "{confined_by:?} {verb} {path}: {text}");
                let shows_outside = text.contains(CANARY) || text.contains("root:");
                assert!(!shows_outside, "{confined_by:?} {verb} {path}: {text}");
                cases += 1;
            }
        }
        assert_eq!(premises.neighbour(), outside, "{confined_by:?} {link}");
        assert_eq!(snapshot(&premises.root()), inside, "{confined_by:?} {link}");
    }
    cases
}

#[test]
fn c03_every_command_with_every_way_up_behind_every_link_reaches_nothing_outside() {
    let cases: usize = [ConfinedBy::Default, ConfinedBy::Paths].map(run_grid).iter().sum();
    println!("{cases} cases, all refused, nothing outside read or changed");
    assert!(cases > 40_000, "{cases}");
}
