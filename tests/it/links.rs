//! Symbolic links: how they are listed, what each command does with them, and that removing a tree never removes the
//! targets of its links.

use harness::Client;
use harness::accounts::everything;
use harness::link_tree::LinkTree;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// The line of a listing for the name.
fn line_of<'text>(listing: &'text str, name: &str) -> &'text str {
    let is_named = |line: &&str| line.ends_with(&format!(" {name}")) || line.contains(&format!(" {name} -> "));
    listing
        .lines()
        .find(is_named)
        .unwrap_or_else(|| panic!("{name}: {listing}"))
}

/// The facts of MLST.
fn facts(client: &mut Client, name: &str) -> String {
    let reply = client.command(&format!("MLST {name}"));
    assert_eq!(reply.code, 250, "{name}");
    reply.lines.get(1).cloned().unwrap_or_default()
}

#[test]
fn a_link_is_listed_as_a_link_and_one_to_a_file_as_that_file() {
    let tree = LinkTree::new();
    let mut client = tree.server.login();
    let listing = client.fetch_text("LIST A");
    let machine = client.fetch_text("MLSD A");
    let names = client.fetch_text("NLST A");
    for (name, target) in [
        ("to-directory", Some("../B")),
        ("up", Some("..")),
        ("dangling", None),
        ("loop", None),
        ("out", None),
        ("out-to-file", None),
        ("out-to-nothing", None),
        ("absolute", None),
    ] {
        let columns = line_of(&listing, name);
        assert!(columns.starts_with("lrwxrwxrwx "), "{columns}");
        match target {
            Some(target) => assert!(columns.ends_with(&format!(" {name} -> {target}")), "{columns}"),
            None => {
                assert!(columns.ends_with(&format!(" {name}")), "{columns}");
                assert_eq!(
                    columns.split_whitespace().nth(4),
                    Some("0"),
                    "not how long the text is: {columns}"
                );
            }
        }
        let line = line_of(&machine, name);
        assert!(line.starts_with("type=OS.unix=symlink;modify="), "{line}");
        assert!(line.contains(";perm=df;unique="), "{line}");
        assert!(!line.contains("size=") && !line.contains("mode="), "{line}");
        // MLST agrees; with a slash it describes the target.
        let alone = facts(&mut client, &format!("A/{name}"));
        assert_eq!(alone.trim_start().split(' ').next(), line.split(' ').next(), "{name}");
        assert!(names.lines().any(|line| line == format!("A/{name}")), "{names}");
    }
    let file = line_of(&machine, "to-file");
    assert!(file.starts_with("type=file;size=8;modify="), "{file}");
    let target = facts(&mut client, "B/kept");
    assert_eq!(
        target.trim_start().split(' ').next(),
        file.split(' ').next(),
        "one file, one `unique`"
    );
    assert!(line_of(&listing, "to-file").starts_with('l'), "{listing}");
    for text in [&listing, &machine, &names] {
        assert!(!text.contains("neighbour") && !text.contains("secret"), "{text}");
    }
}

#[test]
fn verbs_follow_links_inside_the_root_and_removal_removes_the_link() {
    let tree = LinkTree::new();
    let mut client = tree.server.login();
    assert_eq!(client.command("SIZE A/to-file").text(), "213 8");
    assert_eq!(client.fetch("RETR A/to-file"), b"precious");
    assert_eq!(client.fetch("RETR A/to-directory/deeper/kept"), b"precious");
    assert_eq!(client.code("CWD A/to-directory"), 250);
    assert_eq!(
        client.command("PWD").text(),
        "257 \"/A/to-directory\" is the current directory"
    );
    assert!(
        client.fetch_text("MLSD").contains("type=file;"),
        "listed through the link"
    );
    assert_eq!(client.code("CWD /"), 250);
    for name in [
        "to-directory",
        "to-file",
        "up",
        "dangling",
        "loop",
        "out",
        "out-to-file",
        "absolute",
    ] {
        let (code, text) = everything(&mut client, &format!("RMD A/{name}"));
        assert_eq!((code, text.as_str()), (550, "550 Not a directory"), "RMD {name}");
        assert_eq!(client.code(&format!("RNFR A/{name}")), 350, "{name}");
        assert_eq!(client.code(&format!("RNTO A/sub/{name}")), 250, "{name}");
        assert!(
            tree.premises.root().join("A/sub").join(name).is_symlink(),
            "{name}: the link itself was moved"
        );
        assert_eq!(client.code(&format!("DELE A/sub/{name}")), 250, "{name}");
        assert!(!tree.premises.has(&format!("A/sub/{name}")), "{name}");
    }
    tree.assert_b_is_whole("DELE");
}

