//! Valid and invalid command lines.

use super::*;
use crate::trace::Selection;
use std::net::{IpAddr, Ipv4Addr};

/// The options of a valid command line.
pub(crate) fn served(arguments: &[&str]) -> Options {
    match parse(arguments.iter().map(OsString::from)) {
        Ok(Invocation::Serve(options)) => *options,
        other => panic!("expected to serve: {other:?}"),
    }
}

#[test]
fn no_arguments_serve_the_current_directory_on_the_loopback_address() {
    let options = served(&[]);
    assert_eq!(options.directory, PathBuf::from("."));
    assert_eq!(options.listen, [SocketAddr::from(([127, 0, 0, 1], 2121))]);
    assert_eq!(options.passive_ports, 30_000..=30_255);
    assert_eq!(options.timeouts.idle, Duration::from_secs(300));
    assert_eq!(options.max_sessions, 10_000);
    assert_eq!(options.max_sessions_per_ip, None);
    assert!(options.active);
    assert!(!options.announces_deflate);
}

#[test]
fn options_may_follow_the_directory_and_be_repeated() {
    let line = "/ -l 0.0.0.0:0 --listen=[::1]:2122 -p 65535 --no-active --announce-mode-z --max-sessions 2k \
                --max-sessions-per-ip 0 --log-level warn,event_loop=trace";
    let options = served(&line.split(' ').collect::<Vec<_>>());
    assert_eq!(options.directory, PathBuf::from("/"));
    assert_eq!(options.listen.len(), 2);
    assert!(!options.active);
    assert!(options.announces_deflate);
    assert_eq!(options.max_sessions, 2_000);
    assert_eq!(options.max_sessions_per_ip, Some(0));
    assert_eq!(
        options.log_level.modules,
        [("loopftpd::event_loop".to_owned(), log::LevelFilter::Trace)]
    );
}

#[test]
fn a_trace_is_of_everything_or_of_one_session_or_client_and_never_takes_the_directory_for_a_value() {
    let trace = |arguments: &[&str]| {
        let options = served(arguments);
        (options.trace, options.directory)
    };
    let (root, here) = (PathBuf::from("/"), PathBuf::from("."));
    assert_eq!(trace(&["-t", "/"]), (Some(Selection::Everything), root.clone()));
    assert_eq!(trace(&["--trace", "/"]), (Some(Selection::Everything), root.clone()));
    assert_eq!(trace(&["-wt"]), (Some(Selection::Everything), here.clone()));
    assert_eq!(trace(&["--trace=17", "/"]), (Some(Selection::Session(17)), root));
    let local = Selection::Address(Ipv4Addr::LOCALHOST.into());
    assert_eq!(trace(&["--trace=127.0.0.1"]), (Some(local), here.clone()));
    assert_eq!(trace(&[]), (None, here));
}

#[test]
fn j11_a_range_can_be_one_port_and_end_at_65535() {
    assert_eq!(served(&["-p", "65535"]).passive_ports, 65_535..=65_535);
    let options = served(&["-l", "127.0.0.1:21", "-p", "1024-65535"]);
    assert_eq!(options.passive_ports, 1_024..=65_535);
}

#[test]
fn the_narrowest_network_of_a_client_decides_the_announced_address() {
    let options = served(&[
        "--public-address",
        "203.0.113.1",
        "--public-address",
        "10.0.0.0/8=10.0.0.5",
        "--public-address",
        "10.1.0.0/16=10.1.0.5",
    ]);
    let announced = |client: [u8; 4]| options.public_addresses.for_client(IpAddr::from(client));
    assert_eq!(announced([10, 1, 2, 3]), Some(Ipv4Addr::new(10, 1, 0, 5)));
    assert_eq!(announced([10, 9, 2, 3]), Some(Ipv4Addr::new(10, 0, 0, 5)));
    assert_eq!(announced([192, 0, 2, 1]), Some(Ipv4Addr::new(203, 0, 113, 1)));
    assert_eq!(served(&[]).public_addresses.for_client([10, 0, 0, 1].into()), None);
}

