//! What the clients of the sweep do. Each success that the server reports is checked against the directory and the
//! bytes that arrived.

use super::client::{Client, Data, Said, must, violation};
use super::faulty_server::{OLD, Tree, content, entries, upload};
use super::wholeness::unique;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;

/// A download that is under way when the server is asked to shut down.
pub fn downloads_during_shutdown(client: &mut Client, shut_down: impl FnOnce()) -> Said<()> {
    let data = client.passive()?;
    let stream = client.begin("RETR file", data)?;
    shut_down();
    let bytes = client.receive(stream)?;
    must(bytes == content(), "a 226 for another file")?;
    client.reply_of(&[421]).map(drop)
}

fn names_in(text: &str) -> usize {
    let names = entries().chain(["link".to_owned()]);
    let is_listed = |name: &String| {
        text.lines()
            .any(|line| line == name || line.ends_with(&format!(" {name}")) || line.contains(&format!(" {name} -> ")))
    };
    names.filter(is_listed).count()
}

const ENTRIES: usize = 31;

pub fn lists(client: &mut Client, line: &str) -> Said<()> {
    let data = client.passive()?;
    let bytes = client.fetch(line, data)?;
    let text = String::from_utf8_lossy(&bytes).replace("d/", "");
    must(text.ends_with("\r\n"), "a line without its end")?;
    match names_in(&text) {
        ENTRIES => Ok(()),
        count => violation(format!("a 226 for {count} entries of {ENTRIES}")),
    }
}

pub fn shows_status(client: &mut Client, _: &Tree) -> Said<()> {
    let text = client.ask("STAT d", &[213, 212])?;
    let is_complete = names_in(&text) == ENTRIES || text.contains("reading the directory failed");
    must(is_complete, "a status that leaves out entries")
}

pub fn retrieves(client: &mut Client, open: fn(&mut Client) -> Said<Data>) -> Said<()> {
    let data = open(client)?;
    let bytes = client.fetch("RETR file", data)?;
    must(bytes == content(), "a 226 for another file")
}

pub fn retrieves_a_link(client: &mut Client, _: &Tree) -> Said<()> {
    let data = client.passive()?;
    let bytes = client.fetch("RETR d/link", data)?;
    must(bytes == content(), "a 226 for another file")
}

pub fn retrieves_the_end(client: &mut Client, _: &Tree) -> Said<()> {
    let data = client.passive()?;
    client.ask("REST 1000", &[350])?;
    let bytes = client.fetch("RETR file", data)?;
    must(bytes == content()[1_000..], "a 226 for another part")
}

fn with_crlf(text: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(text).replace('\n', "\r\n").into_bytes()
}

pub fn retrieves_text(client: &mut Client, _: &Tree) -> Said<()> {
    client.ask("TYPE A", &[200])?;
    let data = client.passive()?;
    let bytes = client.fetch("RETR file", data)?;
    must(bytes == with_crlf(&content()), "a 226 for another text")
}

pub fn retrieves_deflated(client: &mut Client, _: &Tree) -> Said<()> {
    client.ask("MODE Z", &[200])?;
    let data = client.passive()?;
    let bytes = client.fetch("RETR file", data)?;
    let mut inflated = Vec::new();
    let read = flate2::read::ZlibDecoder::new(&bytes[..]).read_to_end(&mut inflated);
    must(read.is_ok() && inflated == content(), "a 226 for another stream")
}

pub fn aborts(client: &mut Client, _: &Tree) -> Said<()> {
    let data = client.passive()?;
    client.abort("RETR file", data)
}

pub fn stores(client: &mut Client, tree: &Tree, name: &str, open: fn(&mut Client) -> Said<Data>) -> Said<()> {
    let data = open(client)?;
    client.store(&format!("STOR {name}"), data, &upload())?;
    must(tree.read(name) == Some(upload()), "a 226 for a file that is not there")
}

pub fn stores_text(client: &mut Client, tree: &Tree) -> Said<()> {
    client.ask("TYPE A", &[200])?;
    let data = client.passive()?;
    client.store("STOR target", data, &with_crlf(&upload()))?;
    must(tree.read("target") == Some(upload()), "a 226 for another text")
}

pub fn stores_deflated(client: &mut Client, tree: &Tree) -> Said<()> {
    client.ask("MODE Z", &[200])?;
    let data = client.passive()?;
    let mut deflated = Vec::new();
    let file = upload();
    let mut encoder = flate2::read::ZlibEncoder::new(&file[..], flate2::Compression::fast());
    must(encoder.read_to_end(&mut deflated).is_ok(), "the client cannot deflate")?;
    client.store("STOR target", data, &deflated)?;
    must(tree.read("target") == Some(file), "a 226 for another file")
}

