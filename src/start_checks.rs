//! Checks before the server serves: options that cannot work, or that would let clients reach the server's own files.

use loopftpd::accounts::{Accounts, AnonymousAccess, Rights};
use loopftpd::confine::Confinement;
use loopftpd::options::Options;
use loopftpd::ports::Listeners;
use loopftpd::records::log_file::LogFile;
use loopftpd::served_tree::ServedTree;
use loopftpd::shown_name::Shown;
use nix::unistd::{Uid, User};
use rustix::fs::{Access, AtFlags, CWD, accessat};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Most entries of a directory that are searched for one that is writable.
const ENTRIES_LOOKED_AT: usize = 1_000;
/// Most accounts with an unusable root that are logged by name.
const ACCOUNTS_NAMED: usize = 10;

/// An option that cannot be used on this machine: which, why, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongChoice(pub String);

/// A file that cannot be opened.
pub fn unusable(option: &str, path: &Path, error: &io::Error) -> WrongChoice {
    WrongChoice(format!("{option} {}: cannot be opened: {error}", path.display()))
}

/// Adds the roots of accounts to what clients can reach. A missing root is only logged, because clients may remove
/// directories, and the other accounts still work.
pub fn add_account_roots(accounts: &Accounts, served: &mut ServedTree) {
    for account in accounts.iter() {
        let root = account.root.as_bytes();
        let problem = match served.add_account_root(root) {
            Ok(true) => continue,
            Ok(false) => "there is no such directory".to_owned(),
            Err(error) => format!("it cannot be examined: {error}"),
        };
        log::warn!(
            "account {}: root {}: {problem} in {}; the account cannot log in until it exists",
            Shown::whole(&account.name),
            Shown::whole(root),
            served.directory().display()
        );
    }
}

/// Refuses logs and a users file that clients could reach.
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
                    "{option} {}: lies in the served directory {} or in the root of an account, where clients can \
                     reach it; keep it elsewhere",
                    path.display(),
                    served.directory().display()
                )));
            }
            Err(error) => return Err(unusable(option, path, &error)),
        }
    }
    Ok(())
}

/// Refuses a users file without accounts if anonymous clients are off too.
pub fn somebody_can_log_in(options: &Options, accounts: &Accounts) -> Result<(), WrongChoice> {
    match &options.users {
        Some(path) if accounts.is_empty() && options.anonymous == AnonymousAccess::Off => Err(WrongChoice(format!(
            "{}: has no accounts, and with --anonymous off nobody could log in",
            path.display()
        ))),
        Some(_) | None => Ok(()),
    }
}

/// Whether the user that the process has become can read the served directory, and write if clients may. `root`: its
/// path, which is `/` after chroot.
pub fn directory_can_be_served(
    root: &Path,
    options: &Options,
    accounts: &Accounts,
    confinement: &Confinement,
) -> Result<(), WrongChoice> {
    let (user, remedy) = server_user(confinement);
    let directory = options.directory.display();
    if let Err(error) = list_some(root) {
        return Err(WrongChoice(format!(
            "{directory}: cannot be read by user {user} ({error}): allow it with `chmod o+rx`, or {remedy}"
        )));
    }
    if options.anonymous.rights().is_some_and(Rights::allows_changes) && !has_room_for_changes(root) {
        return Err(WrongChoice(format!(
            "--anonymous {}: user {user} can write neither in {directory} nor in a directory in it: give one to that \
             user (`chown {user} DIRECTORY`), or {remedy}",
            if options.anonymous == AnonymousAccess::Upload {
                "upload"
            } else {
                "write"
            },
        )));
    }
    warn_of_unusable_roots(root, accounts, &user);
    Ok(())
}

fn list_some(directory: &Path) -> io::Result<()> {
    loop {
        match fs::read_dir(directory).and_then(|mut entries| entries.next().transpose()) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The name of the server's user, and what to do if it has too few permissions.
fn server_user(confinement: &Confinement) -> (String, &'static str) {
    const CHOOSE: &str = "choose a user who may with --user NAME";
    match confinement {
        Confinement::Confined(identity) | Confinement::OnlyUser(identity) => (identity.name.clone(), CHOOSE),
        Confinement::StayingRoot { .. } => ("root".to_owned(), CHOOSE),
        Confinement::NotRoot => {
            let own = Uid::effective();
            let named = User::from_uid(own).ok().flatten().map(|user| user.name);
            let name = named.unwrap_or_else(|| format!("#{own}"));
            (name, "start the server as a user who may")
        }
    }
}

/// Whether the directory is writable or contains a writable one, such as `incoming`.
fn has_room_for_changes(directory: &Path) -> bool {
    let is_open = |path: &Path| accessat(CWD, path, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS).is_ok();
    is_open(directory)
        || fs::read_dir(directory).is_ok_and(|entries| {
            entries.take(ENTRIES_LOOKED_AT).flatten().any(|entry| {
                let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
                is_directory && is_open(&entry.path())
            })
        })
}

fn warn_of_unusable_roots(root: &Path, accounts: &Accounts, user: &str) {
    let mut unusable: usize = 0;
    for account in accounts.iter() {
        let name = account.root.as_bytes();
        let path = root.join(OsStr::from_bytes(name.strip_prefix(b"/").unwrap_or(name)));
        let can_be_entered = accessat(CWD, &path, Access::EXEC_OK, AtFlags::EACCESS).is_ok();
        let problem = if !path.is_dir() {
            // Logged by `add_account_roots`.
            continue;
        } else if !can_be_entered {
            "cannot be entered"
        } else if account.rights.allows_changes() && !has_room_for_changes(&path) {
            "and the directories in it are not writable"
        } else {
            continue;
        };
        unusable += 1;
        if unusable <= ACCOUNTS_NAMED {
            log::warn!(
                "account {}: root {} {problem} by user {user}",
                Shown::whole(&account.name),
                Shown::whole(name)
            );
        }
    }
    if let Some(more) = unusable.checked_sub(ACCOUNTS_NAMED).filter(|more| *more > 0) {
        log::warn!("the same holds for the roots of {more} more accounts");
    }
}

/// Logs a warning if other machines can reach the server without a password, or passwords cross the network.
pub fn warn_if_exposed(options: &Options, listeners: &Listeners) {
    let is_reachable = listeners
        .addresses()
        .any(|address| !address.ip().to_canonical().is_loopback());
    if is_reachable && options.anonymous.rights().is_some_and(Rights::allows_changes) {
        let may = match options.anonymous {
            AnonymousAccess::Off | AnonymousAccess::Read => return,
            AnonymousAccess::Upload => "put files here",
            AnonymousAccess::Write => "change, replace and remove every file here",
        };
        log::warn!("anyone who reaches this address may {may}, without a password");
    }
    if is_reachable && options.users.is_some() {
        log::warn!("passwords cross the network in clear text: anyone on the path can read them");
    }
}

/// Logs that the server cannot create the file of `log` again after a rotation.
pub fn note_if_rotation_needs_help(log: &LogFile) {
    if !log.can_be_recreated() {
        log::info!(
            "{}: after a rotation the server could not create the file, since its user may not write in the \
             directory; let the rotation create it for that user, or copy and truncate",
            log.kind.option()
        );
    }
}
