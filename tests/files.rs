//! Paths, links and special files; listings as clients parse them (threats C, I; clients.md §§2–4).

mod harness;

use harness::client::connect;
use harness::{Server, is_root, tree};
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

const CANARY: &str = "canary-8d1f-outside";

/// A server whose directory has a secret beside it.
fn beside_a_secret() -> (tempfile::TempDir, Server) {
    let outside = tempfile::TempDir::new().expect("a directory");
    let root = outside.path().join("root");
    fs::create_dir_all(root.join("d/e")).expect("directories");
    fs::write(outside.path().join("secret"), CANARY).expect("a secret");
    fs::write(root.join("file"), b"inside").expect("a file");
    tree::allow_reading(outside.path());
    let server = harness::server::Setup::new().directory(&root).start();
    (outside, server)
}

const PATH_VERBS: [&str; 9] = ["RETR", "SIZE", "MDTM", "MLST", "MLSD", "LIST", "NLST", "CWD", "STAT"];

/// Everything that comes back for `verb path`, control and data together.
fn everything(server: &Server, verb: &str, path: &str) -> (u16, String) {
    let mut client = server.login();
    let mut text = String::new();
    let transfers = matches!(verb, "RETR" | "LIST" | "NLST" | "MLSD");
    let data = transfers.then(|| client.data());
    let reply = client.command(&format!("{verb} {path}"));
    text += &reply.text();
    if reply.code == 150 {
        let mut bytes = Vec::new();
        data.expect("a data connection").read_to_end(&mut bytes).expect("data");
        text += &String::from_utf8_lossy(&bytes);
        client.expect(226);
    }
    assert_eq!(client.code("NOOP"), 200);
    (reply.code, text)
}

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
            assert!(!text.contains(CANARY), "{verb} {path}");
            assert!((500..600).contains(&code), "{verb} {path}: {code}");
        }
    }
}

#[test]
fn c04_a_link_that_is_swapped_all_the_time_leads_nowhere_else() {
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
        let mut served = 0;
        for _ in 0..2_000 {
            let mut data = client.data();
            client.send("RETR swap/secret");
            let code = client.reply().code;
            if code == 150 {
                let mut text = String::new();
                data.read_to_string(&mut text).expect("data");
                assert_eq!(text, "harmless");
                client.expect(226);
                served += 1;
            } else {
                assert!(code == 550 || code == 450, "{code}");
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert!(served > 0, "the race was never won by the right file");
    });
}

