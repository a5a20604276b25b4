//! Names of uploads: reserved, taken, links, hidden; modes and times; the drop box (threats H03, H13–H19, C).

use harness::accounts::snapshot;
use harness::server::Setup;
use harness::tree::noise;
use harness::{Server, tree, wait_until};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

fn drop_box() -> Server {
    Setup::new().for_uploads().arguments(&["--anonymous", "upload"]).start()
}

#[test]
fn h03_in_a_drop_box_nothing_can_be_replaced_read_or_changed() {
    let server = drop_box();
    server.write("taken", b"old");
    server.make_directory("d");
    let mut client = server.login();
    client.stores("STOR new", b"content");
    client.stores("STOR d/new", b"content");
    for command in ["STOR taken", "STOR new"] {
        assert_eq!(client.store(command, b"other").code, 553, "{command}");
    }
    for command in [
        "APPE new",
        "DELE new",
        "RNFR new",
        "MKD e",
        "RMD d",
        "RETR new",
        "SIZE new",
        "MDTM new",
        "MLST new",
        "LIST",
        "NLST",
        "MLSD",
        "STAT /",
        "STAT new",
        "HASH new",
        "XCRC new",
        "MFMT 20200101000000 new",
        "MDTM 20200101000000 new",
        "MFF UNIX.mode=0777; new",
        "SITE CHMOD 777 new",
        "SITE UTIME 20200101000000 new",
    ] {
        let _data = client.data();
        let reply = client.command(command);
        assert_eq!(reply.code, 550, "{command}: {reply:?}");
    }
    assert_eq!(client.code("REST 1"), 350);
    assert_eq!(client.store("STOR new", b"x").code, 550);
    assert_eq!(server.content("new").as_deref(), Some(&b"content"[..]));
    assert_eq!(server.content("taken").as_deref(), Some(&b"old"[..]));
}

#[test]
fn h03_of_two_uploads_of_one_new_name_in_a_drop_box_one_succeeds() {
    let server = drop_box();
    let (mut first, mut second) = (server.login(), server.login());
    let mut slow = first.begin("STOR file");
    slow.write_all(b"slow").expect("the server reads it");
    second.stores("STOR file", b"quick");
    drop(slow);
    first.expect(553);
    assert_eq!(server.content("file").as_deref(), Some(&b"quick"[..]));
    assert!(server.hidden_files().is_empty());
}

/// The name in "150 FILE: name".
fn chosen_name(reply: &harness::client::Reply) -> String {
    let text = reply.text();
    text.strip_prefix("150 FILE: ")
        .expect("the form of RFC 1123")
        .to_owned()
}

#[test]
fn h03_stou_gives_every_client_a_different_name() {
    for server in [drop_box(), Server::writable()] {
        let mut names = Vec::new();
        for command in ["STOU", "STOU wanted", "STOU wanted"] {
            // Two clients at once.
            let (mut first, mut second) = (server.login(), server.login());
            let mut uploads = Vec::new();
            for client in [&mut first, &mut second] {
                let data = client.data();
                uploads.push((chosen_name(&client.command(command)), data));
            }
            for (name, data) in &mut uploads {
                data.write_all(name.as_bytes()).expect("the server reads it");
            }
            names.extend(uploads.into_iter().map(|(name, _)| name));
            first.expect(226);
            second.expect(226);
        }
        for name in &names {
            assert_eq!(server.content(name).as_deref(), Some(name.as_bytes()));
        }
        assert!(
            names[2].starts_with("wanted.") && names[0].starts_with("upload."),
            "{names:?}"
        );
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 6);
        let mut client = server.login();
        assert_eq!(client.store(&format!("STOU {}", "x".repeat(255)), b"x").code, 553);
        assert_eq!(client.store("STOU missing/x", b"x").code, 550);
        assert!(server.hidden_files().is_empty());
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it exists").permissions().mode() & 0o7777
}

