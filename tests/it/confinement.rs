//! No path and no link leads out of the served directory, and nothing in it is changed (threats C, H22).

use harness::Server;
use harness::secret::{CANARY, beside_a_secret, everything};
use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

const PATH_VERBS: [&str; 9] = ["RETR", "SIZE", "MDTM", "MLST", "MLSD", "LIST", "NLST", "CWD", "STAT"];

#[test]
fn c01_no_spelling_of_a_path_leads_outside() {
    let (_outside, server) = beside_a_secret();
    for path in [
        "../secret",
        "/../secret",
        "d/../../secret",
        "/d/e/../../../secret",
        "....//secret",
        "..\\secret",
        "%2e%2e/secret",
        "..%2fsecret",
        ".../secret",
        "./.././../secret",
        "//..//secret",
        "/etc/passwd",
        "\u{ff0e}\u{ff0e}/secret",
        "..;/secret",
    ] {
        for verb in PATH_VERBS {
            let (code, text) = everything(&server, verb, path);
            assert!(
                !text.contains(CANARY) && !text.contains("root:"),
                "{verb} {path}: {text}"
            );
            assert!((500..600).contains(&code), "{verb} {path}: {code}");
        }
    }
    let mut client = server.login();
    // Traversals as scanners send them: spellings of "up", at every depth, before names outside.
    let ups = [
        "../",
        "..\\",
        "..%2f",
        "%2e%2e/",
        "%2e%2e%2f",
        "..%5c",
        "..%255c",
        "..%c0%af",
        "..%c1%9c",
        ".../",
        "..../",
        "....//",
        "...\\",
        "./../",
        "..//",
        "/..",
        "\\..",
        "/./..",
        "..;/",
        "../.",
        "~/../",
        "d/../../",
        "\u{ff0e}\u{ff0e}/",
    ];
    let write_verbs = ["STOR", "APPE", "DELE", "MKD", "RMD", "RNFR"];
    for up in ups {
        for depth in [1, 2, 3, 8] {
            for target in ["secret", "etc/passwd"] {
                let path = format!("{}{target}", up.repeat(depth));
                for verb in ["RETR", "SIZE", "MDTM", "MLST", "MLSD", "LIST", "NLST", "CWD", "STAT"]
                    .iter()
                    .chain(&write_verbs)
                {
                    let reply = client.command(&format!("{verb} {path}"));
                    assert!((500..600).contains(&reply.code), "{verb} {path}: {reply:?}");
                    assert!(!reply.text().contains(CANARY), "{verb} {path}");
                }
            }
        }
    }
    for _ in 0..5 {
        assert_eq!(client.code("CWD .."), 250);
        assert_eq!(client.code("CDUP"), 250);
    }
    assert_eq!(client.command("PWD").text(), "257 \"/\" is the current directory");
}

#[test]
fn c03_no_link_leads_outside() {
    let (outside, server) = beside_a_secret();
    let root = server.directory();
    symlink("../secret", root.join("relative")).expect("a link");
    symlink(outside.path().join("secret"), root.join("absolute")).expect("a link");
    symlink("relative", root.join("chain")).expect("a link");
    symlink("..", root.join("up")).expect("a link");
    symlink("nowhere", root.join("dangling")).expect("a link");
    symlink("loop", root.join("loop")).expect("a link");
    for path in [
        "relative",
        "absolute",
        "chain",
        "up/secret",
        "up",
        "dangling",
        "loop",
        "loop/x",
    ] {
        for verb in PATH_VERBS {
            let (code, text) = everything(&server, verb, path);
            assert!(
                !text.contains(CANARY) && !text.contains("secret"),
                "{verb} {path}: {text}"
            );
            // The link itself can be listed as a link, but without its target.
            if verb == "MLST" && !path.contains('/') {
                assert!(
                    text.contains("\n type=OS.unix=symlink;") && code == 250,
                    "{path}: {text}"
                );
            } else {
                assert!((500..600).contains(&code), "{verb} {path}: {code}");
            }
        }
    }
}

#[test]
fn c04_a_link_that_is_swapped_constantly_never_leads_outside() {
    race(600);
}

#[test]
#[ignore = "minutes: 400,000 rounds; cargo test --release -- --ignored c04"]
fn c04_four_hundred_thousand_rounds_against_a_swapped_link() {
    race(100_000);
}

