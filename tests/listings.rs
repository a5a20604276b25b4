//! Listings as clients parse them, over real sockets (threats G, I, J; clients.md §§2–4).

mod harness;

use harness::Server;
use harness::client::connect;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

#[test]
fn i02_i03_names_with_control_bytes_command_no_terminal_and_forge_no_lines() {
    let server = Server::start();
    fs::write(server.directory().join("x\r\ntype=dir; pwn"), b"").expect("a file");
    fs::write(server.directory().join("esc\x1b[2J"), b"").expect("a file");
    fs::write(server.directory().join(OsStr::from_bytes(b"csi\x9b2J")), b"").expect("a file");
    fs::write(server.directory().join("good"), b"").expect("a file");
    let mut client = server.login();
    let listing = client.fetch("LIST");
    assert_eq!(
        listing
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .count(),
        4
    );
    assert!(!listing.iter().any(|byte| matches!(byte, 0x1b | 0x9b)));
    for verb in ["NLST", "MLSD"] {
        let bytes = client.fetch(verb);
        let lines: Vec<&[u8]> = bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .collect();
        assert_eq!(
            lines.len(),
            2,
            "{verb}: the two whose names hold ASCII control bytes are left out"
        );
    }
}

#[test]
fn listings_take_options_patterns_and_files() {
    let server = Server::start();
    for name in ["a.txt", "b.txt", "c.bin", "My Dir/inside"] {
        server.write(name, b"12345");
    }
    let mut client = server.login();
    let names = |text: String| {
        let mut names: Vec<String> = text.lines().map(str::to_owned).collect();
        names.sort();
        names
    };
    assert_eq!(names(client.fetch_text("NLST")), ["My Dir", "a.txt", "b.txt", "c.bin"]);
    assert_eq!(names(client.fetch_text("NLST *.txt")), ["a.txt", "b.txt"]);
    assert_eq!(names(client.fetch_text("NLST My Dir")), ["My Dir/inside"]);
    assert_eq!(names(client.fetch_text("NLST My Dir/*")), ["My Dir/inside"]);
    assert_eq!(names(client.fetch_text("NLST a.txt")), ["a.txt"]);
    assert_eq!(names(client.fetch_text("NLST x*")), Vec::<String>::new());
    assert_eq!(
        client
            .fetch_text("LIST -la My Dir")
            .lines()
            .filter(|line| line.ends_with(" inside"))
            .count(),
        1
    );
    assert_eq!(
        client
            .fetch_text("LIST -a")
            .lines()
            .filter(|line| line.ends_with(" .") || line.ends_with(" .."))
            .count(),
        2
    );
    assert_eq!(client.fetch_text("LIST").lines().count(), 4, "no total, no dots");
    let file = client.fetch_text("LIST a.txt");
    assert!(file.starts_with("-rw") && file.ends_with(" a.txt\r\n"), "{file}");
    for missing in [
        "LIST missing",
        "NLST missing",
        "MLSD missing",
        "MLST missing",
        "LIST missing/*",
    ] {
        assert_eq!(client.code(missing), 550, "{missing}, before any 150");
    }
    assert_eq!(client.command("RETR missing").text(), "550 File not found");
}

#[test]
fn an_empty_directory_lists_as_nothing() {
    let server = Server::start();
    let mut client = server.login();
    for verb in ["LIST", "NLST", "MLSD", "LIST -l"] {
        assert_eq!(client.fetch(verb), b"", "{verb}");
    }
    client.code("TYPE A");
    assert_eq!(client.fetch("LIST"), b"");
}

#[test]
fn machine_listings_can_be_chosen_fact_by_fact() {
    let server = Server::start();
    server.write("d/file", b"12345");
    let mut client = server.login();
    assert_eq!(
        client.command("OPTS MLST size;type;bogus;").text(),
        "200 MLST OPTS type;size;"
    );
    assert!(
        client
            .command("FEAT")
            .text()
            .contains("MLST type*;size*;modify;perm;unique;UNIX.mode;")
    );
    assert_eq!(client.fetch_text("MLSD d"), "type=file;size=5; file\r\n");
    let reply = client.command("MLST d/file");
    assert_eq!(
        reply.lines,
        ["250-Listing path", " type=file;size=5; /d/file", "250 End"]
    );
    assert_eq!(client.command("MLST").lines[1], " type=dir; /");
}

#[test]
fn stat_with_a_path_lists_on_the_control_connection() {
    let server = Server::start();
    server.write("d/file", b"12345");
    let mut client = server.login();
    let reply = client.command("STAT d");
    assert_eq!(reply.code, 213);
    assert!(
        reply.lines[1].starts_with(" -rw") && reply.lines[1].ends_with(" file"),
        "{reply:?}"
    );
    assert_eq!(client.code("STAT missing"), 550);
    let session = client.command("STAT");
    assert_eq!(session.code, 211);
    assert!(session.lines.len() > 2);
}

#[test]
fn j07_times_before_and_after_everything() {
    let server = Server::start();
    let times = [
        ("y1901", -2_177_452_800_i64),
        ("y1969", -1),
        ("y2038", 2_147_483_648),
        ("y2100", 4_102_444_800),
    ];
    for (name, seconds) in times {
        let path = server.write(name, b"");
        let moment = rustix::fs::Timespec {
            tv_sec: seconds,
            tv_nsec: 0,
        };
        let stamps = rustix::fs::Timestamps {
            last_access: moment,
            last_modification: moment,
        };
        rustix::fs::utimensat(rustix::fs::CWD, &path, &stamps, rustix::fs::AtFlags::empty()).expect("set");
    }
    let mut client = server.login();
    assert_eq!(client.fetch_text("LIST").lines().count(), 4);
    assert_eq!(client.command("MDTM y1969").text(), "213 19691231235959");
    assert_eq!(client.command("MDTM y2038").text(), "213 20380119031408");
}

#[test]
fn mdtm_and_list_speak_of_the_same_time() {
    let server = Server::start();
    server.write("file", b"x");
    let mut client = server.login();
    let mdtm = client.command("MDTM file").text();
    let listing = client.fetch_text("LIST");
    let clock = format!("{}:{}", &mdtm[12..14], &mdtm[14..16]);
    assert!(listing.contains(&clock), "{mdtm}: {listing}");
    assert_eq!(client.code("MDTM missing"), 550);
}

#[test]
fn g11_a_pattern_cannot_stop_the_server() {
    let server = Server::start();
    for number in 0..200 {
        server.write(&format!("{}{number}", "a".repeat(240)), b"");
    }
    let mut client = server.login();
    assert_eq!(client.fetch_text(&format!("NLST {}b", "a*".repeat(100))), "");
    let mut witness = server.login();
    assert_eq!(witness.code("NOOP"), 200);
}

#[test]
fn g12_recursion_is_not_offered() {
    let server = Server::start();
    server.write("d/deep", b"");
    symlink("..", server.directory().join("d/up")).expect("a loop");
    let mut client = server.login();
    assert_eq!(client.fetch_text("LIST -R").lines().count(), 1);
}

#[test]
fn a_directory_removed_while_it_is_used_is_missed_politely() {
    let server = Server::start();
    server.write("d/file", b"");
    let mut client = server.login();
    assert_eq!(client.code("CWD d"), 250);
    fs::remove_dir_all(server.directory().join("d")).expect("ours");
    let address = client.passive();
    let _data = connect(address, None);
    assert_eq!(client.code("LIST"), 550);
    assert_eq!(client.code("CWD /"), 250);
    assert!(!Path::new("d").exists());
}
