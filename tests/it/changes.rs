//! Commands that change files without a transfer, in the forms that clients use (RFC 959 §4.1.3,
//! draft-somers-ftp-mfxx): DELE, MKD, RMD, RNFR and RNTO, five ways to set a time, modes, AVBL, and the name that STOU
//! chooses.

use harness::accounts::{Premises, client_of, everything, store, with_files};
use harness::{Client, Server, is_root};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

fn mask_of(server: &Server) -> u32 {
    u32::from_str_radix(&server.status("Umask"), 8).expect("octal")
}

fn said(client: &mut Client, line: &str) -> String {
    client.command(line).text()
}

#[test]
fn mkd_replies_with_the_quoted_path_and_refuses_an_existing_directory_in_known_words() {
    let (premises, server) = with_files();
    let mut client = server.login();
    assert_eq!(said(&mut client, "MKD new"), "257 \"/new\" created");
    assert_eq!(said(&mut client, "MKD new"), "550 Directory already exists");
    assert_eq!(said(&mut client, "MKD file"), "550 Directory already exists");
    assert_eq!(said(&mut client, "MKD /"), "550 Directory already exists");
    assert_eq!(said(&mut client, "MKD new/../new/"), "550 Directory already exists");
    assert_eq!(said(&mut client, "XMKD qu\"ote"), "257 \"/qu\"\"ote\" created");
    assert_eq!(said(&mut client, "MKD missing/new"), "550 File not found");
    assert_eq!(said(&mut client, "MKD file/new"), "550 Not a directory");
    assert_eq!(client.code("CWD new"), 250);
    assert_eq!(said(&mut client, "MKD two words"), "257 \"/new/two words\" created");
    assert_eq!(said(&mut client, "MKD /new/d/"), "257 \"/new/d\" created");
    let mode = fs::metadata(premises.root().join("new")).expect("it is there").mode();
    assert_eq!(mode & 0o7777, 0o777 & !mask_of(&server));
}

#[test]
fn h17_dele_removes_files_and_rmd_removes_directories() {
    let (premises, server) = with_files();
    premises.link("link", "file");
    premises.link("link to d", "d");
    let mut client = server.login();
    assert_eq!(said(&mut client, "DELE empty"), "550 Is a directory");
    assert_eq!(said(&mut client, "RMD file"), "550 Not a directory");
    assert_eq!(said(&mut client, "RMD d"), "550 Directory is not empty");
    assert_eq!(said(&mut client, "RMD link to d"), "550 Not a directory");
    assert_eq!(said(&mut client, "RMD /"), "550 Permission denied");
    assert_eq!(said(&mut client, "DELE missing"), "550 File not found");
    assert_eq!(said(&mut client, "RMD missing"), "550 File not found");
    assert_eq!(said(&mut client, "DELE link"), "250 File removed");
    assert_eq!(said(&mut client, "DELE link to d"), "250 File removed");
    assert_eq!(said(&mut client, "DELE d/inside"), "250 File removed");
    assert_eq!(premises.read("file"), b"0123456789", "the link went, not the file");
    // The client's working directory can be removed; then it has none until it changes to another.
    assert_eq!(client.code("CWD d"), 250);
    assert_eq!(said(&mut client, "RMD ../d"), "250 Directory removed");
    let (code, _) = everything(&mut client, "LIST");
    assert_eq!(code, 550);
    assert_eq!(everything(&mut client, "STOR new").0, 550);
    assert_eq!(client.code("CDUP"), 250);
    assert_eq!(said(&mut client, "XRMD empty/"), "250 Directory removed");
    // A file that is being read can be removed from its directory and is still read to its end.
    let large = vec![7; 8 << 20];
    premises.write("large", &large);
    let mut reader = server.login();
    let mut data = reader.data();
    reader.send("RETR large");
    reader.expect(150);
    assert_eq!(said(&mut client, "DELE large"), "250 File removed");
    let mut received = Vec::new();
    std::io::Read::read_to_end(&mut data, &mut received).expect("the data");
    assert!(received == large);
    reader.expect(226);
    assert!(!premises.has("large"));
}

