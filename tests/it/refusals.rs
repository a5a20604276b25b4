//! The reason of every refusal, in the client's terms: each error of the system has its own reply, only a missing file
//! is "File not found", and a file outside the root looks like a missing one.

use harness::accounts::{Premises, everything};
use harness::secret::CANARY;
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn set_mode(premises: &Premises, name: &str, mode: u32) {
    fs::set_permissions(premises.root().join(name), fs::Permissions::from_mode(mode)).expect("it is there");
}

#[test]
fn every_refusal_states_its_reason() {
    let premises = Premises::new();
    for name in ["closed/inside", "kept/inside", "full/inside", "file", "locked"] {
        premises.write(name, b"x");
    }
    premises.link("loop", "loop");
    premises.link("dangling", "nowhere");
    let server = premises.serve_writers();
    // The server has dropped root, so modes count.
    set_mode(&premises, "closed", 0o000);
    set_mode(&premises, "kept", 0o555);
    set_mode(&premises, "locked", 0o000);
    let mut client = server.login();
    let long = "x".repeat(256);
    for (line, expected) in [
        ("RETR missing", "550 File not found"),
        ("SIZE missing/file", "550 File not found"),
        ("RETR dangling", "550 File not found"),
        ("DELE missing", "550 File not found"),
        ("RETR locked", "550 Permission denied"),
        ("APPE locked", "550 Permission denied"),
        ("HASH locked", "550 Permission denied"),
        ("SIZE closed/inside", "550 Permission denied"),
        ("SIZE closed/missing", "550 Permission denied"),
        ("CWD closed", "550 Permission denied"),
        ("LIST closed", "550 Permission denied"),
        ("MLSD closed", "550 Permission denied"),
        ("STOR kept/new", "550 Permission denied"),
        ("DELE kept/inside", "550 Permission denied"),
        ("MKD kept/new", "550 Permission denied"),
        ("SITE CHMOD 600 locked", "550 Permission denied"),
        ("DELE /", "550 Permission denied"),
        ("RMD /", "550 Permission denied"),
        ("RNFR /", "550 Permission denied"),
        ("CWD file", "550 Not a directory"),
        ("RETR file/x", "550 Not a directory"),
        ("STOR file/x", "550 Not a directory"),
        ("LIST file/x", "550 Not a directory"),
        ("RMD file", "550 Not a directory"),
        ("MLSD file", "501 Not a directory"),
        ("RETR full", "550 Is a directory"),
        ("SIZE full", "550 Is a directory"),
        ("HASH full", "550 Is a directory"),
        ("DELE full", "550 Is a directory"),
        ("STOR full", "553 There is a directory of that name"),
        ("APPE full", "553 There is a directory of that name"),
        ("RMD full", "550 Directory is not empty"),
        ("MKD full", "550 Directory already exists"),
        ("RETR loop", "550 Symbolic link loop"),
        ("CWD loop/x", "550 Symbolic link loop"),
        ("STOR .htaccess", "553 No file can have that name here"),
    ] {
        assert_eq!(client.refusal(line), expected, "{line}");
    }
    for (verb, expected) in [
        ("RETR", "550 File name too long"),
        ("CWD", "550 File name too long"),
        ("LIST", "550 File name too long"),
        ("STOR", "553 File name too long"),
        ("MKD", "553 File name too long"),
    ] {
        assert_eq!(client.refusal(&format!("{verb} {long}")), expected, "{verb}");
    }
    for (from, to, expected) in [
        ("full", "full/itself", "550 A directory cannot be moved into itself"),
        ("file", "full", "550 Is a directory"),
        ("full", "file", "550 Not a directory"),
        ("file", "kept/file", "550 Permission denied"),
        ("kept/inside", "file", "550 Permission denied"),
    ] {
        assert_eq!(client.code(&format!("RNFR {from}")), 350, "{from}");
        assert_eq!(client.command(&format!("RNTO {to}")).text(), expected, "{from} {to}");
    }
    set_mode(&premises, "closed", 0o755);
    set_mode(&premises, "kept", 0o755);
}

#[test]
fn c03_files_outside_look_like_missing_ones() {
    let premises = Premises::new();
    let outside = premises.outside();
    fs::write(outside.join("secret"), CANARY).expect("ours");
    fs::create_dir_all(outside.join("closed/d")).expect("ours");
    fs::set_permissions(outside.join("closed"), fs::Permissions::from_mode(0o700)).expect("ours");
    for (name, target) in [
        ("to-file", "../secret"),
        ("to-directory", ".."),
        ("to-closed", "../closed/d"),
        ("to-nothing", "../missing"),
        ("to-below-a-file", "../secret/x"),
    ] {
        premises.link(name, target);
    }
    premises.link("absolute", outside.join("secret"));
    premises.link("absolute-nothing", outside.join("missing"));
    let server = premises.serve_writers();
    let mut client = server.login();
    for verb in [
        "RETR",
        "SIZE",
        "MDTM",
        "CWD",
        "LIST",
        "NLST",
        "MLSD",
        "STAT",
        "HASH",
        "XCRC",
        "AVBL",
        "STOR",
        "APPE",
        "MFMT 20240101000000",
        "SITE CHMOD 644",
        "SITE UTIME 20240101000000",
    ] {
        for name in [
            "to-file",
            "to-directory",
            "to-closed",
            "to-nothing",
            "to-below-a-file",
            "absolute",
            "absolute-nothing",
        ] {
            let (code, text) = everything(&mut client, &format!("{verb} {name}"));
            assert_eq!((code, text.trim_end()), (550, "550 File not found"), "{verb} {name}");
        }
    }
}
