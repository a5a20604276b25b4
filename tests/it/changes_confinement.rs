//! Every changing command against every way out of the root and every kind of file (threats C01–C06, C08–C10, C13, C16,
//! C17, C22, C24, O5). Commands that only read are in `confinement.rs`.

use harness::accounts::{CANARY, CHANGING, ConfinedBy, Premises, everything, snapshot, store};
use harness::{Client, Server, is_root};
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};

/// A server with full rights for all clients, with a `file` and a directory `d`.
fn with_files(confined_by: ConfinedBy) -> (Premises, Server) {
    let premises = Premises::new();
    premises.write("file", b"inside");
    premises.write("d/e/inside", b"x");
    let server = premises.serve_within(confined_by, &["--write"]);
    (premises, server)
}

/// Sends `verb path`; RNTO follows an RNFR of `file`, which is moved back if it was moved.
fn change(client: &mut Client, verb: &str, path: &str) -> (u16, String) {
    if verb == "RNTO" {
        assert_eq!(client.code("RNFR file"), 350);
    }
    let (code, text) = everything(client, &format!("{verb} {path}"));
    if verb == "RNTO" && code == 250 {
        assert_eq!(client.code(&format!("RNFR {path}")), 350, "{path}");
        assert_eq!(client.code("RNTO file"), 250, "{path}");
    }
    (code, text)
}

#[test]
fn c01_no_spelling_of_a_path_changes_anything_outside() {
    for confined_by in [ConfinedBy::Default, ConfinedBy::Paths] {
        let (premises, server) = with_files(confined_by);
        let (outside, before) = (premises.neighbour(), snapshot(&premises.root()));
        let mut client = server.login();
        let absolute = premises.outside().join("neighbour/secret");
        for path in [
            "../neighbour/secret",
            "/../neighbour/secret",
            "d/../../neighbour/secret",
            "/d/e/../../../neighbour/secret",
            "./.././../neighbour/secret",
            "//..//neighbour//secret",
            "....//neighbour/secret",
            "..;/neighbour/secret",
            "%2e%2e/neighbour/secret",
            "\u{ff0e}\u{ff0e}/neighbour/secret",
            "../neighbour/new",
            "d/../../neighbour/new",
            "/etc/passwd",
            absolute.to_str().expect("UTF-8"),
        ] {
            for verb in CHANGING {
                let (code, text) = change(&mut client, verb, path);
                assert!((500..600).contains(&code), "{confined_by:?} {verb} {path}: {text}");
                assert!(!text.contains(CANARY), "{verb} {path}: {text}");
            }
        }
        // The parent of the root is the root, which cannot be replaced, renamed or removed.
        for path in ["..", "../..", "/", ".", "d/..", "/../"] {
            for verb in ["STOR", "APPE", "STOU", "DELE", "MKD", "RMD", "RNFR", "RNTO"] {
                let (code, text) = change(&mut client, verb, path);
                assert!((500..600).contains(&code), "{confined_by:?} {verb} {path}: {text}");
            }
        }
        assert_eq!(premises.neighbour(), outside, "{confined_by:?}");
        assert_eq!(snapshot(&premises.root()), before, "{confined_by:?}");
    }
}

#[test]
fn c03_no_link_lets_anything_outside_be_changed() {
    for confined_by in [ConfinedBy::Default, ConfinedBy::Paths] {
        let (premises, server) = with_files(confined_by);
        let outside = premises.neighbour();
        let neighbour = premises.outside().join("neighbour");
        let links = [
            ("relative", "../neighbour/secret".into()),
            ("absolute", neighbour.join("secret")),
            ("chain", "relative".into()),
            ("directory", "../neighbour".into()),
            ("absolute-directory", neighbour.clone()),
            ("up", "..".into()),
            ("dangling", "../neighbour/new".into()),
            ("dangling-inside", "nowhere".into()),
            ("loop", "loop".into()),
            ("process", "/proc/self/root".into()),
        ];
        let mut client = server.login();
        for (name, target) in &links {
            for path in
                ["", "/secret", "/new", "/neighbour/secret", "/neighbour/new"].map(|rest| format!("{name}{rest}"))
            {
                for verb in CHANGING {
                    premises.link(name, target);
                    let (code, text) = change(&mut client, verb, &path);
                    // The link itself is inside, so it can be removed, renamed or replaced; STOU chooses a new name.
                    let is_the_link = path == *name && matches!(verb, "DELE" | "RNFR" | "RNTO" | "STOU");
                    assert!(
                        is_the_link || (500..600).contains(&code),
                        "{confined_by:?} {verb} {path}: {text}"
                    );
                    assert!(!text.contains(CANARY), "{confined_by:?} {verb} {path}: {text}");
                }
            }
            // A renamed link still leads outside.
            premises.link(name, target);
            assert_eq!(client.code(&format!("RNFR {name}")), 350);
            assert_eq!(client.code("RNTO renamed"), 250);
            assert!(premises.root().join("renamed").is_symlink());
            for verb in CHANGING
                .iter()
                .filter(|verb| !matches!(**verb, "RNFR" | "RNTO" | "STOU" | "DELE"))
            {
                let (code, text) = change(&mut client, verb, "renamed");
                assert!((500..600).contains(&code), "{confined_by:?} {verb}: {text}");
            }
            assert_eq!(client.code("DELE renamed"), 250);
            assert_eq!(premises.neighbour(), outside, "{confined_by:?} {name}");
        }
        assert_eq!(premises.read("file"), b"inside");
    }
}

