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
    let mut files = options.files().filter(|(_, path)| *path != Path::new("-"));
    files.try_for_each(|(option, path)| file_is_apart(option, path, served))
}

/// Refuses a file of the server's own that clients could reach.
pub fn file_is_apart(option: &str, path: &Path, served: &ServedTree) -> Result<(), WrongChoice> {
    match served.contains(path) {
        Ok(false) => Ok(()),
        Ok(true) => Err(WrongChoice(format!(
            "{option} {}: lies in the served directory {} or in the root of an account, where clients can reach it; \
             keep it elsewhere",
            path.display(),
            served.directory().display()
        ))),
        Err(error) => Err(unusable(option, path, &error)),
    }
}

/// Refuses a users file without accounts if anonymous clients are off too.
pub fn a_client_can_log_in(options: &Options, accounts: &Accounts) -> Result<(), WrongChoice> {
    let is_closed = accounts.is_empty() && options.anonymous == AnonymousAccess::Off;
    match options.users.as_ref().filter(|_| is_closed) {
        Some(path) => Err(WrongChoice(format!(
            "{}: has no accounts, and with --anonymous off nobody could log in",
            path.display()
        ))),
        None => Ok(()),
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
    let changing = match options.anonymous {
        AnonymousAccess::Off | AnonymousAccess::Read => None,
        AnonymousAccess::Upload => Some("upload"),
        AnonymousAccess::Write => Some("write"),
    };
    if let Some(access) = changing.filter(|_| !has_room_for_changes(root)) {
        return Err(WrongChoice(format!(
            "--anonymous {access}: user {user} can write neither in {directory} nor in a directory in it: give one to \
             that user (`chown {user} DIRECTORY`), or {remedy}"
        )));
    }
    warn_of_unusable_roots(root, accounts, &user);
    Ok(())
}

fn list_some(directory: &Path) -> io::Result<()> {
    match fs::read_dir(directory).and_then(|mut entries| entries.next().transpose()) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => list_some(directory),
        listed => listed.map(drop),
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

fn may(access: Access, path: &Path) -> bool {
    accessat(CWD, path, access, AtFlags::EACCESS).is_ok()
}

/// Whether the directory is writable or contains a writable one, such as `incoming`.
fn has_room_for_changes(directory: &Path) -> bool {
    let is_writable = |path: &Path| may(Access::WRITE_OK | Access::EXEC_OK, path);
    is_writable(directory)
        || fs::read_dir(directory).is_ok_and(|entries| {
            entries.take(ENTRIES_LOOKED_AT).flatten().any(|entry| {
                let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
                is_directory && is_writable(&entry.path())
            })
        })
}

fn warn_of_unusable_roots(root: &Path, accounts: &Accounts, user: &str) {
    let unusable: Vec<_> = accounts
        .iter()
        .filter_map(|account| {
            let path = root.join(OsStr::from_bytes(account.root.relative()));
            Some((account, problem_of_root(&path, account.rights)?))
        })
        .collect();
    for (account, problem) in unusable.iter().take(ACCOUNTS_NAMED) {
        log::warn!(
            "account {}: root {} {problem} by user {user}",
            Shown::whole(&account.name),
            Shown::whole(account.root.as_bytes())
        );
    }
    if unusable.len() > ACCOUNTS_NAMED {
        let more = unusable.len() - ACCOUNTS_NAMED;
        log::warn!("the same holds for the roots of {more} more accounts");
    }
}

/// Why the server's user cannot use the root of an account as far as `rights` go. A missing one has been logged by
/// [`add_account_roots`].
fn problem_of_root(root: &Path, rights: Rights) -> Option<&'static str> {
    if !root.is_dir() {
        None
    } else if !may(Access::EXEC_OK, root) {
        Some("cannot be entered")
    } else if rights.allows_changes() && !has_room_for_changes(root) {
        Some("and the directories in it are not writable")
    } else {
        None
    }
}

/// Logs a warning if other machines can reach the server without a password, or passwords cross the network.
pub fn warn_if_exposed(options: &Options, listeners: &Listeners) {
    let status = listeners.status_address();
    if let Some(address) = status.filter(|address| !address.ip().to_canonical().is_loopback()) {
        log::warn!(
            "--status {address}: anyone who reaches this address sees who is connected and the names of the files that \
             are transferred, without a password and unencrypted"
        );
    }
    let mut ips = listeners.addresses().map(|address| address.ip().to_canonical());
    if ips.all(|ip| ip.is_loopback()) {
        return;
    }
    let may = match options.anonymous {
        AnonymousAccess::Off | AnonymousAccess::Read => None,
        AnonymousAccess::Upload => Some("put files here"),
        AnonymousAccess::Write => Some("change, replace and remove every file here"),
    };
    if let Some(may) = may {
        log::warn!("anyone who reaches this address may {may}, without a password");
    }
    if options.users.is_some() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use loopftpd::accounts::{Privacy, UsersFile};
    use loopftpd::confine::Identity;
    use loopftpd::options::{Invocation, parse};
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;
    use tempfile::TempDir;

    fn options(arguments: &[&str]) -> Options {
        match parse(arguments.iter().map(Into::into)) {
            Ok(Invocation::Serve(options)) => *options,
            other => panic!("{arguments:?}: {other:?}"),
        }
    }

    /// `served` and `beside`, directories next to each other.
    fn directories() -> (TempDir, [PathBuf; 2]) {
        let parent = TempDir::new().expect("a directory");
        let both = ["served", "beside"].map(|name| parent.path().join(name));
        for directory in &both {
            fs::create_dir(directory).expect("a directory");
        }
        (parent, both)
    }

    #[test]
    fn l15_a_users_file_without_accounts_needs_anonymous_clients() {
        let none = Accounts::default();
        for arguments in [&[][..], &["--users", "f"], &["--users", "f", "--anonymous", "upload"]] {
            assert!(a_client_can_log_in(&options(arguments), &none).is_ok(), "{arguments:?}");
        }
        let closed = options(&["--users", "f", "--anonymous", "off"]);
        let error = a_client_can_log_in(&closed, &none)
            .expect_err("closed to all")
            .to_string();
        assert!(error.starts_with("f: has no accounts"), "{error}");
    }

    #[test]
    fn l15_files_that_clients_could_reach_are_refused_and_the_error_names_the_option() {
        let (_parent, [served, beside]) = directories();
        let tree = ServedTree::of(&served).expect("a directory");
        for option in ["--users", "--transfer-log", "--events"] {
            let check = |file: PathBuf| {
                let options = options(&[option, file.to_str().expect("UTF-8")]);
                files_are_apart(&options, &tree).map_err(|error| error.to_string())
            };
            assert_eq!(check(beside.join("file")), Ok(()), "{option}");
            let error = check(served.join("file")).expect_err(option);
            assert!(
                error.starts_with(option) && error.contains("lies in the served"),
                "{error}"
            );
            let error = check(beside.join("missing/file")).expect_err(option);
            assert!(
                error.starts_with(option) && error.contains("cannot be opened"),
                "{error}"
            );
        }
        assert!(
            files_are_apart(&options(&["--events", "-"]), &tree).is_ok(),
            "standard output"
        );
    }

    #[test]
    fn the_roots_of_accounts_are_served_and_missing_ones_are_passed_over() {
        let (parent, [served, beside]) = directories();
        // As a bind mount would be, which only root could create.
        symlink(&beside, served.join("bob")).expect("a link");
        let (path, hash) = (
            parent.path().join("users"),
            "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
        );
        fs::write(&path, format!("alice:{hash}:/alice:read\nbob:{hash}:/bob:read\n")).expect("a file");
        let file = UsersFile::open(&path, Privacy::Waived).expect("opened");
        let mut tree = ServedTree::of(&served).expect("a directory");
        assert!(!tree.contains(&beside.join("log")).expect("found"));
        add_account_roots(&file.read().expect("two accounts"), &mut tree);
        assert!(tree.contains(&beside.join("log")).expect("found"));
    }

    #[test]
    fn the_server_needs_a_directory_that_its_user_can_use() {
        let (_parent, [served, incoming]) = directories();
        assert_eq!(problem_of_root(&served, Rights::all()), None);
        assert_eq!(
            problem_of_root(&served.join("missing"), Rights::all()),
            None,
            "logged before"
        );
        let user = Confinement::OnlyUser(Identity {
            name: "alice".to_owned(),
            uid: 1,
            gid: 1,
        });
        let check = |root: &Path| directory_can_be_served(root, &options(&["--write"]), &Accounts::default(), &user);
        assert!(check(&served).is_ok());
        let error = check(&served.join("missing")).expect_err("not there").to_string();
        assert!(
            error.contains("cannot be read by user alice") && error.contains("--user NAME"),
            "{error}"
        );
        if Uid::effective().is_root() {
            println!("the rest is skipped: modes do not bind root");
            return;
        }
        let set_mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
        set_mode(&served, 0o500);
        let error = check(&served).expect_err("read-only").to_string();
        assert!(
            error.starts_with("--anonymous write: user alice can write neither in"),
            "{error}"
        );
        let problem = problem_of_root(&served, Rights::all());
        assert_eq!(problem, Some("and the directories in it are not writable"));
        assert_eq!(problem_of_root(&served, Rights::READ_ONLY), None);
        set_mode(&served, 0o700);
        fs::rename(&incoming, served.join("incoming")).expect("moved");
        set_mode(&served, 0o500);
        assert!(check(&served).is_ok(), "it contains a writable directory");
        set_mode(&served, 0o600);
        assert_eq!(problem_of_root(&served, Rights::READ_ONLY), Some("cannot be entered"));
        set_mode(&served, 0o700);
    }
}
