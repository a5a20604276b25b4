//! Confinement must not break a legal action (threat L17): a confined server answers every command like an unconfined
//! one. Anything else that is taken from a confined server has to pass the same conversation.

use harness::accounts::{ConfinedBy, PASSWORD, Premises};
use harness::{Client, Server, trials, wait_until};
use libtest_mimic::Trial;
use loopftpd::ftp::command::served_verbs;
use rustix::process::Signal;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::fs::PermissionsExt;

pub fn trials() -> Vec<Trial> {
    trials! {
        "root setpriv":
            l17_a_confined_server_answers_every_verb_like_an_unconfined_one;
    }
}

/// Every command of an account in a sensible order, and commands that are refused. A new command, or a new use of one,
/// is a line here. Transfers get their data connection from `PASV`; uploads store a short text.
const CONVERSATION: &[&str] = &[
    // Before login.
    "SIZE file",
    "HOST example.org",
    "AUTH TLS",
    "PBSZ 0",
    "PROT P",
    "CCC",
    "CLNT test",
    "FEAT",
    "HELP",
    "SYST",
    "NOOP",
    "OPTS UTF8 ON",
    "ACCT x",
    "USER alice",
    "PASS wrong",
    "USER nobody",
    "PASS wrong",
    "USER alice",
    "PASS secret",
    // The session.
    "PWD",
    "XPWD",
    "STAT",
    "SITE HELP",
    "SITE EXEC ls",
    "PRET RETR file",
    "ALLO 10",
    "STRU F",
    "TYPE I",
    "MODE S",
    "SMNT x",
    "XYZZY",
    // Directories.
    "MKD d",
    "MKD d",
    "XMKD e",
    "CWD d",
    "XCWD .",
    "CDUP",
    "CWD e",
    "XCUP",
    "CWD missing",
    "CWD ../../../etc",
    // Uploads.
    "STOR file",
    "STOR d/file",
    "STOR missing/file",
    "APPE file",
    "REST 7",
    "STOR file",
    "STOU",
    "STOU name",
    "STOR .htaccess",
    // Times and modes.
    "MFMT 20200101000000 file",
    "MFF modify=20200102000000;UNIX.mode=0640; file",
    "MDTM 20200103000000 file",
    "MDTM file",
    "MDTM missing",
    "SITE UTIME 20200104000000 file",
    "SITE CHMOD 600 file",
    "SITE CHMOD 600 missing",
    // Listings.
    "LIST",
    "LIST -la",
    "LIST *",
    "LIST missing",
    "NLST",
    "NLST d",
    "OPTS MLST type;size;modify;perm;UNIX.mode;",
    "MLSD",
    "MLSD missing",
    "MLST file",
    "MLSD d",
    "STAT file",
    "STAT /",
    // Downloads.
    "SIZE file",
    "SIZE missing",
    "RETR file",
    "RETR missing",
    "RETR d",
    "RETR link",
    "RETR outside",
    "RETR ../../../etc/passwd",
    "REST 3",
    "RETR file",
    "RANG 1 3",
    "RETR file",
    "TYPE A",
    "SIZE file",
    "RETR file",
    "LIST d",
    "TYPE I",
    "OPTS MODE Z LEVEL 2",
    "MODE Z",
    "RETR file",
    "NLST d",
    "MODE S",
    // Digests.
    "OPTS HASH",
    "OPTS HASH SHA-1",
    "HASH file",
    "XCRC file",
    "XMD5 file",
    "XSHA file",
    "XSHA1 file",
    "XSHA256 file",
    "XSHA512 file",
    "XSHA512 missing",
    "AVBL",
    // Names.
    "RNFR file",
    "RNTO d/moved",
    "RNFR missing",
    "RNTO x",
    "DELE d/moved",
    "DELE d/file",
    "DELE missing",
    "RMD d",
    "XRMD e",
    "RMD missing",
    // Data connections that fail, and another user.
    "PASV",
    "EPSV",
    "ABOR",
    "REIN",
    "PWD",
    "USER anonymous",
    "PASS x",
    "NLST",
    "TYPE I",
    "RETR /gen/300K.pattern",
    "STOR new",
];

/// Sent by [`actively`] and at the end.
const ELSEWHERE: [&str; 3] = ["PORT", "EPRT", "QUIT"];

fn l17_a_confined_server_answers_every_verb_like_an_unconfined_one() {
    for verb in served_verbs().iter().filter(|verb| !ELSEWHERE.contains(verb)) {
        let is_said = |line: &&str| line.split(' ').next() == Some(verb);
        assert!(CONVERSATION.iter().any(is_said), "{verb} is not sent");
    }
    let free = transcript(ConfinedBy::Paths, &[]);
    for more in [&[][..], &["--no-chroot"], &["--user", "root"]] {
        let confined = transcript(ConfinedBy::Default, more);
        for (confined, free) in confined.iter().zip(&free) {
            assert_eq!(confined, free, "{more:?}");
        }
        assert_eq!(confined.len(), free.len());
    }
}