/// A server that was started with this mask, and these arguments.
fn masked(mask: &str, arguments: &[&str]) -> Server {
    let shell = format!("umask {mask}; exec \"$@\"");
    Setup::new()
        .for_uploads()
        .arguments(arguments)
        .under(&["sh", "-c", &shell, "sh"])
        .start()
}

#[test]
fn h13_new_files_follow_the_umask_and_are_never_executable() {
    for (mask, arguments, file, directory) in [
        ("000", &["--write"][..], 0o666, 0o777),
        ("022", &["--write"], 0o644, 0o755),
        ("027", &["--write"], 0o640, 0o750),
        ("077", &["--write"], 0o600, 0o700),
        ("077", &["--write", "--umask", "022"], 0o644, 0o755),
        ("000", &["--write", "--umask", "0027"], 0o640, 0o750),
    ] {
        let server = masked(mask, arguments);
        let mut client = server.login();
        client.stores("STOR file", b"x");
        client.stores("APPE appended", b"x");
        client.stores("STOU unique", b"x");
        assert_eq!(client.code("MKD d"), 257);
        for entry in fs::read_dir(server.directory()).expect("ours") {
            let path = entry.expect("an entry").path();
            let expected = if path.is_dir() { directory } else { file };
            assert_eq!(mode(&path), expected, "{mask} {arguments:?} {}", path.display());
        }
        for refused in ["4755", "2755", "1777", "7777"] {
            assert_eq!(client.code(&format!("SITE CHMOD {refused} file")), 504, "{refused}");
            assert_eq!(client.code(&format!("MFF UNIX.mode={refused}; file")), 504, "{refused}");
        }
        assert_eq!(client.code("SITE CHMOD 600 file"), 200);
        assert_eq!(mode(&server.directory().join("file")), 0o600);
        // A file that replaces an executable is not executable itself.
        assert_eq!(client.code("SITE CHMOD 755 file"), 200);
        client.stores("STOR file", b"y");
        assert_eq!(mode(&server.directory().join("file")), file);
    }
}

/// A file that the client may not fetch must not become readable for every program of the machine, such as a web
/// server.
#[test]
fn h13_drop_box_uploads_are_readable_by_owner_and_group_only() {
    for (mask, arguments, expected) in [
        ("000", &["--anonymous", "upload"][..], 0o640),
        ("022", &["--anonymous", "upload"], 0o640),
        ("077", &["--anonymous", "upload"], 0o600),
        ("077", &["--anonymous", "upload", "--umask", "000"], 0o640),
    ] {
        let server = masked(mask, arguments);
        let mut client = server.login();
        client.stores("STOR file", b"x");
        client.stores("STOU", b"x");
        for entry in fs::read_dir(server.directory()).expect("ours") {
            assert_eq!(mode(&entry.expect("an entry").path()), expected, "{mask} {arguments:?}");
        }
        assert_eq!(client.code("RETR file"), 550);
    }
}

#[test]
fn h19_site_umask_is_refused_and_read_only_servers_change_nothing() {
    let server = Server::writable();
    server.write("file", b"x");
    let mut client = server.login();
    for line in ["SITE UMASK 000", "SITE SYMLINK file link", "SITE EXEC id"] {
        assert_eq!(client.code(line), 502, "{line}");
    }
    for line in [
        "SITE CHMOD",
        "SITE CHMOD 777",
        "SITE CHMOD 888 file",
        "SITE CHMOD u+s file",
        "SITE CHMOD -1 file",
    ] {
        assert_eq!(client.code(line), 501, "{line}");
    }
    let read_only = Server::start();
    let path = read_only.write("file", b"x");
    let before = mode(&path);
    assert_eq!(read_only.login().code("SITE CHMOD 777 file"), 550);
    assert_eq!(mode(&path), before);
}