#[test]
fn anonymous_clients_may_read_by_default() {
    let anonymous = |arguments: &[&str]| served(arguments).anonymous;
    assert_eq!(anonymous(&[]), AnonymousAccess::Read);
    assert_eq!(anonymous(&["--anonymous", "upload"]), AnonymousAccess::Upload);
    assert_eq!(anonymous(&["--write"]), AnonymousAccess::Write);
    assert_eq!(anonymous(&["-w", "--anonymous", "write"]), AnonymousAccess::Write);
    assert_eq!(anonymous(&["--anonymous", "off", "--users", "f"]), AnonymousAccess::Off);
}

#[test]
fn all_techniques_are_in_use_except_those_named() {
    let techniques = served(&["--without", "cork", "--without", "busy-poll"]).techniques;
    let used =
        [Technique::Cork, Technique::NoDelay, Technique::BusyPoll].map(|technique| techniques.include(technique));
    assert_eq!(used, [false, true, false]);
    assert_eq!(techniques.to_string(), "cork, busy-poll");
    assert_eq!(served(&[]).techniques, Techniques::default());
}

#[test]
fn f06_the_users_file_must_be_private_unless_an_option_waives_it() {
    let options = served(&["--users", "/etc/loopftpd.users"]);
    assert_eq!(options.users, Some(PathBuf::from("/etc/loopftpd.users")));
    assert_eq!(options.users_privacy, Privacy::Required);
    let options = served(&["--users", "f", "--insecure-users-file"]);
    assert_eq!(options.users_privacy, Privacy::Waived);
}

#[test]
fn h13_umask_takes_octal_digits() {
    assert_eq!(served(&["-w"]).umask, None);
    for (text, mask) in [("022", 0o022), ("0", 0), ("0077", 0o077), ("27", 0o027)] {
        assert_eq!(served(&["-w", "--umask", text]).umask, Some(mask));
    }
}

/// Each case is refused, and the error contains the given part.
fn assert_refused(cases: &[(&[&str], &str)]) {
    for (arguments, named) in cases.iter().copied() {
        match parse(arguments.iter().map(OsString::from)) {
            Err(error) => assert!(error.to_string().contains(named), "{arguments:?}: {error}"),
            Ok(other) => panic!("{arguments:?} was accepted: {other:?}"),
        }
    }
}

#[test]
fn d26_invalid_passive_ranges_and_public_addresses_are_refused() {
    assert_refused(&[
        (&["--passive-ports", "65000-64000"], "--passive-ports 65000-64000"),
        (&["--passive-ports", "0-10"], "--passive-ports 0-10"),
        (&["--passive-ports", "0"], "--passive-ports"),
        (&["--passive-ports", "1-65536"], "--passive-ports"),
        (&["--passive-ports", "a-b"], "--passive-ports"),
        (&["--passive-ports", "1-2-3"], "--passive-ports"),
        (&["--passive-ports", "-5"], "--passive-ports"),
        (&["--passive-ports", "+1-2"], "--passive-ports"),
        (&["--passive-ports", "1-"], "--passive-ports"),
        (&["--passive-ports", "1-2", "--passive-ports", "3-4"], "passive-ports"),
        (&["--public-address", "::1"], "--public-address ::1"),
        (&["--public-address", "0.0.0.0"], "--public-address"),
        (&["--public-address", "224.0.0.1"], "--public-address"),
        (&["--public-address", "255.255.255.255"], "--public-address"),
        (&["--public-address", "example.org"], "--public-address"),
        (&["--public-address", "10.0.0.0/33=10.0.0.1"], "--public-address"),
        (&["--public-address", "10.0.0.0/8="], "--public-address"),
        (&["--public-address", "=10.0.0.1"], "--public-address"),
    ]);
}

