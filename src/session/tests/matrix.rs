//! Every verb in every state (threat B01): one table, and a check of the session after each cell.

use super::*;

/// The states in which each line is sent.
const STATES: [&str; 6] = [
    "not logged in",
    "user given",
    "ready",
    "passive armed",
    "active armed",
    "restart set",
];

/// A line for every verb, and the codes of its replies in the order of the states.
#[rustfmt::skip]
pub(super) const TABLE: [(&str, [&[u16]; 6]); 72] = [
    ("ABOR",                 [&[530], &[530], &[226], &[226], &[226], &[226]]),
    ("ACCT x",               [&[202], &[202], &[202], &[202], &[202], &[202]]),
    ("ALLO 10",              [&[530], &[530], &[202], &[202], &[202], &[202]]),
    ("APPE new",             [&[530], &[530], &[550], &[550], &[550], &[550]]),
    // Without a certificate.
    ("CCC",                   [&[502], &[502], &[502], &[502], &[502], &[502]]),
    ("PBSZ 0",                [&[502], &[502], &[502], &[502], &[502], &[502]]),
    ("PROT P",                [&[502], &[502], &[502], &[502], &[502], &[502]]),
    ("CDUP",                 [&[530], &[530], &[250], &[250], &[250], &[250]]),
    ("CLNT x",               [&[200], &[200], &[200], &[200], &[200], &[200]]),
    ("CWD d",                [&[530], &[530], &[250], &[250], &[250], &[250]]),
    ("DELE file",            [&[530], &[530], &[550], &[550], &[550], &[550]]),
    ("EPRT |1|127.0.0.1|5000|", [&[530], &[530], &[200], &[200], &[200], &[200]]),
    ("EPSV",                 [&[530], &[530], &[229], &[229], &[229], &[229]]),
    ("FEAT",                 [&[211], &[211], &[211], &[211], &[211], &[211]]),
    ("HELP",                 [&[214], &[214], &[214], &[214], &[214], &[214]]),
    ("HOST example.org",     [&[220], &[503], &[503], &[503], &[503], &[503]]),
    ("LIST",                 [&[530], &[530], &[425], &[150, 226], &[150, 226], &[425]]),
    ("MDTM file",            [&[530], &[530], &[213], &[213], &[213], &[213]]),
    ("MFCT 20200101000000 file", [&[502], &[502], &[502], &[502], &[502], &[502]]),
    ("MFF modify=20200101000000; file", [&[530], &[530], &[550], &[550], &[550], &[550]]),
    ("MFMT 20200101000000 file", [&[530], &[530], &[550], &[550], &[550], &[550]]),
    ("MKD new",              [&[530], &[530], &[550], &[550], &[550], &[550]]),
    ("MLSD",                 [&[530], &[530], &[425], &[150, 226], &[150, 226], &[425]]),
    ("MLST",                 [&[530], &[530], &[250], &[250], &[250], &[250]]),
    ("MODE S",               [&[530], &[530], &[200], &[200], &[200], &[200]]),
    ("NLST",                 [&[530], &[530], &[425], &[150, 226], &[150, 226], &[425]]),
    ("NOOP",                 [&[200], &[200], &[200], &[200], &[200], &[200]]),
    ("OPTS UTF8 ON",         [&[200], &[200], &[200], &[200], &[200], &[200]]),
    ("OPTS MLST type;",      [&[530], &[530], &[200], &[200], &[200], &[200]]),
    ("PASS x",               [&[503], &[230], &[503], &[503], &[503], &[503]]),
    ("PASV",                 [&[530], &[530], &[227], &[227], &[227], &[227]]),
    ("PORT 127,0,0,1,19,136", [&[530], &[530], &[200], &[200], &[200], &[200]]),
    ("PRET RETR x",          [&[530], &[530], &[200], &[200], &[200], &[200]]),
    ("PWD",                  [&[530], &[530], &[257], &[257], &[257], &[257]]),
    ("QUIT",                 [&[221], &[221], &[221], &[221], &[221], &[221]]),
    ("REIN",                 [&[220], &[220], &[220], &[220], &[220], &[220]]),
    ("REST 3",               [&[530], &[530], &[350], &[350], &[350], &[350]]),
    ("RETR file",            [&[530], &[530], &[425], &[150, 226], &[150, 226], &[425]]),
    ("RETR missing",         [&[530], &[530], &[550], &[550], &[550], &[550]]),
    ("RMD d",                [&[530], &[530], &[550], &[550], &[550], &[550]]),
    ("RNFR file",            [&[530], &[530], &[550], &[550], &[550], &[550]]),
    ("RNTO new",             [&[530], &[530], &[503], &[503], &[503], &[503]]),
    ("SITE HELP",            [&[530], &[530], &[214], &[214], &[214], &[214]]),
    ("SITE CHMOD 644 file",  [&[530], &[530], &[550], &[550], &[550], &[550]]),
    ("SIZE file",            [&[530], &[530], &[213], &[213], &[213], &[213]]),
    ("STAT",                 [&[530], &[530], &[211], &[211], &[211], &[211]]),
    ("STOR new",             [&[530], &[530], &[550], &[550], &[550], &[550]]),
    ("STOU",                 [&[530], &[530], &[550], &[550], &[550], &[550]]),
    ("STRU F",               [&[530], &[530], &[200], &[200], &[200], &[200]]),
    ("SYST",                 [&[215], &[215], &[215], &[215], &[215], &[215]]),
    ("TYPE A",               [&[530], &[530], &[200], &[200], &[200], &[200]]),
    ("USER anonymous",       [&[331], &[331], &[331], &[331], &[331], &[331]]),
    ("XCUP",                 [&[530], &[530], &[250], &[250], &[250], &[250]]),
    ("XCWD d",               [&[530], &[530], &[250], &[250], &[250], &[250]]),
    ("XMKD new",             [&[530], &[530], &[550], &[550], &[550], &[550]]),
    ("XPWD",                 [&[530], &[530], &[257], &[257], &[257], &[257]]),
    ("XRMD d",               [&[530], &[530], &[550], &[550], &[550], &[550]]),
    ("AUTH TLS",             [&[502], &[502], &[502], &[502], &[502], &[502]]),
    ("MDTM 20200101000000 file", [&[530], &[530], &[550], &[550], &[550], &[550]]),
    ("AVBL",                 [&[530], &[530], &[550], &[550], &[550], &[550]]),
    ("HASH file",            [&[530], &[530], &[213], &[213], &[213], &[213]]),
    ("OPTS HASH",            [&[530], &[530], &[200], &[200], &[200], &[200]]),
    ("RANG 1 2",             [&[530], &[530], &[350], &[350], &[350], &[350]]),
    ("XCRC file",            [&[530], &[530], &[250], &[250], &[250], &[250]]),
    ("XMD5 file",            [&[530], &[530], &[250], &[250], &[250], &[250]]),
    ("XSHA file",            [&[530], &[530], &[250], &[250], &[250], &[250]]),
    ("XSHA1 file",           [&[530], &[530], &[250], &[250], &[250], &[250]]),
    ("XSHA256 file",         [&[530], &[530], &[250], &[250], &[250], &[250]]),
    ("XSHA512 file",         [&[530], &[530], &[250], &[250], &[250], &[250]]),
    ("MODE Z",               [&[530], &[530], &[200], &[200], &[200], &[200]]),
    ("XYZZY",                [&[500], &[500], &[500], &[500], &[500], &[500]]),
    ("TYPE E",               [&[530], &[530], &[504], &[504], &[504], &[504]]),
];

