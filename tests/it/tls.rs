//! FTPS over real sockets: what is refused, what is bound together, and what an attacker gets.

use harness::client::connect;
use harness::server::{Setup, refused_start};
use harness::stream::client_config;
use harness::{Client, PATIENCE, Server, Stream, wait_until};
use rustls::SupportedProtocolVersion;
use rustls::client::ClientConfig;
use rustls::version::{TLS12, TLS13};
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// A writable server with a certificate.
struct Secured {
    server: Server,
    _certificate: TempDir,
}

impl Secured {
    fn with(arguments: &[&str]) -> Self {
        let certificate = TempDir::new().expect("a directory");
        let path = certificate.path().to_str().expect("UTF-8");
        let setup = Setup::new().writable().arguments(&["--tls-self-signed", path]);
        Self {
            server: setup.arguments(arguments).start(),
            _certificate: certificate,
        }
    }

    /// A client in clear that has read the greeting.
    fn greet(&self) -> Client {
        let mut client = Client::connect_silently(self.server.address, None);
        client.expect(220);
        client
    }

    /// A client whose connections are encrypted, logged in.
    fn login(&self, config: &Arc<ClientConfig>) -> Client {
        let mut client = self.greet();
        client.secure(Arc::clone(config));
        client.login();
        client
    }
}

#[test]
fn e01_nothing_that_was_sent_in_clear_is_answered_inside_tls() {
    let secured = Secured::with(&[]);
    // In one segment: the connection ends before a handshake.
    let mut client = secured.greet();
    client.send("AUTH TLS\r\nNOOP");
    client.expect(421);
    assert!(client.is_closed());
    // In two: what follows is not a handshake.
    let mut client = secured.greet();
    assert_eq!(client.code("AUTH TLS"), 234);
    client.send("NOOP");
    assert!(client.is_closed());
}

#[test]
fn e02_e04_what_was_said_in_clear_is_forgotten_and_a_login_in_clear_is_refused() {
    let secured = Secured::with(&["--tls", "require-data"]);
    let mut client = secured.greet();
    assert_eq!(client.code("USER anonymous"), 530);
    assert_eq!(client.code("PASS secret"), 530);
    assert_eq!(secured.server.passwords_verified(), 0);
    assert_eq!(client.code("AUTH TLS"), 234);
    client.stream.secure(&client_config(&TLS13));
    let mut client = Client::over(client.stream.try_clone().expect("a handle"), secured.server.address);
    assert_eq!(client.code("PASS x"), 503);
    client.login();
    assert_eq!(client.code("LIST"), 522);
    assert_eq!(client.code("PBSZ 0"), 200);
    assert_eq!(client.code("PROT C"), 534);
    assert_eq!(client.code("CCC"), 533);
}

#[test]
fn e05_an_upload_that_is_cut_off_is_not_stored() {
    let secured = Secured::with(&[]);
    for version in VERSIONS {
        let config = client_config(version);
        let mut client = secured.login(&config);
        let content = vec![b'x'; 100_000];
        for cut in (0..100).map(|step| step * 1_000) {
            let mut data = client.begin("STOR upload");
            data.write_all(&content[..cut]).expect("room");
            data.cut();
            let reply = client.reply();
            assert_eq!(reply.code, 426, "{reply:?}");
            assert!(reply.text().contains("--tls-lenient-eof") || cut == 0, "{reply:?}");
            assert_eq!(secured.server.content("upload"), None);
        }
        client.stores("STOR whole", &content);
        assert_eq!(secured.server.content("whole").as_deref(), Some(&content[..]));
    }
    let lenient = Secured::with(&["--tls-lenient-eof"]);
    let mut client = lenient.login(&client_config(&TLS13));
    let mut data = client.begin("STOR upload");
    data.write_all(b"old client").expect("room");
    data.cut();
    client.expect(226);
    assert_eq!(lenient.server.content("upload").as_deref(), Some(&b"old client"[..]));
}

#[test]
fn e06_a_download_ends_with_close_notify_before_its_226() {
    let secured = Secured::with(&[]);
    let content: Vec<u8> = (0..3_000_000_u32).map(|number| (number / 7) as u8).collect();
    secured.server.write("file", &content);
    for version in VERSIONS {
        let mut client = secured.login(&client_config(version));
        for _ in 0..3 {
            // The client of the tests takes any other end for an error.
            assert_eq!(client.fetch("RETR file"), content);
            assert!(client.fetch_text("LIST").contains("file"));
        }
    }
}