#[test]
fn l15_invalid_command_lines_are_refused_and_the_error_names_the_option() {
    assert_refused(&[
        (&["--bogus"], "bogus"),
        (&["-x"], "x"),
        (&["--listen"], "listen"),
        (&["--listen", "localhost:2121"], "--listen localhost:2121"),
        (&["--listen", "127.0.0.1"], "--listen 127.0.0.1"),
        (&["--listen", "127.0.0.1:65536"], "--listen"),
        (&["--listen", "::1:2121x"], "--listen"),
        (&["--listen", "2121"], "--listen 2121"),
        (&["--listen", ""], "--listen"),
        (&["-l", "127.0.0.1:2121", "-l", "127.0.0.1:2121"], "given twice"),
        (&["-l", "127.0.0.1:30001"], "--passive-ports"),
        (&["--no-active=yes"], "no-active"),
        (
            &["--trace=localhost"],
            "--trace localhost: expected the number of a session",
        ),
        (&["--trace=0"], "--trace 0"),
        (&["--trace="], "--trace : expected"),
        (&["-t7"], "7"),
        (&["--max-sessions", "0"], "--max-sessions 0"),
        (&["--max-sessions", "-1"], "--max-sessions"),
        (&["--max-sessions", "many"], "--max-sessions many"),
        (&["--max-sessions-per-ip", "x"], "--max-sessions-per-ip x"),
        (&["--idle-timeout", "0"], "--idle-timeout 0"),
        (&["--idle-timeout", "5 minutes"], "--idle-timeout 5 minutes"),
        (&["--idle-timeout", "25d"], "--idle-timeout 25d"),
        (&["--login-timeout", "x"], "--login-timeout x"),
        (&["--connect-timeout", "-1"], "--connect-timeout"),
        (&["--stall-timeout", "1y"], "--stall-timeout 1y"),
        (&["--stall-timeout"], "stall-timeout"),
        (&["--banner", ""], "--banner"),
        (&["--banner", "two\nlines"], "--banner"),
        (&["--banner", "grüß"], "--banner"),
        (&["--log-level", "loud"], "--log-level loud"),
        (&["--log-level", "info,=debug"], "--log-level"),
        (&["--log-level", "info,session"], "--log-level"),
        (
            &["--log-level", "info,nosuch=debug"],
            "\"nosuch\": expected one of the modules accounts",
        ),
        (&["--log-level", "event_loop::data=debug"], "\"event_loop::data\""),
        (&["--log-level", "info,debug"], "debug: expected one level for all"),
        (
            &["--log-level", "session=info,session=debug"],
            "session=debug: expected one level for a module",
        ),
        (&["--log-level", "info,"], "--log-level info,"),
        (&["--durable"], "--durable: nobody may upload"),
        (&["--umask", "022"], "--umask: nobody may upload"),
        (&["-w", "--umask", "0788"], "--umask 0788: expected octal digits"),
        (&["-w", "--umask", "22x"], "--umask 22x: expected octal digits"),
        (&["-w", "--umask", "+22"], "--umask +22: expected octal digits"),
        (&["-w", "--umask", "-1"], "--umask"),
        (&["-w", "--umask", ""], "--umask : expected octal digits"),
        (&["-w", "--umask", "00022"], "--umask 00022: expected octal digits"),
        (
            &["-w", "--umask", "777"],
            "--umask 777: expected octal digits from 000 to 077",
        ),
        (&["--partial", "keep"], "--partial: nobody may upload"),
        (
            &["--partial", "discard", "--anonymous", "read"],
            "--partial: nobody may upload",
        ),
        (
            &["--events", "log", "--transfer-log", "log"],
            "--transfer-log log: the same file as --events",
        ),
        (
            &["--users", "file", "--events", "file"],
            "--users file: the same file as --events",
        ),
        (&["--hash-password", "/"], "--hash-password: serves nothing"),
        (&["--hash-password", "--users", "f"], "--hash-password: serves nothing"),
        (&["--no-chroot=yes"], "no-chroot"),
        (&["--anonymous", "yes"], "--anonymous yes"),
        (&["--anonymous", ""], "--anonymous"),
        (&["--anonymous", "off"], "--anonymous off"),
        (&["--anonymous", "read", "--write"], "--anonymous read"),
        (&["--write=yes"], "write"),
        (&["--users"], "users"),
        (&["--insecure-users-file"], "--insecure-users-file: needs --users FILE"),
        (&["--hash-password=secret"], "hash-password"),
        (&["--without", "speed"], "--without speed: expected one of cork"),
        (&["/", "/tmp"], "/tmp"),
        (&["/nonexistent-directory"], "/nonexistent-directory"),
        (&["/proc/self/status"], "/proc/self/status: not a directory"),
    ]);
}

