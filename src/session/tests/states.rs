//! Logins, limits, restarts, and addresses of data connections.

use super::*;
use proptest::prelude::*;
use std::rc::Rc;

#[test]
fn f01_every_user_is_asked_for_a_password_and_every_failure_has_one_reply() {
    let mut texts = std::collections::HashSet::new();
    for name in ["root", "admin", "x", "anonymous2"] {
        let mut conversation = Conversation::new();
        assert_eq!(conversation.codes(&format!("USER {name}")), [331]);
        texts.insert(conversation.say(b"PASS secret"));
    }
    assert_eq!(texts.into_iter().collect::<Vec<_>>(), ["530 Login incorrect.\r\n"]);
}

#[test]
fn f03_the_third_failed_login_ends_the_connection() {
    let mut conversation = Conversation::new();
    for expected in [530, 530, 421] {
        assert_eq!(conversation.codes("USER bob"), [331]);
        assert_eq!(conversation.codes("PASS guess"), [expected]);
    }
    assert!(conversation.has_ended);
}

#[test]
fn f07_anonymous_may_give_any_password() {
    for name in ["anonymous", "ANONYMOUS", "ftp", "Ftp"] {
        let mut conversation = Conversation::new();
        assert_eq!(conversation.codes(&format!("USER {name}")), [331]);
        assert_eq!(conversation.codes("PASS"), [230]);
    }
}

#[test]
fn a04_blank_lines_count_as_bad_commands() {
    let mut conversation = Conversation::new();
    for _ in 0..10 {
        assert_eq!(conversation.say(b""), "");
    }
    assert_eq!(conversation.codes(" "), [421]);
    assert!(conversation.has_ended);
}

#[test]
fn only_consecutive_bad_commands_end_the_connection() {
    let mut conversation = Conversation::logged_in();
    for _ in 0..3 {
        for _ in 0..50 {
            assert_eq!(conversation.codes("XYZZY"), [500]);
        }
        assert_eq!(conversation.codes("PWD"), [257]);
    }
    for _ in 0..50 {
        assert_eq!(conversation.codes("XYZZY"), [500]);
    }
    assert_eq!(conversation.codes("XYZZY"), [500, 421]);
    assert!(conversation.has_ended);
}

#[test]
fn a12_nothing_is_echoed_except_in_a_path() {
    let marker = "<script>";
    for verb in crate::ftp::command::served_verbs() {
        let line = format!("{verb} {marker}");
        for mut conversation in [Conversation::new(), Conversation::logged_in()] {
            assert!(!conversation.say(line.as_bytes()).contains(marker), "{verb}");
        }
    }
    let mut conversation = Conversation::logged_in();
    for verb in ["MKD", "CWD", "HELP", "STAT"] {
        let line = format!("{verb} 227 Entering Passive Mode (1,2,3,4,5,6)");
        assert!(!conversation.say(line.as_bytes()).contains("227"), "{verb}");
    }
}

#[test]
fn b03_only_commands_that_prepare_a_transfer_keep_a_restart() {
    let mut conversation = Conversation::logged_in();
    for between in ["PASV", "EPSV", "TYPE I", "SIZE file", "REST 5", "PORT 127,0,0,1,19,136"] {
        assert_eq!(conversation.codes("REST 5"), [350]);
        assert_eq!(conversation.codes(between).len(), 1);
        assert_eq!(conversation.fetch("RETR file"), b"56789", "after {between}");
    }
    for between in ["PWD", "NOOP", "CWD .", "SYST", "LIST", "XYZZY", "STOR x"] {
        assert_eq!(conversation.codes("REST 5"), [350]);
        assert_eq!(conversation.codes(between).len(), 1);
        assert_eq!(conversation.fetch("RETR file"), b"0123456789", "after {between}");
    }
}

#[test]
fn b04_a_new_user_starts_with_no_state() {
    let mut conversation = Conversation::logged_in();
    for line in ["CWD d", "REST 5", "PASV"] {
        assert_eq!(conversation.codes(line).len(), 1);
    }
    assert_eq!(conversation.codes("USER anonymous"), [331]);
    assert!(!conversation.is_armed);
    assert_eq!(conversation.codes("LIST"), [530]);
    assert_eq!(conversation.codes("PASS x"), [230]);
    assert!(conversation.say(b"PWD").starts_with("257 \"/\""));
    assert!(conversation.say(b"STAT").contains("Type ASCII"));
    assert_eq!(conversation.codes("TYPE I"), [200]);
    assert_eq!(conversation.fetch("RETR file"), b"0123456789");
}

