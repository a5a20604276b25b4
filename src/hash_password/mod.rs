//! `--hash-password`: reads a password and prints its hash for the users file, instead of serving.
//!
//! The password is typed twice at the terminal without being shown, or is the first line of a pipe or file. It is never
//! taken from the command line, which every user of the machine can read.

mod terminal;

use crate::accounts::{Password, hash_new};
use std::io::{self, BufRead, IsTerminal, Write};
use std::os::fd::AsFd;
use terminal::MuteTerminal;

/// Why no hash could be made.
#[derive(Debug, thiserror::Error)]
pub enum HashPasswordError {
    #[error("--hash-password: the password cannot be read: {0}")]
    Read(io::Error),
    #[error("--hash-password: expected a password, not an empty line")]
    Empty,
    #[error(
        "--hash-password: the password is longer than {} bytes, which no client may send",
        Password::LONGEST
    )]
    TooLong,
    #[error("--hash-password: the password has a NUL or CR, which no client can send")]
    Unsendable,
    #[error("--hash-password: the two passwords differ")]
    Different,
    #[error("--hash-password: interrupted")]
    Interrupted,
    /// Memory is short, or the kernel gives no random bytes.
    #[error("--hash-password: {0}")]
    Hash(argon2::password_hash::Error),
}

/// Reads a password from standard input and returns its hash as a PHC string. Waits for the terminal.
pub fn read_and_hash() -> Result<String, HashPasswordError> {
    let password = if io::stdin().is_terminal() {
        ask_twice()?
    } else {
        first_line(io::stdin().lock())?
    };
    hash_new(checked(&password)?).map_err(HashPasswordError::Hash)
}

fn ask_twice() -> Result<Password, HashPasswordError> {
    let input = io::stdin();
    let terminal = MuteTerminal::mute(input.as_fd()).map_err(HashPasswordError::Read)?;
    let password = ask(&terminal, "Password: ")?;
    checked(&password)?;
    if ask(&terminal, "Again: ")? == password {
        Ok(password)
    } else {
        Err(HashPasswordError::Different)
    }
}

/// The prompt goes to standard error, so that standard output can be redirected into a file.
fn ask(terminal: &MuteTerminal<'_>, question: &str) -> Result<Password, HashPasswordError> {
    let _ = io::stderr().write_all(question.as_bytes());
    let typed = terminal.line(Password::LONGEST + 1).map_err(HashPasswordError::Read)?;
    typed.ok_or(HashPasswordError::Interrupted)
}

/// The first line without its end. One byte more than allowed is read, to detect a password that is too long.
fn first_line(input: impl BufRead) -> Result<Password, HashPasswordError> {
    let longest = Password::LONGEST + "\r\n".len() + 1;
    let mut line = Vec::with_capacity(longest);
    input
        .take(longest as u64)
        .read_until(b'\n', &mut line)
        .map_err(HashPasswordError::Read)?;
    if line.pop_if(|last| *last == b'\n').is_some() {
        line.pop_if(|last| *last == b'\r');
    }
    Ok(Password::new(line))
}

/// The bytes, if a client can send them with PASS.
fn checked(password: &Password) -> Result<&[u8], HashPasswordError> {
    match password.as_bytes() {
        [] => Err(HashPasswordError::Empty),
        bytes if bytes.len() > Password::LONGEST => Err(HashPasswordError::TooLong),
        bytes if bytes.iter().any(|byte| matches!(byte, 0 | b'\r')) => Err(HashPasswordError::Unsendable),
        bytes => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(input: &[u8]) -> Vec<u8> {
        first_line(input).expect("read").as_bytes().to_vec()
    }

    #[test]
    fn the_password_is_the_first_line_without_its_end() {
        assert_eq!(line(b"secret"), b"secret");
        assert_eq!(line(b"secret\n"), b"secret");
        assert_eq!(line(b"secret\r\nmore\n"), b"secret");
        assert_eq!(line(b" two words \n"), b" two words ");
        assert_eq!(line(b"\nsecret\n"), b"");
        assert_eq!(line(&[b'a'; 256]), [b'a'; 256]);
    }

    #[test]
    fn passwords_that_no_client_can_send_are_refused() {
        let refusal = |input: &[u8]| {
            checked(&first_line(input).expect("read"))
                .map(<[u8]>::to_vec)
                .map_err(|error| error.to_string())
        };
        assert_eq!(refusal(b"secret\n"), Ok(b"secret".to_vec()));
        assert_eq!(refusal(&[&[b'a'; 256][..], b"\r\n"].concat()), Ok(vec![b'a'; 256]));
        for (input, reason) in [
            (&b""[..], "empty"),
            (b"\n", "empty"),
            (&[b'a'; 257], "longer than 256"),
            (&[b'a'; 5_000], "longer than 256"),
            (b"a\0b\n", "NUL"),
            (b"a\rb\n", "CR"),
        ] {
            let error = refusal(input).expect_err("refused");
            assert!(
                error.starts_with("--hash-password: ") && error.contains(reason),
                "{error}"
            );
        }
    }
}
