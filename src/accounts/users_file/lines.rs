//! The lines of the users file: one account each; `#` begins a comment, blank lines are ignored.

use crate::accounts::Accounts;
use crate::accounts::account::Account;
use crate::shown_name::Shown;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// Why a line cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::accounts) struct InvalidLine {
    /// Counted from 1.
    pub line: usize,
    pub reason: String,
}

impl Accounts {
    /// Parses all lines; the first bad one makes the whole content invalid.
    pub(in crate::accounts) fn parse(content: &[u8]) -> Result<Self, InvalidLine> {
        let mut lines_by_name: HashMap<Box<[u8]>, usize> = HashMap::new();
        let mut accounts = Vec::new();
        for (index, text) in content.split(|byte| *byte == b'\n').enumerate() {
            let line = index + 1;
            if text.trim_ascii().is_empty() || text.starts_with(b"#") {
                continue;
            }
            let account = Account::parse(text).map_err(|reason| InvalidLine { line, reason })?;
            match lines_by_name.entry(account.name.clone()) {
                Entry::Vacant(entry) => entry.insert(line),
                Entry::Occupied(entry) => {
                    let (name, first) = (Shown::whole(&account.name), entry.get());
                    let reason = format!("duplicate account {name}, already in line {first}");
                    return Err(InvalidLine { line, reason });
                }
            };
            accounts.push(Arc::new(account));
        }
        Ok(Accounts::of(accounts))
    }
}
