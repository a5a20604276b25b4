//! MODE Z over real sockets: what Python's zlib and lftp make of it (draft-preston-ftpext-deflate).

use crate::harness::programs::run_python;
use crate::harness::server::Setup;
use crate::harness::tree::{self, contents};
use crate::harness::{Server, has_program, wait_until};
use flate2::read::ZlibDecoder;
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

fn text() -> Vec<u8> {
    (0..200_000)
        .flat_map(|line| format!("line {line}\n").into_bytes())
        .collect()
}

fn noise() -> Vec<u8> {
    (0..1_000_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

fn inflated(stream: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    ZlibDecoder::new(stream)
        .read_to_end(&mut plain)
        .expect("a whole stream");
    plain
}

#[test]
fn python_inflates_downloads_and_listings() {
    if !has_program("python3") {
        return;
    }
    let server = Server::start();
    server.write("text", &text());
    server.write("noise", &noise());
    server.write("empty", b"");
    server.write("d/inside", b"x");
    let script = r#"
import ftplib, sys, zlib
ftp = ftplib.FTP()
ftp.connect('127.0.0.1', int(sys.argv[1]), timeout=20)
ftp.login()
def fetch(command, rest=None):
    data = bytearray()
    ftp.voidcmd('TYPE I')
    with ftp.transfercmd(command, rest) as connection:
        while part := connection.recv(65536):
            data += part
    assert ftp.voidresp().startswith('226')
    return bytes(data)
def inflated(stream):
    decoder = zlib.decompressobj()
    plain = decoder.decompress(stream)
    assert decoder.eof and not decoder.unused_data and not decoder.unconsumed_tail
    return plain
names = ['text', 'noise', 'empty']
plain = {name: fetch('RETR ' + name) for name in names}
listings = {verb: fetch(verb) for verb in ['NLST', 'MLSD', 'LIST', 'NLST d']}
ftp.voidcmd('MODE Z')
for level in [None, 1, 6]:
    if level:
        assert ftp.sendcmd('OPTS MODE Z LEVEL %d' % level) == '200 MODE Z LEVEL set to %d' % level
    for name in names:
        stream = fetch('RETR ' + name)
        assert inflated(stream) == plain[name], name
        assert name != 'text' or len(stream) * 2 < len(plain[name])
    for verb, lines in listings.items():
        assert inflated(fetch(verb)) == lines, verb
    assert inflated(fetch('RETR text', 1_000_000)) == plain['text'][1_000_000:]
    ftp.sendcmd('RANG 70000 70009')
    assert inflated(fetch('RETR noise')) == plain['noise'][70000:70010]
ftp.voidcmd('TYPE A')
with ftp.transfercmd('RETR text') as connection:
    stream = b''.join(iter(lambda: connection.recv(65536), b''))
ftp.voidresp()
assert inflated(stream) == plain['text'].replace(b'\n', b'\r\n')
ftp.voidcmd('MODE S')
assert fetch('RETR text') == plain['text']
print(ftp.quit())
"#;
    run_python(script, &server);
}

/// A server that everybody may write to, also one that has given up being root.
fn writable() -> Server {
    Setup::new()
        .writable()
        .arguments(&["--trace", "--announce-mode-z"])
        .start()
}

#[test]
fn lftp_mirrors_a_tree_in_mode_z() {
    if !has_program("lftp") {
        return;
    }
    let server = Server::with(&["--trace", "--announce-mode-z"]);
    tree::fill(server.directory());
    server.write("text", &text());
    let target = TempDir::new().expect("a directory");
    fs::write(target.path().join("part"), &text()[..700_000]).expect("a part");
    let script = format!(
        "set net:timeout 10; set net:max-retries 1; set cmd:fail-exit on; set ftp:use-mode-z yes; \
         open ftp://127.0.0.1:{}; mirror / copy; mirror -P 4 --use-pget-n=2 / copy2; \
         get -c text -o part",
        server.address.port()
    );
    let output = Command::new("timeout")
        .args(["60", "lftp", "-c", &script])
        .current_dir(target.path())
        .env("HOME", "/nonexistent")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .expect("lftp runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let served = contents(server.directory());
    for copy in ["copy", "copy2"] {
        assert!(contents(&target.path().join(copy)) == served, "{copy} differs");
    }
    assert!(
        fs::read(target.path().join("part")).expect("fetched") == text(),
        "resumed"
    );
    wait_until("the conversation is told", || server.stdout().contains("says MODE Z"));
}

#[test]
fn lftp_mirrors_a_tree_up_in_mode_z() {
    if !has_program("lftp") {
        return;
    }
    let server = writable();
    let source = TempDir::new().expect("a directory");
    tree::fill(source.path());
    fs::write(source.path().join("text"), text()).expect("a file");
    let script = format!(
        "set net:timeout 10; set net:max-retries 1; set cmd:fail-exit on; set ftp:use-mode-z yes; \
         open ftp://127.0.0.1:{}; mirror -R {} /; mirror -R -P 4 {} /again",
        server.address.port(),
        source.path().display(),
        source.path().display()
    );
    let output = Command::new("timeout")
        .args(["60", "lftp", "-c", &script])
        .env("HOME", "/nonexistent")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .expect("lftp runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    wait_until("the conversation is told", || server.stdout().contains("says MODE Z"));
    let sent = contents(source.path());
    assert!(
        contents(&server.directory().join("again")) == sent,
        "the second copy differs"
    );
    fs::remove_dir_all(server.directory().join("again")).expect("ours");
    assert!(
        contents(server.directory()) == sent,
        "the first copy differs, or something else is there"
    );
}

#[test]
fn python_deflates_uploads_and_what_is_broken_is_not_stored() {
    if !has_program("python3") {
        return;
    }
    let server = writable();
    let script = r#"
import ftplib, sys, zlib
ftp = ftplib.FTP()
ftp.connect('127.0.0.1', int(sys.argv[1]), timeout=20)
ftp.login()
def store(command, data, rest=None, representation='TYPE I'):
    ftp.voidcmd(representation)
    with ftp.transfercmd(command, rest) as connection:
        connection.sendall(data)
    return ftp.voidresp()
def fetch(name):
    data = bytearray()
    ftp.voidcmd('MODE S')
    ftp.retrbinary('RETR ' + name, data.extend)
    ftp.voidcmd('MODE Z')
    return bytes(data)
ftp.voidcmd('MODE Z')
plain = b''.join(b'line %d\n' % n for n in range(300_000))
for level in [0, 1, 9]:
    assert store('STOR file', zlib.compress(plain, level)).startswith('226')
    assert fetch('file') == plain
bomb = bytes(50_000_000)
assert store('STOR zeroes', zlib.compress(bomb, 9)).startswith('226')
assert ftp.sendcmd('XCRC zeroes') == '250 %08X' % zlib.crc32(bomb)
assert store('STOR empty', zlib.compress(b'')).startswith('226') and fetch('empty') == b''
assert store('STOR text', zlib.compress(b'a\r\nb\r\n'), representation='TYPE A').startswith('226')
assert fetch('text') == b'a\nb\n'
assert store('APPE text', zlib.compress(b'more')).startswith('226') and fetch('text') == b'a\nb\nmore'
assert store('STOR text', zlib.compress(b'BB'), 2).startswith('226') and fetch('text') == b'a\nBB'
whole = zlib.compress(plain)
for broken in [b'', b'plain', whole[:-1], whole[:1000], whole + b'x', whole + whole, plain]:
    try:
        print(store('STOR file2', broken))
        sys.exit('%d bytes were taken' % len(broken))
    except ftplib.error_temp as error:
        assert str(error).startswith('451 '), error
    # The server may close on what is broken before all of it has been sent.
    except (BrokenPipeError, ConnectionResetError):
        try:
            ftp.voidresp()
            sys.exit('%d bytes were taken' % len(broken))
        except ftplib.error_temp as error:
            assert str(error).startswith('451 '), error
print(ftp.quit())
"#;
    run_python(script, &server);
    let left: Vec<_> = contents(server.directory()).into_keys().collect();
    assert_eq!(
        left,
        ["empty", "file", "text", "zeroes"].map(PathBuf::from),
        "nothing hidden, nothing broken"
    );
}

#[test]
fn deflating_for_many_keeps_nobody_waiting() {
    let server = Server::start();
    server.write("noise", &noise().repeat(20));
    // More than all buffers on the way can hold, so that it cannot end before it is broken off.
    server.write("endless", &noise().repeat(60));
    let mut transfers: Vec<_> = (0..8)
        .map(|number| {
            let mut client = server.login();
            assert_eq!(client.code("MODE Z"), 200);
            let data = client.data();
            client.send(if number == 0 { "RETR endless" } else { "RETR noise" });
            (client, data)
        })
        .collect();
    let mut other = server.login();
    for _ in 0..50 {
        assert_eq!(other.code("NOOP"), 200);
    }
    // They are still at it: the NOOPs were answered in between. One of them vanishes, one is broken off.
    let (mut aborted, _data) = transfers.remove(0);
    aborted.expect(150);
    aborted.send("ABOR");
    aborted.expect(426);
    aborted.expect(226);
    drop(transfers.remove(0));
    let (mut last, mut data) = transfers.remove(0);
    drop(transfers);
    last.expect(150);
    let mut stream = Vec::new();
    data.read_to_end(&mut stream).expect("the data");
    last.expect(226);
    assert!(inflated(&stream) == noise().repeat(20));
}

#[test]
fn g19_sessions_that_break_off_deflated_transfers_leave_nothing_behind() {
    let server = Server::start();
    server.write("noise", &noise());
    let baseline = server.descriptors();
    let mut memory = 0;
    for round in 0..300 {
        let mut client = server.login();
        assert_eq!(client.code("MODE Z"), 200);
        let _data = client.data();
        client.send("RETR noise");
        client.expect(150);
        if round == 100 {
            memory = server.memory();
        }
    }
    server.wait_for_descriptors(baseline);
    assert!(server.memory() < memory + 8 * 1024);
}