#[test]
fn h15_no_client_sees_an_upload_before_it_is_complete() {
    let server = Server::writable();
    server.write("d/visible", b"x");
    server.make_directory("d");
    let mut sender = server.login();
    let mut data = sender.begin("STOR d/file");
    data.write_all(&noise(1, 50_000)).expect("the server reads it");
    server.wait_for_hidden_bytes(50_000);
    let hidden = server.hidden_files()[0].clone();
    let name = hidden.file_name().expect("a name").to_str().expect("ASCII").to_owned();
    assert_eq!(name.len(), ".loopftpd-".len() + 32);
    assert_eq!(
        hidden.parent(),
        Some(&*server.directory().join("d")),
        "in the directory of its target"
    );
    let mut client = server.login();
    for listing in [
        "LIST -a d",
        "NLST -a d",
        "NLST d",
        "MLSD d",
        "NLST d/*",
        "LIST d/.l*",
        "NLST d/.*",
    ] {
        let _ = client.code("NOOP");
        let mut connection = client.data();
        let reply = client.command(listing);
        let mut text = String::new();
        if reply.code == 150 {
            std::io::Read::read_to_string(&mut connection, &mut text).expect("the listing");
            client.expect(226);
        }
        assert!(!text.contains(".loopftpd-"), "{listing}: {text}");
    }
    assert!(!client.command("STAT -a d").text().contains(".loopftpd-"));
    for line in [
        "RETR",
        "SIZE",
        "MDTM",
        "MLST",
        "MLSD",
        "DELE",
        "RNFR",
        "CWD",
        "RMD",
        "HASH",
        "XCRC",
        "AVBL",
        "MFMT 20200101000000",
        "SITE CHMOD 777",
        "MFF UNIX.mode=0777;",
        "SITE UTIME 20200101000000",
    ] {
        let _data = client.data();
        let reply = client.command(&format!("{line} d/{name}"));
        assert!([550, 501].contains(&reply.code), "{line}: {reply:?}");
    }
    for verb in ["STOR", "APPE", "STOU", "MKD"] {
        assert_eq!(client.store(&format!("{verb} d/{name}"), b"evil").code, 553, "{verb}");
        assert_eq!(
            client.store(&format!("{verb} d/.loopftpd-mine"), b"evil").code,
            553,
            "{verb}"
        );
    }
    assert_eq!(client.code("RNFR d/visible"), 350);
    assert_eq!(client.code(&format!("RNTO d/{name}")), 553);
    data.write_all(b"end").expect("the server reads it");
    drop(data);
    sender.expect(226);
    assert!(
        server
            .content("d/file")
            .is_some_and(|file| file == [&noise(1, 50_000)[..], b"end"].concat())
    );
}

#[test]
fn h16_reserved_names_are_refused() {
    let server = Server::writable();
    for directory in ["d", ".ssh", "home/.ssh"] {
        server.make_directory(directory);
    }
    let mut client = server.login();
    let long = "x".repeat(256);
    let names = [
        ".",
        "..",
        "/",
        "d/.",
        "d/..",
        "d",
        "d/",
        ".ftpaccess",
        ".htaccess",
        "d/.htaccess",
        ".ssh",
        ".netrc",
        "d/.netrc",
        ".forward",
        "d/../.forward",
        ".ssh/authorized_keys",
        "home/.ssh/authorized_keys",
        "/home/./.ssh/x",
        &long,
    ];
    for name in names {
        for verb in ["STOR", "APPE"] {
            let reply = client.store(&format!("{verb} {name}"), b"evil");
            assert_eq!(reply.code, 553, "{verb} {name}: {reply:?}");
        }
    }
    server.write("file", b"x");
    for name in [".htaccess", ".ssh", ".ssh/authorized_keys", "home/.ssh/rc", &long] {
        assert_eq!(client.code("RNFR file"), 350);
        assert_eq!(client.code(&format!("RNTO {name}")), 553, "{name}");
        assert!([553, 550].contains(&client.code(&format!("MKD {name}"))), "{name}");
    }
    for line in [
        &b"STOR a\0b\r\n"[..],
        b"STOR a\rb\r\n",
        b"STOR \x1b[2J\r\n",
        b"APPE a\x7f\r\n",
        b"STOU a\tb\r\n",
    ] {
        client.send_bytes(line);
        client.expect(501);
    }
    let left: Vec<_> = ["d", ".ssh", "home/.ssh"]
        .map(|name| fs::read_dir(server.directory().join(name)).expect("ours").count())
        .into();
    assert_eq!(left, [0, 0, 0]);
    // Names that only look like reserved ones.
    for name in ["htaccess", ".htaccess.txt", ".sshx", "...", "netrc"] {
        client.stores(&format!("STOR {name}"), b"x");
    }
}