#[test]
fn b02_rnto_must_follow_rnfr_directly() {
    let (premises, server) = with_files();
    let mut client = server.login();
    assert_eq!(said(&mut client, "RNFR missing"), "550 File not found");
    assert_eq!(said(&mut client, "RNTO new"), "503 Bad sequence of commands");
    assert_eq!(said(&mut client, "RNFR file"), "350 Ready for the new name");
    assert_eq!(said(&mut client, "RNTO moved"), "250 Renamed");
    assert_eq!(client.code("RNTO again"), 503, "once");
    for between in ["NOOP", "PWD", "XYZZY", "RNFR missing", "MKD file"] {
        assert_eq!(client.code("RNFR moved"), 350);
        client.command(between);
        assert_eq!(client.code("RNTO new"), 503, "after {between}");
        assert!(premises.has("moved"), "after {between}");
        let _ = client.command("RMD file");
    }
    for (from, to) in [
        ("moved", "d/moved"),
        ("d", "d2"),
        ("d2/moved", "/d2/../moved"),
        ("empty", "d2/empty/"),
    ] {
        assert_eq!(client.code(&format!("RNFR {from}")), 350, "{from}");
        assert_eq!(said(&mut client, &format!("RNTO {to}")), "250 Renamed", "{from} {to}");
    }
    assert_eq!(premises.read("moved"), b"0123456789");
    assert!(premises.root().join("d2/empty").is_dir());
    // RNTO replaces what has the name if it is of the same kind, and a directory only if it is empty.
    premises.write("old", b"old");
    premises.write("full/x", b"x");
    premises.make_directory("e1");
    premises.make_directory("e2");
    for (from, to, code) in [
        ("moved", "old", 250),
        ("e1", "e2", 250),
        ("e2", "full", 550),
        ("old", "full", 550),
        ("full", "old", 550),
        ("old", "missing/old", 550),
        ("old", "/", 553),
        ("full", "full/x/y", 550),
    ] {
        assert_eq!(client.code(&format!("RNFR {from}")), 350, "{from}");
        let reply = client.command(&format!("RNTO {to}"));
        assert_eq!(reply.code, code, "{from} {to}: {reply:?}");
    }
    assert_eq!(premises.read("old"), b"0123456789");
    assert_eq!(premises.read("full/x"), b"x");
    assert_eq!(client.code("RNFR /"), 550);
}

#[test]
fn h18_times_set_in_five_ways_are_read_back() {
    let (_premises, server) = with_files();
    let mut client = server.login();
    for (line, reply, time) in [
        (
            "MFMT 20240101000000 file",
            "213 Modify=20240101000000; /file",
            "20240101000000",
        ),
        (
            "MFMT 20240102000000.789 file",
            "213 Modify=20240102000000; /file",
            "20240102000000",
        ),
        (
            "MFF modify=20240103000000; file",
            "213 modify=20240103000000; /file",
            "20240103000000",
        ),
        (
            "MFF Modify=20240104000000;UNIX.mode=0640; /d/../file",
            "213 modify=20240104000000;UNIX.mode=0640; /file",
            "20240104000000",
        ),
        ("SITE UTIME 20240105000000 file", "200 Time set", "20240105000000"),
        (
            "SITE UTIME file 20200101000000 20240106000000 20200101000000 UTC",
            "200 Time set",
            "20240106000000",
        ),
        ("MDTM 20240107000000 file", "213 20240107000000", "20240107000000"),
        (
            "MFMT 19700101000000 file",
            "213 Modify=19700101000000; /file",
            "19700101000000",
        ),
        (
            "MFMT 20380119031408 file",
            "213 Modify=20380119031408; /file",
            "20380119031408",
        ),
        (
            "MFMT 19691231235959 file",
            "213 Modify=19691231235959; /file",
            "19691231235959",
        ),
    ] {
        assert_eq!(said(&mut client, line), reply);
        assert_eq!(said(&mut client, "MDTM file"), format!("213 {time}"), "{line}");
        assert!(
            said(&mut client, "MLST file").contains(&format!("modify={time};")),
            "{line}"
        );
    }
    for (line, code) in [
        ("MFMT 20241301000000 file", 501),
        ("MFMT 99999999999999 file", 501),
        ("MFMT 2024 file", 501),
        ("MFMT 20240101000000", 501),
        ("MFMT 20240101000000 ", 501),
        ("MFF modify=20240101000000 file", 501),
        ("MFF create=20240101000000; file", 504),
        ("MFF UNIX.mode=4755; file", 504),
        ("MDTM 20241301000000 file", 501),
        ("SITE UTIME 20240101000000", 501),
        ("SITE UTIME file 1 2 3 UTC", 501),
        ("MFMT 20240101000000 missing", 550),
        ("MFF modify=20240101000000; missing", 550),
        ("MDTM 20240101000000 missing", 550),
        ("SITE UTIME 20240101000000 missing", 550),
    ] {
        assert_eq!(client.code(line), code, "{line}");
    }
    assert_eq!(said(&mut client, "MDTM file"), "213 19691231235959", "as it was");
    // A time that the file system cannot store is stored as near as possible, and the reply says which.
    for extreme in ["00010101000000", "99991231235959"] {
        let answered = said(&mut client, &format!("MDTM {extreme} file"));
        assert_eq!(said(&mut client, "MDTM file"), answered);
        assert_eq!(
            said(&mut client, &format!("MFMT {extreme} file")),
            format!("213 Modify={}; /file", &answered[4..])
        );
    }
    assert_eq!(client.code("MFMT 19691231235959 file"), 213);
    // MDTM works for directories too, and for files whose name begins with a time.
    assert_eq!(client.code("MFMT 20240101000000 d"), 213);
    assert_eq!(said(&mut client, "MDTM d"), "213 20240101000000");
    assert_eq!(store(&mut client, "STOR 20240101000000 file", b"x"), 226);
    assert_ne!(said(&mut client, "MDTM 20240101000000 file"), "213 20240101000000");
    assert_eq!(said(&mut client, "MDTM file"), "213 19691231235959");
}

