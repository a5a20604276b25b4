//! `--hash-password` on a terminal.

use harness::{trials, wait_until};
use libtest_mimic::Trial;
use loopftpd::accounts::{PasswordHash, WorkingMemory};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus};

pub fn trials() -> Vec<Trial> {
    trials! {
        "setsid":
            on_a_terminal_the_password_is_asked_for_twice_and_not_shown,
            on_a_terminal_two_different_passwords_are_refused,
            an_interruption_leaves_the_terminal_as_it_was;
    }
}

/// `--hash-password` on a terminal, and the person who types.
struct Terminal {
    program: Child,
    person: File,
    screen: String,
}

impl Terminal {
    fn start() -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        unlockpt(&person).expect("unlocked");
        let name = ptsname(&person, Vec::new()).expect("a name");
        let program_end = || {
            let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
            rustix::fs::open(&name, flags, Mode::empty()).expect("the other end")
        };
        // The program asks on its controlling terminal, which only a session leader can choose.
        let program = Command::new("setsid")
            .args(["--ctty", env!("CARGO_BIN_EXE_loopftpd"), "--hash-password"])
            .stdin(program_end())
            .stdout(program_end())
            .stderr(program_end())
            .spawn()
            .expect("it starts");
        Self {
            program,
            person: File::from(person),
            screen: String::new(),
        }
    }

    fn read(&mut self) -> bool {
        let mut some = [0; 1_000];
        // When the program has ended, reading from its terminal is an error.
        let length = self.person.read(&mut some).unwrap_or(0);
        self.screen += std::str::from_utf8(&some[..length]).expect("UTF-8");
        length > 0
    }

    fn shows(&self) -> bool {
        let modes = tcgetattr(&self.person).expect("a terminal").local_modes;
        modes.contains(LocalModes::ECHO)
    }

    /// Waits for the question and until echo is off, then types.
    fn answer(&mut self, question: &str, typed: &str) {
        while !self.screen.ends_with(question) {
            assert!(self.read(), "it ended: {}", self.screen);
        }
        wait_until("echo is off", || !self.shows());
        self.person.write_all(typed.as_bytes()).expect("typed");
    }

    /// What was on the screen, and how the program ended.
    fn end(mut self) -> (String, ExitStatus) {
        while self.read() {}
        (self.screen.clone(), self.program.wait().expect("it ends"))
    }
}

fn on_a_terminal_the_password_is_asked_for_twice_and_not_shown() {
    let mut terminal = Terminal::start();
    assert!(terminal.shows(), "as terminals do");
    terminal.answer("Password: ", "correct horsf\x7fe\n");
    terminal.answer("Again: ", "correct horse\n");
    let (screen, status) = terminal.end();
    assert!(status.success(), "{screen}");
    assert!(!screen.contains("hors"), "{screen}");
    let line = screen.lines().last().expect("a line");
    assert!(
        PasswordHash::parse(line)
            .expect("well-formed")
            .verify(b"correct horse", &mut WorkingMemory::default())
    );
}

fn on_a_terminal_two_different_passwords_are_refused() {
    let mut terminal = Terminal::start();
    terminal.answer("Password: ", "correct horse\n");
    terminal.answer("Again: ", "battery staple\n");
    let (screen, status) = terminal.end();
    assert_eq!(status.code(), Some(2), "{screen}");
    assert!(screen.contains("differ") && !screen.contains("$argon2"), "{screen}");
}

fn an_interruption_leaves_the_terminal_as_it_was() {
    let mut terminal = Terminal::start();
    terminal.answer("Password: ", "corr\x03");
    wait_until("echo is on again", || terminal.shows());
    let (screen, status) = terminal.end();
    assert_eq!(status.code(), Some(2), "{screen}");
    assert!(screen.contains("interrupted") && !screen.contains("corr"), "{screen}");
}
