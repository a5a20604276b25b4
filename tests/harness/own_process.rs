//! Tests that change their own process, each run in a process of its own.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::process::Command;
use tempfile::TempDir;

/// Set in the process that runs one test alone.
const ALONE: &str = "LOOPFTPD_TEST_RUNS_ALONE";

/// Runs `body` in another process, which runs nothing else: this test program is started again with `path`, the path of
/// the calling test with its crate (`concat!(module_path!(), "::name")`), and then the body runs. The process starts in
/// an empty directory of its own. Fails if the process fails.
pub fn in_own_process(path: &str, body: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return body();
    }
    let (_, test) = path.split_once("::").expect("the crate and more");
    let directory = TempDir::new().expect("a directory");
    let output = Command::new(std::env::current_exe().expect("this test program"))
        .args([
            "--exact",
            test,
            "--include-ignored",
            "--nocapture",
            "--test-threads",
            "1",
        ])
        .env(ALONE, "1")
        .env("RUST_BACKTRACE", "1")
        .current_dir(directory.path())
        .output()
        .expect("it runs again");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{}: {text}", output.status);
    assert!(text.contains("1 passed"), "no test is named {test}: {text}");
}

/// Raises the limit of open descriptors of this process as far as it may go, and returns it.
pub fn raise_descriptor_limit() -> u64 {
    let hard = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: hard,
        maximum: hard,
    };
    // Some systems allow more than they grant; then the present limit stays.
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
