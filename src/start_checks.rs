//! What is looked at once, before the server serves: choices that could not work, or that would put files of the server into
//! clients' hands.

use loopftpd::accounts::Accounts;
use loopftpd::options::Options;
use loopftpd::served_tree::ServedTree;
use std::fmt;
use std::io;
use std::path::Path;

/// An option whose value cannot be used on this machine: which, why, and what to do.
#[derive(Debug)]
pub struct WrongChoice(pub String);

impl fmt::Display for WrongChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for WrongChoice {}

/// A file that cannot be opened.
pub fn unusable(option: &str, path: &Path, error: &io::Error) -> WrongChoice {
    WrongChoice(format!("{option} {}: cannot be opened: {error}", path.display()))
}

/// Clients reach the roots of accounts too. One that is missing is no reason not to start: clients with more rights can remove
/// directories, and others are served all the same.
pub fn add_account_roots(accounts: &Accounts, served: &mut ServedTree) {
    for account in accounts.iter() {
        let root = account.root.as_bytes();
        let problem = match served.add_account_root(root) {
            Ok(true) => continue,
            Ok(false) => "there is no such directory".to_owned(),
            Err(error) => format!("it cannot be looked at: {error}"),
        };
        log::warn!(
            "account {}: root {}: {problem} in {}; the account cannot log in until there is one",
            account.name.escape_ascii(),
            root.escape_ascii(),
            served.directory().display()
        );
    }
}

/// No file that the server writes or trusts may be where clients can reach it.
pub fn files_are_apart(options: &Options, served: &ServedTree) -> Result<(), WrongChoice> {
    let files = [
        ("--users", &options.users),
        ("--transfer-log", &options.transfer_log),
        ("--events", &options.events),
    ];
    for (option, path) in files {
        let Some(path) = path.as_deref().filter(|path| *path != Path::new("-")) else {
            continue;
        };
        match served.contains(path) {
            Ok(false) => {}
            Ok(true) => {
                return Err(WrongChoice(format!(
                    "{option} {}: lies in the served directory {} or in the root of an account, where clients can reach it; \
                     keep it elsewhere",
                    path.display(),
                    served.directory().display()
                )));
            }
            Err(error) => return Err(unusable(option, path, &error)),
        }
    }
    Ok(())
}
