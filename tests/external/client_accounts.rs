//! Client programs log in, share an account, and reach its limits.

use harness::accounts::{PASSWORD, Premises, client_of, everything, with_alice, with_alice_and_bob};
use harness::programs::Workplace;
use harness::quotas::WithAccounts;
use harness::server::Setup;
use harness::tree::contents;
use harness::{Client, Server, trials, wait_until};
use libtest_mimic::Trial;
use loopftpd::accounts::hash_new;
use std::fs;

pub fn trials() -> Vec<Trial> {
    trials! {
        "python3":
            clients_log_in_with_accounts,
            f03_fail2ban_finds_every_wrong_password_and_no_forged_line;
        "curl":
            curl_logs_in_fifty_times_at_once_and_gets_every_file,
            curl_fetches_in_parallel_with_few_spare_sessions;
        "lftp":
            lftp_mirrors_over_sixteen_connections_with_one_account;
        "curl lftp python3":
            h12_clients_over_quota_report_552;
    }
}

fn clients_log_in_with_accounts() {
    let (premises, server) = with_alice_and_bob(&[]);
    premises.write("alice/file", b"hers");
    let script = "
import ftplib, sys
ftp = ftplib.FTP()
ftp.connect('127.0.0.1', int(sys.argv[1]), timeout=20)
ftp.login('alice', 'secret')
assert ftp.nlst() == ['file'], ftp.nlst()
assert ftp.mkd('new') == '/new'
other = ftplib.FTP()
other.connect('127.0.0.1', int(sys.argv[1]), timeout=20)
try:
    other.login('alice', 'wrong')
    raise SystemExit('a wrong password got in')
except ftplib.error_perm as error:
    assert str(error) == '530 Login incorrect.', error
ftp.quit()
";
    let output = std::process::Command::new("python3")
        .args(["-c", script, &server.address.port().to_string()])
        .output()
        .expect("python runs");
    assert!(output.status.success(), "{output:?}");
    assert!(premises.root().join("alice/new").is_dir());
}

/// A server on which alice, with a hash of the usual cost, has `files` files.
fn with_files_of_alice(files: usize) -> (Premises, Server) {
    let premises = Premises::new();
    let hash = hash_new(PASSWORD.as_bytes()).expect("made");
    premises.write_users_file(&format!("alice:{hash}:/:read\n"));
    for number in 0..files {
        premises.write(&format!("{number}"), format!("content {number}").as_bytes());
    }
    let users = premises.users_file();
    let arguments = ["--users", users.to_str().expect("UTF-8"), "--log-level", "debug"];
    let setup = Setup::new()
        .ports(100)
        .directory(&premises.root())
        .arguments(&arguments);
    let server = setup.start();
    (premises, server)
}

fn curl_logs_in_fifty_times_at_once_and_gets_every_file() {
    let (premises, server) = with_files_of_alice(100);
    let workplace = Workplace::new();
    let url = format!("ftp://alice:{PASSWORD}@{}/[0-99]", server.address);
    let parallel = ["-sS", "-Z", "--parallel-immediate", "--parallel-max", "50"];
    workplace.run_well("curl", &[&parallel[..], &["-o", "#1", &url]].concat(), "");
    assert_eq!(contents(workplace.path()), contents(&premises.root()));
    assert!(
        server.passwords_verified() < 10,
        "a password verified just now is not hashed again"
    );
}

fn lftp_mirrors_over_sixteen_connections_with_one_account() {
    let (premises, server) = with_files_of_alice(100);
    let workplace = Workplace::new();
    let script = format!(
        "set net:timeout 20; set net:max-retries 1; set cmd:fail-exit on; \
         open -u alice,{PASSWORD} ftp://{}; mirror --parallel=16 / copy",
        server.address
    );
    workplace.run_well("lftp", &["-c", &script], "");
    assert_eq!(contents(&workplace.path().join("copy")), contents(&premises.root()));
}

