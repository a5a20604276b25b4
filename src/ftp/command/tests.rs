//! Lines as real clients send them, and malformed ones.

use super::*;
use crate::ftp::listing::Facts;
use crate::ftp::reply::{self, Reply};
use proptest::prelude::*;

fn parsed(line: &str) -> Result<Command, CommandError> {
    Command::parse(line.as_bytes())
}

fn path(text: &str) -> PathArgument {
    PathArgument(text.as_bytes().to_vec())
}

#[test]
fn verbs_are_accepted_in_any_case_and_paths_keep_their_blanks() {
    assert_eq!(parsed("retr  a b "), Ok(Command::Retr(path(" a b "))));
    assert_eq!(parsed("Cwd"), Ok(Command::Cwd(path(""))));
    assert_eq!(parsed("XPWD"), Ok(Command::Pwd));
    assert_eq!(parsed("user  anonymous "), Ok(Command::User(b"anonymous".to_vec())));
}

#[test]
fn list_takes_options_off_the_front_and_keeps_the_rest() {
    let list = |argument: &str| ListArgument::parse(argument.as_bytes());
    assert_eq!(list("").path, None);
    assert_eq!(list("-la My Dir").path, Some(path("My Dir")));
    assert!(list("-la").all && list("-a").all && list("-al -L x").all && !list("-l").all);
    assert_eq!(list("-CF -d -- -x").path, None, "the last group looks like options too");
    assert_eq!(list("./-la").path, Some(path("./-la")));
    assert_eq!(list("-la x").literal, Some(path("-la x")));
    assert_eq!(list("dir/").literal, None);
}

#[test]
fn types_are_accepted_in_every_common_spelling() {
    for line in ["TYPE A", "type a", "TYPE A N", "TYPE AN"] {
        assert_eq!(parsed(line), Ok(Command::Type(Representation::Ascii)), "{line}");
    }
    for line in ["TYPE I", "type i", "TYPE I N", "TYPE L 8", "TYPE L8"] {
        assert_eq!(parsed(line), Ok(Command::Type(Representation::Image)), "{line}");
    }
    for line in [
        "TYPE E", "TYPE L 7", "TYPE A X", "TYPE A T", "STRU R", "MODE C", "MODE B",
    ] {
        assert_eq!(parsed(line), Err(CommandError::BadParameter), "{line}");
    }
}

#[test]
fn a03_control_bytes_in_arguments_are_refused() {
    for line in [
        "USER a\0b",
        "RETR x\0y",
        "CWD a\rb",
        "LIST \x1b",
        "NOOP \x7f",
        "RETR a\0",
        "SIZE \t",
        "STOR a\0",
    ] {
        assert_eq!(parsed(line), Err(CommandError::BadArgument), "{line:?}");
    }
    assert_eq!(parsed("PORT 1,2,3,4,5,6\0"), Err(CommandError::BadAddress));
}

#[test]
fn a05_only_ascii_letters_of_verbs_are_folded() {
    for verb in 0..=u8::MAX {
        let expected = if verb == b' ' {
            CommandError::Blank
        } else {
            CommandError::Unknown
        };
        assert_eq!(Command::parse(&[verb]), Err(expected), "{verb}");
    }
    for first in 0..=u8::MAX {
        for second in 0..=u8::MAX {
            assert!(Command::parse(&[first, second]).is_err());
        }
    }
}

#[test]
fn a09_numbers_are_digits_up_to_the_largest_offset() {
    assert_eq!(parsed("REST 9223372036854775807"), Ok(Command::Rest(i64::MAX as u64)));
    assert_eq!(parsed("REST 0"), Ok(Command::Rest(0)));
    let endless = "9".repeat(4_000);
    for bad in [
        "-1",
        "+1",
        "0x10",
        "1e3",
        "18446744073709551615",
        "18446744073709551616",
        "9223372036854775808",
        &endless,
        "1 2",
        "",
        " ",
        "１２",
        "1.0",
    ] {
        assert_eq!(parsed(&format!("REST {bad}")), Err(CommandError::BadArgument), "{bad}");
        assert!(parsed(&format!("ALLO {bad}")).is_err() || bad == "1 2", "{bad}");
    }
    assert_eq!(parsed("ALLO 100 R 20"), Ok(Command::Allo));
    assert_eq!(parsed("ALLO 1000000000000000000"), Ok(Command::Allo));
    assert_eq!(parsed("EPSV 3"), Err(CommandError::UnsupportedProtocol));
    assert_eq!(parsed("EPSV -1"), Err(CommandError::BadArgument));
}