fn help() -> String {
    match parse(["--help".into()]) {
        Ok(Invocation::Print(text)) => text,
        other => panic!("expected help: {other:?}"),
    }
}

#[test]
fn help_shows_every_option_with_its_default() {
    let text = help();
    let mut headings: Vec<&str> = text.lines().filter(|line| line.ends_with(':')).collect();
    let groups = headings.len();
    headings.sort_unstable();
    headings.dedup();
    assert_eq!(headings.len(), groups, "the options of a group are together: {text}");
    let (hidden, shown): (Vec<&Row>, Vec<&Row>) = TABLE.0.iter().partition(|row| row.group == HIDDEN);
    assert!(hidden.iter().all(|row| !text.contains(&format!("--{}", row.long))));
    for row in shown {
        assert!(text.contains(&format!("--{}", row.long)), "{}", row.long);
        assert!(text.contains(row.default), "{}", row.default);
    }
}

#[test]
fn help_fits_80_columns_with_every_description_in_one_column() {
    for text in [help(), HASH_PASSWORD_HELP.to_owned()] {
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
    let text = help();
    let lines: Vec<&str> = text.lines().collect();
    for row in TABLE.0.iter().filter(|row| row.group != HIDDEN) {
        let usage = row.usage();
        let at = lines.iter().position(|line| line.starts_with(&usage)).expect(row.long);
        // A usage that reaches into the column has a line of its own.
        let described = if usage.chars().count() > 30 {
            lines[at + 1]
        } else {
            lines[at]
        };
        let column: String = described.chars().skip(30).collect();
        let first_word = row.help.split(' ').next().expect("a word");
        assert!(column.starts_with(&format!("  {first_word}")), "{described:?}");
        assert!(usage.chars().count() <= 30 || lines[at] == usage, "{:?}", lines[at]);
    }
    let continued = lines.iter().filter(|line| line.starts_with(&" ".repeat(31)));
    for line in continued {
        assert_ne!(line.chars().nth(32), Some(' '), "{line:?}");
        assert_eq!(line.chars().nth(31), Some(' '), "{line:?}");
    }
}

/// The table of `docs/options.md` is made from the table of options, except for its prose around it.
#[test]
fn docs_options_md_lists_the_same_options_as_help() {
    let mut expected = String::from("| option | meaning | default |\n|---|---|---|\n");
    for row in TABLE.0.iter().filter(|row| row.group != HIDDEN) {
        let short = match row.short {
            "" => String::new(),
            short => format!("`-{short}`, "),
        };
        let (help, default) = match row.help.split_once(" [default: ") {
            Some((help, default)) => (help, default.trim_end_matches(']').to_owned()),
            None if row.default.is_empty() => (row.help, String::new()),
            None => (row.help, format!("`{}`", row.default)),
        };
        let cells = format!("| {short}`{}` | {help} | {default} |\n", row.long_usage());
        expected += &cells;
    }
    let documentation = include_str!("../../docs/options.md").replace("\\|", "|");
    assert!(
        documentation.contains(&expected),
        "docs/options.md needs this table (with \\| for | in cells):\n{expected}"
    );
}
