//! A terminal of the reader: a shell that commands are typed into.

use crate::setting::{Setting, root};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use std::{fs, thread};

/// No command of the guide takes as long.
const PATIENCE: Duration = Duration::from_secs(90);
/// After this long without output a conversation has nothing more to say.
const SILENCE: Duration = Duration::from_millis(700);
/// What the shell prints after a command, with its exit code.
const END: &str = "--end-of-command--";

pub struct Terminal {
    shell: Child,
    input: ChildStdin,
    output: Receiver<Vec<u8>>,
    /// Output that was not asked for yet.
    unread: String,
}

impl Terminal {
    pub fn open(setting: &Setting) -> Self {
        let mut shell = Command::new("bash")
            .args(["--noprofile", "--norc"])
            .current_dir(root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("bash runs");
        let input = shell.stdin.take().expect("piped");
        let mut printed = shell.stdout.take().expect("piped");
        let (send, output) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = printed.read(&mut buffer) {
                if send.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let mut terminal = Self {
            shell,
            input,
            output,
            unread: String::new(),
        };
        terminal.type_line("exec 2>&1");
        let (prepared, code) = terminal.run(&setting.preparation());
        assert!(prepared.is_empty() && code == "0", "{prepared}");
        terminal
    }

    /// Runs commands; returns what they print, and the exit code of the last.
    pub fn run(&mut self, commands: &str) -> (String, String) {
        self.type_line(commands.trim_end());
        self.finish()
    }

    pub fn type_line(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("the shell is there");
    }

    /// Waits for the end of what runs; returns what it printed, and its exit code.
    pub fn finish(&mut self) -> (String, String) {
        self.type_line(&format!("printf '%s' '{END}'$?."));
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some((printed, rest)) = self.unread.split_once(END)
                && let Some((code, after)) = rest.split_once('.')
            {
                let result = (printed.to_owned(), code.to_owned());
                self.unread = after.to_owned();
                return result;
            }
            assert!(
                self.wait(deadline),
                "no end of the command; it printed: {}",
                self.unread
            );
        }
    }

    /// What comes until nothing more does; at least `lines`, unless that takes too long.
    pub fn hear(&mut self, lines: usize) -> String {
        let deadline = Instant::now() + PATIENCE / 6;
        while self.unread.lines().count() < lines && self.wait(deadline) {}
        while self.wait(Instant::now() + SILENCE) {}
        std::mem::take(&mut self.unread)
    }

    /// Waits for output; returns whether some came.
    fn wait(&mut self, deadline: Instant) -> bool {
        match self
            .output
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            Ok(bytes) => {
                self.unread += &String::from_utf8_lossy(&bytes);
                true
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => panic!("the shell has ended; it printed: {}", self.unread),
        }
    }
}

impl Drop for Terminal {
    /// With everything that was started in it.
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.shell), Signal::KILL);
        let _ = self.shell.wait();
    }
}

/// Waits until a server that was started in the background listens.
pub fn await_listener(address: &str, port: u16) {
    let octets: Vec<u8> = address
        .split('.')
        .map(|octet| octet.parse().expect("a number"))
        .collect();
    let host = u32::from_le_bytes(octets.try_into().expect("four"));
    let listening = format!("{host:08X}:{port:04X} 00000000:0000 0A");
    let deadline = Instant::now() + PATIENCE / 3;
    while !fs::read_to_string("/proc/net/tcp").expect("Linux").contains(&listening) {
        assert!(Instant::now() < deadline, "nothing listens at {address}:{port}");
        thread::sleep(Duration::from_millis(20));
    }
}