/// Swaps a directory and a link to the outside constantly, while every reading command goes through that name `rounds`
/// times.
fn race(rounds: usize) {
    let (outside, server) = beside_a_secret();
    let root = server.directory().to_path_buf();
    fs::create_dir(root.join("swap")).expect("a directory");
    fs::write(root.join("swap/secret"), b"harmless").expect("a file");
    symlink(outside.path(), root.join("other")).expect("a link");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let exchange = rustix::fs::RenameFlags::EXCHANGE;
                let cwd = rustix::fs::CWD;
                rustix::fs::renameat_with(cwd, root.join("swap"), cwd, root.join("other"), exchange).expect("swapped");
            }
        });
        let mut client = server.login();
        let (mut served, mut refused) = (0, 0);
        for _ in 0..rounds {
            for verb in ["RETR swap/secret", "LIST swap", "MLSD swap", "NLST swap"] {
                let mut data = client.data();
                client.send(verb);
                let code = client.reply().code;
                if code == 150 {
                    let mut text = String::new();
                    data.read_to_string(&mut text).expect("data");
                    let is_inside = match verb {
                        "RETR swap/secret" => text == "harmless",
                        // "root" is beside the secret outside.
                        _ => text.lines().count() <= 1 && !text.contains("root"),
                    };
                    assert!(is_inside, "{verb}: {text:?}");
                    drop(data);
                    client.expect(226);
                    served += 1;
                } else {
                    assert!(code == 550 || code == 450, "{verb}: {code}");
                    refused += 1;
                }
            }
            let size = client.command("SIZE swap/secret");
            assert!(
                size.text() == "213 8" || size.code == 550 || size.code == 450,
                "{size:?}"
            );
        }
        stop.store(true, Ordering::Relaxed);
        assert!(served > 0 && refused > 0, "{served} served, {refused} refused: no race");
    });
}

#[test]
fn c05_a_working_directory_moved_outside_is_not_followed() {
    let (outside, server) = beside_a_secret();
    fs::write(server.directory().join("d/file"), b"x").expect("a file");
    let mut client = server.login();
    assert_eq!(client.code("CWD d"), 250);
    fs::rename(server.directory().join("d"), outside.path().join("moved")).expect("moved");
    let _data = client.data();
    assert_eq!(client.code("RETR file"), 550);
    assert_eq!(client.code("LIST"), 550);
    assert_eq!(client.code("CDUP"), 250);
}

#[test]
fn c22_the_servers_reserved_names_are_not_listed() {
    let server = Server::start();
    server.write(".loopftpd-0123", b"part");
    for verb in ["RETR", "SIZE", "MDTM", "MLST", "LIST", "NLST", "STOR", "DELE", "RNFR"] {
        assert_eq!(everything(&server, verb, ".loopftpd-0123").0, 550, "{verb}");
    }
    assert_eq!(everything(&server, "LIST", "-a").1.matches("loopftpd").count(), 0);
}

#[test]
fn h22_a_read_only_server_writes_nothing() {
    let server = Server::start();
    server.write("file", b"x");
    let mut client = server.login();
    for line in [
        "STOR new",
        "APPE file",
        "STOU",
        "DELE file",
        "MKD new",
        "XMKD new",
        "RMD d",
        "XRMD d",
        "RNFR file",
        "MFMT 20200101000000 file",
        "MDTM 20200101000000 file",
        "SITE CHMOD 777 file",
        "SITE UTIME 20200101000000 file",
    ] {
        assert_eq!(client.code(line), 550, "{line}");
    }
    assert_eq!(fs::read(server.directory().join("file")).expect("still there"), b"x");
    assert_eq!(fs::read_dir(server.directory()).expect("ours").count(), 1);
}

#[test]
fn c06_a_read_only_server_renames_nothing() {
    let (_outside, server) = beside_a_secret();
    symlink("d", server.directory().join("parent")).expect("a link");
    let mut client = server.login();
    for (from, to) in [
        ("d", "d/e/d"),
        ("d/e", "parent/e/e"),
        ("file", "../secret"),
        ("file", "other"),
        ("parent", "d"),
    ] {
        assert_eq!(client.code(&format!("RNFR {from}")), 550, "RNFR {from}");
        assert_eq!(client.code(&format!("RNTO {to}")), 503, "RNTO {to}");
    }
    assert!(server.directory().join("d/e").is_dir());
    assert!(server.directory().join("parent").is_symlink());
    assert_eq!(fs::read(server.directory().join("file")).expect("not moved"), b"inside");
    assert_eq!(fs::read_dir(server.directory()).expect("ours").count(), 3);
}
