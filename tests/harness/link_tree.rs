//! A tree full of links.

use crate::Server;
use crate::accounts::{CANARY, Premises};
use std::fs;

/// `A` has files, directories and links of every kind to `B` and to a secret outside.
pub struct LinkTree {
    pub premises: Premises,
    pub server: Server,
}

const KEPT: [&str; 3] = ["B/kept", "B/deeper/kept", "B/.hidden"];

impl LinkTree {
    pub fn new() -> Self {
        let premises = Premises::new();
        for kept in KEPT {
            premises.write(kept, b"precious");
        }
        premises.write("A/own", b"own");
        premises.write("A/sub/own", b"own");
        premises.make_directory("A/empty");
        let secret = premises.outside().join("neighbour/secret");
        for (name, target) in [
            ("A/to-directory", "../B"),
            ("A/to-file", "../B/kept"),
            ("A/sub/to-directory", "../../B/deeper"),
            ("A/up", ".."),
            ("A/dangling", "nowhere"),
            ("A/loop", "loop"),
            ("A/out", "../../neighbour"),
            ("A/out-to-file", "../../neighbour/secret"),
            ("A/out-to-nothing", "../../neighbour/missing"),
            ("A/absolute", secret.to_str().expect("UTF-8")),
        ] {
            premises.link(name, target);
        }
        premises.hand_over();
        let server = premises.serve_writers();
        Self { premises, server }
    }

    pub fn assert_b_is_whole(&self, what: &str) {
        for kept in KEPT {
            assert!(self.premises.has(kept), "{what}: {kept} is gone");
            assert_eq!(self.premises.read(kept), b"precious", "{what}: {kept}");
        }
        let secret = fs::read_to_string(self.premises.outside().join("neighbour/secret"));
        assert_eq!(secret.ok().as_deref(), Some(CANARY), "{what}");
    }

    pub fn assert_a_is_gone(&self, what: &str) {
        assert!(!self.premises.has("A"), "{what}: A is still there");
        self.assert_b_is_whole(what);
    }

    /// How a script of lftp begins.
    pub fn open(&self) -> String {
        let port = self.server.address.port();
        format!(
            "set cmd:fail-exit true; set net:max-retries 1; set net:timeout 10; open -u anonymous,b 127.0.0.1:{port}"
        )
    }
}
