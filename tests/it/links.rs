//! Symbolic links: what clients are told they are, what the verbs do with them, and that nobody who removes a tree
//! removes what its links lead to.

use crate::harness::accounts::{CANARY, Premises, everything};
use crate::harness::programs::{Workplace, run_python};
use crate::harness::{Client, Server, has_program};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// `A` with files, directories and links of every kind; `B`, that they lead to; a secret outside.
struct Tree {
    premises: Premises,
    server: Server,
}

const KEPT: [&str; 3] = ["B/kept", "B/deeper/kept", "B/.hidden"];

impl Tree {
    fn new() -> Self {
        let premises = Premises::new();
        for kept in KEPT {
            premises.write(kept, b"precious");
        }
        premises.write("A/own", b"own");
        premises.write("A/sub/own", b"own");
        premises.make_directory("A/empty");
        let secret = premises.outside().join("neighbour/secret");
        for (name, target) in [
            ("A/to-directory", "../B"),
            ("A/to-file", "../B/kept"),
            ("A/sub/to-directory", "../../B/deeper"),
            ("A/up", ".."),
            ("A/dangling", "nowhere"),
            ("A/loop", "loop"),
            ("A/out", "../../neighbour"),
            ("A/out-to-file", "../../neighbour/secret"),
            ("A/out-to-nothing", "../../neighbour/missing"),
            ("A/absolute", secret.to_str().expect("UTF-8")),
        ] {
            premises.link(name, target);
        }
        premises.hand_over();
        let server = premises.serve_writers();
        Self { premises, server }
    }

    fn assert_b_is_whole(&self, what: &str) {
        for kept in KEPT {
            assert!(self.premises.has(kept), "{what}: {kept} is gone");
            assert_eq!(self.premises.read(kept), b"precious", "{what}: {kept}");
        }
        let secret = fs::read_to_string(self.premises.outside().join("neighbour/secret"));
        assert_eq!(secret.ok().as_deref(), Some(CANARY), "{what}");
    }

    fn assert_a_is_gone(&self, what: &str) {
        assert!(!self.premises.has("A"), "{what}: A is still there");
        self.assert_b_is_whole(what);
    }

    fn open(&self) -> String {
        let port = self.server.address.port();
        format!(
            "set cmd:fail-exit true; set net:max-retries 1; set net:timeout 10; open -u anonymous,b 127.0.0.1:{port}"
        )
    }
}

