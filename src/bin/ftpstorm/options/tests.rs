//! What is refused, what is the default, and the layout of `--help`.

use super::*;

/// A command line that is right.
pub fn options(line: &str) -> RunOptions {
    parsed(line).expect(line)
}

fn parsed(line: &str) -> Result<RunOptions, String> {
    match parse(line.split_whitespace().map(OsString::from)) {
        Ok(ParsedArguments::Run(options)) => Ok(*options),
        Ok(ParsedArguments::Help(text) | ParsedArguments::Version(text)) => Err(text),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn a_server_on_another_machine_is_refused_with_the_reason() {
    let error = parsed("login 192.0.2.1:21").expect_err("refused");
    assert!(
        error.contains("--i-own-this-server") && error.contains("attack"),
        "{error}"
    );
    for allowed in [
        "login 192.0.2.1:21 --i-own-this-server",
        "login 127.0.0.1:21",
        "login localhost:21",
        "login [::1]:21",
        "login ftp://127.0.0.1:2121/",
        // Without a part that downloads it needs no --path.
        "mixed 127.0.0.1:21 --mix cycle=1",
    ] {
        options(allowed);
    }
}

#[test]
fn a_wrong_value_is_refused_with_what_was_expected() {
    for (line, named) in [
        ("login", "SCENARIO ADDR:PORT"),
        ("dance 127.0.0.1:21", "dance: expected one of login"),
        ("login somewhere", "somewhere: expected ADDR:PORT"),
        ("login 127.0.0.1:21 --rate fast", "--rate fast"),
        ("login 127.0.0.1:21 --mix cycle", "--mix cycle"),
        ("login 127.0.0.1:21 --expect 1X", "--expect 1X"),
        ("download 127.0.0.1:21", "--path"),
        ("cycle 127.0.0.1:21 --noop-limit 10ms", "--noop-limit: cycle"),
        (
            "mixed 127.0.0.1:21 --mix cycle=1 --noop-limit 1s",
            "--noop-limit: mixed",
        ),
        ("cycle 127.0.0.1:21 --expect 1K.zero", "--expect: cycle"),
        ("stall 127.0.0.1:21 --path f --expect 1K.zero", "--expect: stall"),
        ("login 127.0.0.1:21 --pid 4294967295", "--pid"),
    ] {
        let error = parsed(line).expect_err(line);
        assert!(error.contains(named), "{line}: {error}");
    }
}

#[test]
fn exhaust_is_one_client_and_seventy_thousand_operations() {
    let options = options("exhaust 127.0.0.1:21 -c 50");
    let limits = (options.clients, options.count, options.duration);
    assert_eq!(limits, (1, Some(70_000), None));
}

#[test]
fn help_fits_80_columns_and_every_description_begins_in_its_column() {
    let text = parsed("--help").expect_err("the help");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let (introduction, options) = text.split_once("\nLoad:\n").expect("the first group");
    for scenario in &SCENARIOS {
        let line = format!("\n  {:<12}{}\n", scenario.name, scenario.about);
        assert!(introduction.contains(&line), "{line}");
    }
    for line in options.lines().filter(|line| line.starts_with(' ')) {
        let (usage, description) = line.split_at_checked(32).unwrap_or((line, ""));
        assert!(!description.starts_with(' '), "{line:?}");
        assert!(description.is_empty() || usage.ends_with("  "), "{line:?}");
    }
    for row in TABLE.0 {
        let first_word = row.help.split(' ').next().expect("a description");
        let usage = format!("--{} {}", row.long, row.value);
        let (_, rest) = options.split_once(usage.trim_end()).expect(row.long);
        assert!(rest.trim_start().starts_with(first_word), "{usage}");
    }
}