/// A link that stays inside is followed, except by commands that change the name itself.
#[test]
fn c03_links_inside_the_root_are_followed() {
    let (premises, server) = with_files(ConfinedBy::Default);
    premises.link("to-file", "d/e/inside");
    premises.link("to-d", "d");
    let mut client = server.login();
    assert_eq!(everything(&mut client, "APPE to-file").0, 226);
    assert_eq!(premises.read("d/e/inside"), b"xwritten by a client");
    assert_eq!(client.code("MFMT 20240101000000 to-file"), 213);
    assert_eq!(client.command("MDTM d/e/inside").text(), "213 20240101000000");
    assert_eq!(store(&mut client, "STOR to-d/e/new", b"through it"), 226);
    assert_eq!(premises.read("d/e/new"), b"through it");
    assert_eq!(client.code("DELE to-file"), 250);
    assert!(premises.has("d/e/inside") && !premises.has("to-file"));
}

#[test]
fn c04_no_change_gets_out_through_a_link_that_is_swapped_constantly() {
    race(150);
}

#[test]
#[ignore = "minutes: 400,000 rounds; cargo test --release -- --ignored c04"]
fn c04_four_hundred_thousand_changes_through_a_swapped_link() {
    race(400_000 / 4);
}

/// Swaps a directory and a link to the neighbour's constantly, while every command changes files through that name.
fn race(rounds: usize) {
    let (premises, server) = with_files(ConfinedBy::Paths);
    premises.make_directory("swap");
    premises.link("other", "../neighbour");
    let (outside, root) = (premises.neighbour(), premises.root());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let (cwd, exchange) = (rustix::fs::CWD, rustix::fs::RenameFlags::EXCHANGE);
                rustix::fs::renameat_with(cwd, root.join("swap"), cwd, root.join("other"), exchange).expect("swapped");
            }
        });
        let mut client = server.login();
        let (mut done, mut refused) = (0, 0);
        for _ in 0..rounds {
            for line in [
                "STOR swap/new",
                "RNTO swap/moved",
                "RNTO file",
                "MKD swap/made",
                "RMD swap/made",
                "DELE swap/secret",
            ] {
                if let Some(path) = line.strip_prefix("RNTO ") {
                    let from = if path == "file" { "swap/moved" } else { "file" };
                    if client.code(&format!("RNFR {from}")) != 350 {
                        refused += 1;
                        continue;
                    }
                }
                match everything(&mut client, line).0 {
                    226 | 250 | 257 => done += 1,
                    450 | 451 | 550 | 553 => refused += 1,
                    code => panic!("{line}: {code}"),
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert!(done > 0 && refused > 0, "{done} done, {refused} refused: no race");
    });
    assert_eq!(premises.neighbour(), outside);
}

#[test]
fn c05_a_working_directory_moved_outside_is_not_written_to() {
    for confined_by in [ConfinedBy::Default, ConfinedBy::Paths] {
        let (premises, server) = with_files(confined_by);
        let mut client = server.login();
        assert_eq!(client.code("CWD d"), 250);
        fs::rename(premises.root().join("d"), premises.outside().join("moved")).expect("moved");
        let moved = snapshot(&premises.outside().join("moved"));
        for verb in CHANGING {
            let (code, text) = if verb == "RNTO" {
                assert_eq!(client.code("RNFR /file"), 350);
                everything(&mut client, "RNTO e/inside")
            } else {
                everything(&mut client, &format!("{verb} e/inside"))
            };
            assert_eq!(code, 550, "{confined_by:?} {verb}: {text}");
        }
        assert_eq!(snapshot(&premises.outside().join("moved")), moved);
        assert_eq!(client.code("CDUP"), 250);
        assert_eq!(client.code("SIZE file"), 213);
    }
}

