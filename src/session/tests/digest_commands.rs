//! HASH, XCRC and the like, and RANG.

use super::*;

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
    // The CRC-32 of 0123456789, 5 and 56789, computed with Python's zlib.crc32.
    assert_eq!(conversation.say(b"HASH file"), "213 CRC32 0-9 a684c7c6 /file\r\n");
    assert_eq!(hash(&mut conversation, "RANG 5 5"), "213 CRC32 5-5 84b12bae /file\r\n");
    for range in ["RANG 5 9", "RANG 5 10", "RANG 5 9223372036854775807"] {
        let answered = hash(&mut conversation, range);
        assert_eq!(answered, "213 CRC32 5-9 131da070 /file\r\n", "{range}");
    }
    assert_eq!(hash(&mut conversation, "RANG 1 0"), "213 CRC32 0-9 a684c7c6 /file\r\n");
    let beyond = hash(&mut conversation, "RANG 10 12");
    assert!(beyond.starts_with("554 "), "there is no octet 10");
    let next = conversation.say(b"HASH file");
    assert!(
        next.contains(" 0-9 "),
        "a range is used once, even if the command fails"
    );
    for range in ["5", "5 10", "5 99"] {
        let answered = conversation.say(format!("XCRC \"file\" {range}").as_bytes());
        assert_eq!(answered, "250 131DA070\r\n", "{range}");
    }
    assert_eq!(conversation.say(b"XCRC \"file\" 10"), "250 00000000\r\n");
    assert_eq!(conversation.codes("XCRC \"file\" 11"), [554]);
}

#[test]
fn b03_a_range_applies_to_the_next_download_or_digest_only() {
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
    // The later of REST and RANG applies; at the end of the file both send nothing.
    for (part, expected) in [("REST 7", &b"789"[..]), ("RANG 8 20", b"89"), ("RANG 10 20", b"")] {
        assert_eq!(conversation.codes(part), [350]);
        assert_eq!(conversation.fetch("RETR file"), expected, "{part}");
    }
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