#[test]
fn a_name_that_ends_in_a_slash_means_a_directory_for_every_verb() {
    let tree = LinkTree::new();
    let mut client = tree.server.login();
    let mut refused = |line: &str, expected: &str| {
        let _data = client.data();
        let text = client.command(line).text();
        assert_eq!(text, expected, "{line}");
    };
    let not_a_directory = "550 Not a directory";
    for verb in [
        "RETR",
        "SIZE",
        "MDTM",
        "HASH",
        "XCRC",
        "STOR",
        "APPE",
        "STOU",
        "DELE",
        "RMD",
        "RNFR",
        "CWD",
        "LIST",
        "NLST",
        "MLST",
        "STAT",
        "AVBL",
        "MFMT 20240101000000",
        "MFF UNIX.mode=0644;",
        "SITE CHMOD 644",
        "SITE UTIME 20240101000000",
    ] {
        for end in ["/", "/.", "//", "/./", "/x/.."] {
            for name in ["A/own", "A/to-file"] {
                refused(&format!("{verb} {name}{end}"), not_a_directory);
            }
        }
    }
    refused("MLSD A/own/", not_a_directory);
    for (line, expected) in [
        ("RETR A/sub/", "550 Is a directory"),
        ("SIZE A/sub/.", "550 Is a directory"),
        ("DELE A/empty/", "550 Is a directory"),
        ("STOR A/sub/", "553 There is a directory of that name"),
        ("STOR A/new/", "553 No file can have that name here"),
        ("RETR A/new/", "550 File not found"),
        ("SIZE A/sub/../own/..", "550 Is a directory"),
        // With a slash a link's name means its target, and that is not removed through the link.
        ("DELE A/to-directory/", not_a_directory),
        ("RMD A/to-directory/", not_a_directory),
        ("RNFR A/to-directory/", not_a_directory),
        ("RETR A/out/", "550 File not found"),
    ] {
        refused(line, expected);
    }
    assert_eq!(client.code("RNFR A/own"), 350);
    assert_eq!(client.command("RNTO A/moved/").text(), not_a_directory);
    for line in [
        "CWD A/sub/",
        "CWD /A/to-directory/",
        "CWD /A/empty/.",
        "CWD /",
        "CWD ./",
    ] {
        assert_eq!(client.code(line), 250, "{line}");
    }
    assert!(facts(&mut client, "A/to-directory/").starts_with(" type=dir;"));
    assert!(facts(&mut client, "A/to-directory").starts_with(" type=OS.unix=symlink;"));
    assert_eq!(client.fetch_text("NLST A/sub/"), client.fetch_text("NLST A/sub"));
    assert_eq!(client.command("MKD A/new/").text(), "257 \"/A/new\" created");
    assert_eq!(client.code("RNFR A/new/"), 350);
    assert_eq!(client.code("RNTO A/newer/"), 250);
    assert_eq!(client.code("RMD A/newer/"), 250);
    tree.assert_b_is_whole("slashes");
}

/// MFMT and SITE CHMOD follow links, as MDTM, touch and chmod do.
#[test]
fn times_and_modes_are_those_of_the_target_of_a_link() {
    let tree = LinkTree::new();
    let mut client = tree.server.login();
    assert_eq!(client.code("MFMT 20010203040506 A/to-file"), 213);
    assert_eq!(client.command("MDTM B/kept").text(), "213 20010203040506");
    assert_eq!(client.code("SITE CHMOD 600 A/to-file"), 200);
    let mode = fs::metadata(tree.premises.root().join("B/kept"))
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    for name in ["dangling", "out-to-file", "out-to-nothing", "absolute", "out"] {
        for line in [
            "MFMT 20010203040506",
            "SITE CHMOD 777",
            "SITE UTIME 20010203040506",
            "MDTM",
        ] {
            assert_eq!(
                client.command(&format!("{line} A/{name}")).text(),
                "550 File not found",
                "{line} {name}"
            );
        }
    }
    tree.assert_b_is_whole("modes");
}