/// The replies of a server that is confined in this way, with `more` options.
fn transcript(confined_by: ConfinedBy, more: &[&str]) -> Vec<String> {
    let premises = Premises::new();
    premises.write("alice/here", b"a file\n");
    premises.link("alice/link", "here");
    premises.link("alice/outside", premises.outside().join("neighbour/secret"));
    premises.write_users(&[("alice", "/alice:read,write")]);
    let logs = premises.outside().join("logs");
    fs::create_dir(&logs).expect("a directory");
    fs::set_permissions(&logs, fs::Permissions::from_mode(0o777)).expect("ours");
    let [events, transfers] = ["events", "transfers"].map(|name| logs.join(name).to_str().expect("UTF-8").to_owned());
    let users = premises.users_file();
    let arguments = [
        "--users",
        users.to_str().expect("UTF-8"),
        "--synthetic",
        "--durable",
        "--announce-mode-z",
        "--events",
        &events,
        "--transfer-log",
        &transfers,
    ];
    let server = premises.serve_within(confined_by, &[&arguments[..], more].concat());
    assert_eq!(
        server.status("Seccomp") == "2",
        matches!(confined_by, ConfinedBy::Default)
    );
    let is_confined =
        fs::read_link(format!("/proc/{}/root", server.pid())).expect("readable as root") == premises.root();
    assert_eq!(
        is_confined,
        matches!(confined_by, ConfinedBy::Default) && !more.contains(&"--no-chroot"),
        "it is what is compared"
    );

    let mut client = server.connect();
    let mut answers: Vec<String> = CONVERSATION.iter().map(|line| say(&mut client, line)).collect();
    answers.extend(actively(&server));
    // The logs are rotated; the users file is read again.
    for log in [&events, &transfers] {
        fs::rename(log, format!("{log}.1")).expect("ours");
    }
    server.signal(Signal::HUP);
    wait_until("both logs are opened again where they were", || {
        [&events, &transfers].iter().all(|log| fs::exists(log).unwrap_or(false))
    });
    server.signal(Signal::USR1);
    answers.push(say(&mut client, "RETR /gen/300K.pattern"));
    let mut again = server.connect();
    answers.push(say(&mut again, "USER alice"));
    answers.push(say(&mut again, &format!("PASS {PASSWORD}")));
    answers.push(say(&mut again, "QUIT"));
    // The server's exit is checked too.
    drop(server);
    for log in [&events, &transfers] {
        let lines = |path: &str| fs::read_to_string(path).expect("readable as root").lines().count();
        let (before, after) = (lines(&format!("{log}.1")), lines(log));
        answers.push(format!("{before} lines before HUP, {after} behind it"));
    }
    answers
}

/// A line with everything received. What differs from run to run is left out: numbers in replies that have times or
/// ports, and the order of listings.
fn say(client: &mut Client, line: &str) -> String {
    let verb = line.split(' ').next().unwrap_or_default();
    let mut data = match verb {
        "STOR" | "APPE" | "STOU" | "RETR" | "LIST" | "NLST" | "MLSD" => Some(client.data()),
        _ => None,
    };
    let mut answers = vec![client.command(line).text()];
    if let Some(data) = data.as_mut().filter(|_| answers[0].starts_with("150")) {
        if matches!(verb, "STOR" | "APPE" | "STOU") {
            data.write_all(b"written by a client").expect("the server reads it");
            data.shutdown(Shutdown::Write).expect("open until now");
        }
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes).expect("the data");
        answers.push(String::from_utf8_lossy(&bytes).into_owned());
        answers.push(client.reply().text());
    }
    let is_listing = matches!(verb, "LIST" | "NLST" | "MLSD" | "MLST" | "STAT");
    if is_listing {
        // Without their numbers, because times would change the order.
        let mut lines: Vec<String> = answers
            .iter()
            .flat_map(|answer| answer.lines())
            .map(without_numbers)
            .collect();
        lines.sort_unstable();
        answers = vec![lines.join("\n")];
    }
    let text = answers.join("\n");
    let has_varying_numbers = is_listing || matches!(verb, "PASV" | "EPSV" | "AVBL" | "STOU");
    let text = if has_varying_numbers {
        without_numbers(&text)
    } else {
        text
    };
    format!("{line}\n{text}")
}

/// Each number becomes one `#`.
fn without_numbers(text: &str) -> String {
    let mut shown = String::new();
    for letter in text.chars() {
        if !letter.is_ascii_digit() {
            shown.push(letter);
        } else if !shown.ends_with('#') {
            shown.push('#');
        }
    }
    shown
}

/// Active mode both ways.
fn actively(server: &Server) -> Vec<String> {
    let mut client = server.login();
    ["PORT", "EPRT"]
        .map(|verb| {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = listener.local_addr().expect("bound").port();
            let line = match verb {
                "PORT" => format!("PORT 127,0,0,1,{},{}", port >> 8, port & 0xff),
                _ => format!("EPRT |1|127.0.0.1|{port}|"),
            };
            assert_eq!(client.code(&line), 200, "{line}");
            client.send("RETR /gen/1K.pattern");
            client.expect(150);
            let (mut data, _) = listener.accept().expect("the server connects");
            let mut bytes = String::new();
            data.read_to_string(&mut bytes).expect("the file");
            client.expect(226);
            format!("{verb}: {bytes}")
        })
        .to_vec()
}
