//! TYPE and MODE.

use super::*;

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
    let text = b"a\r\nb\r\n";
    assert_eq!(conversation.codes("MODE C"), [504]);
    assert_eq!(
        inflated(conversation.fetch("RETR text")).as_bytes(),
        text,
        "MODE C changes nothing"
    );
    assert_eq!(conversation.codes("MODE S"), [200]);
    assert_eq!(conversation.fetch("RETR text"), text);
    for (line, code) in [("MODE Z", 200), ("USER anonymous", 331), ("PASS x", 230)] {
        assert_eq!(conversation.codes(line), [code]);
    }
    assert_eq!(conversation.fetch("RETR text"), text, "a new user starts from nothing");
}

#[test]
fn the_150_of_a_mode_z_download_states_no_size() {
    let mut conversation = Conversation::logged_in();
    assert_eq!(conversation.codes("PASV"), [227]);
    assert!(conversation.say(b"RETR file").contains("(10 bytes)"));
    assert_eq!(conversation.codes("MODE Z"), [200]);
    assert_eq!(conversation.codes("PASV"), [227]);
    let replies = conversation.say(b"RETR file");
    assert!(replies.starts_with("150 Opening data connection (deflated)\r\n"));
}

#[test]
fn size_in_type_a_is_that_of_the_translated_text() {
    let mut conversation = Conversation::logged_in();
    assert_eq!(conversation.codes("TYPE A"), [200]);
    assert_eq!(conversation.say(b"SIZE text"), "213 6\r\n");
    assert_eq!(conversation.fetch("RETR text"), b"a\r\nb\r\n");
    assert_eq!(conversation.codes("REST 4"), [350]);
    assert_eq!(conversation.fetch("RETR text"), b"\r\n");
}