#[test]
fn e07_e08_a_data_connection_of_somebody_else_gets_no_byte() {
    let secured = Secured::with(&["--tls-resume", "require"]);
    secured.server.write("secret", b"secret");
    for version in VERSIONS {
        let own = client_config(version);
        let attackers = client_config(version);
        let mut client = secured.login(&own);
        // The attacker has sessions of its own control connection, which is at the same address.
        let mut attacker = secured.login(&attackers);
        assert!(attacker.fetch_text("LIST").contains("secret"));
        // A second attempt could use the ticket that the first one was given.
        for _ in 0..2 {
            let address = client.passive();
            client.send("RETR secret");
            client.expect(150);
            let mut data = Stream::plain(connect(address, None));
            data.secure(&attackers);
            let mut received = Vec::new();
            let _ = data.read_to_end(&mut received);
            assert_eq!(received, b"");
            assert_ne!(data.is_resumed(), Some(true));
            client.expect(522);
            let upload = client.passive();
            client.send("STOR planted");
            client.expect(150);
            let mut data = Stream::plain(connect(upload, None));
            data.secure(&attackers);
            let _ = data.write_all(b"planted");
            drop(data);
            client.expect(522);
            assert_eq!(secured.server.content("planted"), None);
        }
        // The session goes on, and its own data connections are accepted.
        assert_eq!(client.fetch("RETR secret"), b"secret");
        // Tickets of a session that has ended.
        client.code("QUIT");
        let mut later = secured.login(&client_config(version));
        let address = later.passive();
        later.send("RETR secret");
        later.expect(150);
        let mut data = Stream::plain(connect(address, None));
        data.secure(&own);
        assert_eq!(data.read(&mut [0; 100]).unwrap_or(0), 0);
        later.expect(522);
    }
}

#[test]
fn e09_tickets_last_as_long_as_the_session() {
    let secured = Secured::with(&["--tls-resume", "require"]);
    secured.server.write("file", b"content");
    for version in VERSIONS {
        let mut client = secured.login(&client_config(version));
        for number in 0..50 {
            for _ in 0..3 {
                assert!(client.fetch_text("LIST").contains("file"));
            }
            client.stores(&format!("STOR upload{number}"), b"uploaded");
            assert_eq!(client.fetch("RETR file"), b"content");
        }
    }
}

#[test]
fn e10_a_handshake_that_never_ends_is_closed_and_its_place_is_freed() {
    let secured = Secured::with(&[]);
    let before = secured.server.descriptors();
    let mut slow: Vec<Client> = (0..200)
        .map(|_| {
            let mut client = secured.greet();
            assert_eq!(client.code("AUTH TLS"), 234);
            client.stream.write_all(&[22, 3, 1]).expect("room");
            client
        })
        .collect();
    // Meanwhile others are served.
    secured.login(&client_config(&TLS13));
    for client in &mut slow {
        assert!(client.is_closed());
    }
    secured.server.wait_for_descriptors(before);
}

#[test]
fn e16_e17_a_certificate_or_key_that_cannot_be_used_stops_the_start() {
    let (first, second) = (
        TempDir::new().expect("a directory"),
        TempDir::new().expect("a directory"),
    );
    for directory in [&first, &second] {
        // A start makes the files.
        let path = directory.path().to_str().expect("UTF-8");
        drop(Setup::new().arguments(&["--tls-self-signed", path]).start());
    }
    let file = |directory: &TempDir, name: &str| directory.path().join(name).to_str().expect("UTF-8").to_owned();
    let (certificate, key) = (file(&first, "cert.pem"), file(&first, "key.pem"));
    let other_key = file(&second, "key.pem");
    let empty = file(&first, "empty.pem");
    fs::write(&empty, "").expect("a file");
    fs::set_permissions(&empty, fs::Permissions::from_mode(0o600)).expect("our file");
    for (certificate, key, expected) in [
        (&certificate, &other_key, "not the key of"),
        (&certificate, &empty, "expected a private key in PEM"),
        (&empty, &key, "contains no certificate"),
        (&certificate, &"/nowhere/key.pem".to_owned(), "cannot be opened"),
    ] {
        let (code, text) = refused_start(&["--tls-cert", certificate, "--tls-key", key]);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(expected), "{text}");
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("our file");
    let (code, text) = refused_start(&["--tls-cert", &certificate, "--tls-key", &key]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("everybody can read this key (mode 0644)"), "{text}");
    Setup::new()
        .arguments(&["--tls-cert", &certificate, "--tls-key", &key, "--insecure-tls-key"])
        .start();
}

#[test]
fn e16_a_reload_takes_new_certificates_and_keeps_the_old_ones_if_they_are_bad() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().to_str().expect("UTF-8").to_owned();
    let other = TempDir::new().expect("a directory");
    let other_path = other.path().to_str().expect("UTF-8").to_owned();
    drop(Setup::new().arguments(&["--tls-self-signed", &other_path]).start());
    let server = Setup::new().arguments(&["--tls-self-signed", &path]).start();
    give_to_all(directory.path());
    let certificate_of = |server: &Server| {
        let mut client = Client::connect_silently(server.address, None);
        client.expect(220);
        assert_eq!(client.code("AUTH TLS"), 234);
        client.stream.secure(&client_config(&TLS13));
        client.stream.shake_hands().expect("a handshake");
        client.stream.certificate().expect("a certificate")
    };
    let first = certificate_of(&server);
    fs::write(directory.path().join("cert.pem"), "not a certificate").expect("our file");
    server.signal(rustix::process::Signal::HUP);
    wait_until("the bad file is reported", || {
        server.stderr().contains("the old certificates stay in use")
    });
    assert_eq!(certificate_of(&server), first);
    for name in ["cert.pem", "key.pem"] {
        fs::copy(other.path().join(name), directory.path().join(name)).expect("our files");
    }
    give_to_all(directory.path());
    server.signal(rustix::process::Signal::HUP);
    wait_until("the files are read", || {
        server.stderr().contains("certificate read again")
    });
    assert_ne!(certificate_of(&server), first);
}