#[test]
fn c06_a_directory_cannot_be_renamed_into_itself() {
    let premises = Premises::new();
    premises.write("d/e/inside", b"x");
    premises.write("file", b"inside");
    premises.link("parent", "d");
    premises.link("up", "..");
    let server = premises.serve_writers();
    let before = snapshot(&premises.root());
    let mut client = server.login();
    for (from, to) in [
        ("d", "d/d"),
        ("d", "d/e/d"),
        ("d", "parent/e/d"),
        ("d/e", "parent/e/e"),
        ("d", "parent/../d/e/x"),
        ("file", "up/file"),
        ("d", "up/neighbour/d"),
    ] {
        assert_eq!(client.code(&format!("RNFR {from}")), 350, "{from}");
        assert_eq!(client.code(&format!("RNTO {to}")), 550, "{from} {to}");
    }
    // Renaming to the same name, in any spelling, changes nothing.
    assert_eq!(client.code("RNFR file"), 350);
    assert_eq!(client.code("RNTO ./d/../file"), 250);
    assert_eq!(client.code("RNFR d/e/inside"), 350);
    assert_eq!(client.code("RNTO parent/e/inside"), 250);
    assert_eq!(snapshot(&premises.root()), before);
}

#[test]
fn h12_renaming_a_file_to_itself_frees_no_quota() {
    let premises = Premises::new();
    premises.write("file", &[7; 600]);
    premises.write("d/small", b"x");
    premises.link("parent", "d");
    premises.write_users(&[("alice", "/:read,write:quota=1000")]);
    let server = premises.serve_accounts(&[]);
    let mut client = harness::accounts::client_of(&server, "alice");
    harness::wait_until("the quota is measured", || {
        client.code("RNFR file") == 350 && client.code("RNTO file") == 250
    });
    for (from, to) in [("file", "./file"), ("d/small", "parent/small"), ("file", "file")] {
        assert_eq!(client.code(&format!("RNFR {from}")), 350);
        assert_eq!(client.code(&format!("RNTO {to}")), 250);
    }
    assert_eq!(store(&mut client, "STOR more", &[7; 500]), 552);
    assert_eq!(store(&mut client, "STOR more", &[7; 300]), 226);
    assert_eq!(client.code("RNFR more"), 350);
    assert_eq!(client.code("RNTO file"), 250, "the 600 bytes are freed");
    assert_eq!(store(&mut client, "STOR more", &[7; 650]), 226);
}

#[test]
fn c08_special_files_are_not_opened_replaced_renamed_or_removed() {
    let premises = Premises::new();
    premises.write("file", b"inside");
    let root = premises.root();
    nix::unistd::mkfifo(&root.join("fifo"), nix::sys::stat::Mode::from_bits_truncate(0o666)).expect("a FIFO");
    let _socket = UnixListener::bind(root.join("socket")).expect("a socket");
    let mut names = vec!["fifo", "socket"];
    if is_root() {
        let null = nix::sys::stat::makedev(1, 3);
        let (kind, mode) = (
            nix::sys::stat::SFlag::S_IFCHR,
            nix::sys::stat::Mode::from_bits_truncate(0o666),
        );
        nix::sys::stat::mknod(&root.join("device"), kind, mode, null).expect("root may");
        names.push("device");
    }
    premises.link("link", "fifo");
    names.push("link");
    premises.hand_over();
    let before = snapshot(&root);
    let server = premises.serve_writers();
    let mut client = server.login();
    let mut other = server.login();
    for name in &names {
        for verb in CHANGING {
            if *name == "link" && matches!(verb, "DELE" | "RNFR" | "RNTO") {
                continue;
            }
            // A FIFO blocks nothing: the next command of another session is answered.
            let (code, text) = change(&mut client, verb, name);
            if verb == "STOU" {
                assert_eq!(code, 226, "it has a name of its own");
                let made = text.strip_prefix("150 FILE: ").expect("its name");
                assert_eq!(client.code(&format!("DELE {made}")), 250);
            } else {
                assert_eq!(code, 550, "{verb} {name}: {text}");
            }
            assert_eq!(other.code("NOOP"), 200);
        }
        assert_eq!(client.code("REST 1"), 350);
        assert_eq!(everything(&mut client, &format!("STOR {name}")).0, 550);
    }
    assert_eq!(snapshot(&root), before);
    assert!(
        fs::symlink_metadata(root.join("fifo"))
            .expect("it is there")
            .file_type()
            .is_fifo()
    );
}

