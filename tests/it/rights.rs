//! Every right alone against every command, the short forms, and the drop box (threats H03, H13).

use harness::accounts::{Premises, client_of, everything, snapshot, store};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// The rights of the users file, each of which can be given alone; `read` includes `list`.
const RIGHTS: [&str; 8] = [
    "list",
    "read",
    "create",
    "overwrite",
    "append",
    "delete",
    "mkdir",
    "rename",
];

/// A command, the right it needs, and the code of its success. Commands that remove something are last.
const COMMANDS: [(&str, &str, u16); 34] = [
    ("LIST", "list", 226),
    ("LIST d", "list", 226),
    ("NLST", "list", 226),
    ("MLSD", "list", 226),
    ("MLSD d", "list", 226),
    ("MLST", "list", 250),
    ("MLST file", "list", 250),
    ("STAT file", "list", 213),
    ("STAT d", "list", 213),
    ("SIZE file", "list", 213),
    ("MDTM file", "list", 213),
    ("RETR file", "read", 226),
    ("HASH file", "read", 213),
    ("XCRC file", "read", 250),
    ("XMD5 file", "read", 250),
    ("XSHA256 file", "read", 250),
    ("STOR new", "create", 226),
    ("STOR d/new", "create", 226),
    ("STOU", "create", 226),
    ("STOU name", "create", 226),
    ("AVBL", "create", 213),
    ("STOR file", "overwrite", 226),
    ("MFMT 20240101000000 file", "overwrite", 213),
    ("MFF modify=20240101000000;UNIX.mode=0640; file", "overwrite", 213),
    ("MDTM 20240101000000 file", "overwrite", 213),
    ("SITE UTIME 20240101000000 file", "overwrite", 200),
    (
        "SITE UTIME file 20240101000000 20240101000000 20240101000000 UTC",
        "overwrite",
        200,
    ),
    ("SITE CHMOD 640 file", "overwrite", 200),
    ("APPE file", "append", 226),
    ("MKD made", "mkdir", 257),
    ("XMKD made too", "mkdir", 257),
    ("RNFR file", "rename", 350),
    ("DELE file", "delete", 250),
    ("RMD empty", "delete", 250),
];

/// An account `NAME` for each set of rights, in a directory of its own that has a `file`, and a directory `d` and an
/// empty one.
fn with_accounts(accounts: &[(&str, &str)]) -> (Premises, harness::Server) {
    let premises = Premises::new();
    let mut lines = Vec::new();
    for (name, rights) in accounts {
        premises.write(&format!("{name}/file"), b"0123456789");
        premises.write(&format!("{name}/d/inside"), b"x");
        premises.make_directory(&format!("{name}/empty"));
        lines.push((*name, format!("/{name}:{rights}")));
    }
    let lines: Vec<(&str, &str)> = lines.iter().map(|(name, rest)| (*name, rest.as_str())).collect();
    premises.write_users(&lines);
    let server = premises.serve_accounts(&[]);
    (premises, server)
}

#[test]
fn each_right_allows_its_own_commands_and_no_others() {
    let (premises, server) = with_accounts(&RIGHTS.map(|right| (right, right)));
    for right in RIGHTS {
        let own = premises.root().join(right);
        let mut client = client_of(&server, right);
        for (line, needed, success) in COMMANDS {
            let before = snapshot(&own);
            let (code, text) = everything(&mut client, line);
            if needed == right || (right, needed) == ("read", "list") {
                assert_eq!(code, success, "{line} with {right}: {text}");
                continue;
            }
            let why = match (right, line) {
                ("create", "STOR file") => "553 There is a file of that name, and it may not be replaced",
                ("list" | "read", _) => "550 This server is read-only",
                _ => "550 You are not allowed to do that",
            };
            assert_eq!(text, why, "{line} with {right}");
            assert_eq!(snapshot(&own), before, "{line} with {right}");
        }
        for line in [
            "CWD d", "CDUP", "CWD /", "NOOP", "TYPE I", "PASV", "STAT", "FEAT", "ALLO 1",
        ] {
            assert!((200..300).contains(&client.code(line)), "{line} with {right}");
        }
    }
}

#[test]
fn the_short_forms_of_rights_are_the_usual_sets() {
    let accounts = [("reader", "read"), ("writer", "write"), ("both", "read,write")];
    let (_premises, server) = with_accounts(&accounts);
    for (name, rights) in accounts {
        let mut client = client_of(&server, name);
        for (line, needed, success) in COMMANDS {
            let reads = matches!(needed, "list" | "read");
            let is_allowed = match rights {
                "read" => reads,
                "write" => !reads,
                _ => true,
            };
            let (code, text) = everything(&mut client, line);
            assert_eq!(
                code,
                if is_allowed { success } else { 550 },
                "{line} with {rights}: {text}"
            );
        }
    }
}

