//! Every account has its own root and reaches no other: by no spelling, link, rename or race (threat F11). Everything
//! is checked twice: on a server in a chroot, where the tests run as root, and on one that relies on `openat2` alone.

use harness::accounts::{CHANGING, ConfinedBy, Premises, client_of, everything, snapshot, store};
use harness::{Client, Server};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

/// Content that only bob may see.
const BOBS: &str = "canary-91b7-bobs";

/// Commands that take a path and only read.
const READING: [&str; 11] = [
    "RETR", "SIZE", "MDTM", "MLST", "MLSD", "LIST", "NLST", "STAT", "HASH", "XCRC", "CWD",
];

/// Alice and bob, each with a root and all rights, and a third account whose root contains both.
fn neighbours(confined_by: ConfinedBy) -> (Premises, Server) {
    let premises = Premises::new();
    premises.write("homes/alice/file", b"hers");
    premises.write("homes/alice/d/inside", b"hers");
    premises.write("homes/bob/secret", BOBS.as_bytes());
    premises.write("homes/bob/d/secret", BOBS.as_bytes());
    premises.make_directory("homes/bob/empty");
    premises.make_directory("homes/al");
    premises.write_users(&[
        ("alice", "/homes/alice:read,write"),
        ("bob", "/homes/bob:read,write"),
        ("al", "/homes/al:read,write"),
        ("all", "/:read,write"),
    ]);
    let server = premises.serve_accounts_within(confined_by, &[]);
    (premises, server)
}

fn bobs(premises: &Premises) -> Vec<String> {
    snapshot(&premises.root().join("homes/bob"))
}

fn working_directory(client: &mut Client) -> String {
    client.command("PWD").text()
}

#[test]
fn f11_no_spelling_of_a_path_reaches_another_accounts_root() {
    for confined_by in [ConfinedBy::Default, ConfinedBy::Paths] {
        let (premises, server) = neighbours(confined_by);
        let before = bobs(&premises);
        let mut client = client_of(&server, "alice");
        let full = premises.root().join("homes/bob/secret");
        for path in [
            "../bob/secret",
            "/../bob/secret",
            "/homes/bob/secret",
            "/bob/secret",
            "d/../../bob/secret",
            "/d/../../../homes/bob/secret",
            "../../homes/bob/secret",
            "..\\bob\\secret",
            "....//bob/secret",
            "%2e%2e/bob/secret",
            "../bob",
            "/homes/bob",
            "~bob/secret",
            "../../neighbour/secret",
            full.to_str().expect("UTF-8"),
        ] {
            // One name in her own root: she may have a file with that name.
            let is_hers = path == "../bob" || path.contains('\\');
            for verb in READING.iter().chain(CHANGING.iter().filter(|verb| **verb != "RNTO")) {
                let (code, text) = everything(&mut client, &format!("{verb} {path}"));
                assert!(is_hers || code >= 500, "{confined_by:?} {verb} {path}: {text}");
                assert!(!text.contains("canary"), "{confined_by:?} {verb} {path}: {text}");
            }
            assert_eq!(client.code("RNFR file"), 350);
            let moved = client.command(&format!("RNTO {path}"));
            if moved.code == 250 {
                assert!(client.code(&format!("RNFR {path}")) == 350 && client.code("RNTO file") == 250);
            }
        }
        for _ in 0..9 {
            assert_eq!(client.code("CWD .."), 250);
            assert_eq!(client.code("CDUP"), 250);
        }
        assert_eq!(working_directory(&mut client), "257 \"/\" is the current directory");
        assert!(client.fetch_text("NLST").contains("file"));
        // A root whose name begins like another's is no way in either.
        let mut client = client_of(&server, "al");
        assert_eq!(client.fetch_text("NLST"), "");
        assert_eq!(client.code("CWD ice"), 550);
        assert_eq!(bobs(&premises), before, "{confined_by:?}");
        assert_eq!(premises.read("homes/alice/file"), b"hers");
    }
}