#[test]
fn c10_file_verbs_refuse_directories_and_directory_verbs_refuse_files() {
    let (premises, server) = with_files(ConfinedBy::Default);
    let before = snapshot(&premises.root());
    let mut client = server.login();
    for line in ["STOR d", "STOR d/", "APPE d"] {
        assert_eq!(everything(&mut client, line).0, 553, "{line}: the name is taken");
    }
    for line in [
        "DELE d",
        "STOR file/x",
        "MKD file/x",
        "RMD file",
        "CWD file",
        "STOU file/x",
    ] {
        assert_eq!(everything(&mut client, line).0, 550, "{line}");
    }
    for line in ["RNTO d", "RNTO file/x"] {
        assert_eq!(client.code("RNFR file"), 350);
        assert_eq!(client.code(line), 550, "{line}");
    }
    assert_eq!(client.code("REST 1"), 350);
    assert_eq!(everything(&mut client, "STOR d").0, 553);
    assert_eq!(snapshot(&premises.root()), before);
}

#[test]
fn h16_names_that_no_file_can_have_are_refused() {
    let (premises, server) = with_files(ConfinedBy::Default);
    let before = snapshot(&premises.root());
    let mut client = server.login();
    let (long, longest) = ("n".repeat(256), "n".repeat(255));
    // The last of these is short enough as a path, but its names are too long.
    let deep = format!("{}/x", vec!["m".repeat(200); 18].join("/"));
    for verb in ["STOR", "APPE", "STOU", "MKD", "RNTO"] {
        let naming = |client: &mut Client, path: &str| change(client, verb, path).0;
        assert_eq!(naming(&mut client, &long), 553, "{verb}");
        assert_eq!(naming(&mut client, &format!("d/{long}")), 553, "{verb}");
        let code = naming(&mut client, &deep);
        assert!(matches!(code, 550 | 553), "{verb}: {code}");
    }
    for verb in ["DELE", "RMD", "RNFR", "SITE CHMOD 600", "MFMT 20240101000000"] {
        assert_eq!(everything(&mut client, &format!("{verb} {long}")).0, 550, "{verb}");
    }
    assert_eq!(snapshot(&premises.root()), before);
    assert_eq!(store(&mut client, &format!("STOR {longest}"), b"x"), 226);
    assert_eq!(premises.read(&longest), b"x");
    assert_eq!(
        everything(&mut client, &format!("STOU {longest}")).0,
        553,
        "no room for a number"
    );
    // As deep as the longest path allows, and no deeper.
    let mut depth = 0;
    loop {
        let made = client.code(&format!("MKD {longest}/../{}", "p".repeat(200)));
        let went = client.code(&format!("CWD {}", "p".repeat(200)));
        if (made, went) != (257, 250) {
            assert!(matches!(made, 550 | 553) && went == 550, "{made} {went}");
            break;
        }
        let _ = client.code(&format!("MKD {longest}"));
        depth += 1;
        assert!(depth < 30, "longer than a path can be");
    }
    assert!(depth >= 15, "{depth}");
    assert_eq!(client.code("CWD /"), 250);
}

