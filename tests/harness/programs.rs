//! Client programs: each in its own directory, with a time limit, and without its user's configuration.

use crate::Server;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Where a client runs.
pub struct Workplace {
    directory: TempDir,
    /// The home directory of clients.
    home: TempDir,
    seconds: u32,
}

impl Workplace {
    /// A client may take a minute.
    pub fn new() -> Self {
        Self::patient(60)
    }

    /// Clients may take this many seconds.
    pub fn patient(seconds: u32) -> Self {
        Self {
            directory: TempDir::new().expect("a directory"),
            home: TempDir::new().expect("a directory"),
            seconds,
        }
    }

    /// The directory that it runs in.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Runs `program` with `input` on its standard input.
    pub fn run(&self, program: &str, arguments: &[&str], input: &str) -> Output {
        let typed: PathBuf = self.home.path().join("typed");
        fs::write(&typed, input).expect("the input");
        Command::new("timeout")
            .args([&self.seconds.to_string(), program])
            .args(arguments)
            .current_dir(self.path())
            .env("HOME", self.home.path())
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::from(fs::File::open(&typed).expect("the input")))
            .output()
            .expect("the client runs")
    }

    /// Runs `program`, which has to succeed; returns its output.
    pub fn run_well(&self, program: &str, arguments: &[&str], input: &str) -> String {
        let output = self.run(program, arguments, input);
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.status.success(), "{program}: {}: {text}", output.status);
        text
    }
}

/// Percent-encodes everything that has a meaning in a URL.
pub fn encoded(path: &Path) -> String {
    path.to_string_lossy()
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// Runs a Python script against a server, whose port is its one argument; it has to end well within a minute.
pub fn run_python(script: &str, server: &Server) {
    let output = Command::new("timeout")
        .args(["60", "python3", "-c", script, &server.address.port().to_string()])
        .stdin(Stdio::null())
        .output()
        .expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
