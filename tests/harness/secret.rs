//! A server whose directory has a secret beside it, and everything it sends for one command.

use crate::{Server, server::Setup, tree};
use std::fs;
use std::io::Read;

/// A secret that the server must never send.
pub const CANARY: &str = "canary-8d1f-outside";

/// A server whose directory has a secret beside it.
pub fn beside_a_secret() -> (tempfile::TempDir, Server) {
    let outside = tempfile::TempDir::new().expect("a directory");
    let root = outside.path().join("root");
    fs::create_dir_all(root.join("d/e")).expect("directories");
    fs::write(outside.path().join("secret"), CANARY).expect("a secret");
    fs::write(root.join("file"), b"inside").expect("a file");
    tree::allow_reading(outside.path());
    let server = Setup::new().directory(&root).start();
    (outside, server)
}

/// Everything that the server sends for `verb path`, control and data together.
pub fn everything(server: &Server, verb: &str, path: &str) -> (u16, String) {
    let mut client = server.login();
    let mut text = String::new();
    let transfers = matches!(verb, "RETR" | "LIST" | "NLST" | "MLSD");
    let data = transfers.then(|| client.data());
    let reply = client.command(&format!("{verb} {path}"));
    text += &reply.text();
    if reply.code == 150 {
        let mut bytes = Vec::new();
        data.expect("a data connection").read_to_end(&mut bytes).expect("data");
        text += &String::from_utf8_lossy(&bytes);
        client.expect(226);
    }
    assert_eq!(client.code("NOOP"), 200);
    (reply.code, text)
}