#[test]
fn f11_no_link_reaches_another_accounts_root() {
    for confined_by in [ConfinedBy::Default, ConfinedBy::Paths] {
        let (premises, server) = neighbours(confined_by);
        let (before, outside) = (bobs(&premises), premises.neighbour());
        let root = premises.root();
        let links = [
            ("relative", "../bob/secret".into()),
            ("absolute", root.join("homes/bob/secret")),
            // An absolute path in the chroot.
            ("caged", "/homes/bob/secret".into()),
            ("chain", "relative".into()),
            ("directory", "../bob".into()),
            ("caged-directory", "/homes/bob".into()),
            ("up", "..".into()),
            ("outside", "../../../neighbour".into()),
            ("dangling", "../bob/made".into()),
            ("loop", "loop".into()),
        ];
        let mut client = client_of(&server, "alice");
        for (name, target) in &links {
            let beneath = ["", "/secret", "/bob/secret", "/d", "/d/secret", "/empty", "/made"];
            for path in beneath.map(|rest| format!("{name}{rest}")) {
                for verb in READING.iter().chain(CHANGING.iter().filter(|verb| **verb != "RNTO")) {
                    premises.link(&format!("homes/alice/{name}"), target);
                    let (code, text) = everything(&mut client, &format!("{verb} {path}"));
                    // The link itself is hers: it can be removed, renamed, and listed as a link.
                    let is_the_link = path == *name && matches!(*verb, "DELE" | "RNFR" | "STOU" | "MLST");
                    assert!(is_the_link || code >= 500, "{confined_by:?} {verb} {path}: {text}");
                    if is_the_link && *verb == "MLST" {
                        assert!(
                            text.contains("\n type=OS.unix=symlink;"),
                            "{confined_by:?} {path}: {text}"
                        );
                    }
                    for told in ["canary", "bob", "secret", "neighbour"] {
                        assert!(
                            path.contains(told) || !text.contains(told),
                            "{confined_by:?} {verb} {path}: {text}"
                        );
                    }
                    assert_eq!(client.code("CWD /"), 250);
                }
                if path != *name {
                    assert_eq!(client.code("RNFR file"), 350);
                    assert_eq!(client.code(&format!("RNTO {path}")), 550, "{confined_by:?} {path}");
                }
            }
            // A file that takes a link's name replaces the link, not its target.
            assert_eq!(client.code("RNFR file"), 350);
            assert_eq!(client.code(&format!("RNTO {name}")), 250);
            assert_eq!(client.code(&format!("RNFR {name}")), 350);
            assert_eq!(client.code("RNTO file"), 250);
        }
        assert_eq!(bobs(&premises), before, "{confined_by:?}");
        assert_eq!(premises.neighbour(), outside, "{confined_by:?}");
    }
}

/// The same name in two roots means two files, at the same time.
#[test]
fn f11_two_users_at_once_each_see_their_own_files() {
    let (premises, server) = neighbours(ConfinedBy::Default);
    let mut alice = client_of(&server, "alice");
    let mut bob = client_of(&server, "bob");
    let mut all = client_of(&server, "all");
    for (client, content) in [(&mut alice, "of alice"), (&mut bob, "of bob")] {
        assert_eq!(client.code("MKD same"), 257);
        assert_eq!(client.code("CWD same"), 250);
        assert_eq!(store(client, "STOR name", content.as_bytes()), 226);
    }
    assert_eq!(alice.fetch_text("RETR /same/name"), "of alice");
    assert_eq!(bob.fetch_text("RETR name"), "of bob");
    assert_eq!(all.fetch_text("RETR homes/alice/same/name"), "of alice");
    // A directory with his name in her root is hers.
    assert_eq!(alice.code("MKD /homes"), 257);
    assert_eq!(alice.code("MKD /homes/bob"), 257);
    assert_eq!(store(&mut alice, "STOR /homes/bob/secret", b"hers"), 226);
    assert_eq!(premises.read("homes/alice/homes/bob/secret"), b"hers");
    assert_eq!(premises.read("homes/bob/secret"), BOBS.as_bytes());
    // A connection that changes users keeps nothing of the first.
    assert_eq!(alice.code("RNFR /file"), 350);
    harness::accounts::log_in(&mut alice, "bob");
    assert_eq!(alice.code("RNTO /got"), 503);
    assert_eq!(working_directory(&mut alice), "257 \"/\" is the current directory");
    assert_eq!(alice.fetch_text("RETR same/name"), "of bob");
    assert_eq!(alice.code("SIZE /file"), 550);
}