#[test]
fn h19_site_chmod_sets_modes_within_bounds() {
    let (premises, server) = with_files();
    let mut client = server.login();
    let mode = |name: &str| {
        fs::metadata(premises.root().join(name))
            .expect("it is there")
            .permissions()
            .mode()
            & 0o7777
    };
    assert_eq!(said(&mut client, "SITE CHMOD 600 file"), "200 Mode set to 0600");
    assert_eq!(mode("file"), 0o600);
    assert_eq!(said(&mut client, "site chmod 0755 d"), "200 Mode set to 0755");
    assert_eq!(mode("d"), 0o755);
    for (line, code) in [
        ("SITE CHMOD 4755 file", 504),
        ("SITE CHMOD 1777 d", 504),
        ("SITE CHMOD 7777 file", 504),
        ("SITE CHMOD u+s file", 501),
        ("SITE CHMOD 888 file", 501),
        ("SITE CHMOD 600", 501),
        ("SITE CHMOD 600 missing", 550),
        ("SITE UMASK 000", 502),
        ("SITE SYMLINK file link", 502),
        ("SITE EXEC id", 502),
        ("SITE CPFR file", 502),
    ] {
        assert_eq!(client.code(line), code, "{line}");
    }
    assert_eq!((mode("file"), mode("d")), (0o600, 0o755));
    // The server can always read and write its files and enter its directories: no client can lock the others out.
    for (line, reply) in [
        ("SITE CHMOD 000 file", "200 Mode set to 0600"),
        ("SITE CHMOD 077 file", "200 Mode set to 0677"),
        ("MFF UNIX.mode=000; file", "213 UNIX.mode=0600; /file"),
        ("SITE CHMOD 000 d", "200 Mode set to 0700"),
        ("MFF UNIX.mode=0455; d", "213 UNIX.mode=0755; /d"),
        ("SITE CHMOD 000 d/", "200 Mode set to 0700"),
    ] {
        assert_eq!(said(&mut client, line), reply);
    }
    assert_eq!((mode("file"), mode("d")), (0o600, 0o700));
    // The set-group-ID and sticky bits of a directory stay.
    fs::set_permissions(premises.root().join("d"), fs::Permissions::from_mode(0o3770)).expect("ours");
    assert_eq!(client.code("SITE CHMOD 755 d"), 200);
    assert_eq!(mode("d"), 0o3755);
    assert_eq!(store(&mut client, "STOR new", b"x"), 226);
    assert_eq!(mode("new"), 0o666 & !mask_of(&server));
}

/// `SITE CHMOD 000 /` used to lock all clients out, and no FTP command could undo it.
#[test]
fn h19_the_mode_of_the_root_cannot_be_changed() {
    let (premises, server) = with_files();
    premises.link("top", ".");
    premises.link("d/up", "..");
    let root = || fs::metadata(premises.root()).expect("ours").permissions().mode() & 0o7777;
    let before = root();
    let mut client = server.login();
    for name in ["/", ".", "..", "d/..", "./", "top", "top/", "d/up", "top/d/up/top"] {
        for line in ["SITE CHMOD 000", "SITE CHMOD 777", "MFF UNIX.mode=0700;"] {
            assert_eq!(
                said(&mut client, &format!("{line} {name}")),
                "550 Permission denied",
                "{line} {name}"
            );
        }
        assert_eq!(root(), before, "{name}");
    }
    assert_eq!(server.login().code("CWD d"), 250);
    // So is the root of an account, for that account.
    let premises = Premises::new();
    premises.make_directory("homes/alice/d");
    premises.write_users(&[("alice", "/homes/alice:read,write")]);
    let server = premises.serve_accounts(&[]);
    let mut alice = client_of(&server, "alice");
    assert_eq!(said(&mut alice, "SITE CHMOD 000 /"), "550 Permission denied");
    assert_eq!(said(&mut alice, "SITE CHMOD 000 d"), "200 Mode set to 0700");
}