fn in_state(number: usize) -> Conversation {
    let mut conversation = if number < 2 {
        Conversation::new()
    } else {
        Conversation::logged_in()
    };
    let preparation = ["", "USER anonymous", "", "PASV", "PORT 127,0,0,1,19,136", "REST 4"];
    if let Some(line) = preparation.get(number).filter(|line| !line.is_empty()) {
        assert_eq!(conversation.codes(line).len(), 1);
    }
    conversation
}

#[test]
fn b01_every_verb_in_every_state() {
    for (line, expected) in TABLE {
        for (number, (state, codes)) in STATES.iter().zip(expected).enumerate() {
            let mut conversation = in_state(number);
            assert_eq!(conversation.codes(line), codes, "{line} when {state}");
            assert_eq!(conversation.has_ended, line == "QUIT", "{line} when {state}");
            probe(&mut conversation, line, number >= 2);
        }
    }
}

/// Each verb with a wrong and a right argument, and the codes before login: without an argument, with the wrong one,
/// with the right one. A verb that needs a login is answered 530 whatever its argument.
#[rustfmt::skip]
const ARGUMENTS: [(&str, &str, &str, [u16; 3]); 64] = [
    // Allowed before login.
    ("ACCT", "a\0b",        "x",           [202, 501, 202]),
    ("CLNT", "a\0b",        "x",           [200, 501, 200]),
    ("FEAT", "a\0b",        "",            [211, 501, 211]),
    ("HELP", "a\0b",        "RETR",        [214, 501, 214]),
    ("HOST", "a\0b",        "example.org", [501, 501, 220]),
    ("NOOP", "a\0b",        "",            [200, 501, 200]),
    ("OPTS", "UTF8 OFF",    "UTF8 ON",     [530, 501, 200]),
    ("PASS", "a\0b",        "x",           [503, 501, 503]),
    ("QUIT", "a\0b",        "",            [221, 501, 221]),
    ("REIN", "a\0b",        "",            [220, 501, 220]),
    ("SYST", "a\0b",        "",            [215, 501, 215]),
    ("USER", "a\0b",        "anonymous",   [501, 501, 331]),
    // Not allowed before login.
    ("AUTH", "a\0b",        "TLS",         [502, 501, 502]),
    ("CCC",  "a\0b",        "",            [502, 501, 502]),
    ("PBSZ", "a\0b",        "0",           [502, 501, 502]),
    ("PROT", "X",           "P",           [502; 3]),
    ("ABOR", "a\0b",        "",            [530; 3]),
    ("ALLO", "-1",          "10",          [530; 3]),
    ("APPE", "a\0b",        "new",         [530; 3]),
    ("AVBL", "a\0b",        "d",           [530; 3]),
    ("CDUP", "a\0b",        "",            [530; 3]),
    ("CWD",  "a\0b",        "d",           [530; 3]),
    ("DELE", "a\0b",        "file",        [530; 3]),
    ("EPRT", "|3|x|1|",     "|1|127.0.0.1|5000|", [530; 3]),
    ("EPSV", "9",           "1",           [530; 3]),
    ("HASH", "a\0b",        "file",        [530; 3]),
    ("LIST", "a\0b",        "d",           [530; 3]),
    ("MDTM", "a\0b",        "file",        [530; 3]),
    ("MFF",  "size=1; file", "modify=20200101000000; file", [530; 3]),
    ("MFMT", "2020 file",   "20200101000000 file", [530; 3]),
    ("MKD",  "a\0b",        "new",         [530; 3]),
    ("MLSD", "a\0b",        "d",           [530; 3]),
    ("MLST", "a\0b",        "file",        [530; 3]),
    ("MODE", "x",           "S",           [530; 3]),
    ("NLST", "a\0b",        "d",           [530; 3]),
    ("OPTS", "MODE Z LEVEL 0", "MODE Z LEVEL 3", [530; 3]),
    ("PASV", "a\0b",        "",            [530; 3]),
    ("PORT", "1,2,3",       "127,0,0,1,19,136", [530; 3]),
    ("PRET", "a\0b",        "RETR x",      [530; 3]),
    ("PWD",  "a\0b",        "",            [530; 3]),
    ("RANG", "9 5",         "1 2",         [530; 3]),
    ("REST", "-1",          "3",           [530; 3]),
    ("RETR", "a\0b",        "file",        [530; 3]),
    ("RMD",  "a\0b",        "d",           [530; 3]),
    ("RNFR", "a\0b",        "file",        [530; 3]),
    ("RNTO", "a\0b",        "new",         [530; 3]),
    ("SITE", "CHMOD u+x file", "CHMOD 644 file", [530; 3]),
    ("SIZE", "a\0b",        "file",        [530; 3]),
    ("STAT", "a\0b",        "file",        [530; 3]),
    ("STOR", "a\0b",        "new",         [530; 3]),
    ("STOU", "a\0b",        "new",         [530; 3]),
    ("STRU", "P",           "F",           [530; 3]),
    ("TYPE", "E",           "I",           [530; 3]),
    ("XCRC", "\"a\" 5 4",   "file",        [530; 3]),
    ("XCUP", "a\0b",        "",            [530; 3]),
    ("XCWD", "a\0b",        "d",           [530; 3]),
    ("XMD5", "\"a\" x",     "file",        [530; 3]),
    ("XMKD", "a\0b",        "new",         [530; 3]),
    ("XPWD", "a\0b",        "",            [530; 3]),
    ("XRMD", "a\0b",        "d",           [530; 3]),
    ("XSHA", "\"\"",        "file",        [530; 3]),
    ("XSHA1", "\"\"",       "file",        [530; 3]),
    ("XSHA256", "\"\"",     "file",        [530; 3]),
    ("XSHA512", "\"\"",     "file",        [530; 3]),
];

