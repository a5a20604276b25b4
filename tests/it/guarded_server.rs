//! A writable server with the canary beside its directory, for clients that send anything (oracle O5).

use crate::grid::canary::{Canary, SECRET};
use harness::server::Setup;
use harness::{Server, tree};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use tempfile::TempDir;

pub struct GuardedServer {
    pub server: Server,
    pub canary: Canary,
    _directory: TempDir,
}

impl GuardedServer {
    /// With the files of [`make_files`](Self::make_files).
    pub fn start(setup: Setup) -> Self {
        let directory = TempDir::new().expect("a directory");
        let root = directory.path().join("root");
        fs::create_dir(&root).expect("a directory");
        let canary = Canary::new(directory.path());
        tree::allow_reading(directory.path());
        let guarded = Self {
            server: setup.writable().directory(&root).start(),
            canary,
            _directory: directory,
        };
        guarded.make_files();
        guarded
    }

    /// Removes what clients have made, and makes the served files anew. Links lead outside, up and to themselves.
    pub fn make_files(&self) {
        let root = self.server.directory();
        for entry in fs::read_dir(root).expect("the root") {
            let path = entry.expect("an entry").path();
            let kind = fs::symlink_metadata(&path).expect("its kind");
            if kind.is_dir() {
                // A client may have taken the right to list it.
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("ours");
                fs::remove_dir_all(&path).expect("removed");
            } else {
                fs::remove_file(&path).expect("removed");
            }
        }
        self.server.write("a.txt", b"alpha\nbeta\n");
        self.server.write("b.bin", &[7; 300]);
        self.server.write("d/inside", b"x");
        self.server.write(".htaccess", b"deny");
        for (text, name) in [("../outside/secret", "out"), ("..", "up"), ("loop", "loop")] {
            symlink(text, root.join(name)).expect("a link");
        }
    }

    /// The file outside is as it was. Reading it is an event for the canary, so this comes last.
    pub fn assert_secret_is_whole(&self) {
        let secret = fs::read(self.server.directory().join("../outside/secret"));
        assert_eq!(secret.expect("it is there"), SECRET);
    }
}