/// Every changing command, and every name of an access control file: one rule.
#[test]
fn h16_no_verb_changes_access_control_files() {
    let server = Server::writable();
    let names = [
        ".ftpaccess",
        ".htaccess",
        ".htpasswd",
        ".netrc",
        ".forward",
        ".rhosts",
        ".shosts",
        ".HTaccess",
        "d/.htaccess",
        ".ssh/authorized_keys",
        "d/.SSH/config",
        "d/./.ssh/../.netrc",
    ];
    for directory in [".ssh", "d", "d/.SSH", "empty"] {
        server.make_directory(directory);
    }
    for name in names.iter().filter(|name| !name.contains("..")) {
        server.write(name, b"as it was");
    }
    server.write("file", b"x");
    server.write("d/.netrc", b"as it was");
    tree::give_to_server(server.directory());
    let before = snapshot(server.directory());
    let mut client = server.login();
    for (verb, expected) in [
        ("STOR", "553 No file can have that name here"),
        ("APPE", "553 No file can have that name here"),
        ("STOU", "553 No file can have that name here"),
        ("MKD", "553 No file can have that name here"),
        ("DELE", "550 Permission denied"),
        ("RMD", "550 Permission denied"),
        ("RNFR", "550 Permission denied"),
        ("MFMT 20200101000000", "550 Permission denied"),
        ("MFF Modify=20200101000000;", "550 Permission denied"),
        ("MFF UNIX.mode=0666;", "550 Permission denied"),
        ("SITE CHMOD 666", "550 Permission denied"),
        ("SITE UTIME 20200101000000", "550 Permission denied"),
    ] {
        for name in names {
            let reply = client.store(&format!("{verb} {name}"), b"evil");
            assert_eq!(reply.text(), expected, "{verb} {name}");
        }
    }
    for directory in [".ssh", "d/.SSH", ".ssh/"] {
        for verb in ["RMD", "RNFR", "SITE CHMOD 777"] {
            assert_eq!(
                client.command(&format!("{verb} {directory}")).text(),
                "550 Permission denied"
            );
        }
    }
    for to in names {
        for from in ["file", "empty"] {
            assert_eq!(client.code(&format!("RNFR {from}")), 350);
            assert_eq!(client.code(&format!("RNTO {to}")), 553, "{from} {to}");
        }
        assert_eq!(client.code("REST 1"), 350);
        assert_eq!(
            client.store(&format!("STOR {to}"), b"evil").code,
            553,
            "REST and STOR {to}"
        );
    }
    assert_eq!(snapshot(server.directory()), before);
    // Reading them is allowed.
    assert_eq!(client.fetch("RETR .htaccess"), b"as it was");
}