pub fn breaks_off(client: &mut Client, tree: &Tree) -> Said<()> {
    let data = client.passive()?;
    client.break_off("STOR target", data, &upload()[..30_000])?;
    must(
        tree.read("target").as_deref() == Some(OLD),
        "a part replaced the old file",
    )
}

pub fn breaks_off_new(client: &mut Client, _: &Tree) -> Said<()> {
    let data = client.passive()?;
    client.break_off("STOR new", data, &upload()[..30_000])
}

pub fn stores_the_end(client: &mut Client, tree: &Tree) -> Said<()> {
    let data = client.passive()?;
    client.ask("REST 10", &[350])?;
    client.store("STOR target", data, &upload())?;
    let expected = [&OLD[..10], &upload()].concat();
    must(tree.read("target") == Some(expected), "a 226 for another file")
}

pub fn appends(client: &mut Client, tree: &Tree) -> Said<()> {
    let data = client.passive()?;
    client.store("APPE target", data, &upload())?;
    let expected = [OLD, &upload()].concat();
    must(tree.read("target") == Some(expected), "a 226 for another file")
}

pub fn appends_new(client: &mut Client, tree: &Tree) -> Said<()> {
    let data = client.passive()?;
    client.store("APPE new", data, &upload())?;
    must(tree.read("new") == Some(upload()), "a 226 for a file that is not there")
}

pub fn stores_unique(client: &mut Client, tree: &Tree) -> Said<()> {
    let data = client.passive()?;
    client.store("STOU", data, &upload())?;
    must(unique(tree) == [Some(upload())], "a 226 for a file that is not there")
}

pub fn renames(client: &mut Client, tree: &Tree) -> Said<()> {
    client.ask("RNFR target", &[350])?;
    client.ask("RNTO new", &[250])?;
    let is_moved = tree.read("target").is_none() && tree.read("new").as_deref() == Some(OLD);
    must(is_moved, "a 250 for a file that was not renamed")
}

pub fn makes_and_removes(client: &mut Client, tree: &Tree) -> Said<()> {
    client.ask("MKD made", &[257])?;
    must(tree.path("made").is_dir(), "a 257 for a directory that is not there")?;
    client.ask("RMD made", &[250])?;
    must(!tree.path("made").exists(), "a 250 for a directory that is still there")
}

pub fn deletes(client: &mut Client, tree: &Tree) -> Said<()> {
    client.ask("DELE target", &[250])?;
    must(tree.read("target").is_none(), "a 250 for a file that is still there")
}

pub fn sets_attributes(client: &mut Client, tree: &Tree) -> Said<()> {
    client.ask("MFMT 20010909014640 target", &[213])?;
    let modified = std::fs::metadata(tree.path("target"))
        .and_then(|found| found.modified())
        .ok();
    let expected = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    must(modified == Some(expected), "a 213 for a time that was not set")?;
    client.ask("SITE CHMOD 640 target", &[200])?;
    let mode = std::fs::metadata(tree.path("target"))
        .map(|found| found.permissions().mode() & 0o777)
        .ok();
    must(mode == Some(0o640), "a 200 for a mode that was not set")
}

pub fn asks(client: &mut Client, _: &Tree) -> Said<()> {
    let text = client.ask("SIZE file", &[213])?;
    must(text == "213 70000\r\n", &text)?;
    client.ask("MDTM file", &[213])?;
    let text = client.ask("MLST file", &[250])?;
    must(text.to_ascii_lowercase().contains("size=70000;"), &text)?;
    client.ask("AVBL", &[213])?;
    client.ask("CWD d", &[250])?;
    let text = client.ask("PWD", &[257])?;
    must(text.starts_with("257 \"/d\""), &text)?;
    let text = client.ask("SIZE link", &[213])?;
    must(text == "213 70000\r\n", &text)
}

pub fn hashes(client: &mut Client, _: &Tree) -> Said<()> {
    let text = client.ask("HASH file", &[213])?;
    let digest: String = Sha256::digest(content())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    must(text.contains(&digest), &text)
}

pub fn arms(client: &mut Client, _: &Tree) -> Said<()> {
    drop(client.passive()?);
    drop(client.active()?);
    client.ask("EPSV", &[229])?;
    retrieves(client, Client::passive)
}
