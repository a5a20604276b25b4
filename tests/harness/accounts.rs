//! A directory that the server may write to, accounts in it, and a secret beside it that no client may reach.

use crate::needs::has_program;
use crate::server::Setup;
use crate::{Client, Server, is_root};
use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// argon2id of `secret`, with the cheapest parameters.
pub const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$vk+JgWgZGbXHtEqPQPhzXbD+QxxkJR5Fq2AXLhDyYaY";
/// The password of [`HASH`].
pub const PASSWORD: &str = "secret";
/// A secret that no client may read or change.
pub const CANARY: &str = "canary-4c1f-outside";
/// The user that a server started as root becomes; it owns nothing else.
const SERVER_ID: u32 = 12_345;

/// The files of a test: `root` is served, the file `users` and the directory `neighbour` are beside it. The server's
/// user may write in `neighbour`, so that only the server itself keeps clients out.
pub struct Premises {
    directory: TempDir,
}

/// What confines clients to the root.
#[derive(Clone, Copy, Debug)]
pub enum ConfinedBy {
    /// What the server does by default: as root it uses chroot.
    Default,
    /// The server is not root and has no sandbox: only `openat2` confines them.
    Paths,
}

impl Premises {
    /// An empty served directory, and no accounts.
    pub fn new() -> Self {
        let directory = TempDir::new().expect("a directory");
        fs::create_dir(directory.path().join("root")).expect("a directory");
        fs::create_dir(directory.path().join("neighbour")).expect("a directory");
        fs::write(directory.path().join("neighbour/secret"), CANARY).expect("a secret");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("ours");
        give(&directory.path().join("neighbour"));
        let premises = Self { directory };
        premises.hand_over();
        premises
    }

    /// The directory around the served one.
    pub fn outside(&self) -> &Path {
        self.directory.path()
    }

    pub fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    pub fn users_file(&self) -> PathBuf {
        self.directory.path().join("users")
    }

    /// Writes the users file in place, so that a confined server can read it again; each account is `name:HASH:` and
    /// the rest of its line.
    pub fn write_users(&self, accounts: &[(&str, &str)]) {
        let lines: String = accounts
            .iter()
            .map(|(name, rest)| format!("{name}:{HASH}:{rest}\n"))
            .collect();
        self.write_users_file(&lines);
    }

    pub fn write_users_file(&self, content: &str) {
        let path = self.users_file();
        fs::write(&path, content).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
        give(&path);
    }

    /// Makes a link in the served tree, replacing any of that name.
    pub fn link(&self, name: &str, target: impl AsRef<Path>) {
        let path = self.root().join(name);
        let _ = fs::remove_file(&path);
        std::os::unix::fs::symlink(target, &path).expect("a link");
    }

    /// Makes a directory in the served tree.
    pub fn make_directory(&self, name: &str) {
        fs::create_dir_all(self.root().join(name)).expect("a directory");
        self.hand_over();
    }

    /// Writes a file in the served tree.
    pub fn write(&self, name: &str, content: &[u8]) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().expect("under the root")).expect("a directory");
        fs::write(path, content).expect("a file");
        self.hand_over();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.root().join(name)).expect("a file")
    }

    pub fn has(&self, name: &str) -> bool {
        self.root().join(name).symlink_metadata().is_ok()
    }

    /// Gives the served tree to the server's user, like files that it has received.
    pub fn hand_over(&self) {
        give(&self.root());
    }

    /// A server with these arguments.
    pub fn serve(&self, arguments: &[&str]) -> Server {
        self.serve_within(ConfinedBy::Default, arguments)
    }

    pub fn serve_within(&self, confined_by: ConfinedBy, arguments: &[&str]) -> Server {
        let setup = Setup::new().directory(&self.root()).arguments(arguments);
        let setup = match confined_by {
            ConfinedBy::Paths => setup.arguments(&["--no-sandbox"]),
            ConfinedBy::Default => setup,
        };
        match confined_by {
            ConfinedBy::Paths if is_root() && has_program("setpriv") => {
                let id = SERVER_ID.to_string();
                setup.under(&["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups"])
            }
            ConfinedBy::Paths | ConfinedBy::Default => setup,
        }
        .start()
    }

    /// A server with the users file and without anonymous access.
    pub fn serve_accounts(&self, arguments: &[&str]) -> Server {
        self.serve_accounts_within(ConfinedBy::Default, arguments)
    }

    pub fn serve_accounts_within(&self, confined_by: ConfinedBy, arguments: &[&str]) -> Server {
        let users = self.users_file();
        let accounts = ["--users", users.to_str().expect("UTF-8"), "--anonymous", "off"];
        self.serve_within(confined_by, &[&accounts, arguments].concat())
    }

    /// A server on which all clients may do everything.
    pub fn serve_writers(&self) -> Server {
        self.serve(&["--write"])
    }

    /// The neighbour's directory: names, content, times and modes.
    pub fn neighbour(&self) -> Vec<String> {
        snapshot(&self.outside().join("neighbour"))
    }
}