#[test]
fn h17_removal_spares_readers_and_refuses_full_and_missing_names() {
    let server = Server::writable();
    let content = noise(1, 8_000_000);
    server.write("open", &content);
    server.write("full/inside", b"x");
    server.write("a", b"a");
    server.write("b", b"b");
    server.make_directory("empty");
    let mut client = server.login();
    // A file that is being read loses only its name.
    let mut reader = server.login();
    let mut data = reader.begin("RETR open");
    assert_eq!(client.code("DELE open"), 250);
    assert_eq!(client.code("SIZE open"), 550);
    let mut read = Vec::new();
    std::io::Read::read_to_end(&mut data, &mut read).expect("the data");
    reader.expect(226);
    assert!(read == content);
    for (line, code) in [
        ("RMD full", 550),
        ("RMD a", 550),
        ("RMD missing", 550),
        ("RMD /", 550),
        ("DELE full", 550),
        ("DELE missing", 550),
        ("DELE /", 550),
        ("MKD empty", 550),
        ("MKD a", 550),
        ("MKD /", 550),
        ("MKD missing/x", 550),
        ("RNFR missing", 550),
        ("RNTO b", 503),
    ] {
        assert_eq!(client.code(line), code, "{line}");
    }
    for (from, to, code) in [
        ("full", "full/into-itself", 550),
        ("full", "a", 550),
        ("a", "full", 550),
        ("empty", "full", 550),
        ("a", "missing/x", 550),
        ("a", "b", 250),
        ("b", "b", 250),
        ("full", "moved", 250),
    ] {
        assert_eq!(client.code(&format!("RNFR {from}")), 350);
        let reply = client.command(&format!("RNTO {to}"));
        assert_eq!(reply.code, code, "{from} to {to}: {reply:?}");
    }
    assert_eq!(server.content("b").as_deref(), Some(&b"a"[..]));
    assert_eq!(server.content("moved/inside").as_deref(), Some(&b"x"[..]));
    // The working directory is a name like any other.
    assert_eq!(client.code("CWD empty"), 250);
    assert_eq!(client.code("RMD ."), 250);
    assert_eq!(client.code("PWD"), 257);
    assert_eq!(client.store("STOR x", b"x").code, 550);
    assert_eq!(client.code("CDUP"), 250);
}

#[test]
fn h18_times_out_of_range_are_refused_or_clamped() {
    let server = Server::writable();
    server.write("file", b"x");
    let mut client = server.login();
    for bad in [
        "MFMT",
        "MFMT file",
        "MFMT 20240101000000",
        "MFMT 2024 file",
        "MFMT 20241301000000 file",
        "MFMT 20240230000000 file",
        "MFMT 20240101250000 file",
        "MFMT -2024010100000 file",
        "MFMT 99999999999999 file",
        "MFMT 20240101000000. file",
        "MFF Modify=1; file",
        "SITE UTIME 99999999999999 file",
    ] {
        assert_eq!(client.code(bad), 501, "{bad}");
    }
    // The overflow of an old server: a time before anything else.
    for legacy in [
        format!("MDTM 20031111111111+{} file", "A".repeat(3_000)),
        format!("MDTM 20031111111111 {}", "A".repeat(3_000)),
        "MDTM 99999999999999 file".to_owned(),
        "MDTM 20240101000000 missing".to_owned(),
    ] {
        assert!(
            (500..560).contains(&client.code(&legacy)),
            "{}",
            &legacy[..40.min(legacy.len())]
        );
    }
    let modified = || {
        fs::metadata(server.directory().join("file"))
            .and_then(|file| file.modified())
            .expect("a time")
    };
    let before = modified();
    assert!(before.elapsed().is_ok(), "none of them has set it");
    for extreme in [
        "00000101000000",
        "00010101000000",
        "19691231235959",
        "20380119031408",
        "99991231235959",
    ] {
        let reply = client.command(&format!("MFMT {extreme} file"));
        assert!([213, 550].contains(&reply.code), "{extreme}: {reply:?}");
        assert!(client.command("MDTM file").text().starts_with("213 "), "{extreme}");
    }
    assert_eq!(
        client.command("MFMT 20240102030405 file").text(),
        "213 Modify=20240102030405; /file"
    );
    assert_eq!(client.command("MDTM file").text(), "213 20240102030405");
    assert_eq!(client.code("MDTM 20230102030405 file"), 213);
    assert_eq!(client.command("MDTM file").text(), "213 20230102030405");
}