#[test]
fn f11_an_account_whose_root_is_missing_or_outside_cannot_log_in() {
    for confined_by in [ConfinedBy::Default, ConfinedBy::Paths] {
        let premises = Premises::new();
        premises.write("file", b"x");
        premises.write("homes/inside/file", b"x");
        premises.link("homes/outside", "../../neighbour");
        premises.link("homes/absolute", premises.outside().join("neighbour"));
        premises.link("homes/within", "inside");
        let names = ["missing", "outside", "absolute", "file", "within"];
        let lines = names.map(|name| (name, format!("/homes/{name}:read,write")));
        let mut lines: Vec<(&str, &str)> = lines.iter().map(|(name, rest)| (*name, rest.as_str())).collect();
        lines[3].1 = "/file:read,write";
        premises.write_users(&lines);
        let server = premises.serve_accounts_within(confined_by, &[]);
        for name in ["missing", "outside", "absolute", "file"] {
            let mut client = server.connect();
            assert_eq!(client.code(&format!("USER {name}")), 331);
            assert_eq!(
                client.command("PASS secret").text(),
                "530 This user's directory does not exist",
                "{name}"
            );
            assert_eq!(client.code("LIST"), 530, "{name}");
        }
        assert_eq!(client_of(&server, "within").fetch("RETR file"), b"x");
    }
}

/// A session keeps the directory that was its root at login, wherever that is moved; a new one of that name is not
/// reached.
#[test]
fn f11_a_session_keeps_its_root_when_the_directory_is_replaced() {
    for confined_by in [ConfinedBy::Default, ConfinedBy::Paths] {
        let (premises, server) = neighbours(confined_by);
        let before = bobs(&premises);
        let mut client = client_of(&server, "alice");
        let homes = premises.root().join("homes");
        fs::rename(homes.join("alice"), homes.join("elsewhere")).expect("moved");
        premises.link("homes/alice", "bob");
        assert_eq!(client.fetch_text("NLST d"), "d/inside\r\n");
        assert_eq!(client.code("SIZE secret"), 550);
        assert_eq!(store(&mut client, "STOR new", b"x"), 226);
        assert_eq!(premises.read("homes/elsewhere/new"), b"x");
        assert_eq!(bobs(&premises), before);
    }
}

#[test]
fn f11_a_link_that_is_swapped_constantly_reaches_no_other_root() {
    race(ConfinedBy::Paths, 150);
}

#[test]
#[ignore = "minutes: 100,000 rounds of four verbs; cargo test --release -- --ignored f11"]
fn f11_four_hundred_thousand_rounds_against_a_swapped_link() {
    race(ConfinedBy::Paths, 100_000);
}

/// Swaps a directory of alice's and a link to bob's constantly, while she reads and writes through that name.
fn race(confined_by: ConfinedBy, rounds: usize) {
    let (premises, server) = neighbours(confined_by);
    premises.write("homes/alice/swap/secret", b"hers");
    premises.link("homes/alice/other", "../bob");
    let (before, own) = (bobs(&premises), premises.root().join("homes/alice"));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let (cwd, exchange) = (rustix::fs::CWD, rustix::fs::RenameFlags::EXCHANGE);
                rustix::fs::renameat_with(cwd, own.join("swap"), cwd, own.join("other"), exchange).expect("swapped");
            }
        });
        let mut client = client_of(&server, "alice");
        let (mut done, mut refused) = (0, 0);
        for round in 0..rounds {
            for line in [
                "RETR swap/secret",
                "STOR swap/secret",
                "RNFR swap/secret",
                "MFMT 20240101000000 swap/secret",
            ] {
                let (mut code, text) = everything(&mut client, line);
                assert!(!text.contains("canary"), "{line}: {text}");
                if code == 350 {
                    code = client.code("RNTO swap/secret");
                }
                match code {
                    226 | 250 | 213 => done += 1,
                    // A change that lost the race is refused like one that leads outside, or its reply says to try
                    // again.
                    450 | 451 | 550 | 553 => refused += 1,
                    _ => panic!("{line} in round {round}: {code} {text}"),
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert!(done > 0 && refused > 0, "{done} done, {refused} refused: no race");
    });
    assert_eq!(bobs(&premises), before);
}
