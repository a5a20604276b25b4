//! Lines of LIST, NLST and MLSD: one a line for every entry, whatever its name and attributes; nothing in a name can
//! begin another line or command a terminal; the facts are read back.

use super::script::Numbers;
use loopftpd::accounts::Rights;
use loopftpd::ftp::listing::{
    Attributes, EntryKind, Facts, is_printable_name, write_list_line, write_mlsd_line, write_name_line,
};
use loopftpd::ftp::timestamp::Timestamp;

/// A few numbers for the attributes, then the entry's name; what follows its first LF is the target of a link.
pub fn check(input: &[u8]) {
    let mut numbers = Numbers::of(input);
    let (kind, choice, time) = (numbers.byte(), numbers.byte(), numbers.byte());
    let attributes = Attributes {
        kind: [EntryKind::File, EntryKind::Directory, EntryKind::SymbolicLink][usize::from(kind % 3)],
        mode: u32::from(numbers.word()) & 0o7777,
        links: numbers.long(),
        size: numbers.long(),
        modified: Timestamp::from_unix(numbers.long().cast_signed() >> (time % 64)),
        device: numbers.long(),
        inode: numbers.long(),
        readable: kind < 128,
    };
    let now = Timestamp::from_unix(numbers.long().cast_signed() >> (choice % 64));
    let mut names = numbers.rest().splitn(2, |byte| *byte == b'\n');
    // No name of a directory has a slash or a NUL, or is empty.
    let is_of_name = |byte: &u8| !matches!(byte, 0 | b'/');
    let name: Vec<u8> = names
        .next()
        .unwrap_or_default()
        .iter()
        .copied()
        .filter(is_of_name)
        .collect();
    let target = names.next().filter(|_| attributes.kind == EntryKind::SymbolicLink);
    // A name may have an LF, too.
    let name = if choice & 1 == 0 {
        name
    } else {
        [&name[..], b"\n", &name[..]].concat()
    };
    if name.is_empty() {
        return;
    }
    let mut line = Vec::new();
    write_list_line(&mut line, &attributes, &name, target, now);
    check_list_line(&line, &attributes, &name, target);
    if is_printable_name(&name) {
        line.clear();
        write_name_line(&mut line, &name);
        assert_eq!(line, [&name[..], b"\r\n"].concat());
        line.clear();
        let facts = Facts::from_bits_truncate(choice);
        let rights = Rights::from_bits_truncate(time);
        write_mlsd_line(&mut line, facts, &rights.permissions(), &attributes, &name);
        check_facts(&line, facts, rights, &attributes, &name);
    }
}

fn only_line(line: &[u8]) -> &[u8] {
    let content = line.strip_suffix(b"\r\n").expect("a line end");
    assert!(
        !content.iter().any(u8::is_ascii_control),
        "no control byte within: {content:?}"
    );
    content
}

fn check_list_line(line: &[u8], attributes: &Attributes, name: &[u8], target: Option<&[u8]>) {
    let content = only_line(line);
    let text = String::from_utf8_lossy(content);
    assert!(!text.chars().any(char::is_control), "nor a control character: {text:?}");
    let mut fields = content.split(|byte| *byte == b' ').filter(|field| !field.is_empty());
    let mode = fields.next().expect("a mode");
    assert_eq!(mode.len(), 10);
    assert!(mode.iter().all(|letter| b"-dlrwxsStT".contains(letter)));
    let links = fields.next().expect("a count of links");
    assert_eq!(links, attributes.links.max(1).to_string().as_bytes());
    assert_eq!((fields.next(), fields.next()), (Some(&b"ftp"[..]), Some(&b"ftp"[..])));
    assert_eq!(fields.next(), Some(attributes.size.to_string().as_bytes()));
    let month = fields.next().expect("a month");
    assert!(month.len() == 3 && month.iter().all(u8::is_ascii_alphabetic));
    let day: u8 = std::str::from_utf8(fields.next().expect("a day"))
        .ok()
        .and_then(|day| day.parse().ok())
        .expect("digits");
    assert!((1..=31).contains(&day));
    let time_or_year = fields.next().expect("a time or a year");
    assert!(time_or_year.len() >= 4 && time_or_year.iter().all(|byte| byte.is_ascii_digit() || *byte == b':'));
    // A name without control bytes is shown as it is.
    let is_plain = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(char::is_control));
    match target {
        None if is_plain(name) => assert!(content.ends_with(&[b" ", name].concat())),
        Some(target) if is_plain(name) && is_plain(target) => {
            assert!(content.ends_with(&[b" ", name, b" -> ", target].concat()));
        }
        None | Some(_) => {}
    }
}

fn check_facts(line: &[u8], facts: Facts, rights: Rights, attributes: &Attributes, name: &[u8]) {
    let content = only_line(line);
    // RFC 3659 §7.2: facts, each with its semicolon, one space, the name.
    let space = content.iter().position(|byte| *byte == b' ').expect("a space");
    let (written, shown) = content.split_at(space);
    assert_eq!(&shown[1..], name);
    let written = std::str::from_utf8(written).expect("ASCII");
    assert!(written.is_empty() || written.ends_with(';'));
    let mut seen = Facts::empty();
    for fact in written.split_terminator(';') {
        let (fact, value) = fact.split_once('=').expect("a fact has a value");
        let (which, _) = Facts::NAMES
            .into_iter()
            .find(|(_, name)| *name == fact)
            .expect("a known fact");
        assert!(
            facts.contains(which) && !seen.contains(which),
            "{fact} was asked for, once"
        );
        seen |= which;
        match fact {
            "type" => assert_eq!(
                value,
                match attributes.kind {
                    EntryKind::File => "file",
                    EntryKind::Directory => "dir",
                    EntryKind::SymbolicLink => "OS.unix=symlink",
                }
            ),
            "size" => assert_eq!(value.parse(), Ok(attributes.size)),
            "modify" => assert_eq!(Timestamp::parse_compact(value.as_bytes()), Some(attributes.modified)),
            "perm" => {
                let may_change = rights.allows_changes();
                assert!(value.bytes().all(|letter| b"acdeflmprw".contains(&letter)));
                assert!(
                    may_change || !value.bytes().any(|letter| b"acdfmpw".contains(&letter)),
                    "{value}"
                );
            }
            "unique" => {
                let (device, inode) = value.split_once('g').expect("two numbers");
                assert_eq!(u64::from_str_radix(device, 16), Ok(attributes.device));
                assert_eq!(u64::from_str_radix(inode, 16), Ok(attributes.inode));
            }
            "UNIX.mode" => assert_eq!(u32::from_str_radix(value, 8), Ok(attributes.mode)),
            other => panic!("an unknown fact: {other}"),
        }
    }
    assert!(!facts.contains(Facts::TYPE) || seen.contains(Facts::TYPE));
    assert_eq!(
        Facts::from_names(written_names(seen).as_bytes()),
        seen,
        "as OPTS MLST reads them"
    );
}

fn written_names(facts: Facts) -> String {
    let names = Facts::NAMES.into_iter().filter(|(fact, _)| facts.contains(*fact));
    names.map(|(_, name)| format!("{name};")).collect()
}
