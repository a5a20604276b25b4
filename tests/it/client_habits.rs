//! Sessions with the exact commands of common clients: odd spellings, probes, and their order (docs/clients.md).
//! `tests/external/clients.rs` runs clients that can be installed.

use harness::server::Setup;
use harness::{Client, Server};

/// Sends each line and expects its code.
fn conversation(client: &mut Client, lines: &[(&str, u16)]) {
    for (line, code) in lines {
        let reply = client.command(line);
        assert_eq!(reply.code, *code, "{line}: {}", reply.text());
    }
}

#[test]
fn the_greeting_is_one_line_and_replies_that_clients_parse_are_exact() {
    let server = Server::start();
    server.write("12 bytes.txt", b"0123456789");
    let mut client = Client::connect_silently(server.address, None);
    let greeting = client.expect(220);
    assert!(greeting.lines.len() == 1 && greeting.text().is_ascii(), "{greeting:?}");
    assert_eq!(client.command("SYST").text(), "215 UNIX Type: L8");
    client.login();
    for (line, reply) in [
        ("PWD", "257 \"/\" is the current directory"),
        ("SIZE 12 bytes.txt", "213 10"),
        ("OPTS MLST type;size;modify;", "200 MLST OPTS type;size;modify;"),
        ("MODE C", "504 Not implemented for that parameter"),
    ] {
        assert_eq!(client.command(line).text(), reply, "{line}");
    }
    assert_eq!(client.code("CDUP"), 250, "clients are written for 250");
    // A reply without a size must not contain anything that looks like one.
    for (kind, command) in [
        ("TYPE A", "RETR 12 bytes.txt"),
        ("TYPE A", "LIST"),
        ("TYPE I", "LIST"),
        ("TYPE I", "MLSD"),
    ] {
        assert_eq!(client.code(kind), 200);
        let _data = client.data();
        client.send(command);
        let opening = client.expect(150).text();
        assert!(
            !opening[4..].contains(|character: char| character.is_ascii_digit() || character == '('),
            "{opening}"
        );
        client.expect(226);
    }
}

#[test]
fn feat_lists_features_in_the_words_that_clients_parse() {
    let server = Server::start();
    let mut client = server.connect();
    let reply = client.command("FEAT");
    assert_eq!(reply.code, 211);
    let features: Vec<&str> = reply.lines[1..reply.lines.len() - 1]
        .iter()
        .map(String::as_str)
        .collect();
    for wanted in [" SIZE", " MDTM", " UTF8", " REST STREAM", " EPSV", " TVFS", " CLNT"] {
        assert!(features.contains(&wanted), "{wanted}: {features:?}");
    }
    assert!(
        features.contains(&" MLST type*;size*;modify*;perm*;unique*;UNIX.mode*;"),
        "{features:?}"
    );
    assert!(
        !features
            .iter()
            .any(|feature| feature.contains("MLSD") || feature.contains("PRET")),
        "{features:?}"
    );
    assert!(
        !features.contains(&" MODE Z"),
        "lftp would deflate everything: {features:?}"
    );
}

/// lftp and rclone set times with MFMT where FEAT lists it, and otherwise by guessing or not at all.
#[test]
fn feat_lists_what_can_be_changed_where_writing_is_allowed() {
    let told = |arguments: &[&str]| {
        let server = Setup::new().for_uploads().arguments(arguments).start();
        server.connect().command("FEAT").lines
    };
    let (read_only, writable) = (told(&[]), told(&["--write"]));
    for feature in [" AVBL", " MFF modify;UNIX.mode;", " MFMT"] {
        assert!(writable.iter().any(|line| line == feature), "{writable:?}");
        assert!(!read_only.iter().any(|line| line == feature), "{read_only:?}");
    }
    let deflating = told(&["--announce-mode-z"]);
    assert!(deflating.iter().any(|line| line == " MODE Z"), "{deflating:?}");
}

/// Line ends and segments of simple clients and of people with telnet.
#[test]
fn lines_may_end_in_crlf_lf_or_a_mix() {
    let server = Server::start();
    for end in ["\r\n", "\n", "\n\r", "\r\n\n"] {
        let mut client = server.connect();
        let script = ["USER anonymous", "PASS x", "TYPE I", "NOOP", "PWD", "QUIT", ""].join(end);
        for byte in script.bytes() {
            client.send_bytes(&[byte]);
        }
        for code in [331, 230, 200, 200, 257, 221] {
            client.expect(code);
        }
    }
}

#[test]
fn clnt_feat_and_other_probes_are_answered_before_login() {
    let server = Server::start();
    let mut client = server.connect();
    conversation(
        &mut client,
        &[
            ("CLNT WinSCP-release-6.3", 200),
            ("OPTS UTF8 ON", 200),
            ("opts utf8 on", 200),
            ("OPTS UTF-8 ON", 200),
            ("OPTS UTF8", 200),
            ("FEAT", 211),
            ("SYST", 215),
            ("HOST files.example.org", 220),
            ("AUTH TLS", 502),
            ("user Anonymous", 331),
            ("pass guest@", 230),
        ],
    );
}

#[test]
fn types_structures_and_keep_alives_are_accepted_in_every_spelling() {
    let server = Server::start();
    let mut client = server.login();
    conversation(
        &mut client,
        &[
            ("TYPE L 8", 200),
            ("TYPE L8", 200),
            ("TYPE A N", 200),
            ("TYPE I N", 200),
            ("TYPE i", 200),
            ("TYPE E", 504),
            ("MODE S", 200),
            ("STRU F", 200),
            ("STRU R", 504),
            ("ALLO 100", 202),
            ("ALLO 100 R 80", 202),
            ("ACCT x", 202),
            ("REST 0", 350),
            ("TYPE A", 200),
            ("REST 0", 350),
            ("TYPE I", 200),
            ("PWD", 257),
            ("NOOP", 200),
            ("PRET RETR file", 200),
            ("REIN", 220),
            ("PWD", 530),
        ],
    );
}

