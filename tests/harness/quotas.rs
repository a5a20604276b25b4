//! Accounts with limits, and how much still fits into a quota.

use crate::accounts::{HASH, PASSWORD};
use crate::server::Setup;
use crate::tree::noise;
use crate::{Client, Server, wait_until};
use std::io::Write;
use tempfile::NamedTempFile;

/// The account `alice` with a quota, as in [`WithAccounts::start`].
pub const QUOTA: &str = "/:read,write:quota=10000";

/// A server with accounts, each `name` and `root:rights:limits`, and a directory of its own.
pub struct WithAccounts {
    pub server: Server,
    _users: NamedTempFile,
}

impl WithAccounts {
    pub fn start(accounts: &[(&str, &str)], arguments: &[&str]) -> Self {
        Self::start_with(Setup::new().arguments(arguments), accounts)
    }

    pub fn start_with(setup: Setup, lines: &[(&str, &str)]) -> Self {
        let mut users = NamedTempFile::new().expect("a file");
        for (name, rest) in lines {
            writeln!(users, "{name}:{HASH}:{rest}").expect("room");
        }
        let path = users.path().to_str().expect("UTF-8").to_owned();
        let server = setup.for_uploads().arguments(&["--users", &path]).start();
        let started = Self { server, _users: users };
        if lines.iter().any(|(_, rest)| rest.contains("quota=")) {
            wait_until("the quota is measured", || {
                started.server.stderr().contains("quotas measured")
            });
        }
        started
    }

    pub fn login(&self, name: &str) -> Client {
        let mut client = self.server.connect();
        client.login_as(name, PASSWORD);
        client
    }

    /// A server on which `alice` may store 10,000 bytes.
    pub fn with_quota(arguments: &[&str]) -> Self {
        Self::start(&[("alice", QUOTA)], arguments)
    }

    /// The URL of `path` with the name and password of `alice`.
    pub fn url(&self, path: &str) -> String {
        format!("ftp://alice:{PASSWORD}@{}/{path}", self.server.address)
    }
}

/// How many bytes an account can still store, found by trying.
pub fn room(client: &mut Client) -> usize {
    let (mut fits, mut does_not) = (0, 20_000);
    while fits + 1 < does_not {
        let tried = usize::midpoint(fits, does_not);
        match client.store("STOR probe", &noise(1, tried)).code {
            226 => {
                fits = tried;
                assert_eq!(client.code("DELE probe"), 250);
            }
            code => {
                assert_eq!(code, 552);
                does_not = tried;
            }
        }
    }
    fits
}

/// Whether an upload of `bytes` more fits into the quota; leaves nothing behind.
pub fn fits(client: &mut Client, bytes: usize) -> bool {
    let code = client.store("STOR probe", &noise(1, bytes)).code;
    let _ = client.code("DELE probe");
    match code {
        226 => true,
        552 => false,
        other => panic!("{other}"),
    }
}