#[test]
fn c05_a_working_directory_that_is_moved_away_is_not_followed() {
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
fn c08_c09_a_fifo_or_device_never_blocks_and_is_never_opened() {
    let server = Server::start();
    let path = server.directory().join("fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o666);
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).expect("a FIFO");
    let _socket = std::os::unix::net::UnixListener::bind(server.directory().join("socket")).expect("a socket");
    for name in ["fifo", "socket"] {
        for verb in ["RETR", "SIZE", "MDTM", "MLST", "LIST", "NLST", "MLSD", "CWD"] {
            assert_eq!(everything(&server, verb, name).0, 550, "{verb} {name}");
        }
    }
    let mut client = server.login();
    for verb in ["LIST", "NLST", "MLSD"] {
        assert_eq!(client.fetch_text(verb), "", "{verb} leaves them out");
    }
    for verb in ["STOR", "APPE"] {
        assert_eq!(client.code(&format!("{verb} fifo")), 550);
    }
}

#[test]
fn c10_c12_kinds_are_not_confused() {
    let (_outside, server) = beside_a_secret();
    symlink("nowhere", server.directory().join("dangling")).expect("a link");
    symlink("d", server.directory().join("to-directory")).expect("a link");
    assert_eq!(everything(&server, "RETR", "d").0, 550);
    assert_eq!(everything(&server, "CWD", "file").0, 550);
    assert_eq!(everything(&server, "SIZE", "d").0, 550);
    assert_eq!(everything(&server, "MLSD", "file").0, 501);
    let (_, listing) = everything(&server, "LIST", "/");
    assert!(
        listing
            .lines()
            .any(|line| line.starts_with('l') && line.ends_with(" dangling")),
        "{listing}"
    );
    assert!(
        listing.lines().any(|line| line.ends_with(" to-directory -> d")),
        "{listing}"
    );
    let (_, facts) = everything(&server, "MLSD", "/");
    assert!(
        facts.contains("type=dir;") && facts.contains(" to-directory") && !facts.contains("dangling"),
        "{facts}"
    );
}

#[test]
fn c11_what_may_not_be_read_is_not_there() {
    let server = Server::start();
    server.write("closed/inside", b"x");
    server.write("names-only/inside", b"x");
    server.write("secret", b"x");
    let directory = server.directory();
    let mode = |name: &str, mode: u32| {
        fs::set_permissions(directory.join(name), fs::Permissions::from_mode(mode)).expect("ours");
    };
    mode("closed", 0o000);
    mode("names-only", 0o744);
    mode("secret", 0o000);
    if !is_root() {
        mode("names-only", 0o444);
    }
    // As root the harness' server has become another user, so that modes count.
    for (verb, path) in [
        ("RETR", "secret"),
        ("LIST", "closed"),
        ("CWD", "closed"),
        ("CWD", "names-only"),
        ("RETR", "closed/inside"),
        ("SIZE", "names-only/inside"),
    ] {
        assert_eq!(everything(&server, verb, path).0, 550, "{verb} {path}");
    }
    let (code, listing) = everything(&server, "LIST", "names-only");
    assert_eq!(code, 150);
    assert!(
        listing
            .lines()
            .any(|line| line.contains("----------") && line.ends_with(" inside")),
        "{listing}"
    );
    mode("closed", 0o755);
    mode("names-only", 0o755);
}

#[test]
fn c13_paths_have_an_end() {
    let server = Server::start();
    let mut client = server.login();
    let before = server.memory();
    assert_eq!(client.code(&format!("CWD {}", "x".repeat(256))), 550);
    assert_eq!(client.code(&format!("RETR {}", "x/".repeat(2_040))), 550);
    fs::create_dir(server.directory().join("a")).expect("a directory");
    symlink(".", server.directory().join("a/a")).expect("a link to itself");
    tree::allow_reading(&server.directory().join("a"));
    let refused = (0..10_000).filter(|_| client.code("CWD a") == 550).count();
    assert!(refused > 7_000, "the path ends at 4,095 bytes: {refused}");
    assert!(server.memory() < before + 8 * 1024);
    assert!(client.command("PWD").text().len() < 4_200);
}

#[test]
fn c15_names_of_any_bytes_make_the_round_trip() {
    let server = Server::start();
    let bytes: Vec<u8> = (0x20..=0xff_u8).filter(|byte| *byte != b'/' && *byte != 0x7f).collect();
    let names: Vec<Vec<u8>> = bytes
        .chunks(50)
        .map(<[u8]>::to_vec)
        .chain([tree::latin1_name().as_bytes().to_vec()])
        .collect();
    for name in &names {
        fs::write(server.directory().join(OsStr::from_bytes(name)), name).expect("a file");
    }
    let mut client = server.login();
    let listed = client.fetch("NLST");
    let mut seen = 0;
    for name in listed
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.strip_suffix(b"\r"))
    {
        let mut data = client.data();
        // 0xFF is Telnet's on the control connection, so it is doubled there.
        let doubled: Vec<u8> = name
            .iter()
            .flat_map(|byte| std::iter::repeat_n(*byte, if *byte == 0xff { 2 } else { 1 }))
            .collect();
        client.send_bytes(&[b"RETR ", doubled.as_slice(), b"\r\n"].concat());
        client.expect(150);
        let mut content = Vec::new();
        data.read_to_end(&mut content).expect("the file");
        client.expect(226);
        assert_eq!(content, name);
        seen += 1;
    }
    assert_eq!(seen, names.len());
}

#[test]
fn c17_c18_nothing_in_a_name_is_special() {
    let server = Server::start();
    for name in ["~root", "$HOME", "back\\slash", "C:", "-la", " leading", "trailing "] {
        server.write(name, name.as_bytes());
    }
    let mut client = server.login();
    for name in ["~root", "$HOME", "back\\slash", "C:", "-la", " leading", "trailing "] {
        assert_eq!(client.fetch(&format!("RETR {name}")), name.as_bytes());
    }
    assert_eq!(
        client.fetch_text("NLST -la"),
        "-la\r\n",
        "a file of that very name comes first"
    );
    assert_eq!(client.fetch_text("NLST ./-la"), "./-la\r\n");
    assert_eq!(client.code("CWD ~"), 250);
}

#[test]
fn c22_the_servers_own_names_are_invisible() {
    let server = Server::start();
    server.write(".loopftpd-0123", b"part");
    for verb in ["RETR", "SIZE", "MDTM", "MLST", "LIST", "NLST", "STOR", "DELE", "RNFR"] {
        assert_eq!(everything(&server, verb, ".loopftpd-0123").0, 550, "{verb}");
    }
    assert_eq!(everything(&server, "LIST", "-a").1.matches("loopftpd").count(), 0);
}

#[test]
fn h22_nothing_is_ever_written() {
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