#[test]
fn probes_for_unknown_commands_and_missing_files_are_refused_without_effect() {
    let server = Server::start();
    let mut client = server.login();
    conversation(
        &mut client,
        &[
            ("SITE HELP", 214),
            ("HELP SITE", 214),
            ("HELP", 214),
            ("SITE RETRBUFSIZE 65536", 502),
            ("SITE RBUFSIZ 65536", 502),
            ("SITE UMASK 022", 502),
            ("SITE SYMLINK a b", 502),
            ("MFF modify=20200101000000; file", 550),
            ("OPTS REST STOR", 501),
            ("OPTS BOGUS", 501),
            ("XSHA256 file", 550),
            ("WXYZ", 500),
            ("NOOP", 200),
        ],
    );
}

#[test]
fn directories_can_be_entered_in_every_spelling() {
    let server = Server::start();
    server.write("a/b/file", b"12345");
    let mut client = server.login();
    for (line, directory) in [
        ("CWD a/", "/a"),
        ("CWD ..", "/"),
        ("CWD //a//b", "/a/b"),
        ("CDUP", "/a"),
        ("CWD b", "/a/b"),
        ("CWD ~", "/"),
        ("CWD a", "/a"),
        ("CWD ", "/"),
        ("XCWD a/./b/../b", "/a/b"),
        ("CWD /", "/"),
        ("CWD ../../..", "/"),
    ] {
        assert_eq!(client.code(line), 250, "{line}");
        let reply = client.command("PWD").text();
        assert_eq!(reply, format!("257 \"{directory}\" is the current directory"), "{line}");
    }
}

#[test]
fn every_command_gets_one_reply_and_none_is_sent_unasked() {
    let server = Server::start();
    server.write("file", b"12345");
    let mut client = server.login();
    // Keep-alives of Total Commander, and lftp without sync-mode: many commands at once, each answered once.
    client.send_bytes(b"NOOP\r\nNOOP\r\nPWD\r\nSIZE file\r\nMDTM nothing\r\nNOOP\r\n");
    for code in [200, 200, 257, 213, 550, 200] {
        client.expect(code);
    }
    assert_eq!(client.fetch("RETR file"), b"12345");
    client.send_bytes(b"SIZE file\r\nQUIT\r\n");
    client.expect(213);
    client.expect(221);
    assert!(client.is_closed());
}

#[test]
fn a_file_manager_asks_for_features_first() {
    let server = Server::start();
    server.write("docs/note.txt", b"12345");
    let mut client = server.connect();
    conversation(
        &mut client,
        &[
            ("AUTH TLS", 502),
            ("AUTH SSL", 502),
            ("USER anonymous", 331),
            ("PASS anonymous@example.com", 230),
            ("SYST", 215),
            ("FEAT", 211),
            ("CLNT FileZilla", 200),
            ("OPTS UTF8 ON", 200),
            ("PWD", 257),
            ("TYPE I", 200),
        ],
    );
    let listing = client.fetch_text("MLSD");
    assert_eq!(listing.lines().count(), 1, "neither cdir nor pdir: {listing}");
    assert!(
        listing.starts_with("type=dir;") && listing.ends_with("; docs\r\n"),
        "{listing}"
    );
    assert_eq!(client.code("CWD docs"), 250);
    assert_eq!(client.command("SIZE note.txt").text(), "213 5");
    let time = client.command("MDTM note.txt").text();
    assert!(
        time.len() == 18 && time.bytes().skip(4).all(|byte| byte.is_ascii_digit()),
        "{time}"
    );
    assert!(
        client.fetch_text("MLSD").contains(&format!("modify={};", &time[4..])),
        "one zone for both"
    );
    conversation(&mut client, &[("TYPE A", 200)]);
    assert_eq!(client.fetch("RETR note.txt"), b"12345");
}

#[test]
fn a_desktop_client_lists_in_type_a_and_compares_the_directory() {
    let server = Server::start();
    server.write("a b/c", b"1");
    let mut client = server.connect();
    conversation(
        &mut client,
        &[
            ("USER anonymous", 331),
            ("PASS IEUser@", 230),
            ("opts utf8 on", 200),
            ("PWD", 257),
            ("CWD /a b/", 250),
            ("TYPE A", 200),
        ],
    );
    assert_eq!(client.command("PWD").text(), "257 \"/a b\" is the current directory");
    let listing = client.fetch_text("LIST");
    let line = listing.trim_end();
    assert!(line.starts_with("-rw") && line.ends_with(" c"), "{line}");
    assert_eq!(line.split_whitespace().next().map(str::len), Some(10), "{line}");
}

#[test]
fn a_downloader_walks_by_component_and_sends_rest_after_pasv() {
    let server = Server::start();
    server.write("x/y/file", b"0123456789");
    let mut client = server.connect();
    conversation(
        &mut client,
        &[
            ("USER anonymous", 331),
            ("PASS ftp@example.com", 230),
            ("PWD", 257),
            ("CWD x", 250),
            ("CWD y", 250),
        ],
    );
    let data = harness::client::connect(client.extended_passive(), None);
    conversation(
        &mut client,
        &[("TYPE I", 200), ("SIZE file", 213), ("REST 7", 350), ("RETR file", 150)],
    );
    let rest = std::io::read_to_string(data).expect("the rest");
    assert_eq!(rest, "789");
    client.expect(226);
}
