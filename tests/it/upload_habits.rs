//! How clients upload, replayed line by line: what they ask first, temporary names, times and modes set afterwards.
//! Client programs that can be installed are in `tests/external/client_uploads.rs`.

use harness::accounts::{Premises, client_of};
use harness::client::connect;
use harness::{Client, Server, wait_until};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

/// Sends each line and expects the reply to begin like this.
fn conversation(client: &mut Client, lines: &[(&str, &str)]) {
    for (line, expected) in lines {
        let reply = client.command(line).text();
        assert!(reply.starts_with(expected), "{line}: {reply}");
    }
}

fn stored(server: &Server, path: &str) -> Vec<u8> {
    fs::read(server.directory().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn mode(server: &Server, path: &str) -> u32 {
    let metadata = fs::metadata(server.directory().join(path)).expect("stored");
    metadata.permissions().mode() & 0o777
}

/// FileZilla: a folder is made level by level, a file is stored and given its time; the listing is read again after
/// each.
#[test]
fn a_file_manager_uploads_a_folder_and_keeps_its_times() {
    let server = Server::writable();
    let mut client = server.connect();
    conversation(
        &mut client,
        &[
            ("AUTH TLS", "502"),
            ("AUTH SSL", "502"),
            ("USER anonymous", "331"),
            ("PASS anonymous@example.com", "230 Logged in"),
            ("SYST", "215 UNIX Type: L8"),
            ("FEAT", "211-"),
            ("CLNT FileZilla", "200"),
            ("OPTS UTF8 ON", "200"),
            ("PWD", "257 \"/\""),
            ("TYPE I", "200"),
        ],
    );
    assert_eq!(client.fetch_text("MLSD"), "");
    conversation(
        &mut client,
        &[
            ("CWD /new folder", "550"),
            ("CWD /", "250"),
            ("MKD new folder", "257 \"/new folder\" created"),
            ("CWD new folder", "250"),
            ("PWD", "257 \"/new folder\""),
            // Two connections make the same folder.
            ("MKD /new folder", "550 Directory already exists"),
            ("TYPE I", "200"),
        ],
    );
    client.stores("STOR photo.jpg", b"first");
    conversation(
        &mut client,
        &[(
            "MFMT 20200102030405 photo.jpg",
            "213 Modify=20200102030405; /new folder/photo.jpg",
        )],
    );
    let listing = client.fetch_text("MLSD");
    assert!(
        listing.starts_with("type=file;size=5;modify=20200102030405;perm=adfrw;"),
        "{listing}"
    );
    // The file exists already: its size is queried, then it is resumed, then replaced.
    conversation(
        &mut client,
        &[
            ("SIZE photo.jpg", "213 5"),
            ("MDTM photo.jpg", "213 20200102030405"),
            ("TYPE I", "200"),
        ],
    );
    client.stores("APPE photo.jpg", b" second");
    assert_eq!(stored(&server, "new folder/photo.jpg"), b"first second");
    client.stores("STOR photo.jpg", b"third");
    assert_eq!(stored(&server, "new folder/photo.jpg"), b"third");
    // Permissions, drag and drop, and the folder removed from inside out.
    conversation(
        &mut client,
        &[
            ("SITE CHMOD 600 photo.jpg", "200"),
            ("RNFR photo.jpg", "350"),
            ("RNTO /photo moved.jpg", "250"),
            ("CWD /", "250"),
            ("DELE photo moved.jpg", "250"),
            ("RMD new folder", "250"),
            ("RMD new folder", "550"),
        ],
    );
    assert_eq!(client.fetch_text("MLSD"), "");
}

/// WinSCP: a large file has a temporary name until it is complete, and is resumed under it.
#[test]
fn an_explorer_uploads_under_another_name_and_renames() {
    let server = Server::writable();
    let mut client = server.connect();
    conversation(
        &mut client,
        &[
            ("USER anonymous", "331"),
            ("PASS anonymous@example.com", "230"),
            ("SYST", "215"),
            ("FEAT", "211-"),
            ("CLNT WinSCP-release-6.3", "200"),
            ("OPTS UTF8 ON", "200"),
            // 4xx would mean that nothing can be resumed.
            ("OPTS REST STOR", "501"),
            ("PWD", "257 \"/\""),
            ("CWD /", "250"),
            ("MKD backup", "257 \"/backup\""),
            ("MKD backup", "550 Directory already exists"),
            ("CWD backup", "250"),
            ("AVBL", "213 "),
            ("TYPE I", "200"),
        ],
    );
    client.stores("STOR disk.img", b"an older one, longer");
    client.stores("STOR disk.img.filepart", b"01234");
    conversation(&mut client, &[("SIZE disk.img.filepart", "213 5"), ("REST 5", "350")]);
    client.stores("STOR disk.img.filepart", b"56789");
    conversation(
        &mut client,
        &[
            ("DELE disk.img", "250"),
            ("RNFR disk.img.filepart", "350"),
            ("RNTO disk.img", "250"),
            ("MFMT 20011231235959 disk.img", "213 Modify=20011231235959; "),
            ("SITE CHMOD 0640 disk.img", "200"),
            (
                "XSHA256 disk.img",
                "250 84D89877F0D4041EFB6BF91A16F0248F2FD573E6AF05C19F96BEDB9F882F7882",
            ),
            ("REST 0", "350"),
            ("NOOP", "200"),
        ],
    );
    assert_eq!(stored(&server, "backup/disk.img"), b"0123456789");
    assert_eq!(mode(&server, "backup/disk.img"), 0o640);
    let listing = client.fetch_text("MLSD");
    assert!(
        listing.lines().count() == 1 && listing.contains("modify=20011231235959;"),
        "{listing}"
    );
    // It also replaces a file directly.
    client.stores("STOR disk.img.filepart", b"next");
    conversation(
        &mut client,
        &[("RNFR disk.img.filepart", "350"), ("RNTO disk.img", "250 Renamed")],
    );
    assert_eq!(stored(&server, "backup/disk.img"), b"next");
}

/// Cameras and scanners: no listing, no FEAT, active mode, directories of the date, old verbs, sometimes STOU.
#[test]
fn a_camera_stores_files_by_date_in_active_mode() {
    let server = Server::writable();
    let mut client = server.connect();
    conversation(
        &mut client,
        &[
            ("USER anonymous", "331"),
            ("PASS camera", "230"),
            ("CWD 2026", "550 File not found"),
            ("XMKD 2026", "257 \"/2026\""),
            ("CWD 2026", "250"),
            ("MKD 11", "257 \"/2026/11\""),
            ("CWD 11", "250"),
            ("TYPE I", "200"),
            ("MODE S", "200"),
            ("STRU F", "200"),
            ("ALLO 8", "202"),
        ],
    );
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let [high, low] = port.to_be_bytes();
    for (command, bytes) in [("STOR 0001.jpg", b"picture1"), ("STOU 0001.jpg", b"picture2")] {
        assert_eq!(client.code(&format!("PORT 127,0,0,1,{high},{low}")), 200);
        client.send(command);
        client.expect(150);
        let (data, _) = listener.accept().expect("the server connects");
        let mut data = client.data_connection(data);
        data.write_all(bytes).expect("the server reads it");
        drop(data);
        client.expect(226);
    }
    let mut names: Vec<String> = client.fetch_text("NLST").lines().map(str::to_owned).collect();
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(stored(&server, "2026/11/0001.jpg"), b"picture1");
    assert!(names[1].starts_with("0001.jpg."), "{names:?}");
    assert_eq!(stored(&server, &format!("2026/11/{}", names[1])), b"picture2");
}

/// A desktop client in TYPE A, with QUIT right after the data: the text is stored, with this system's line ends, before
/// the 221.
#[test]
fn a_desktop_client_quits_while_its_upload_is_being_sent() {
    let server = Server::writable();
    let mut client = server.connect();
    conversation(
        &mut client,
        &[
            ("USER anonymous", "331"),
            ("PASS IEUser@", "230"),
            ("opts utf8 on", "200"),
            ("TYPE A", "200"),
        ],
    );
    let mut data = {
        let address = client.extended_passive();
        client.data_connection(connect(address, None))
    };
    client.send_bytes(b"STOR note.txt\r\nQUIT\r\n");
    client.expect(150);
    data.write_all(b"one\r\ntwo\r\n").expect("the server reads it");
    drop(data);
    client.expect(226);
    client.expect(221);
    assert!(client.is_closed());
    assert_eq!(stored(&server, "note.txt"), b"one\ntwo\n");
}

/// WinSCP queries the free space before a large upload: for this client it is what the quota leaves.
#[test]
fn h12_avbl_reports_what_the_quota_leaves() {
    let premises = Premises::new();
    premises.make_directory("home");
    premises.write("home/old", &[0; 4_000]);
    premises.write_users(&[("alice", "/home:read,write:quota=10000")]);
    let server = premises.serve_accounts(&[]);
    let mut client = client_of(&server, "alice");
    // Until the quota has been measured, it is not known.
    wait_until("the quota is measured", || client.code("AVBL") != 450);
    assert_eq!(client.command("AVBL").text(), "213 6000");
    client.stores("STOR new", &[0; 1_000]);
    assert_eq!(client.command("AVBL").text(), "213 5000");
    assert_eq!(client.code("DELE old"), 250);
    assert_eq!(client.command("AVBL").text(), "213 9000");
}

/// A client that may only read is refused before it sends anything, and the session goes on.
#[test]
fn uploads_without_the_right_are_refused_before_the_data() {
    let server = Server::start();
    server.write("file", b"12345");
    let mut client = server.login();
    for line in [
        "STOR new",
        "APPE file",
        "STOU",
        "DELE file",
        "MKD new",
        "RMD new",
        "RNFR file",
        "MFMT 20200102030405 file",
        "MFF modify=20200102030405; file",
        "MDTM 20200102030405 file",
        "SITE CHMOD 600 file",
        "SITE UTIME 20200102030405 file",
        "AVBL",
    ] {
        client.passive();
        assert_eq!(client.command(line).text(), "550 This server is read-only", "{line}");
    }
    assert_eq!(client.code("RNTO new"), 503);
    assert_eq!(client.fetch("RETR file"), b"12345");
}