#[test]
fn h14_uploads_follow_links_inside_the_root_and_never_outside() {
    let outside = tempfile::TempDir::new().expect("a directory");
    let root = outside.path().join("root");
    fs::create_dir_all(&root).expect("a directory");
    fs::set_permissions(outside.path(), fs::Permissions::from_mode(0o777)).expect("ours");
    fs::write(outside.path().join("secret"), b"canary").expect("a file");
    fs::set_permissions(outside.path().join("secret"), fs::Permissions::from_mode(0o666)).expect("ours");
    let server = Setup::new().writable().directory(&root).start();
    server.write("file", b"old");
    server.make_directory("d");
    for (target, name) in [
        ("d", "inside"),
        ("..", "up"),
        (outside.path().to_str().expect("UTF-8"), "absolute"),
        ("../secret", "secret"),
        ("../new", "dangling-outside"),
        ("nowhere", "dangling"),
        ("file", "to-file"),
    ] {
        symlink(target, root.join(name)).expect("a link");
    }
    let mut client = server.login();
    client.stores("STOR inside/new", b"content");
    assert_eq!(server.content("d/new").as_deref(), Some(&b"content"[..]));
    client.stores("APPE to-file", b" and new");
    assert_eq!(server.content("file").as_deref(), Some(&b"old and new"[..]));
    for name in [
        "up/new",
        "absolute/new",
        "up/secret",
        "secret",
        "dangling-outside",
        "dangling",
        "up/root/new",
    ] {
        for verb in ["STOR", "APPE", "STOU"] {
            if verb == "STOU" && !name.contains('/') {
                continue;
            }
            assert_eq!(
                client.store(&format!("{verb} {name}"), b"evil").code,
                550,
                "{verb} {name}"
            );
        }
        assert_eq!(client.code("REST 1"), 350);
        assert_eq!(client.store(&format!("STOR {name}"), b"evil").code, 550, "{name}");
        for verb in ["MKD", "SITE CHMOD 777", "MFMT 20200101000000"] {
            assert_eq!(client.code(&format!("{verb} {name}")), 550, "{verb} {name}");
        }
        assert_eq!(client.code("RNFR file"), 350);
        if name.contains('/') {
            assert_eq!(client.code(&format!("RNTO {name}")), 550, "{name}");
        }
    }
    let mut names: Vec<_> = fs::read_dir(outside.path())
        .expect("ours")
        .map(|entry| entry.expect("ours").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["root", "secret"]);
    assert_eq!(fs::read(outside.path().join("secret")).expect("ours"), b"canary");
    // A link is removed and replaced itself.
    assert_eq!(client.code("DELE secret"), 250);
    client.stores("STOR to-file", b"itself");
    assert_eq!(server.content("file").as_deref(), Some(&b"old and new"[..]));
    assert!(fs::symlink_metadata(root.join("to-file")).is_ok_and(|link| link.is_file()));
}

#[test]
fn h14_files_with_names_like_temporary_ones_are_untouched() {
    let outside = tempfile::TempDir::new().expect("a directory");
    let victim = outside.path().join("victim");
    fs::write(&victim, b"untouched").expect("a file");
    fs::set_permissions(&victim, fs::Permissions::from_mode(0o666)).expect("ours");
    fs::set_permissions(outside.path(), fs::Permissions::from_mode(0o777)).expect("ours");
    let server = Server::writable();
    for number in 0..256_u32 {
        let name = format!(".loopftpd-{:032x}", u128::from(number) << 120);
        symlink(&victim, server.directory().join(name)).expect("a link");
    }
    let mut client = server.login();
    for number in 0..20 {
        client.stores("STOR file", format!("content {number}").as_bytes());
    }
    assert_eq!(fs::read(&victim).expect("ours"), b"untouched");
    assert_eq!(server.content("file").as_deref(), Some(&b"content 19"[..]));
    assert_eq!(server.hidden_files().len(), 256, "neither changed nor removed");
}

