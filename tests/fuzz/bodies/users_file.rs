//! The users file: one that is accepted, written again in another form, gives the same accounts; an error names a line
//! that there is, and never shows a hash.

use loopftpd::accounts::{Account, Accounts, Rights};

/// `HASH` in the input is this hash: mutations find no base64 of the right length.
const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$vk+JgWgZGbXHtEqPQPhzXbD+QxxkJR5Fq2AXLhDyYaY";

pub fn check(input: &[u8]) {
    let content = replaced(input, b"HASH", HASH.as_bytes());
    let lines: Vec<&[u8]> = content.split(|byte| *byte == b'\n').collect();
    let accounts = match Accounts::parse(&content) {
        Ok(accounts) => accounts,
        Err((line, reason)) => {
            assert!((1..=lines.len()).contains(&line), "line {line} of {}", lines.len());
            assert!(
                !reason.is_empty() && !reason.chars().any(char::is_control),
                "{reason:?}"
            );
            check_hash_is_not_shown(lines[line - 1], &reason);
            // The lines before it are good, and without the bad one the error is another, or there is none.
            assert!(
                Accounts::parse(&lines[..line - 1].join(&b'\n')).is_ok(),
                "the first bad line is reported"
            );
            return;
        }
    };
    let is_account = |line: &&&[u8]| !line.trim_ascii().is_empty() && !line.starts_with(b"#");
    let account_lines: Vec<&[u8]> = lines.iter().filter(is_account).copied().collect();
    assert_eq!(accounts.len(), account_lines.len());
    assert_eq!(accounts.is_empty(), account_lines.is_empty());
    let mut rewritten = b"# Rewritten\n\n".to_vec();
    for (account, line) in accounts.iter().zip(&account_lines) {
        assert_eq!(accounts.find(&account.name), Some(account));
        rewritten.extend(written(account, line));
        rewritten.extend_from_slice(b"\n  \n");
    }
    let again = Accounts::parse(&rewritten)
        .unwrap_or_else(|(line, reason)| panic!("line {line}: {reason}\n{}", String::from_utf8_lossy(&rewritten)));
    assert!(accounts.iter().eq(again.iter()), "the same accounts, in the same order");
    // Every name once: the file followed by itself is refused at the first repeated name.
    if let Some(first) = account_lines.first() {
        let twice = [&rewritten[..], first].concat();
        let (line, reason) = Accounts::parse(&twice).expect_err("a name twice");
        assert_eq!(line, rewritten.split(|byte| *byte == b'\n').count());
        assert!(reason.starts_with("duplicate account"), "{reason}");
    }
}

/// The second field may be a password, put there by mistake. One without a `$` can be part of a message.
fn check_hash_is_not_shown(line: &[u8], reason: &str) {
    let mut fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
    if fields.len() > 1 {
        let hash = fields.remove(1);
        let is_elsewhere = fields
            .iter()
            .any(|field| field.windows(hash.len().max(1)).any(|part| part == hash));
        let is_shown = std::str::from_utf8(hash).is_ok_and(|hash| reason.contains(hash));
        assert!(
            !hash.contains(&b'$') || is_elsewhere || !is_shown,
            "the hash is shown: {reason}"
        );
    }
}

/// A line for `account` with its rights and limits one by one; the hash is that of its old line.
fn written(account: &Account, line: &[u8]) -> Vec<u8> {
    let hash = line.split(|byte| *byte == b':').nth(1).expect("the second field");
    let words = [
        (Rights::LIST, "list"),
        (Rights::READ_ONLY, "read"),
        (Rights::CREATE, "create"),
        (Rights::OVERWRITE, "overwrite"),
        (Rights::APPEND, "append"),
        (Rights::DELETE, "delete"),
        (Rights::MAKE_DIRECTORY, "mkdir"),
        (Rights::RENAME, "rename"),
    ];
    let rights: Vec<&str> = words
        .iter()
        .filter(|(right, _)| account.rights.contains(*right))
        .map(|(_, word)| *word)
        .collect();
    let limits = [
        ("entries", account.limits.quota.entries),
        ("quota", account.limits.quota.bytes),
        ("rate", account.limits.bytes_per_second),
        ("sessions", account.limits.sessions),
    ];
    let limits: Vec<String> = limits
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", (*value)?)))
        .collect();
    let mut fields = [
        &account.name,
        hash,
        account.root.as_bytes(),
        rights.join(",").as_bytes(),
    ]
    .join(&b':');
    if !limits.is_empty() {
        fields.push(b':');
        fields.extend(limits.join(",").into_bytes());
    }
    fields
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), bytes);
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}