#[test]
fn b06_a_transfer_keeps_its_file_whatever_is_sent_meanwhile() {
    let mut conversation = Conversation::logged_in();
    conversation.holds_transfers = true;
    assert_eq!(conversation.codes("PASV"), [227]);
    assert_eq!(conversation.codes("RETR file"), [150]);
    let directory = conversation.directory.path();
    std::fs::rename(directory.join("text"), directory.join("file")).expect("replaced");
    let mut out = Vec::new();
    conversation.finish_transfer(&mut out);
    assert_eq!(conversation.received, b"0123456789");
}

#[test]
fn b07_data_connections_serve_once_and_a_refused_address_clears_them() {
    let mut conversation = Conversation::logged_in();
    assert_eq!(conversation.fetch("RETR file"), b"0123456789");
    assert_eq!(conversation.codes("RETR file"), [425]);
    for bad in [
        "PORT 1,2,3,4,256,1",
        "EPRT |1|x|1|",
        "PORT 127,0,0,3,19,136",
        "PORT 127,0,0,1,0,80",
        "PORT a\0",
    ] {
        assert_eq!(conversation.codes("PORT 127,0,0,1,19,136"), [200]);
        let codes = conversation.codes(bad);
        assert!(codes == [501] || codes == [500], "{bad:?}");
        assert_eq!(conversation.codes("LIST"), [425], "{bad:?}");
    }
}

#[test]
fn d12_only_the_clients_own_address_and_high_ports_are_accepted() {
    let mut conversation = Conversation::logged_in();
    for refused in [
        "PORT 127,0,0,3,19,136",
        "PORT 0,0,0,0,19,136",
        "PORT 224,0,0,1,19,136",
        "PORT 255,255,255,255,19,136",
        "PORT 127,0,0,1,3,255",
        "PORT 127,0,0,1,0,0",
        "EPRT |2|::1|5000|",
        "EPRT |1|127.0.0.3|5000|",
    ] {
        assert_eq!(conversation.codes(refused), [500], "{refused}");
    }
    for taken in ["PORT 127,0,0,1,4,0", "EPRT |2|::ffff:127.0.0.1|5000|"] {
        assert_eq!(conversation.codes(taken), [200], "{taken}");
    }
}

#[test]
fn b09_epsv_all_forbids_every_other_way() {
    let mut conversation = Conversation::logged_in();
    assert_eq!(conversation.codes("EPSV ALL"), [200]);
    for line in ["PASV", "PORT 127,0,0,1,19,136", "EPRT |1|127.0.0.1|5000|"] {
        assert_eq!(conversation.codes(line), [501], "{line}");
    }
    for (line, code) in [("EPSV 1", 229), ("EPSV 2", 522), ("EPSV 3", 522)] {
        assert_eq!(conversation.codes(line), [code], "{line}");
    }
    for (line, code) in [("REIN", 220), ("USER ftp", 331), ("PASS x", 230), ("PASV", 227)] {
        assert_eq!(conversation.codes(line), [code], "{line}: a new login forgets it");
    }
}

#[test]
fn j02_restarts_are_checked_against_the_file() {
    let mut conversation = Conversation::logged_in();
    assert_eq!(conversation.codes("REST 10"), [350]);
    assert_eq!(conversation.fetch("RETR file"), b"");
    for beyond in ["11", "9223372036854775807"] {
        assert_eq!(conversation.codes(&format!("REST {beyond}")), [350]);
        assert_eq!(conversation.codes("RETR file"), [554]);
    }
}

fn script() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        proptest::sample::select(crate::ftp::command::served_verbs()).prop_map(str::to_owned),
        Just("USER anonymous".to_owned()),
        Just("PASS x".to_owned()),
        Just("CWD d".to_owned()),
        Just("RETR file".to_owned()),
        "[ -~]{0,12}",
    ];
    proptest::collection::vec(line, 0..20).prop_map(|lines| lines.join("\r\n").into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a15_any_conversation_gives_the_same_replies_in_any_segmentation(script in script(), size in 1..9_usize) {
        // The same directory for both runs, because MLST shows when it was made.
        let directory = Rc::new(served_directory());
        let replies = |segments: Vec<&[u8]>| {
            let mut conversation = Conversation::over(&directory);
            let mut wire = String::new();
            for segment in segments {
                wire += &conversation.send(segment);
            }
            wire
        };
        prop_assert_eq!(replies(vec![&script]), replies(script.chunks(size).collect()));
    }
}