#[test]
fn before_login_commands_are_refused_whatever_their_argument() {
    for verb in crate::ftp::command::served_verbs() {
        assert!(ARGUMENTS.iter().any(|(row, ..)| *row == verb), "{verb}");
    }
    for (verb, wrong, right, codes) in ARGUMENTS {
        let lines = [verb.to_owned(), format!("{verb} {wrong}"), format!("{verb} {right}")];
        for (line, code) in lines.iter().zip(codes) {
            let mut conversation = Conversation::new();
            assert_eq!(conversation.codes(line), [code], "{line:?}");
            assert_eq!(conversation.has_ended, code == 221, "{line:?}");
            // After USER the replies are the same, except those to PASS and HOST.
            if !matches!(verb, "PASS" | "HOST") {
                let mut conversation = Conversation::new();
                assert_eq!(conversation.codes("USER anonymous"), [331]);
                assert_eq!(conversation.codes(line), [code], "{line:?} after USER");
            }
            let lower = line.to_ascii_lowercase();
            assert_eq!(Conversation::new().codes(&lower), [code], "{lower:?}");
        }
    }
}

#[test]
fn before_login_verbs_that_are_not_served_are_answered_as_after_it() {
    for (line, code) in [
        ("XYZZY", 500),
        ("XYZZY a", 500),
        ("XYZZY a\0b", 500),
        ("AUTH", 502),
        ("AUTH TLS", 502),
        ("PBSZ 0", 502),
        ("LPRT 6,16", 502),
    ] {
        assert_eq!(Conversation::new().codes(line), [code], "{line:?}");
        assert_eq!(Conversation::logged_in().codes(line), [code], "{line:?} after login");
    }
}