#[test]
fn a10_every_verb_that_needs_an_argument_refuses_none() {
    for verb in [
        "USER", "RETR", "SIZE", "MDTM", "REST", "TYPE", "MODE", "STRU", "PORT", "EPRT", "STOR", "APPE", "DELE", "MKD",
        "RMD", "RNFR", "RNTO", "MFMT", "OPTS", "ALLO", "SITE", "HOST",
    ] {
        for line in [verb.to_owned(), format!("{verb} ")] {
            let refused = parsed(&line).expect_err("no argument");
            let wanted = [CommandError::BadArgument, CommandError::BadAddress];
            assert!(wanted.contains(&refused), "{line:?}: {refused:?}");
            assert_eq!(Reply::to_refused(refused), Some(reply::BAD_ARGUMENT), "501");
        }
    }
    for verb in ["NOOP", "PWD", "CDUP", "SYST", "FEAT", "PASV", "ABOR", "QUIT", "REIN"] {
        assert!(parsed(&format!("{verb} extra words")).is_ok(), "{verb}");
    }
}

#[test]
fn a11_other_protocols_are_recognised() {
    for line in [
        "GET / HTTP/1.1",
        "POST /",
        "EHLO x",
        "SSH-2.0-OpenSSH_9",
        "connect a:1",
        "OPTIONS *",
    ] {
        assert_eq!(parsed(line), Err(CommandError::ForeignProtocol), "{line}");
    }
}

#[test]
fn a20_names_and_passwords_that_are_too_long_are_refused() {
    assert!(parsed(&format!("USER {}", "x".repeat(128))).is_ok());
    assert_eq!(
        parsed(&format!("USER {}", "x".repeat(129))),
        Err(CommandError::BadArgument)
    );
    assert!(parsed(&format!("PASS {}", "x".repeat(256))).is_ok());
    assert_eq!(
        parsed(&format!("PASS {}", "x".repeat(257))),
        Err(CommandError::BadArgument)
    );
}

#[test]
fn options_that_are_unknown_get_501_and_never_a_temporary_code() {
    for line in ["OPTS UTF8 ON", "opts utf8 on", "OPTS UTF-8 ON", "OPTS UTF8"] {
        assert_eq!(parsed(line), Ok(Command::OptsUtf8), "{line}");
    }
    assert_eq!(
        parsed("OPTS MLST size;bogus;Type;"),
        Ok(Command::OptsMlst(Facts::SIZE | Facts::TYPE))
    );
    assert_eq!(parsed("OPTS MLST"), Ok(Command::OptsMlst(Facts::empty())));
    assert_eq!(parsed("OPTS REST STOR"), Err(CommandError::BadArgument));
    let granted = |number| DeflateLevel::granted(number).map(Command::OptsDeflate);
    assert_eq!(parsed("OPTS MODE Z LEVEL 1").ok(), granted(1));
    assert_eq!(
        parsed("opts mode  z level 9").ok(),
        granted(6),
        "higher levels are capped"
    );
    for line in [
        "OPTS MODE",
        "OPTS MODE Z",
        "OPTS MODE Z LEVEL",
        "OPTS MODE Z LEVEL 0",
        "OPTS MODE Z LEVEL 10",
        "OPTS MODE Z LEVEL x",
        "OPTS MODE Z LEVEL 6 BLOCKSIZE 8",
        "OPTS MODE S LEVEL 6",
    ] {
        assert_eq!(parsed(line), Err(CommandError::BadArgument), "{line}");
    }
}

#[test]
fn mdtm_reads_a_time_only_before_a_name() {
    assert!(matches!(parsed("MDTM 20240101000000 a"), Ok(Command::MdtmOrSet { .. })));
    assert_eq!(
        parsed("MDTM 2024010100000 a"),
        Ok(Command::Mdtm(path("2024010100000 a")))
    );
}

#[test]
fn a18_site_commands_that_run_programs_or_copy_are_unknown() {
    for line in [
        "SITE EXEC id",
        "SITE CPFR /etc/passwd",
        "SITE RETRBUFSIZE 1",
        "SITE SYMLINK a b",
    ] {
        assert_eq!(parsed(line), Err(CommandError::NotImplemented), "{line}");
    }
    assert_eq!(parsed("SITE HELP"), Ok(Command::SiteHelp));
}

/// With 256 KiB per turn.
#[test]
fn g16_a_turn_has_a_bounded_number_of_each_command() {
    let a_turn = |line: &str, path| 256 * 1024 / CommandLine::parse(line.as_bytes()).cost(path);
    assert_eq!(a_turn("MLST", 10), 64);
    assert_eq!(a_turn("pasv", 10), 64);
    assert_eq!(a_turn("MKD", 10), 16);
    assert_eq!(a_turn("SITE CHMOD", 10), 16);
    assert_eq!(a_turn("MFF", 4_000), 2, "a path through two thousand directories");
    assert_eq!(CommandLine::parse(b"NOOP").cost(4_000), 0);
    assert_eq!(CommandLine::parse(b"NOSUCH").cost(4_000), 0);
}

proptest! {
    #[test]
    fn no_line_makes_the_parser_panic(line: Vec<u8>) {
        let _ = Command::parse(&line);
    }

    #[test]
    fn no_argument_makes_a_verb_panic(verb in proptest::sample::select(&SERVED_VERBS[..]), argument: Vec<u8>) {
        let _ = Command::parse(&[verb.as_bytes(), b" ", &argument].concat());
    }
}