#[test]
fn h14_an_upload_follows_its_directory_when_that_is_moved_or_swapped() {
    let outside = tempfile::TempDir::new().expect("a directory");
    fs::set_permissions(outside.path(), fs::Permissions::from_mode(0o777)).expect("ours");
    let server = Server::writable();
    server.make_directory("d");
    let (mut client, mut other) = (server.login(), server.login());
    let mut data = client.begin("STOR d/file");
    data.write_all(&noise(1, 100_000)).expect("the server reads it");
    server.wait_for_hidden_bytes(100_000);
    assert_eq!(other.code("RNFR d"), 350);
    assert_eq!(other.code("RNTO moved"), 250);
    symlink(outside.path(), server.directory().join("d")).expect("a link");
    drop(data);
    client.expect(226);
    assert!(
        server
            .content("moved/file")
            .is_some_and(|file| file == noise(1, 100_000))
    );
    assert_eq!(fs::read_dir(outside.path()).expect("ours").count(), 0);
    // A directory that is removed with its content no longer has a place for the file.
    server.make_directory("gone");
    let mut data = client.begin("STOR gone/file");
    data.write_all(&noise(1, 100_000)).expect("the server reads it");
    server.wait_for_hidden_bytes(100_000);
    assert_eq!(other.code("RMD gone"), 550, "not empty");
    fs::remove_dir_all(server.directory().join("gone")).expect("ours");
    drop(data);
    client.expect(451);
    assert!(server.hidden_files().is_empty());
}

/// Swaps a directory and a link to the outside constantly, while files are uploaded through that name.
#[test]
fn c04_no_upload_gets_out_through_a_link_that_is_swapped_constantly() {
    let outside = tempfile::TempDir::new().expect("a directory");
    fs::set_permissions(outside.path(), fs::Permissions::from_mode(0o777)).expect("ours");
    let server = Server::writable();
    server.make_directory("swap");
    let root = server.directory();
    symlink(outside.path(), root.join("other")).expect("a link");
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (swap, other) = (root.join("swap"), root.join("other"));
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                rustix::fs::renameat_with(rustix::fs::CWD, &swap, rustix::fs::CWD, &other, flags).expect("ours");
            }
        });
        let mut client = server.login();
        let mut stored = 0;
        for number in 0..300 {
            match client.store(&format!("STOR swap/{number}"), b"x").code {
                226 => stored += 1,
                code => assert!([550, 450].contains(&code), "{code}"),
            }
            for line in [format!("MKD swap/d{number}"), format!("DELE swap/{number}")] {
                let code = client.code(&line);
                assert!([257, 250, 550, 450].contains(&code), "{line}: {code}");
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(stored > 0);
    });
    assert_eq!(fs::read_dir(outside.path()).expect("ours").count(), 0);
    assert!(server.hidden_files().is_empty());
}

#[test]
fn c08_an_upload_replaces_only_regular_files() {
    let server = Server::writable();
    let fifo = server.directory().join("fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o666);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).expect("a FIFO");
    let _socket = std::os::unix::net::UnixListener::bind(server.directory().join("socket")).expect("a socket");
    let mut client = server.login();
    for name in ["fifo", "socket"] {
        for verb in ["STOR", "APPE", "DELE", "RNFR", "SITE CHMOD 777", "MFMT 20200101000000"] {
            assert_eq!(client.store(&format!("{verb} {name}"), b"x").code, 550, "{verb} {name}");
        }
    }
    wait_until("nothing hidden", || server.hidden_files().is_empty());
    assert_eq!(client.code("NOOP"), 200);
}
