//! Listings as clients parse them, over real sockets (threats G, I, J).

use harness::Server;
use harness::client::connect;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

#[test]
fn i02_names_with_control_bytes_forge_no_lines_in_listings() {
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
fn listings_accept_options_patterns_and_files() {
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
    for line in [
        "RETR missing",
        "SIZE missing",
        "MDTM missing",
        "MLST missing",
        "CWD missing",
    ] {
        assert_eq!(client.command(line).text(), "550 File not found", "{line}");
    }
}

/// Every group of options that a client is known to send, before nothing, a directory and a name with blanks.
#[test]
fn list_accepts_all_options_and_only_a_has_an_effect() {
    let server = Server::start();
    server.write("My Dir/inside", b"12345");
    server.write(".hidden", b"");
    let mut client = server.login();
    let lines = |text: String| text.lines().count();
    for options in [
        "-a", "-A", "-l", "-la", "-al", "-aL", "-lR", "-CF", "-d", "--", "-L -a", "-R", "-1", "-lt -r",
    ] {
        let dots = if options.to_lowercase().contains('a') { 2 } else { 0 };
        assert_eq!(
            lines(client.fetch_text(&format!("LIST {options}"))),
            2 + dots,
            "{options}"
        );
        assert_eq!(
            lines(client.fetch_text(&format!("list {options} My Dir"))),
            1 + dots,
            "{options}"
        );
        assert_eq!(lines(client.fetch_text(&format!("NLST {options}"))), 2, "{options}");
        assert_eq!(
            client.fetch_text(&format!("NLST {options} My Dir")),
            "My Dir/inside\r\n",
            "{options}"
        );
    }
    // FileZilla compares the two: nothing of LIST is missing from LIST -a.
    let (plain, all) = (client.fetch_text("LIST"), client.fetch_text("LIST -a"));
    assert!(plain.lines().all(|line| all.contains(line)), "{plain}{all}");
}

#[test]
fn names_from_nlst_work_in_retr_and_never_begin_with_dot_slash() {
    let server = Server::start();
    server.write("d/file", b"in d");
    server.write("file", b"at the top");
    let mut client = server.login();
    for (line, names) in [
        ("NLST", "file d"),
        ("NLST .", "file d"),
        ("NLST ./", "file d"),
        ("NLST ./f*", "file"),
        ("NLST ./d", "d/file"),
        ("NLST d/", "d/file"),
        ("NLST /d", "/d/file"),
        ("NLST /", "/file /d"),
        ("NLST d/../d", "d/../d/file"),
        ("NLST d/*", "d/file"),
        ("NLST d/file", "d/file"),
    ] {
        let text = client.fetch_text(line);
        let mut found: Vec<&str> = text.lines().collect();
        let mut expected: Vec<&str> = names.split(' ').collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{line}");
        for name in found.into_iter().filter(|name| name.ends_with("file")) {
            let content = client.fetch_text(&format!("RETR {name}"));
            assert_eq!(
                content,
                if name.contains('d') { "in d" } else { "at the top" },
                "{name}"
            );
        }
    }
}

/// Columns as the parsers of curl, wget, lftp, jlaffaye/ftp and commons-net count them, over a real directory.
#[test]
fn list_lines_have_the_columns_that_clients_parse() {
    let server = Server::start();
    server.write("d/x", b"");
    server.write(" leading and trailing ", &[0; 1_234]);
    symlink("d/x", server.directory().join("link")).expect("a link");
    for (name, mode) in [("setuid", 0o4755), ("sticky", 0o1644)] {
        let path = server.write(name, b"");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
    }
    let mut client = server.login();
    for line in ["TYPE A", "TYPE I"] {
        assert_eq!(client.code(line), 200);
        let listing = client.fetch_text("LIST");
        assert!(!listing.starts_with("total"), "{listing}");
        assert_eq!(listing.matches("\r\n").count(), 5, "{listing}");
        for line in listing.split_terminator("\r\n") {
            let (mode, rest) = line.split_at(10);
            assert!(matches!(mode.as_bytes()[0], b'-' | b'd' | b'l'), "{line}");
            assert!(mode[1..].bytes().all(|byte| b"rwxsStT-".contains(&byte)), "{line}");
            let fields: Vec<&str> = rest.split_whitespace().take(7).collect();
            let [links, owner, group, size, month, day, time] = fields[..] else {
                panic!("seven fields: {line}");
            };
            assert!(links.parse::<u64>().expect("a count") > 0, "{line}");
            assert_eq!((owner, group), ("ftp", "ftp"), "no user's name, and no month");
            assert_eq!(size.parse::<u64>().expect("plain digits").to_string(), size, "{line}");
            let months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec";
            assert!(months.split(' ').any(|name| name == month), "{line}");
            assert!(line.contains(&format!(" {month} {day:>2} {time} ")), "{line}");
        }
        let has = |end: &str, start: char| {
            let found = listing.split_terminator("\r\n").find(|line| line.ends_with(end));
            assert!(found.is_some_and(|line| line.starts_with(start)), "{end}: {listing}");
        };
        has(" d", 'd');
        has(" link -> d/x", 'l');
        has("  leading and trailing ", '-');
        assert!(
            listing.contains("-rwsr-xr-x ") && listing.contains("-rw-r--r-T "),
            "{listing}"
        );
    }
}

#[test]
fn the_listing_of_an_empty_directory_is_empty() {
    let server = Server::start();
    let mut client = server.login();
    for verb in ["LIST", "NLST", "MLSD", "LIST -l"] {
        assert_eq!(client.fetch(verb), b"", "{verb}");
    }
    client.code("TYPE A");
    assert_eq!(client.fetch("LIST"), b"");
}

#[test]
fn opts_mlst_selects_the_facts_of_machine_listings() {
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
    assert!(
        reply.lines[0].contains("Status of") && reply.lines.last().expect("lines").starts_with("213 End"),
        "lftp takes these two off: {reply:?}"
    );
    assert!(
        client.command("STAT d/file").lines[1].ends_with(" d/file"),
        "as it was given"
    );
    // 0xFF is a Telnet byte on the control connection, so it is doubled.
    fs::write(server.directory().join(OsStr::from_bytes(b"d/\xff")), b"").expect("a file");
    client.send("STAT d");
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"213 End of status\r\n") {
        let mut byte = [0];
        client.stream.read_exact(&mut byte).expect("the reply");
        bytes.extend(byte);
    }
    assert!(
        bytes.windows(5).any(|five| five == b" \xff\xff\r\n"),
        "{}",
        bytes.escape_ascii()
    );
    let session = client.command("STAT");
    assert_eq!(session.code, 211);
    assert!(session.lines.len() > 2);
}

#[test]
fn j07_times_before_1970_and_far_ahead_are_listed() {
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
fn mdtm_and_list_report_the_same_time() {
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
fn g11_a_costly_pattern_does_not_block_the_server() {
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
fn g12_listings_are_not_recursive() {
    let server = Server::start();
    server.write("d/deep", b"");
    symlink("..", server.directory().join("d/up")).expect("a loop");
    let mut client = server.login();
    assert_eq!(client.fetch_text("LIST -R").lines().count(), 1);
}

#[test]
fn a_working_directory_that_was_removed_is_550_and_the_session_goes_on() {
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
