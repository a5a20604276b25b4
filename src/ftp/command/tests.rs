//! Lines as real clients send them, and malformed ones.

use super::*;
use crate::ftp::reply::{self, Reply};
use proptest::prelude::*;

fn parsed(line: &str) -> Result<Command, CommandError> {
    CommandLine::parse(line.as_bytes()).command
}

fn all_are(error: CommandError, lines: &[&str]) {
    for line in lines {
        assert_eq!(parsed(line), Err(error), "{line:?}");
    }
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
    let list = |argument: &str| arguments::list_argument(argument.as_bytes());
    assert_eq!(list("").path, None);
    assert_eq!(list("-la My Dir").path, Some(path("My Dir")));
    assert!(list("-la").all && list("-a").all && list("-al -L x").all && !list("-l").all);
    assert_eq!(list("-CF -d -- -x").path, None, "the last group looks like options too");
    assert_eq!(list("./-la").path, Some(path("./-la")));
    assert_eq!(list("-la x").literal, Some(path("-la x")));
    assert_eq!(list("dir/").literal, None);
}

#[test]
fn paths_that_end_like_a_directory_name_one() {
    for directory in ["/", "a/", "a/.", "a/..", "/..", "a//"] {
        assert!(path(directory).names_directory(), "{directory}");
    }
    for other in ["", "a", "a/b", "a/.b", "a.", "a..", "a/..."] {
        assert!(!path(other).names_directory(), "{other}");
    }
}

#[test]
fn levels_of_mode_z_are_granted_up_to_six() {
    let granted = |wanted| DeflateLevel::granted(wanted).map(DeflateLevel::number);
    assert_eq!([1, 2, 5, 6].map(granted), [Some(1), Some(2), Some(5), Some(6)]);
    assert_eq!([7, 9].map(granted), [Some(6); 2], "lowered, not refused");
    assert_eq!([0, 10, 257, u64::MAX].map(granted), [None; 4], "no level of zlib");
}

#[test]
fn types_are_accepted_in_every_common_spelling() {
    for line in ["TYPE A", "type a", "TYPE A N", "TYPE AN"] {
        assert_eq!(parsed(line), Ok(Command::Type(Representation::Ascii)), "{line}");
    }
    for line in ["TYPE I", "type i", "TYPE I N", "TYPE L 8", "TYPE L8"] {
        assert_eq!(parsed(line), Ok(Command::Type(Representation::Image)), "{line}");
    }
    let unserved = [
        "TYPE E", "TYPE L 7", "TYPE A X", "TYPE A T", "STRU R", "MODE C", "MODE B",
    ];
    all_are(CommandError::BadParameter, &unserved);
}

#[test]
fn a03_control_bytes_in_arguments_are_refused() {
    let lines = [
        "USER a\0b",
        "RETR x\0y",
        "CWD a\rb",
        "LIST \x1b",
        "NOOP \x7f",
        "RETR a\0",
        "SIZE \t",
        "STOR a\0",
    ];
    all_are(CommandError::BadArgument, &lines);
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
        assert_eq!(CommandLine::parse(&[verb]).command, Err(expected), "{verb}");
    }
    for first in 0..=u8::MAX {
        for second in 0..=u8::MAX {
            assert!(CommandLine::parse(&[first, second]).command.is_err());
        }
    }
}

