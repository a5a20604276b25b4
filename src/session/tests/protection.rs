//! AUTH, PBSZ, PROT and CCC, and what each policy refuses.

use super::*;

/// A session of a server with a certificate.
fn with(policy: TlsPolicy) -> Conversation {
    let mut conversation = Conversation::new();
    conversation.surroundings.tls = Some(policy);
    conversation
}

/// The same after AUTH TLS and the handshake.
fn encrypted(policy: TlsPolicy) -> Conversation {
    let mut conversation = with(policy);
    assert_eq!(conversation.codes("AUTH TLS"), [234]);
    conversation
}

#[test]
fn e03_tls_begins_once_and_does_not_end() {
    let mut conversation = with(TlsPolicy::Allow);
    for (line, code) in [
        ("AUTH", 501),
        ("AUTH SSL", 504),
        ("AUTH TLS-P", 504),
        ("AUTH GSSAPI", 504),
        ("PBSZ 0", 503),
        ("PROT P", 503),
        ("CCC", 503),
        ("auth tls-c", 234),
        ("AUTH TLS", 503),
        ("AUTH SSL", 503),
        ("PROT P", 503),
        ("PBSZ x", 501),
        ("PBSZ 65536", 200),
        ("PROT X", 504),
        ("PROT S", 536),
        ("PROT E", 536),
        ("PROT P", 200),
        ("PROT C", 200),
        ("CCC", 533),
    ] {
        assert_eq!(conversation.codes(line), [code], "{line}");
    }
}

#[test]
fn e02_nothing_that_was_said_in_clear_counts_inside_tls() {
    let mut conversation = with(TlsPolicy::Allow);
    assert_eq!(conversation.codes("USER anonymous"), [331]);
    assert_eq!(conversation.codes("AUTH TLS"), [234]);
    assert_eq!(conversation.codes("PASS x"), [503]);
    let mut conversation = with(TlsPolicy::Allow).log_in();
    assert_eq!(conversation.codes("AUTH TLS"), [234]);
    assert_eq!(conversation.codes("PWD"), [530], "the login was in clear");
}

#[test]
fn e01_a_line_that_came_with_auth_is_not_answered() {
    let mut conversation = with(TlsPolicy::Allow);
    assert_eq!(conversation.codes("AUTH TLS\r\nNOOP"), [421]);
    assert!(conversation.has_ended);
    let mut conversation = with(TlsPolicy::Allow);
    conversation.input.feed(b"AUTH TLS\r\nNO");
    let codes = codes_of(&conversation.answer());
    assert_eq!(codes, [421], "nor the beginning of a line");
}

#[test]
fn e04_a_server_that_requires_tls_knows_no_user_before_it() {
    for policy in [TlsPolicy::Require, TlsPolicy::RequireData] {
        let mut conversation = with(policy);
        for line in ["USER anonymous", "PASS x", "USER nobody-here"] {
            assert_eq!(conversation.codes(line), [530], "{line}");
        }
        assert_eq!(conversation.codes("FEAT"), [211]);
        let conversation = encrypted(policy).log_in();
        assert!(!conversation.has_ended);
    }
    assert!(!with(TlsPolicy::Allow).log_in().has_ended);
}

#[test]
fn e04_a_server_that_requires_encrypted_data_sends_none_in_clear() {
    let mut conversation = encrypted(TlsPolicy::RequireData).log_in();
    for line in ["LIST", "NLST", "MLSD", "RETR file", "STOR new", "APPE new", "STOU"] {
        assert_eq!(conversation.codes("PASV"), [227]);
        assert_eq!(conversation.codes(line), [522], "{line}");
    }
    assert_eq!(conversation.codes("PBSZ 0"), [200]);
    assert_eq!(conversation.codes("PROT C"), [534]);
    assert_eq!(conversation.codes("PROT P"), [200]);
    assert!(conversation.session.encrypts_data());
    assert_eq!(conversation.codes("PASV"), [227]);
    assert_eq!(conversation.codes("RETR file"), [150, 226]);
    let mut conversation = encrypted(TlsPolicy::Require).log_in();
    assert_eq!(conversation.codes("PASV"), [227]);
    assert_eq!(
        conversation.codes("RETR file"),
        [150, 226],
        "only the control connection"
    );
}

#[test]
fn features_and_help_list_the_commands_of_tls_only_where_they_work() {
    let mut with_tls = with(TlsPolicy::Allow);
    let mut without = Conversation::new();
    for (line, word) in [("FEAT", " AUTH TLS\r\n"), ("FEAT", " PROT\r\n"), ("HELP", " AUTH ")] {
        assert!(with_tls.say(line.as_bytes()).contains(word), "{line}: {word}");
        assert!(!without.say(line.as_bytes()).contains(word), "{line}: {word}");
    }
}