#[test]
fn avbl_reports_the_free_space() {
    let (premises, server) = with_files();
    let mut client = server.login();
    let space = rustix::fs::statvfs(premises.root()).expect("a file system");
    for line in ["AVBL", "AVBL /", "AVBL d"] {
        let text = said(&mut client, line);
        let bytes: u64 = text
            .strip_prefix("213 ")
            .expect("its form")
            .parse()
            .expect("digits only");
        // Other programs write to the disk at the same time, so the figures agree only approximately.
        assert!(bytes <= space.f_blocks * space.f_frsize, "{text}");
        assert!(bytes >= space.f_bavail * space.f_frsize / 2, "{text}");
    }
    assert_eq!(client.code("AVBL missing"), 550);
}

#[test]
fn h03_stou_names_its_file_in_the_150() {
    let (premises, server) = with_files();
    let mut client = server.login();
    let mut names = std::collections::BTreeSet::new();
    for line in [
        "STOU",
        "STOU",
        "STOU file",
        "STOU file",
        "STOU d/inside",
        "STOU two words",
    ] {
        let before = premises.read("file");
        let (code, text) = everything(&mut client, line);
        assert_eq!(code, 226, "{line}");
        let name = text
            .strip_prefix("150 FILE: ")
            .expect("the form of RFC 1123")
            .to_owned();
        let place = if line.contains("d/") { "d/" } else { "" };
        let stem = line
            .split_once(' ')
            .map_or("upload", |(_, path)| path.trim_start_matches("d/"));
        assert!(name.starts_with(&format!("{stem}.")), "{line}: {name}");
        assert_eq!(premises.read(&format!("{place}{name}")), b"written by a client");
        assert_eq!(premises.read("file"), before);
        assert!(names.insert(name), "never the same");
    }
}

#[test]
fn feat_lists_write_features_only_where_writing_is_allowed() {
    let (_premises, server) = with_files();
    let features = server.connect().command("FEAT").lines;
    for feature in [" MFMT", " MFF modify;UNIX.mode;", " AVBL", " REST STREAM", " MDTM"] {
        assert!(features.iter().any(|line| line == feature), "{feature}: {features:?}");
    }
}

/// Permissions count, because the server is not root.
#[test]
fn c11_permissions_of_the_file_system_are_respected_for_changes() {
    let (premises, server) = with_files();
    let mode = |name: &str, mode| {
        fs::set_permissions(premises.root().join(name), fs::Permissions::from_mode(mode)).expect("it is there");
    };
    assert!(!is_root() || server.status("Uid").split_whitespace().next() != Some("0"));
    mode("d", 0o555);
    mode("file", 0o000);
    let mut client = server.login();
    for line in [
        "STOR d/new",
        "STOR d/inside",
        "STOU d/new",
        "DELE d/inside",
        "MKD d/new",
        "APPE file",
        "RETR file",
        "RNFR d/inside",
    ] {
        let (code, text) = everything(&mut client, line);
        if line.starts_with("RNFR") {
            assert_eq!((code, client.code("RNTO new")), (350, 550));
        } else {
            assert_eq!(code, 550, "{line}: {text}");
        }
    }
    mode("d", 0o000);
    for line in [
        "STOR d/new",
        "DELE d/inside",
        "CWD d",
        "LIST d",
        "SIZE d/inside",
        "MFMT 20240101000000 d/inside",
    ] {
        assert_eq!(everything(&mut client, line).0, 550, "{line}");
    }
    mode("d", 0o755);
    assert_eq!(fs::read_dir(premises.root().join("d")).expect("ours").count(), 1);
    assert_eq!(
        client.code("SITE CHMOD 644 file"),
        550,
        "a file that cannot be opened keeps its mode"
    );
    assert_eq!(
        store(&mut client, "STOR file", b"replaced"),
        226,
        "it is the directory's right to replace it"
    );
    assert_eq!(premises.read("file"), b"replaced");
}
