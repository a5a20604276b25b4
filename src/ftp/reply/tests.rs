//! The exact form of the replies that clients parse.

use super::*;
use crate::ftp::command::Digest;
use crate::ftp::path::VirtualPath;
use crate::ftp::timestamp::Timestamp;
use std::net::SocketAddrV4;

fn wire(reply: &Reply) -> String {
    let mut out = Vec::new();
    reply.write_to(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn path(bytes: &[u8]) -> VirtualPath {
    VirtualPath::ROOT.join(bytes).expect("short")
}

fn multi_line() -> [Reply; 3] {
    let features = Reply::features(&["SIZE".to_owned(), "UTF8".to_owned()]);
    [Reply::help(true), Reply::site_help(), features]
}

#[test]
fn every_constant_is_one_line_of_printable_ascii() {
    for reply in ALL {
        let text = wire(reply);
        assert!((100..600).contains(&reply.code()), "{text}");
        let line = text.strip_suffix("\r\n").expect("a line end");
        assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text}");
    }
}

#[test]
fn words_that_make_clients_retry_are_in_temporary_replies_only() {
    let words = [
        "too many",
        "timed out",
        "broken pipe",
        "closed by the remote host",
        "try again",
    ];
    for reply in ALL.iter().filter(|reply| reply.code() >= 500) {
        let text = wire(reply).to_lowercase();
        assert!(!words.iter().any(|word| text.contains(word)), "{text}");
    }
}

#[test]
fn no_reply_names_a_product_that_clients_know() {
    let products = [
        "filezilla",
        "proftpd",
        "vsftpd",
        "pure-ftpd",
        "serv-u",
        "microsoft",
        "ncftpd",
        "loopftpd",
    ];
    for reply in ALL.iter().chain(&multi_line()) {
        let text = wire(reply).to_lowercase();
        assert!(!products.iter().any(|product| text.contains(product)), "{text}");
    }
}

#[test]
fn texts_that_clients_parse_are_exact() {
    for (reply, text) in [
        (SYSTEM_TYPE, "215 UNIX Type: L8"),
        (FILE_NOT_FOUND, "550 File not found"),
        (TOO_MANY_CONNECTIONS, "421 Too many connections"),
        (LOGIN_INCORRECT, "530 Login incorrect."),
        (Reply::size(5_368_709_120), "213 5368709120"),
        (Reply::modification_time(Timestamp::from_unix(0)), "213 19700101000000"),
        (
            Reply::opening_binary(12),
            "150 Opening BINARY mode data connection (12 bytes)",
        ),
        (Reply::checksum(&[0x0a, 0xff]), "250 0AFF"),
        (Reply::digest_in_use(Digest::Crc32), "200 CRC32"),
        (
            Reply::hash(Digest::Sha1, 5, 99, &[0x0a, 0xff], &path(b"a b")),
            "213 SHA-1 5-99 0aff /a b",
        ),
        (STATUS_LISTING_BEGINS, "213-Status of the path:"),
        (STATUS_LISTING_ENDS, "213 End of status"),
    ] {
        assert_eq!(wire(&reply), format!("{text}\r\n"));
    }
}

#[test]
fn d27_passive_replies_have_the_form_that_clients_parse() {
    let passive = Reply::passive(SocketAddrV4::new([127, 0, 0, 1].into(), 0x7530));
    assert_eq!(wire(&passive), "227 Entering Passive Mode (127,0,0,1,117,48)\r\n");
    let extended = Reply::extended_passive(30_000);
    assert_eq!(wire(&extended), "229 Entering Extended Passive Mode (|||30000|)\r\n");
}

#[test]
fn i04_quotation_marks_in_a_quoted_path_are_doubled() {
    for (path, text) in [
        (VirtualPath::ROOT, &b"257 \"/\" is the current directory\r\n"[..]),
        (path(b"a\"b"), b"257 \"/a\"\"b\" is the current directory\r\n"),
        (path(b"\xff"), b"257 \"/\xff\xff\" is the current directory\r\n"),
    ] {
        let mut out = Vec::new();
        Reply::working_directory(&path).write_to(&mut out);
        assert_eq!(out, text);
    }
}

#[test]
fn a13_no_inner_line_looks_like_a_reply() {
    let facts = wire(&Reply::facts(
        b"type=file;",
        &path(b"227 Entering Passive Mode (1,2,3,4,5,6)"),
    ));
    assert_eq!(
        facts,
        "250-Listing path\r\n type=file; /227 Entering Passive Mode (1,2,3,4,5,6)\r\n250 End\r\n"
    );
    for reply in multi_line() {
        let text = wire(&reply);
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        let (first, rest) = lines.split_first().expect("lines");
        let (last, inner) = rest.split_last().expect("lines");
        assert!(first.starts_with(&format!("{}-", reply.code())));
        assert!(last.starts_with(&format!("{} ", reply.code())));
        assert!(inner.iter().all(|line| line.starts_with(' ')));
    }
}