#[test]
fn c15_names_are_bytes_without_special_meaning() {
    let (premises, server) = with_files(ConfinedBy::Default);
    let mut client = server.login();
    let names = [
        "caf\u{e9}",
        "cafe\u{301}",
        "\u{ff0e}\u{ff0e}",
        "a\u{2215}b",
        "a\u{202e}b",
        "~",
        "~root",
        "$HOME",
        "C:",
        "C:\\x",
        "..\\x",
        "%2e%2e",
        "*",
        "?",
        "-rf",
        "a;b",
        "`id`",
        "$(id)",
        " leading",
        "trailing ",
        "...",
    ];
    for name in names {
        assert_eq!(
            store(&mut client, &format!("STOR {name}"), name.as_bytes()),
            226,
            "{name}"
        );
    }
    for name in names {
        assert_eq!(premises.read(name), name.as_bytes(), "{name}: exactly that name");
    }
    assert_eq!(
        fs::read_dir(premises.root()).expect("ours").count(),
        names.len() + 2,
        "none is another"
    );
    for name in names {
        assert_eq!(client.code(&format!("RNFR {name}")), 350, "{name}");
        assert_eq!(client.code(&format!("RNTO d/{name}")), 250, "{name}");
        assert_eq!(client.code(&format!("DELE d/{name}")), 250, "{name}");
    }
    // Not UTF-8; 0xFF is doubled on the control connection.
    let mut data = client.data();
    client.send_bytes(b"STOR caf\xe9-\xff\xff\r\n");
    client.expect(150);
    std::io::Write::write_all(&mut data, b"latin").expect("taken");
    drop(data);
    client.expect(226);
    let name = std::ffi::OsStr::new(harness::tree::latin1_name());
    let stored = premises.root().join(std::path::Path::new(name).with_extension(""));
    assert_eq!(fs::read(stored).expect("exactly those bytes"), b"latin");
    // Bytes that could end a line are refused before the name is looked up.
    for verb in CHANGING {
        client.send_bytes(format!("{verb} a\x01b\r\n").as_bytes());
        client.expect(501);
    }
}

#[test]
fn c22_clients_cannot_use_the_servers_reserved_names() {
    let (premises, server) = with_files(ConfinedBy::Default);
    premises.write(".loopftpd-0123", b"part");
    premises.write("d/.loopftpd-dir/x", b"part");
    let before = snapshot(&premises.root());
    let mut client = server.login();
    for path in [
        ".loopftpd-0123",
        "./d/../.loopftpd-0123",
        ".loopftpd-new",
        ".loopftpd-",
        "d/.loopftpd-dir",
        "d/.loopftpd-dir/x",
        "d/.loopftpd-dir/new",
    ] {
        for verb in CHANGING {
            let (code, text) = change(&mut client, verb, path);
            assert!(matches!(code, 550 | 553), "{verb} {path}: {text}");
        }
        assert_eq!(client.code("REST 1"), 350);
        assert!(matches!(everything(&mut client, &format!("STOR {path}")).0, 550 | 553));
        for verb in ["RETR", "SIZE", "CWD", "LIST", "HASH", "AVBL"] {
            assert_eq!(
                everything(&mut client, &format!("{verb} {path}")).0,
                550,
                "{verb} {path}"
            );
        }
    }
    assert_eq!(snapshot(&premises.root()), before);
}

/// Rules for a path are applied to the canonical form that the kernel is given.
#[test]
fn c02_every_spelling_of_a_path_gets_the_same_decision() {
    let (premises, server) = with_files(ConfinedBy::Default);
    let before = snapshot(&premises.root());
    let mut client = server.login();
    let spellings = |name: &str| {
        [
            name.to_owned(),
            format!("/{name}"),
            format!("./{name}"),
            format!(".//./{name}"),
            format!("d/../{name}"),
            format!("/d/e/../../{name}"),
            format!("../../{name}"),
            format!("missing/../{name}"),
            format!("{name}/"),
            format!("{name}//."),
            format!("{name}/x/.."),
        ]
    };
    for name in [".htaccess", ".ftpaccess", ".ssh", ".netrc", ".forward", ".loopftpd-x"] {
        for path in spellings(name) {
            for verb in ["STOR", "APPE", "STOU", "MKD", "RNTO"] {
                let (code, text) = change(&mut client, verb, &path);
                assert_eq!(code, 553, "{verb} {path}: {text}");
            }
        }
    }
    assert_eq!(snapshot(&premises.root()), before);
    for path in spellings("new") {
        let is_of_directory = ["/", "/.", "/.."].iter().any(|end| path.ends_with(end));
        let stored = store(&mut client, &format!("STOR {path}"), path.as_bytes());
        if is_of_directory {
            assert_eq!(stored, 553, "{path}: no file has the name of a directory");
        } else {
            assert_eq!(stored, 226, "{path}");
            assert_eq!(premises.read("new"), path.as_bytes());
            assert_eq!(client.code(&format!("DELE {path}")), 250, "{path}");
        }
        assert_eq!(client.command(&format!("MKD {path}")).text(), "257 \"/new\" created");
        assert_eq!(client.code(&format!("RMD {path}")), 250, "{path}");
    }
    assert_eq!(snapshot(&premises.root()).len(), before.len());
}
