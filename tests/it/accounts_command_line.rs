//! What is asked of the program about accounts without serving anyone: `--hash-password`.

use crate::harness::{has_program, server::refused_start, wait_until};
use loopftpd::accounts::{PasswordHash, WorkingMemory};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

/// Runs a command to its end, with `input` on its standard input.
fn run(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut pipe = child.stdin.take().expect("piped");
    // Whoever has read enough may have closed its end.
    let _ = pipe.write_all(input);
    drop(pipe);
    child.wait_with_output().expect("it ends")
}

fn hash_password(input: &[u8]) -> Output {
    run(
        Command::new(env!("CARGO_BIN_EXE_loopftpd")).arg("--hash-password"),
        input,
    )
}

#[test]
fn a_password_from_a_pipe_becomes_one_line_that_verifies_it() {
    for input in [&b"correct horse\n"[..], b"correct horse", b"correct horse\r\nignored\n"] {
        let output = hash_password(input);
        assert!(output.status.success(), "{output:?}");
        assert!(output.stderr.is_empty(), "nothing is asked: {output:?}");
        let text = String::from_utf8(output.stdout).expect("ASCII");
        let line = text.strip_suffix('\n').expect("a line");
        assert!(
            line.starts_with("$argon2id$v=19$") && !line.contains([':', '\n']),
            "{line}"
        );
        let hash = PasswordHash::parse(line).expect("well-formed");
        assert!(hash.verify(b"correct horse", &mut WorkingMemory::default()));
        assert!(!hash.verify(b"correct horse\n", &mut WorkingMemory::default()));
    }
}

#[test]
fn each_hash_has_its_own_salt() {
    assert_ne!(hash_password(b"same\n").stdout, hash_password(b"same\n").stdout);
}

#[test]
fn l15_what_is_no_password_exits_2_and_says_so_without_showing_it() {
    for (input, reason) in [
        (&b""[..], "empty"),
        (b"\nsecret\n", "empty"),
        (b"sec\0ret\n", "NUL"),
        (&[b's'; 10_000], "longer than 256"),
    ] {
        let output = hash_password(input);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        let text = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(text.contains("--hash-password") && text.contains(reason), "{text}");
        assert!(!text.contains("ret") && !text.contains("sss"), "{text}");
    }
}

/// A person at a terminal, before whom `--hash-password` runs.
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
        // The program asks on its controlling terminal, which only the first of a session can choose.
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
        // When the program has ended, its terminal gives an error rather than an end.
        let length = self.person.read(&mut some).unwrap_or(0);
        self.screen += std::str::from_utf8(&some[..length]).expect("UTF-8");
        length > 0
    }

    fn shows(&self) -> bool {
        let modes = tcgetattr(&self.person).expect("a terminal").local_modes;
        modes.contains(LocalModes::ECHO)
    }

    /// Waits for the question and for typing to be hidden, then types.
    fn answer(&mut self, question: &str, typed: &str) {
        while !self.screen.ends_with(question) {
            assert!(self.read(), "it ended: {}", self.screen);
        }
        wait_until("what is typed is hidden", || !self.shows());
        self.person.write_all(typed.as_bytes()).expect("typed");
    }

    /// What was on the screen, and how the program ended.
    fn end(mut self) -> (String, ExitStatus) {
        while self.read() {}
        (self.screen.clone(), self.program.wait().expect("it ends"))
    }
}

#[test]
fn on_a_terminal_it_is_asked_for_twice_and_not_shown() {
    if !has_program("setsid") {
        return;
    }
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

#[test]
fn on_a_terminal_two_different_ones_are_refused() {
    if !has_program("setsid") {
        return;
    }
    let mut terminal = Terminal::start();
    terminal.answer("Password: ", "correct horse\n");
    terminal.answer("Again: ", "battery staple\n");
    let (screen, status) = terminal.end();
    assert_eq!(status.code(), Some(2), "{screen}");
    assert!(screen.contains("differ") && !screen.contains("$argon2"), "{screen}");
}

#[test]
fn on_a_terminal_an_interruption_leaves_it_as_it_was() {
    if !has_program("setsid") {
        return;
    }
    let mut terminal = Terminal::start();
    terminal.answer("Password: ", "corr\x03");
    wait_until("what is typed is shown again", || terminal.shows());
    let (screen, status) = terminal.end();
    assert_eq!(status.code(), Some(2), "{screen}");
    assert!(screen.contains("interrupted") && !screen.contains("corr"), "{screen}");
}

#[test]
fn l15_wrong_account_options_say_which_and_exit_2() {
    for (arguments, named) in [
        (&["--anonymous", "all"][..], "--anonymous all"),
        (&["--anonymous", "off"], "--anonymous off"),
        (&["--anonymous", "upload", "--write"], "--anonymous upload"),
        (&["--insecure-users-file"], "--insecure-users-file"),
    ] {
        let (code, text) = refused_start(arguments);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(named), "{text}");
    }
}
