//! Ctrl-C: the report is printed, the files are written, and the server is left as it was.

use super::run::Running;
use harness::server::Setup;
use harness::{Server, wait_until};
use rustix::process::Signal;

#[test]
fn ctrl_c_prints_the_report_so_far_and_exits_130() {
    let server = Setup::new().writable().start();
    let run = Running::against(&server, "upload", &["-d", "1h", "-c", "3", "--size", "100K"]);
    wait_until("files were stored", || {
        server.directory().join("storm-2.pattern").exists()
    });
    run.signal(Signal::INT);
    let ended = run.wait();
    assert_eq!(ended.code, Some(130), "{}", ended.text());
    assert!(ended.stdout.contains("verdict   interrupted"), "{}", ended.stdout);
    assert!(ended.stderr.contains("interrupted"), "{}", ended.stderr);
    let result = ended.json();
    assert_eq!(result["verdict"], "interrupted");
    assert!(result["seconds"].as_f64().expect("seconds") > 0.0);
    let picture = std::fs::read_to_string(ended.svg()).expect("written");
    assert!(picture.starts_with("<svg") && picture.contains("</svg>"), "{picture}");
    let left = std::fs::read_dir(server.directory()).expect("the directory").count();
    assert_eq!(left, 0, "{}", ended.text());
}

#[test]
fn ctrl_c_during_the_logins_reports_that_nothing_was_done() {
    let server = Server::start();
    server.signal(Signal::STOP);
    let run = Running::against(&server, "cycle", &["-c", "2"]);
    wait_until("it connects", || run.sockets() >= 2);
    run.signal(Signal::INT);
    let ended = run.wait();
    server.signal(Signal::CONT);
    assert_eq!(ended.code, Some(130), "{}", ended.text());
    assert_eq!(ended.json()["classes"][0]["operations"], 0);
    assert!(ended.svg().exists());
}

#[test]
fn sigterm_ends_a_run_like_ctrl_c() {
    let server = Server::start();
    let baseline = server.descriptors();
    let run = Running::against(&server, "idle", &["-d", "1h", "-c", "3"]);
    wait_until("all have logged in", || server.descriptors() >= baseline + 3);
    run.signal(Signal::TERM);
    let ended = run.wait();
    assert_eq!(ended.code, Some(143), "{}", ended.text());
    assert!(ended.stdout.contains("verdict   interrupted"), "{}", ended.stdout);
}

#[test]
fn a_second_ctrl_c_ends_it_at_once() {
    let server = Setup::new().writable().start();
    let run = Running::against(&server, "upload", &["-d", "1h", "-c", "3", "--size", "100K"]);
    wait_until("files were stored", || {
        server.directory().join("storm-2.pattern").exists()
    });
    // Now the server does not answer, so removing the files takes long.
    server.signal(Signal::STOP);
    run.signal(Signal::INT);
    wait_until(
        "its clients have disconnected, and one session is left to remove files",
        || run.sockets() == 1,
    );
    run.signal(Signal::INT);
    let ended = run.wait();
    server.signal(Signal::CONT);
    assert_eq!(ended.code, Some(130));
    assert_eq!(ended.stdout, "", "without a report");
}
