//! Files of every kind and name: what is served, what is refused, and that nothing blocks (threats C).

use harness::secret::{beside_a_secret, everything};
use harness::{Server, is_root, tree};
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

#[test]
fn c08_a_fifo_or_device_never_blocks_and_is_never_opened() {
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
fn c10_a_file_is_no_directory_and_a_directory_no_file() {
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
        facts.contains("type=dir;") && facts.matches("type=OS.unix=symlink;").count() == 2,
        "{facts}"
    );
}

#[test]
fn c13_paths_that_are_too_long_are_refused() {
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
        // 0xFF is a Telnet byte on the control connection, so it is doubled.
        let doubled: Vec<u8> = name
            .iter()
            .flat_map(|byte| std::iter::repeat_n(*byte, if *byte == 0xff { 2 } else { 1 }))
            .collect();
        client.send_bytes(&[b"RETR ", doubled.as_slice(), b"\r\n"].concat());
        client.expect(150);
        let mut content = Vec::new();
        data.read_to_end(&mut content).expect("the file");
        drop(data);
        client.expect(226);
        assert_eq!(content, name);
        seen += 1;
    }
    assert_eq!(seen, names.len());
}

#[test]
fn c17_no_character_of_a_name_is_special() {
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
fn c11_files_that_the_server_may_not_read_are_refused() {
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
    // A server started as root has become another user, so modes count.
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
