//! Single threads of conversation: logins, restarts, addresses, arguments.

use super::*;
use proptest::prelude::*;
use std::rc::Rc;

#[test]
fn f01_every_user_is_asked_for_a_password_and_every_failure_sounds_the_same() {
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
fn f07_anonymous_may_say_anything_in_any_case() {
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
fn bad_commands_in_a_row_end_the_connection_and_good_ones_between_do_not() {
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
fn a12_a13_nothing_said_comes_back_except_in_a_path() {
    let marker = "<script>";
    for verb in crate::ftp::command::SERVED_VERBS {
        let mut before = Conversation::new();
        assert!(
            !before.say(format!("{verb} {marker}").as_bytes()).contains(marker),
            "{verb}"
        );
        let mut after = Conversation::logged_in();
        assert!(
            !after.say(format!("{verb} {marker}").as_bytes()).contains(marker),
            "{verb}"
        );
    }
    let mut conversation = Conversation::logged_in();
    for line in [
        "MKD 227 Entering Passive Mode (1,2,3,4,5,6)",
        "CWD 227 x",
        "HELP 227 x",
        "STAT 227 x",
    ] {
        assert!(!conversation.say(line.as_bytes()).contains("227"), "{line}");
    }
}

#[test]
fn b03_a_restart_survives_what_prepares_its_transfer_and_nothing_else() {
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
fn b04_a_new_user_starts_from_nothing() {
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
fn b06_a_transfer_keeps_the_file_it_was_asked_for() {
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
fn b07_b10_data_connections_serve_once_and_failed_addresses_disarm() {
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
fn d12_d13_only_the_clients_own_address_and_high_ports_are_connected_to() {
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
    assert_eq!(conversation.codes("EPSV 1"), [229]);
    assert_eq!(conversation.codes("EPSV 2"), [522]);
    assert_eq!(conversation.codes("EPSV 3"), [522]);
    assert_eq!(conversation.codes("REIN"), [220]);
    assert_eq!(conversation.codes("USER ftp"), [331]);
    assert_eq!(conversation.codes("PASS x"), [230]);
    assert_eq!(conversation.codes("PASV"), [227]);
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

#[test]
fn digests_are_of_the_stored_bytes_whatever_type_is_set() {
    let mut conversation = Conversation::logged_in();
    for representation in ["TYPE A", "TYPE I"] {
        assert_eq!(conversation.codes(representation), [200]);
        // printf 'a\nb\n' | md5sum
        assert_eq!(conversation.codes("OPTS HASH MD5"), [200]);
        assert_eq!(
            conversation.say(b"HASH text"),
            "213 MD5 0-3 dd8c6a395b5dd36c56d23275028f526c /text\r\n"
        );
        assert_eq!(
            conversation.say(b"XMD5 text"),
            "250 DD8C6A395B5DD36C56D23275028F526C\r\n"
        );
    }
    assert_eq!(conversation.say(b"OPTS HASH"), "200 MD5\r\n");
    assert_eq!(conversation.codes("OPTS HASH MD9"), [504]);
    assert_eq!(conversation.say(b"OPTS HASH"), "200 MD5\r\n");
    assert!(conversation.say(b"FEAT").contains(";MD5*;"));
    for line in ["HASH d", "HASH missing", "XMD5 d", "XCRC missing"] {
        assert_eq!(conversation.codes(line), [550], "{line}");
    }
}

#[test]
fn a_digest_can_be_of_a_part_and_is_cut_at_the_end_of_the_file() {
    let mut conversation = Conversation::logged_in();
    assert_eq!(conversation.codes("OPTS HASH CRC32"), [200]);
    let hash = |conversation: &mut Conversation, range: &str| {
        assert_eq!(conversation.codes(range), [350]);
        conversation.say(b"HASH file")
    };
    // The CRC-32 of 0123456789, 5 and 56789 as Python's zlib.crc32 has them.
    assert_eq!(conversation.say(b"HASH file"), "213 CRC32 0-9 a684c7c6 /file\r\n");
    assert_eq!(hash(&mut conversation, "RANG 5 5"), "213 CRC32 5-5 84b12bae /file\r\n");
    for range in ["RANG 5 9", "RANG 5 10", "RANG 5 9223372036854775807"] {
        let answered = hash(&mut conversation, range);
        assert_eq!(answered, "213 CRC32 5-9 131da070 /file\r\n", "{range}");
    }
    assert_eq!(hash(&mut conversation, "RANG 1 0"), "213 CRC32 0-9 a684c7c6 /file\r\n");
    assert!(
        hash(&mut conversation, "RANG 10 12").starts_with("554 "),
        "there is no octet 10"
    );
    assert!(
        conversation.say(b"HASH file").contains(" 0-9 "),
        "a range is used once, also in vain"
    );
    let checksum = |conversation: &mut Conversation, line: &str| conversation.say(line.as_bytes());
    for line in ["XCRC \"file\" 5", "XCRC \"file\" 5 10", "XCRC \"file\" 5 99"] {
        assert_eq!(checksum(&mut conversation, line), "250 131DA070\r\n", "{line}");
    }
    assert_eq!(checksum(&mut conversation, "XCRC \"file\" 10"), "250 00000000\r\n");
    assert!(checksum(&mut conversation, "XCRC \"file\" 11").starts_with("554 "));
}

#[test]
fn b03_a_range_is_for_the_next_download_or_digest_and_no_other() {
    let mut conversation = Conversation::logged_in();
    for between in [
        "PASV",
        "EPSV",
        "TYPE I",
        "SIZE file",
        "RANG 3 5",
        "PORT 127,0,0,1,19,136",
    ] {
        assert_eq!(conversation.codes("RANG 3 5"), [350]);
        assert_eq!(conversation.codes(between).len(), 1);
        assert_eq!(conversation.fetch("RETR file"), b"345", "after {between}");
    }
    for between in ["PWD", "LIST", "RANG 5 3", "RANG 1 0", "REST 0", "HASH file"] {
        assert_eq!(conversation.codes("RANG 3 5"), [350]);
        assert_eq!(conversation.codes(between).len(), 1);
        assert_eq!(conversation.fetch("RETR file"), b"0123456789", "after {between}");
    }
    assert_eq!(conversation.codes("RANG 3 5"), [350]);
    assert_eq!(conversation.codes("REST 7"), [350]);
    assert_eq!(conversation.fetch("RETR file"), b"789", "the later of the two counts");
    assert_eq!(conversation.codes("RANG 8 20"), [350]);
    assert_eq!(conversation.fetch("RETR file"), b"89");
    assert_eq!(conversation.codes("RANG 10 20"), [350]);
    assert_eq!(conversation.fetch("RETR file"), b"", "as with REST 10");
    assert_eq!(conversation.codes("RANG 11 20"), [350]);
    assert_eq!(conversation.codes("RETR file"), [554]);
    assert_eq!(conversation.codes("TYPE A"), [200]);
    assert_eq!(conversation.codes("RANG 0 2"), [350]);
    assert_eq!(conversation.codes("RETR text"), [504]);
}

#[test]
fn a_range_never_makes_an_upload_replace_the_whole_file() {
    let mut conversation = Conversation::allowed_everything();
    for line in ["STOR file", "APPE file", "STOU file"] {
        assert_eq!(conversation.codes("RANG 3 5"), [350]);
        assert_eq!(conversation.codes("PASV"), [227]);
        assert_eq!(conversation.codes(line), [504], "{line}");
    }
    assert_eq!(conversation.fetch("RETR file"), b"0123456789");
}

#[test]
fn mode_z_deflates_downloads_and_listings_until_mode_s() {
    let inflated = |stream: Vec<u8>| {
        let mut plain = String::new();
        std::io::Read::read_to_string(&mut flate2::read::ZlibDecoder::new(&stream[..]), &mut plain).expect("whole");
        plain
    };
    let mut conversation = Conversation::logged_in();
    assert_eq!(conversation.codes("MODE Z"), [200]);
    assert_eq!(
        conversation.say(b"OPTS MODE Z LEVEL 9"),
        "200 MODE Z LEVEL set to 6\r\n"
    );
    assert_eq!(conversation.codes("OPTS MODE Z LEVEL 0"), [501]);
    assert_eq!(inflated(conversation.fetch("RETR file")), "0123456789");
    assert_eq!(inflated(conversation.fetch("NLST d")), "d/inside\r\n");
    assert_eq!(conversation.codes("REST 7"), [350]);
    assert_eq!(inflated(conversation.fetch("RETR file")), "789");
    assert_eq!(conversation.codes("TYPE A"), [200]);
    assert_eq!(inflated(conversation.fetch("RETR text")), "a\r\nb\r\n");
    assert!(conversation.say(b"STAT").contains("Type ASCII, mode deflate"));
    assert_eq!(conversation.codes("MODE C"), [504]);
    assert_eq!(
        inflated(conversation.fetch("RETR text")),
        "a\r\nb\r\n",
        "MODE C changes nothing"
    );
    assert_eq!(conversation.codes("MODE S"), [200]);
    assert_eq!(conversation.fetch("RETR text"), b"a\r\nb\r\n");
    assert_eq!(conversation.codes("MODE Z"), [200]);
    assert_eq!(conversation.codes("USER anonymous"), [331]);
    assert_eq!(conversation.codes("PASS x"), [230]);
    assert_eq!(
        conversation.fetch("RETR text"),
        b"a\r\nb\r\n",
        "a new user starts from nothing"
    );
}

#[test]
fn the_opening_of_a_deflated_download_promises_no_number_of_bytes() {
    let mut conversation = Conversation::logged_in();
    assert_eq!(conversation.codes("PASV"), [227]);
    assert!(conversation.say(b"RETR file").contains("(10 bytes)"));
    assert_eq!(conversation.codes("MODE Z"), [200]);
    assert_eq!(conversation.codes("PASV"), [227]);
    assert!(
        conversation
            .say(b"RETR file")
            .starts_with("150 Opening data connection (deflated)\r\n")
    );
}

#[test]
fn type_a_has_the_size_of_what_it_sends() {
    let mut conversation = Conversation::logged_in();
    assert_eq!(conversation.codes("TYPE A"), [200]);
    assert_eq!(conversation.say(b"SIZE text"), "213 6\r\n");
    assert_eq!(conversation.fetch("RETR text"), b"a\r\nb\r\n");
    assert_eq!(conversation.codes("REST 4"), [350]);
    assert_eq!(conversation.fetch("RETR text"), b"\r\n");
}

fn script() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        proptest::sample::select(&crate::ftp::command::SERVED_VERBS[..]).prop_map(str::to_owned),
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
    fn a15_b01_any_conversation_gives_the_same_replies_in_any_segmentation(script in script(), size in 1..9_usize) {
        // One for both: MLST tells when a directory was made.
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
