//! Client programs rename and remove trees, but never the targets of links in them.

use harness::accounts::with_files;
use harness::link_tree::LinkTree;
use harness::programs::{Workplace, run_python};
use harness::trials;
use libtest_mimic::Trial;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

pub fn trials() -> Vec<Trial> {
    trials! {
        "python3 lftp":
            clients_change_a_tree;
        "lftp":
            lftp_removes_a_tree_and_nothing_that_its_links_lead_to,
            lftp_mirrors_without_going_through_links_to_directories;
        "rclone":
            rclone_removes_a_tree_and_nothing_that_its_links_lead_to;
        "python3":
            a_script_that_removes_what_it_does_not_know_as_a_directory_removes_the_tree;
    }
}

/// The names of the served tree, as ftplib and lftp change them.
fn clients_change_a_tree() {
    let (premises, server) = with_files();
    let port = server.address.port().to_string();
    let script = "
import ftplib, sys
ftp = ftplib.FTP()
ftp.connect('127.0.0.1', int(sys.argv[1]), timeout=20)
ftp.login()
assert ftp.mkd('qu\"ote') == '/qu\"ote'
assert ftp.rename('file', 'qu\"ote/moved').startswith('250')
assert ftp.sendcmd('MFMT 20240102030405 qu\"ote/moved') == '213 Modify=20240102030405; /qu\"ote/moved'
facts = dict(ftp.mlsd('qu\"ote'))['moved']
assert facts['modify'] == '20240102030405', facts
assert ftp.delete('qu\"ote/moved').startswith('250')
ftp.rmd('qu\"ote')
for action in (lambda: ftp.rmd('d'), lambda: ftp.delete('d'), lambda: ftp.rename('missing', 'x'), lambda: ftp.mkd('d')):
    try:
        action()
        raise SystemExit('it was done')
    except ftplib.error_perm as error:
        assert str(error).startswith('550'), error
ftp.quit()
";
    let python = Command::new("python3")
        .args(["-c", script, &port])
        .output()
        .expect("python runs");
    assert!(python.status.success(), "{python:?}");
    let lines = format!(
        "set cmd:fail-exit true; open -u anonymous,x 127.0.0.1:{port}; mkdir -p a/b/c; mv d a/b/d; chmod 700 a/b/c; \
         rm a/b/d/inside; rmdir a/b/d; rm -r empty; bye"
    );
    let lftp = Command::new("lftp")
        .args(["--norc", "-c", &lines])
        .env("HOME", premises.outside())
        .output()
        .expect("lftp runs");
    assert!(lftp.status.success(), "{lftp:?}");
    assert_eq!(
        fs::metadata(premises.root().join("a/b/c"))
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777,
        0o700
    );
    let left: Vec<_> = fs::read_dir(premises.root())
        .expect("ours")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(left, ["a"]);
}

fn lftp_removes_a_tree_and_nothing_that_its_links_lead_to() {
    for commands in ["rm -r A", "rm -rf A", "cd A; glob -a rm -r *; cd ..; rmdir A"] {
        for dialect in ["", "set ftp:use-mlsd no; "] {
            let tree = LinkTree::new();
            let script = format!("{dialect}{}; {commands}; bye", tree.open());
            let what = format!("{dialect}{commands}");
            let said = Workplace::new().run_well("lftp", &["--norc", "-c", &script], "");
            assert!(!said.contains("failed"), "{what}: {said}");
            tree.assert_a_is_gone(&what);
        }
    }
    // Named itself, a link goes alone.
    let tree = LinkTree::new();
    let script = format!("{}; rm -r A/to-directory; bye", tree.open());
    let _ = Workplace::new().run("lftp", &["--norc", "-c", &script], "");
    tree.assert_b_is_whole("rm -r A/to-directory");
}

fn lftp_mirrors_without_going_through_links_to_directories() {
    let tree = LinkTree::new();
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

fn rclone_removes_a_tree_and_nothing_that_its_links_lead_to() {
    let place = Workplace::new();
    let password = place.run_well("rclone", &["obscure", "x"], "");
    // What is left in A: `delete` and `sync` keep the directory that they are given.
    for (command, left) in [
        (&["purge"][..], None),
        (&["delete", "--rmdirs"], Some(0)),
        (&["sync", "nothing"], Some(0)),
    ] {
        let tree = LinkTree::new();
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
    let tree = LinkTree::new();
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
fn a_script_that_removes_what_it_does_not_know_as_a_directory_removes_the_tree() {
    let tree = LinkTree::new();
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