/// Ways in which one right could be used in place of another.
#[test]
fn no_right_implies_another() {
    let (premises, server) = with_accounts(&RIGHTS.map(|right| (right, right)));
    let code = |right: &str, lines: &[&str]| {
        let mut client = client_of(&server, right);
        lines
            .iter()
            .map(|line| everything(&mut client, line).0)
            .collect::<Vec<_>>()
    };
    assert_eq!(code("create", &["STOR file"]), [553], "nothing is replaced");
    assert_eq!(code("create", &["REST 3", "STOR file"]), [350, 550]);
    assert_eq!(code("create", &["REST 0", "STOR file"]), [350, 553]);
    assert_eq!(code("create", &["APPE file"]), [550]);
    assert_eq!(code("create", &["APPE new"]), [550]);
    assert_eq!(code("overwrite", &["STOR new"]), [550], "nothing is made");
    assert_eq!(code("overwrite", &["REST 3", "STOR new"]), [350, 550]);
    assert_eq!(code("overwrite", &["APPE file"]), [550]);
    assert_eq!(code("append", &["APPE new"]), [550], "nothing is made");
    assert_eq!(code("append", &["REST 3", "STOR file"]), [350, 550]);
    assert_eq!(
        code("rename", &["RNFR file", "RNTO d/inside"]),
        [350, 553],
        "nothing is replaced"
    );
    for right in ["create", "overwrite", "append", "rename"] {
        assert_eq!(premises.read(&format!("{right}/file")), b"0123456789", "{right}");
        assert_eq!(premises.read(&format!("{right}/d/inside")), b"x", "{right}");
        assert!(!premises.has(&format!("{right}/new")), "{right}");
    }
    assert_eq!(code("rename", &["RNFR file", "RNTO moved"]), [350, 250]);
    assert_eq!(code("overwrite", &["REST 3", "STOR file"]), [350, 226]);
    assert_eq!(premises.read("overwrite/file"), b"012written by a client");
    assert_eq!(code("append", &["APPE file"]), [226]);
    assert_eq!(premises.read("append/file"), b"0123456789written by a client");
}

#[test]
fn h03_a_drop_box_accepts_new_files_and_neither_shows_nor_replaces_any() {
    let premises = Premises::new();
    premises.write("file", b"0123456789");
    premises.write("d/inside", b"x");
    premises.make_directory("empty");
    premises.write_users(&[("keeper", "/:read")]);
    let users = premises.users_file();
    let server = premises.serve(&["--anonymous", "upload", "--users", users.to_str().expect("UTF-8")]);
    let mut client = server.login();
    assert_eq!(store(&mut client, "STOR dropped", b"for you"), 226);
    assert_eq!(store(&mut client, "STOR d/dropped", b"for you"), 226);
    let unique = everything(&mut client, "STOU dropped").1;
    let unique = unique.strip_prefix("150 FILE: ").expect("its name").to_owned();
    assert_eq!(premises.read(&unique), b"written by a client");
    assert_eq!(client.code("CWD d"), 250);
    assert_eq!(store(&mut client, "STOR again", b"for you"), 226);
    assert_eq!(client.code("CDUP"), 250);
    let mode = fs::metadata(premises.root().join("dropped"))
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o640, "no other user can read it");
    let before = snapshot(&premises.root());
    for name in ["dropped", "file", "d/inside"] {
        assert_eq!(everything(&mut client, &format!("STOR {name}")).0, 553, "{name}");
        for line in [
            "RETR",
            "SIZE",
            "MDTM",
            "MLST",
            "STAT",
            "LIST",
            "NLST",
            "HASH",
            "XCRC",
            "XMD5",
            "XSHA",
            "XSHA1",
            "XSHA256",
            "XSHA512",
            "APPE",
            "DELE",
            "RNFR",
            "MFMT 20240101000000",
            "MDTM 20240101000000",
            "SITE CHMOD 644",
            "SITE UTIME 20240101000000",
            "MFF modify=20240101000000;",
        ] {
            let (code, text) = everything(&mut client, &format!("{line} {name}"));
            assert_eq!(code, 550, "{line} {name}: {text}");
            assert!(
                !text.contains("for you") && !text.contains("0123456789"),
                "{line}: {text}"
            );
        }
        assert_eq!(client.code("REST 2"), 350);
        assert_eq!(everything(&mut client, &format!("STOR {name}")).0, 550);
        assert_eq!(client.code("TYPE A"), 200);
        assert_eq!(everything(&mut client, &format!("SIZE {name}")).0, 550);
        assert_eq!(client.code("TYPE I"), 200);
    }
    for line in [
        "LIST",
        "LIST -a",
        "LIST d*",
        "NLST",
        "NLST *",
        "MLSD",
        "MLSD d",
        "MLST",
        "STAT .",
        "STAT d",
        "MKD new",
        "RMD empty",
        "RMD d",
    ] {
        let (code, text) = everything(&mut client, line);
        assert_eq!(code, 550, "{line}: {text}");
        assert!(!text.contains("dropped") && !text.contains("inside"), "{line}: {text}");
    }
    assert_eq!(snapshot(&premises.root()), before);
    assert_eq!(client_of(&server, "keeper").fetch("RETR dropped"), b"for you");
}

#[test]
fn h03_anonymous_clients_change_nothing_by_default() {
    let premises = Premises::new();
    premises.write("file", b"0123456789");
    premises.write_users(&[("writer", "/:read,write")]);
    let users = premises.users_file();
    let server = premises.serve(&["--users", users.to_str().expect("UTF-8")]);
    let mut client = server.login();
    for (line, needed, success) in COMMANDS {
        if matches!(needed, "list" | "read") && !line.contains(" d") {
            assert_eq!(everything(&mut client, line).0, success, "{line}");
        } else if !matches!(needed, "list" | "read") {
            assert_eq!(
                everything(&mut client, line).1,
                "550 This server is read-only",
                "{line}"
            );
        }
    }
    assert_eq!(store(&mut client_of(&server, "writer"), "STOR file", b"changed"), 226);
}