/// Checks that the session is in a valid state after `line`.
fn probe(conversation: &mut Conversation, line: &str, was_in: bool) {
    if line == "QUIT" {
        assert!(conversation.has_ended);
        return;
    }
    assert!(conversation.session.is_ready());
    let left = matches!(line, "REIN") || line.starts_with("USER");
    let entered = line.starts_with("PASS") && !was_in && !conversation.session.is_logging_in();
    let is_in = (was_in && !left) || entered;
    assert_eq!(conversation.session.is_logging_in(), !is_in, "{line}");
    assert_eq!(conversation.codes("PWD"), if is_in { [257] } else { [530] }, "{line}");
    if left {
        assert!(!conversation.is_armed, "{line} leaves nothing armed");
    }
}

#[test]
fn b01_the_table_has_every_verb() {
    for verb in crate::ftp::command::served_verbs() {
        assert!(
            TABLE.iter().any(|(line, _)| line.split(' ').next() == Some(verb)),
            "{verb}"
        );
    }
}

#[test]
fn b01_during_a_transfer_only_stat_and_abor_are_answered() {
    for (line, _) in TABLE {
        let mut conversation = Conversation::logged_in();
        conversation.holds_transfers = true;
        assert_eq!(conversation.codes("PASV"), [227]);
        assert_eq!(conversation.codes("RETR file"), [150]);
        match line {
            "STAT" => assert_eq!(conversation.codes(line), [213]),
            // The transfer's reply, then that of ABOR.
            "ABOR" => assert_eq!(conversation.codes(line), [426, 226]),
            _ => {
                assert_eq!(conversation.codes(line), [0; 0], "{line} waits");
                let mut out = Vec::new();
                conversation.finish_transfer(&mut out);
                assert_eq!(codes_of(&String::from_utf8_lossy(&out)), [226]);
                assert_eq!(conversation.received, b"0123456789");
                conversation.holds_transfers = false;
                // It is answered after the transfer, without a data connection.
                assert_eq!(codes_of(&conversation.answer()).len(), 1, "{line}");
            }
        }
    }
}

#[test]
fn b01_a_closing_session_does_nothing_more() {
    for (line, _) in TABLE {
        let mut conversation = Conversation::logged_in();
        assert_eq!(conversation.codes("QUIT"), [221]);
        assert_eq!(conversation.say(line.as_bytes()), "", "{line} gets no reply");
    }
}