/// Everything in a directory, at any depth: names, content, times and modes.
pub fn snapshot(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("ours") {
        let path = entry.expect("an entry").path();
        let metadata = path.symlink_metadata().expect("it is there");
        let (time, mode) = (metadata.modified().expect("a time"), metadata.permissions().mode());
        let content = if metadata.is_file() {
            fs::read(&path).expect("readable")
        } else {
            Vec::new()
        };
        let content = String::from_utf8_lossy(&content);
        found.push(format!("{} {mode:o} {time:?} {content}", path.display()));
        if metadata.is_dir() {
            found.extend(snapshot(&path));
        }
    }
    found.sort();
    found
}

fn give(path: &Path) {
    if !is_root() {
        return;
    }
    std::os::unix::fs::lchown(path, Some(SERVER_ID), Some(SERVER_ID)).expect("root may");
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).expect("ours") {
            give(&entry.expect("an entry").path());
        }
    }
}

/// Every way to change a file or directory that takes one path: commands up to the path. `RNTO` needs its `RNFR`.
pub const CHANGING: [&str; 13] = [
    "STOR",
    "APPE",
    "STOU",
    "DELE",
    "MKD",
    "RMD",
    "RNFR",
    "RNTO",
    "MFMT 20240101000000",
    "MFF modify=20240101000000;UNIX.mode=0600;",
    "MDTM 20240101000000",
    "SITE CHMOD 600",
    "SITE UTIME 20240101000000",
];

/// Logs `client` in as `user` and sets TYPE I.
pub fn log_in(client: &mut Client, user: &str) {
    assert_eq!(client.code(&format!("USER {user}")), 331);
    let reply = client.command(&format!("PASS {PASSWORD}"));
    assert_eq!(reply.code, 230, "{reply:?}");
    assert_eq!(client.code("TYPE I"), 200);
}

/// A client that is logged in as `user`.
pub fn client_of(server: &Server, user: &str) -> Client {
    let mut client = server.connect();
    log_in(&mut client, user);
    client
}

/// A whole upload by `command`; returns the final code.
pub fn store(client: &mut Client, command: &str, content: &[u8]) -> u16 {
    let mut data = client.data();
    let reply = client.command(command);
    if reply.code != 150 {
        return reply.code;
    }
    data.write_all(content).expect("the server reads it");
    data.shutdown(Shutdown::Write).expect("open until now");
    let code = client.reply().code;
    let mut rest = Vec::new();
    let _ = data.read_to_end(&mut rest);
    assert!(rest.is_empty(), "nothing is sent back on an upload");
    code
}

/// Sends `line` with a data connection ready: the last code, and everything received on both connections.
pub fn everything(client: &mut Client, line: &str) -> (u16, String) {
    let verb = line.split(' ').next().unwrap_or_default();
    let is_upload = matches!(verb, "STOR" | "APPE" | "STOU");
    let uses_data = is_upload || matches!(verb, "RETR" | "LIST" | "NLST" | "MLSD");
    let data = uses_data.then(|| client.data());
    let first = client.command(line);
    let mut text = first.text();
    let mut code = first.code;
    if code == 150 {
        let mut data = data.expect("a data connection");
        if is_upload {
            data.write_all(b"written by a client").expect("the server reads it");
            data.shutdown(Shutdown::Write).expect("open until now");
        }
        let mut bytes = Vec::new();
        let _ = data.read_to_end(&mut bytes);
        drop(data);
        text += &String::from_utf8_lossy(&bytes);
        code = client.reply().code;
    }
    (code, text)
}

/// A client that has sent a password and not read the reply.
pub fn send_password(server: &Server, user: &str, password: &str) -> Client {
    let mut client = server.connect();
    assert_eq!(client.code(&format!("USER {user}")), 331);
    client.send(&format!("PASS {password}"));
    client
}

/// A server with alice and bob, each with the right to read and write in a directory of its own.
pub fn with_alice_and_bob(arguments: &[&str]) -> (Premises, Server) {
    let premises = Premises::new();
    premises.make_directory("alice");
    premises.make_directory("bob");
    premises.write_users(&[("alice", "/alice:read,write"), ("bob", "/bob:read,write")]);
    let server = premises.serve_accounts(arguments);
    (premises, server)
}

/// A server with full rights for all clients, with `file`, `d/inside` and `empty`.
pub fn with_files() -> (Premises, Server) {
    let premises = Premises::new();
    premises.write("file", b"0123456789");
    premises.write("d/inside", b"x");
    premises.make_directory("empty");
    let server = premises.serve_writers();
    (premises, server)
}

/// A server with anonymous access and `alice`, who may have one session and owns a file with a name in UTF-8.
pub fn with_alice(arguments: &[&str]) -> (Premises, Server) {
    let premises = Premises::new();
    premises.write("alice/grüße.txt", b"0123456789");
    premises.write_users(&[("alice", "/alice:read,write:sessions=1")]);
    let users = premises.users_file();
    let users = ["--users", users.to_str().expect("UTF-8")];
    let server = premises.serve(&[&users, arguments].concat());
    (premises, server)
}
