//! The command line for accounts: `--hash-password` and the options about users.

use harness::server::refused_start;
use loopftpd::accounts::{PasswordHash, WorkingMemory};
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Runs a command to its end, with `input` on its standard input.
fn run(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut pipe = child.stdin.take().expect("piped");
    // The program may have closed its end once it has read enough.
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
fn hash_password_reads_a_pipe_and_prints_one_hash_that_verifies() {
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
fn every_hash_has_its_own_salt() {
    assert_ne!(hash_password(b"same\n").stdout, hash_password(b"same\n").stdout);
}

#[test]
fn l15_an_unusable_password_exits_2_and_is_not_shown() {
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

#[test]
fn l15_wrong_account_options_are_named_and_exit_2() {
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
