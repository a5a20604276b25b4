//! ftpstorm as a process.

use harness::{Server, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A run of ftpstorm that has been started. It writes its result and its picture into a directory of its own.
pub struct Running {
    child: Ours,
    directory: TempDir,
}

/// A process that is killed at the end of its test, even a failed one.
struct Ours(Child);

impl Drop for Ours {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The results of a run.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// Holds `json` and `svg`, if they were written.
    directory: TempDir,
}

impl Running {
    pub fn start(arguments: &[&str]) -> Self {
        let directory = TempDir::new().expect("a directory");
        let child = Command::new(env!("CARGO_BIN_EXE_ftpstorm"))
            .args(arguments)
            .arg("--json")
            .arg(directory.path().join("json"))
            .arg("--svg")
            .arg(directory.path().join("svg"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("ftpstorm starts");
        Self {
            child: Ours(child),
            directory,
        }
    }

    pub fn against(server: &Server, scenario: &str, arguments: &[&str]) -> Self {
        let address = server.address.to_string();
        Self::start(&[&[scenario, &address, "--quiet"], arguments].concat())
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.0.id()).expect("a process id")).expect("not 0");
        kill_process(pid, signal).expect("it runs");
    }

    /// Sockets that it holds.
    pub fn sockets(&self) -> usize {
        let entries = std::fs::read_dir(format!("/proc/{}/fd", self.child.0.id()));
        let links = entries.into_iter().flatten().flatten();
        let names = links.filter_map(|entry| std::fs::read_link(entry.path()).ok());
        names
            .filter(|name| name.to_string_lossy().starts_with("socket:"))
            .count()
    }

    pub fn wait(mut self) -> Ended {
        let mut ended = None;
        wait_until("ftpstorm ends", || {
            ended = self.child.0.try_wait().expect("our child");
            ended.is_some()
        });
        let text = |stream: Option<&mut dyn Read>| {
            let mut text = String::new();
            stream.expect("piped").read_to_string(&mut text).expect("UTF-8");
            text
        };
        Ended {
            code: ended.and_then(|status| status.code()),
            stdout: text(self.child.0.stdout.as_mut().map(|stream| stream as &mut dyn Read)),
            stderr: text(self.child.0.stderr.as_mut().map(|stream| stream as &mut dyn Read)),
            directory: self.directory,
        }
    }
}

impl Ended {
    /// Everything that was printed.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    pub fn json(&self) -> serde_json::Value {
        let text = std::fs::read_to_string(self.directory.path().join("json")).expect("the result is written");
        serde_json::from_str(&text).expect("JSON")
    }

    pub fn svg(&self) -> PathBuf {
        self.directory.path().join("svg")
    }
}

/// The output and the exit code of ftpstorm.
pub fn storm(arguments: &[&str]) -> (Option<i32>, String) {
    let ended = Running::start(arguments).wait();
    (ended.code, ended.text())
}

pub fn against(server: &Server, scenario: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let ended = Running::against(server, scenario, arguments).wait();
    (ended.code, ended.text())
}