/// The line of a listing that ends in the name.
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
    let tree = Tree::new();
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
        // MLST says the same; of what it leads to if a slash follows.
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
fn verbs_go_through_links_that_stay_inside_and_remove_the_link_alone() {
    let tree = Tree::new();
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
fn a_name_that_ends_in_a_slash_is_that_of_a_directory_for_every_verb() {
    let tree = Tree::new();
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
        // With the slash a link's name is that of the directory that it leads to, which is not removed through it.
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

/// MFMT and SITE CHMOD follow, as MDTM and the system's own programs do when they are given a link's name.
#[test]
fn times_and_modes_are_those_of_what_a_link_leads_to() {
    let tree = Tree::new();
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

#[test]
fn lftp_removes_a_tree_and_nothing_that_its_links_lead_to() {
    if !has_program("lftp") {
        return;
    }
    for commands in ["rm -r A", "rm -rf A", "cd A; glob -a rm -r *; cd ..; rmdir A"] {
        for dialect in ["", "set ftp:use-mlsd no; "] {
            let tree = Tree::new();
            let script = format!("{dialect}{}; {commands}; bye", tree.open());
            let what = format!("{dialect}{commands}");
            let said = Workplace::new().run_well("lftp", &["--norc", "-c", &script], "");
            assert!(!said.contains("failed"), "{what}: {said}");
            tree.assert_a_is_gone(&what);
        }
    }
    // Named itself, a link goes alone.
    let tree = Tree::new();
    let script = format!("{}; rm -r A/to-directory; bye", tree.open());
    let _ = Workplace::new().run("lftp", &["--norc", "-c", &script], "");
    tree.assert_b_is_whole("rm -r A/to-directory");
}

#[test]
fn lftp_mirrors_without_going_through_links_to_directories() {
    if !has_program("lftp") {
        return;
    }
    let tree = Tree::new();
    let place = Workplace::new();
    let script = format!("{}; mirror A down; bye", tree.open());
    place.run_well("lftp", &["--norc", "-c", &script], "");
    let read = |name: &str| fs::read(place.path().join("down").join(name)).ok();
    assert_eq!(read("own").as_deref(), Some(&b"own"[..]));
    assert_eq!(read("sub/own").as_deref(), Some(&b"own"[..]));
    assert_eq!(
        read("to-file").as_deref(),
        Some(&b"precious"[..]),
        "a link to a file is that file"
    );
    assert_eq!(read("to-directory/kept"), None);
    assert!(!place.path().join("down/up/A").exists(), "no circle");
    // The other way, removing what is not here.
    fs::create_dir(place.path().join("nothing")).expect("a directory");
    let script = format!("{}; mirror -R --delete nothing A; bye", tree.open());
    place.run_well("lftp", &["--norc", "-c", &script], "");
    assert_eq!(fs::read_dir(tree.premises.root().join("A")).expect("ours").count(), 0);
    tree.assert_b_is_whole("mirror -R --delete");
}

#[test]
fn rclone_removes_a_tree_and_nothing_that_its_links_lead_to() {
    if !has_program("rclone") {
        return;
    }
    let place = Workplace::new();
    let password = place.run_well("rclone", &["obscure", "x"], "");
    // What is left in A: `delete` and `sync` keep the directory that they are given.
    for (command, left) in [
        (&["purge"][..], None),
        (&["delete", "--rmdirs"], Some(0)),
        (&["sync", "nothing"], Some(0)),
    ] {
        let tree = Tree::new();
        let _ = fs::create_dir(place.path().join("nothing"));
        let remote = format!(
            ":ftp,host=127.0.0.1,port={},user=anonymous,pass={}:A",
            tree.server.address.port(),
            password.trim()
        );
        let arguments = [
            &["--config", "/dev/null", "--retries", "1"],
            command,
            &[remote.as_str()],
        ]
        .concat();
        place.run_well("rclone", &arguments, "");
        let entries = fs::read_dir(tree.premises.root().join("A")).map(Iterator::count).ok();
        assert_eq!(entries, left, "{command:?}");
        tree.assert_b_is_whole(&command.join(" "));
    }
    // Files are listed and fetched, the one behind a link too.
    let tree = Tree::new();
    let remote = format!(
        ":ftp,host=127.0.0.1,port={},user=anonymous,pass={}:",
        tree.server.address.port(),
        password.trim()
    );
    let list = ["--config", "/dev/null", "lsf", "--format", "ps", &format!("{remote}A")];
    let listed = place.run_well("rclone", &list, "");
    for line in ["own;3", "to-file;8", "sub/;-1", "empty/;-1"] {
        assert!(listed.lines().any(|listed| listed == line), "{line}: {listed}");
    }
    let copy = ["--config", "/dev/null", "copyto", &format!("{remote}A/to-file"), "copy"];
    place.run_well("rclone", &copy, "");
    assert_eq!(fs::read(place.path().join("copy")).expect("fetched"), b"precious");
}

/// As scripts do that know of directories and of everything else.
#[test]
fn a_script_that_removes_what_it_does_not_know_as_a_directory_removes_the_tree() {
    if !has_program("python3") {
        return;
    }
    let tree = Tree::new();
    run_python(
        "
import ftplib, sys
ftp = ftplib.FTP()
ftp.connect('127.0.0.1', int(sys.argv[1]), timeout=20)
ftp.login()
def remove(path):
    for name, facts in list(ftp.mlsd(path)):
        if facts['type'] == 'dir':
            remove(path + '/' + name)
        else:
            ftp.delete(path + '/' + name)
    ftp.rmd(path)
remove('A')
",
        &tree.server,
    );
    tree.assert_a_is_gone("ftplib");
}
