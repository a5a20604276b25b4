//! Verbs that change files, in every state of a client that has all rights (threats B01, B02).

use super::matrix::TABLE;
use super::*;

/// The states, and the line that leads to each.
const STATES: [(&str, &str); 5] = [
    ("ready", "NOOP"),
    ("passive armed", "PASV"),
    ("restart set", "REST 4"),
    ("range set", "RANG 2 4"),
    ("renaming", "RNFR file"),
];

/// Lines that are refused without the rights, and the codes of their replies with all rights, in the order of the
/// states.
#[rustfmt::skip]
const WRITING: [(&str, [&[u16]; 5]); 26] = [
    ("APPE new",             [&[425], &[150, 226], &[425], &[504], &[425]]),
    ("APPE file",            [&[425], &[150, 226], &[425], &[504], &[425]]),
    ("APPE d",               [&[553], &[553], &[553], &[504], &[553]]),
    ("AVBL",                 [&[213], &[213], &[213], &[213], &[213]]),
    ("DELE file",            [&[250], &[250], &[250], &[250], &[250]]),
    ("DELE d",               [&[550], &[550], &[550], &[550], &[550]]),
    ("MDTM 20200101000000 file", [&[213], &[213], &[213], &[213], &[213]]),
    ("MFF modify=20200101000000; file", [&[213], &[213], &[213], &[213], &[213]]),
    ("MFMT 20200101000000 file", [&[213], &[213], &[213], &[213], &[213]]),
    ("MKD new",              [&[257], &[257], &[257], &[257], &[257]]),
    ("MKD d",                [&[550], &[550], &[550], &[550], &[550]]),
    ("RMD d",                [&[550], &[550], &[550], &[550], &[550]]),
    ("RMD missing",          [&[550], &[550], &[550], &[550], &[550]]),
    ("RNFR file",            [&[350], &[350], &[350], &[350], &[350]]),
    ("RNFR missing",         [&[550], &[550], &[550], &[550], &[550]]),
    ("RNTO new",             [&[503], &[503], &[503], &[503], &[250]]),
    ("RNTO d",               [&[503], &[503], &[503], &[503], &[550]]),
    ("RNTO /",               [&[503], &[503], &[503], &[503], &[553]]),
    ("SITE CHMOD 640 file",  [&[200], &[200], &[200], &[200], &[200]]),
    ("SITE UTIME 20200101000000 file", [&[200], &[200], &[200], &[200], &[200]]),
    ("STOR new",             [&[425], &[150, 226], &[550], &[504], &[425]]),
    ("STOR file",            [&[425], &[150, 226], &[425], &[504], &[425]]),
    ("STOR text",            [&[425], &[150, 226], &[425], &[504], &[425]]),
    ("STOR .htaccess",       [&[553], &[553], &[553], &[504], &[553]]),
    ("STOU",                 [&[425], &[150, 226], &[425], &[504], &[425]]),
    ("STOU name",            [&[425], &[150, 226], &[425], &[504], &[425]]),
];

fn writer_after(preparation: &str) -> Conversation {
    let mut conversation = Conversation::allowed_everything();
    assert_eq!(conversation.codes(preparation).len(), 1);
    conversation
}

#[test]
fn b01_everything_that_changes_files_in_every_state_of_a_writer() {
    for (line, expected) in WRITING {
        for ((state, preparation), codes) in STATES.into_iter().zip(expected) {
            let mut conversation = writer_after(preparation);
            assert_eq!(conversation.codes(line), codes, "{line} when {state}");
            assert!(conversation.session.is_ready(), "{line} when {state}");
            let is_renaming = line == "RNFR file";
            let renamed = conversation.codes("RNTO renamed");
            assert_eq!(renamed, if is_renaming { [250] } else { [503] }, "{line} when {state}");
            assert_eq!(conversation.codes("PWD"), [257], "{line} when {state}");
        }
    }
}

/// RNFR affects RNTO only, and only if it is the next line.
#[test]
fn b02_a_pending_rename_changes_only_rnto() {
    for (line, _) in TABLE {
        let codes = ["NOOP", "RNFR text"].map(|preparation| {
            let mut conversation = writer_after(preparation);
            let codes = conversation.codes(line);
            if !conversation.session.is_logging_in() && !conversation.has_ended {
                let renamed = conversation.codes("RNTO renamed");
                let is_renaming = line.starts_with("RNFR");
                assert_eq!(
                    renamed,
                    if is_renaming { [250] } else { [503] },
                    "RNTO after {line} after {preparation}"
                );
            }
            codes
        });
        if line.starts_with("RNTO") {
            assert_eq!(codes, [vec![503], vec![250]]);
        } else {
            assert_eq!(codes[0], codes[1], "{line}");
        }
    }
}

#[test]
fn b01_the_writers_table_has_every_verb_that_readers_are_refused() {
    for (line, codes) in TABLE {
        let is_refused = codes[2] == [550] && !line.ends_with("missing");
        let verb = |line: &str| line.trim_start_matches('X').split(' ').next().map(str::to_owned);
        assert!(
            !is_refused || WRITING.iter().any(|(writing, _)| verb(writing) == verb(line)),
            "{line}"
        );
    }
}

#[test]
fn b02_a_new_login_clears_a_pending_rename() {
    for leaving in [&["USER anonymous", "PASS x"][..], &["REIN", "USER anonymous", "PASS x"]] {
        let mut conversation = writer_after("RNFR file");
        for line in leaving {
            assert_eq!(conversation.codes(line).len(), 1);
        }
        assert_eq!(conversation.codes("RNTO new"), [503]);
    }
}