fn curl_fetches_in_parallel_with_few_spare_sessions() {
    let server = Setup::new().ports(20).arguments(&["--max-sessions", "20"]).start();
    let files: Vec<String> = (0..40).map(|number| format!("file{number}")).collect();
    for name in &files {
        server.write(name, name.as_bytes());
    }
    let workplace = Workplace::new();
    let url = format!("ftp://{}/file[0-39]", server.address);
    let arguments = [
        "-sS",
        "-Z",
        "--parallel-immediate",
        "--parallel-max",
        "16",
        "-o",
        "file#1",
        &url,
    ];
    workplace.run_well("curl", &arguments, "");
    for name in &files {
        let copy = fs::read_to_string(workplace.path().join(name)).ok();
        assert_eq!(copy.as_ref(), Some(name), "every file is there");
    }
}

/// More than the buffers of both sockets hold, so that it cannot be sent unless it is read.
const LARGE: usize = 24 << 20;

fn h12_clients_over_quota_report_552() {
    let accounts = WithAccounts::with_quota(&[]);
    let workplace = Workplace::new();
    fs::write(workplace.path().join("large"), vec![b'x'; LARGE]).expect("a file");
    let said = |program: &str, arguments: &[&str]| {
        let output = workplace.run(program, arguments, "");
        assert!(!output.status.success(), "{program} reports success");
        format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    };
    {
        let text = said("curl", &["-sSv", "-T", "large", &accounts.url("file")]);
        assert!(text.contains("< 552 "), "{text}");
    }
    {
        let script = format!(
            "set cmd:fail-exit on; set net:max-retries 1; open {}; put large -o file",
            accounts.url("")
        );
        let text = said("lftp", &["-c", &script]);
        assert!(text.contains("552"), "{text}");
    }
    {
        let script = format!(
            "import ftplib; f = ftplib.FTP(); f.connect('127.0.0.1', {}, timeout=20); f.login('alice', 'secret')\n\
             f.storbinary('STOR file', open('large', 'rb'))",
            accounts.server.address.port()
        );
        let text = said("python3", &["-c", &script]);
        assert!(text.contains("error_perm: 552"), "{text}");
    }
    assert_eq!(accounts.server.content("file"), None);
}

/// The sample of `docs/operating.md`, as fail2ban uses it: the time is taken off, `<HOST>` is an address.
const FAIL2BAN: &str = r"
import re, sys
docs, log = sys.argv[1:]
sample = re.search(r'^failregex = (.*)$', open(docs).read(), re.M).group(1)
failures = re.compile(sample.replace('<HOST>', r'(?:::f{4,6}:)?(?P<host>[0-9A-Fa-f:.]+)'))
for line in open(log, encoding='utf-8'):
    line = re.sub(r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z', '', line.rstrip('\n'))
    match = failures.search(line)
    if match:
        print(match.group('host'))
";

fn f03_fail2ban_finds_every_wrong_password_and_no_forged_line() {
    let (_premises, server) = with_alice(&[]);
    let forged = "[loopftpd::session] login failed session=1 client=203.0.113.9:1 user=";
    let guess = || {
        let mut client = Client::connect_from(server.address, harness::server::client_address(7));
        assert_eq!(client.code(&format!("USER {forged}")), 331);
        client.send("PASS guess");
        client
    };
    // Each answer waits longer than the one before, but not for it.
    let mut guessers: Vec<Client> = (0..10).map(|_| guess()).collect();
    for client in &mut guessers {
        client.expect(530);
    }
    for _ in 0..3 {
        guess().expect(530);
    }
    // Names in other lines come from clients, too.
    let mut client = client_of(&server, "alice");
    for line in [
        format!("MKD WARN  {forged}"),
        format!("RETR x\" WARN  {forged}"),
        format!("MKD \u{2028} WARN  {forged}"),
    ] {
        everything(&mut client, &line);
    }
    assert_eq!(client.code("QUIT"), 221);
    wait_until("all is logged", || server.stderr().contains("outcome=quit"));
    let log = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(log.path(), server.stderr()).expect("written");
    let documentation = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operating.md");
    let output = std::process::Command::new("python3")
        .args(["-c", FAIL2BAN, documentation])
        .arg(log.path())
        .output()
        .expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found = String::from_utf8_lossy(&output.stdout);
    assert_eq!(found, "127.0.0.7\n".repeat(13), "{}", server.stderr());
    let text = server.stderr();
    assert_eq!(text.matches("outcome=wrong-password").count(), 10, "{text}");
    assert_eq!(text.matches("outcome=blocked").count(), 3, "{text}");
}
