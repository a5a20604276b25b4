//! `--without TECHNIQUE`: the bytes stay the same, the system calls do not.

use harness::server::Setup;
use harness::trials;
use libtest_mimic::Trial;
use tempfile::TempDir;

pub fn trials() -> Vec<Trial> {
    trials! {
        "strace":
            a_technique_that_is_off_makes_none_of_its_calls;
    }
}

const CONTENT: &[u8] = b"the same with and without";

/// The system calls during a download, of a server without this technique, or with all of them for `None`.
fn calls_without(technique: Option<&str>) -> Vec<String> {
    let directory = TempDir::new().expect("a temporary directory");
    let trace = directory.path().join("calls");
    let trace_name = trace.to_str().expect("a plain name").to_owned();
    let arguments: Vec<&str> = technique.iter().flat_map(|name| ["--without", name]).collect();
    let server = Setup::new()
        .arguments(&arguments)
        .under(&["strace", "-f", "-qq", "-o", &trace_name])
        .start();
    server.write("file", CONTENT);
    let mut client = server.login();
    assert_eq!(client.fetch("RETR file"), CONTENT, "{technique:?}");
    client.send_bytes(b"NOOP\r\nQUIT\r\n");
    client.expect(200);
    client.expect(221);
    let told = server.stdout().contains("\nwithout  ");
    assert_eq!(told, technique.is_some(), "no such server runs without a warning");
    drop(server);
    let calls = std::fs::read_to_string(trace).expect("what strace wrote");
    calls.lines().map(str::to_owned).collect()
}

fn count(calls: &[String], words: &[&str]) -> usize {
    let is_meant = |call: &&String| words.iter().all(|word| call.contains(word));
    calls.iter().filter(is_meant).count()
}

fn a_technique_that_is_off_makes_none_of_its_calls() {
    let usual = calls_without(None);
    let corks = ["TCP_CORK, [1]"];
    assert!(count(&usual, &corks) > 0);
    assert_eq!(count(&calls_without(Some("cork")), &corks), 0);

    let nodelay = ["TCP_NODELAY, [1]"];
    assert!(count(&usual, &nodelay) > 0);
    assert_eq!(count(&calls_without(Some("nodelay")), &nodelay), 0);
}
