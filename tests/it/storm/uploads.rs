//! What uploads leave on the server: whole files while the run lasts, nothing after it.

use super::run::{Running, against};
use harness::Server;
use harness::accounts::{PASSWORD, Premises};
use harness::server::Setup;
use harness::tree::contents;
use serde_json::Value;
use std::path::PathBuf;

/// What was stored is fetched again and compared, byte by byte; nothing is left.
#[test]
fn h05_uploads_are_read_back_anonymously_and_by_an_account() {
    let premises = Premises::new();
    premises.write_users(&[("alice", "/alice:read,write")]);
    let users = premises.users_file();
    let users = users.to_str().expect("UTF-8");
    let server = Setup::new().writable().arguments(&["--users", users]).ports(64).start();
    server.make_directory("up");
    server.make_directory("alice/up");
    let account: &[&str] = &["--user", "alice", "--password", PASSWORD, "-c", "5"];
    for (scenario, arguments) in [
        ("upload", &["-n", "60", "--size", "300K", "--path", "/up"][..]),
        ("upload", &["-n", "60", "--size", "0", "--epsv"]),
        ("upload", &["-n", "20", "--size", "1M", "--store-only"]),
        (
            "mixed",
            &[
                "-n",
                "200",
                "--size",
                "20K",
                "--mix",
                "cycle=2,upload=3,noop=1",
                "--path",
                "/up",
            ],
        ),
    ] {
        for whose in [&[][..], account] {
            let (code, text) = against(&server, scenario, &[arguments, whose].concat());
            assert_eq!(code, Some(0), "{scenario} {arguments:?} {whose:?}: {text}");
            assert!(text.contains("every operation succeeded"), "{text}");
            assert!(text.contains("uploaded files removed"), "{text}");
            assert_eq!(patterns(&server), Vec::<String>::new(), "{text}");
        }
    }
    let (code, text) = against(&server, "login", &["-n", "1", "--user", "alice", "--password", "guess"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("reply 530 Login incorrect."), "{text}");
    assert_eq!(server.hidden_files(), Vec::<PathBuf>::new());
}

/// Names of files that uploads made.
fn patterns(server: &Server) -> Vec<String> {
    let names = contents(server.directory()).into_keys();
    names
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.contains("storm-"))
        .collect()
}

#[test]
fn a_run_that_failed_removes_its_files_too() {
    let server = Setup::new().writable().arguments(&["--rate-limit", "50K"]).start();
    server.make_directory("up");
    // The rate limit lets one second's worth of bytes through at once: enough for the first file, not for the next.
    let arguments = ["-n", "6", "-c", "2", "--path", "up", "--size", "30K", "--rate", "1000"];
    let ended = Running::against(&server, "upload", &arguments).wait();
    assert_eq!(ended.code, Some(1), "the rate is missed: {}", ended.text());
    assert_eq!(patterns(&server), Vec::<String>::new(), "{}", ended.text());
    assert_eq!(server.hidden_files(), Vec::<PathBuf>::new());
    assert_eq!(ended.json()["cleanup"]["removed"], 2);
}

#[test]
fn files_that_cannot_be_removed_are_named() {
    // A drop box: uploads can neither be fetched nor removed.
    let server = Setup::new().for_uploads().arguments(&["--anonymous", "upload"]).start();
    let arguments = ["-n", "2", "-c", "2", "--store-only", "--size", "1K"];
    let ended = Running::against(&server, "upload", &arguments).wait();
    assert_eq!(ended.code, Some(0), "{}", ended.text());
    assert_eq!(patterns(&server), ["storm-0.pattern", "storm-1.pattern"]);
    assert!(
        ended
            .stdout
            .contains("storm-1.pattern could not be removed: reply 550 "),
        "{}",
        ended.stdout
    );
    let left = &ended.json()["cleanup"]["left"];
    let paths: Vec<&Value> = left
        .as_array()
        .expect("a list")
        .iter()
        .map(|file| &file["path"])
        .collect();
    assert_eq!(paths, ["storm-0.pattern", "storm-1.pattern"]);
}

#[test]
fn files_on_a_server_that_went_away_are_named() {
    let server = Setup::new().writable().start();
    let run = Running::against(
        &server,
        "upload",
        &["-d", "1h", "-c", "1", "--size", "1K", "--timeout", "1s"],
    );
    harness::wait_until("a file was stored", || !patterns(&server).is_empty());
    server.kill();
    let ended = run.wait();
    assert_eq!(ended.code, Some(1), "{}", ended.text());
    assert!(
        ended
            .stderr
            .contains("nothing succeeded for 1.00 s: control connection refused"),
        "{}",
        ended.stderr
    );
    assert!(
        ended
            .stdout
            .contains("storm-0.pattern could not be removed: control connection refused"),
        "{}",
        ended.stdout
    );
}