/// The server has given up root, so it reads the files as another user. A group may read a key.
fn give_to_all(directory: &Path) {
    let give = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("our file");
    give(directory, 0o755);
    give(&directory.join("cert.pem"), 0o644);
    give(&directory.join("key.pem"), 0o640);
    if harness::is_root() {
        for name in ["cert.pem", "key.pem"] {
            harness::tree::give_to_server(&directory.join(name));
        }
    }
}

#[test]
fn e18_each_kind_of_client_on_the_port_of_the_other_is_disconnected() {
    let secured = Secured::with(&["--listen-tls", "127.0.0.1:0"]);
    let implicit = implicit_address(&secured.server);
    // A clear client on the implicit port.
    let mut clear = connect(implicit, None);
    clear.write_all(b"USER anonymous\r\n").expect("room");
    let mut answer = Vec::new();
    let _ = clear.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"220") && !answer.starts_with(b"331"), "{answer:?}");
    // A TLS client on the clear port.
    let mut secure = Stream::plain(connect(secured.server.address, None));
    secure.secure(&client_config(&TLS13));
    secure.shake_hands().expect_err("it speaks FTP");
    // And each at home.
    let mut stream = Stream::plain(connect(implicit, None));
    let config = client_config(&TLS13);
    stream.secure(&config);
    let mut client = Client::over(stream, implicit);
    client.expect(220);
    client.login();
    client.encrypt_data(config);
    assert_eq!(client.fetch_text("NLST"), "");
}

fn implicit_address(server: &Server) -> SocketAddr {
    let output = server.output();
    let line = output
        .lines()
        .find_map(|line| line.strip_prefix("open     ftps://"))
        .expect("its URL");
    line.trim_end_matches('/').parse().expect("an address")
}

#[test]
fn e20_a_data_connection_without_a_handshake_fails_alone() {
    let secured = Secured::with(&[]);
    let mut client = secured.login(&client_config(&TLS13));
    let before = secured.server.descriptors();
    for bytes in [&b""[..], b"GET /", &[22, 3, 1, 0, 5, 1]] {
        let address = client.passive();
        client.send("LIST");
        client.expect(150);
        let mut data = connect(address, None);
        data.write_all(bytes).expect("room");
        drop(data);
        client.expect(425);
        assert!(client.fetch_text("NLST").is_empty());
    }
    secured.server.wait_for_descriptors(before);
}

#[test]
fn e21_a_flood_of_handshakes_keeps_nobody_from_being_served() {
    let secured = Secured::with(&["--max-sessions-per-ip", "0"]);
    let mut bystander = secured.login(&client_config(&TLS13));
    let address = secured.server.address;
    let flood: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(move || {
                for _ in 0..100 {
                    let mut client = Client::connect_silently(address, None);
                    client.expect(220);
                    assert_eq!(client.code("AUTH TLS"), 234);
                    client.stream.secure(&client_config(&TLS13));
                    client.stream.shake_hands().expect("a handshake");
                }
            })
        })
        .collect();
    let mut answered = 0;
    while flood.iter().any(|thread| !thread.is_finished()) {
        assert_eq!(bystander.code("NOOP"), 200);
        answered += 1;
    }
    assert!(answered > 100, "{answered} answers during 400 handshakes");
    for thread in flood {
        thread.join().expect("no panic");
    }
}

#[test]
fn e12_key_updates_and_renegotiations_do_not_keep_the_loop_busy() {
    let secured = Secured::with(&[]);
    let mut client = secured.login(&client_config(&TLS13));
    for _ in 0..100 {
        client.stream.update_keys();
        assert_eq!(client.code("NOOP"), 200);
    }
    // A record with a renegotiation cannot be made by rustls; a record of garbage ends the connection.
    let (mut raw, bytes) = (
        &*client.stream,
        [23_u8, 3, 3, 0, 20]
            .iter()
            .chain(&[0; 20])
            .copied()
            .collect::<Vec<u8>>(),
    );
    raw.write_all(&bytes).expect("room");
    raw.set_read_timeout(Some(PATIENCE)).expect("our socket");
    let mut rest = Vec::new();
    let ended = raw.read_to_end(&mut rest);
    assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    secured.login(&client_config(&TLS12));
}