#[test]
fn a09_numbers_are_digits_up_to_the_largest_offset() {
    assert_eq!(parsed("REST 9223372036854775807"), Ok(Command::Rest(i64::MAX as u64)));
    assert_eq!(parsed("REST 0"), Ok(Command::Rest(0)));
    let endless = "9".repeat(4_000);
    let large = [
        "18446744073709551615",
        "18446744073709551616",
        "9223372036854775808",
        &endless,
    ];
    for bad in ["-1", "+1", "0x10", "1e3", "1 2", "", " ", "１２", "1.0"]
        .iter()
        .chain(&large)
    {
        assert_eq!(parsed(&format!("REST {bad}")), Err(CommandError::BadArgument), "{bad}");
        assert!(parsed(&format!("ALLO {bad}")).is_err() || *bad == "1 2", "{bad}");
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
    let lines = [
        "GET / HTTP/1.1",
        "POST /",
        "EHLO x",
        "SSH-2.0-OpenSSH_9",
        "connect a:1",
        "OPTIONS *",
    ];
    all_are(CommandError::ForeignProtocol, &lines);
}

#[test]
fn a20_names_and_passwords_that_are_too_long_are_refused() {
    for (verb, longest) in [("USER", 128), ("PASS", 256)] {
        assert!(parsed(&format!("{verb} {}", "x".repeat(longest))).is_ok());
        let longer = format!("{verb} {}", "x".repeat(longest + 1));
        assert_eq!(parsed(&longer), Err(CommandError::BadArgument));
    }
}

#[test]
fn options_that_are_unknown_get_501_and_never_a_temporary_code() {
    for line in ["OPTS UTF8 ON", "opts utf8 on", "OPTS UTF-8 ON", "OPTS UTF8"] {
        assert_eq!(parsed(line), Ok(Command::OptsUtf8), "{line}");
    }
    let facts = |facts| Ok(Command::OptsMlst(facts));
    assert_eq!(parsed("OPTS MLST size;bogus;Type;"), facts(Facts::SIZE | Facts::TYPE));
    assert_eq!(parsed("OPTS MLST"), facts(Facts::empty()));
    let granted = |number| DeflateLevel::granted(number).map(Command::OptsDeflate);
    assert_eq!(parsed("OPTS MODE Z LEVEL 1").ok(), granted(1));
    assert_eq!(
        parsed("opts mode  z level 9").ok(),
        granted(6),
        "higher levels are capped"
    );
    let bad = [
        "OPTS REST STOR",
        "OPTS MODE",
        "OPTS MODE Z",
        "OPTS MODE Z LEVEL",
        "OPTS MODE Z LEVEL 0",
        "OPTS MODE Z LEVEL 10",
        "OPTS MODE Z LEVEL x",
        "OPTS MODE Z LEVEL 6 BLOCKSIZE 8",
        "OPTS MODE S LEVEL 6",
    ];
    all_are(CommandError::BadArgument, &bad);
}

#[test]
fn a18_site_commands_that_run_programs_or_copy_are_unknown() {
    let lines = [
        "SITE EXEC id",
        "SITE CPFR /etc/passwd",
        "SITE RETRBUFSIZE 1",
        "SITE SYMLINK a b",
    ];
    all_are(CommandError::NotImplemented, &lines);
    assert_eq!(parsed("SITE HELP"), Ok(Command::SiteHelp));
}

#[test]
fn digest_commands_take_a_name_and_a_part() {
    assert_eq!(parsed("OPTS HASH sha-1"), Ok(Command::OptsHash(Some(Digest::Sha1))));
    assert_eq!(parsed("OPTS HASH"), Ok(Command::OptsHash(None)));
    all_are(CommandError::BadParameter, &["OPTS HASH MD9"]);
    for (line, first, past) in [
        ("XCRC a b", 0, None),
        ("XCRC \"a b\"", 0, None),
        ("XCRC \"a b\" 5", 5, None),
        ("XCRC \"a b\" 5 10", 5, Some(10)),
    ] {
        let (digest, path) = (Digest::Crc32, path("a b"));
        let request = DigestRequest::Checksum {
            digest,
            path,
            first,
            past,
        };
        assert_eq!(parsed(line), Ok(Command::Digest(request)), "{line}");
    }
    assert_eq!(parsed("RANG 5 9"), Ok(Command::Range(Some((5, 9)))));
    assert_eq!(parsed("RANG 1 0"), Ok(Command::Range(None)));
    let bad_checksums = [
        "XCRC",
        "XCRC \"a\" 5 4",
        "XCRC \"a\" x",
        "XCRC \"a\" 1 2 3",
        "XCRC \"\"",
    ];
    all_are(CommandError::BadArgument, &bad_checksums);
    all_are(
        CommandError::BadArgument,
        &["RANG", "RANG 5", "RANG 9 5", "RANG -1 5", "RANG 1 2 3"],
    );
}

#[test]
fn h18_times_are_set_in_five_ways() {
    let time = Timestamp::from_unix(1_704_067_200);
    let facts = vec![FactChange::Modify(time), FactChange::UnixMode(0o644)];
    let set_or_show = Command::MdtmOrSet {
        literal: path("20240101000000 a"),
        time: Some(time),
        path: path("a"),
    };
    for (line, command) in [
        ("MFMT 20240101000000 a b", Command::SetModified(time, path("a b"))),
        ("MFMT 20240101000000.123 a", Command::SetModified(time, path("a"))),
        (
            "MFF Modify=20240101000000;UNIX.mode=0644; a b",
            Command::SetFacts(facts, path("a b")),
        ),
        ("SITE UTIME 20240101000000 a b", Command::SiteUtime(time, path("a b"))),
        (
            "site utime a b 20230101000000 20240101000000 20250101000000 utc",
            Command::SiteUtime(time, path("a b")),
        ),
        ("MDTM 20240101000000 a", set_or_show),
        ("MDTM 20240101000000", Command::Mdtm(path("20240101000000"))),
        ("MDTM 2024010100000 a", Command::Mdtm(path("2024010100000 a"))),
    ] {
        assert_eq!(parsed(line), Ok(command), "{line}");
    }
}

#[test]
fn h18_times_that_do_not_exist_are_refused() {
    let lines = [
        "MFMT 20241301000000 a",
        "MFMT 2024010100000 a",
        "MFMT 20240101000000",
        "MFMT 20240101000000. a",
        "MFMT 20240101000000.x a",
        "MFMT -0240101000000 a",
        "MFF modify=20241301000000; a",
        "MFF modify=20240101000000 a",
        "MFF modify; a",
        "MFF Modify=20240101000000;UNIX.mode=0644;Modify=20240101000000; a",
        "MFF UNIX.mode=0644;unix.mode=0644; a",
        "SITE UTIME 20241301000000 a",
        "SITE UTIME a 1 2 3 UTC",
        "SITE UTIME a",
    ];
    all_are(CommandError::BadArgument, &lines);
    all_are(CommandError::BadParameter, &["MFF create=20240101000000; a"]);
}

#[test]
fn h13_modes_are_permission_bits_only() {
    assert_eq!(parsed("SITE CHMOD 644 a b"), Ok(Command::SiteChmod(0o644, path("a b"))));
    assert_eq!(parsed("SITE CHMOD 0755 a"), Ok(Command::SiteChmod(0o755, path("a"))));
    all_are(CommandError::BadParameter, &["SITE CHMOD 4755 a"]);
    let bad = [
        "SITE CHMOD 64 a",
        "SITE CHMOD 888 a",
        "SITE CHMOD u+x a",
        "SITE CHMOD 644",
        "SITE CHMOD 00644 a",
    ];
    all_are(CommandError::BadArgument, &bad);
}

#[test]
fn transfers_and_changes_are_recorded_with_their_path() {
    for (line, recorded) in [
        ("RETR a", "RETR a"),
        ("STOR a", "STOR a"),
        ("APPE a", "APPE a"),
        ("STOU a", "STOU a"),
        ("STOU", "STOU "),
        ("DELE a", "DELE a"),
        ("XMKD a", "MKD a"),
        ("XRMD a", "RMD a"),
        ("RNFR a", "RNFR a"),
        ("RNTO a", "RNTO a"),
        ("MDTM 20240101000000 a", "MDTM a"),
        ("MFMT 20240101000000 a", "MFMT a"),
        ("MFF modify=20240101000000; a", "MFF a"),
        ("SITE UTIME 20240101000000 a", "SITE UTIME a"),
        ("SITE CHMOD 644 a", "SITE CHMOD a"),
    ] {
        let command = parsed(line).expect(line);
        let (verb, path) = command.recorded_as().expect(line);
        assert_eq!([verb.as_bytes(), b" ", path].concat(), recorded.as_bytes());
    }
    for line in ["MDTM a", "SIZE a", "LIST a", "CWD a", "HASH a", "SITE HELP", "NOOP"] {
        assert_eq!(parsed(line).expect(line).recorded_as(), None, "{line}");
    }
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
        let _ = CommandLine::parse(&line);
    }

    #[test]
    fn no_argument_makes_a_verb_panic(verb in proptest::sample::select(served_verbs()), argument: Vec<u8>) {
        let _ = CommandLine::parse(&[verb.as_bytes(), b" ", &argument].concat());
    }
}
