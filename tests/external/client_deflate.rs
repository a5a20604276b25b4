//! MODE Z and digests, checked with Python and lftp.

use harness::programs::{Workplace, run_python};
use harness::server::Setup;
use harness::tree::{contents, noise};
use harness::{Server, tree, trials, wait_until};
use libtest_mimic::Trial;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

pub fn trials() -> Vec<Trial> {
    trials! {
        "python3":
            python_inflates_downloads_and_listings,
            python_deflates_uploads_and_a_broken_stream_is_not_stored,
            python_finds_the_same_digests;
        "lftp":
            lftp_mirrors_a_tree_in_mode_z,
            lftp_mirrors_a_tree_up_in_mode_z;
    }
}

fn text() -> Vec<u8> {
    (0..200_000)
        .flat_map(|line| format!("line {line}\n").into_bytes())
        .collect()
}

/// A server on which all clients may write, even after it has dropped root.
fn writable() -> Server {
    Setup::new()
        .writable()
        .arguments(&["--trace", "--announce-mode-z"])
        .start()
}

fn python_inflates_downloads_and_listings() {
    let server = Server::start();
    server.write("text", &text());
    server.write("noise", &noise(1, 1_000_000));
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

fn lftp_mirrors_a_tree_in_mode_z() {
    let server = Server::with(&["--trace", "--announce-mode-z"]);
    tree::fill(server.directory());
    server.write("text", &text());
    let target = Workplace::new();
    fs::write(target.path().join("part"), &text()[..700_000]).expect("a part");
    let script = format!(
        "set net:timeout 10; set net:max-retries 1; set cmd:fail-exit on; set ftp:use-mode-z yes; \
         open ftp://127.0.0.1:{}; mirror / copy; mirror -P 4 --use-pget-n=2 / copy2; \
         get -c text -o part",
        server.address.port()
    );
    target.run_well("lftp", &["-c", &script], "");
    let served = contents(server.directory());
    for copy in ["copy", "copy2"] {
        assert!(contents(&target.path().join(copy)) == served, "{copy} differs");
    }
    assert!(
        fs::read(target.path().join("part")).expect("fetched") == text(),
        "resumed"
    );
    wait_until("the commands are printed", || server.stdout().contains("says MODE Z"));
}

fn lftp_mirrors_a_tree_up_in_mode_z() {
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
    Workplace::new().run_well("lftp", &["-c", &script], "");
    wait_until("the commands are printed", || server.stdout().contains("says MODE Z"));
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

fn python_deflates_uploads_and_a_broken_stream_is_not_stored() {
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

fn python_finds_the_same_digests() {
    let server = Server::start();
    let noise: Vec<u8> = (0..3_000_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    server.write("two words.bin", &noise);
    server.write("empty", b"");
    let script = r#"
import ftplib, hashlib, random, sys, zlib
ftp = ftplib.FTP()
ftp.connect('127.0.0.1', int(sys.argv[1]), timeout=20)
ftp.login()
def crc32(data): return '%08x' % zlib.crc32(data)
digests = {'SHA-256': lambda d: hashlib.sha256(d).hexdigest(), 'SHA-512': lambda d: hashlib.sha512(d).hexdigest(),
           'SHA-1': lambda d: hashlib.sha1(d).hexdigest(), 'MD5': lambda d: hashlib.md5(d).hexdigest(), 'CRC32': crc32}
verbs = {'XSHA256': 'SHA-256', 'XSHA512': 'SHA-512', 'XSHA1': 'SHA-1', 'XSHA': 'SHA-1', 'XMD5': 'MD5', 'XCRC': 'CRC32'}
random.seed(7)
for name in ['two words.bin', 'empty']:
    data = bytearray()
    ftp.retrbinary('RETR ' + name, data.extend)
    size = len(data)
    last = max(size - 1, 0)
    for digest, compute in digests.items():
        assert ftp.sendcmd('OPTS HASH ' + digest) == '200 ' + digest
        expected = '213 %s 0-%d %s /%s' % (digest, last, compute(data), name)
        assert ftp.sendcmd('HASH ' + name) == expected, expected
    for verb, digest in verbs.items():
        assert ftp.sendcmd('%s %s' % (verb, name)) == '250 ' + digests[digest](data).upper()
    for turn in range(20 if size else 0):
        first = random.randrange(size)
        until = random.randrange(first, size)
        part = data[first:until + 1]
        assert ftp.sendcmd('RANG %d %d' % (first, until)).startswith('350 ')
        assert ftp.sendcmd('HASH ' + name) == '213 CRC32 %d-%d %s /%s' % (first, until, crc32(part), name)
        assert ftp.sendcmd('XCRC "%s" %d %d' % (name, first, until + 1)) == '250 ' + crc32(part).upper()
        # RANG is for retrbinary's RETR too; TYPE and PASV stand between.
        got = bytearray()
        assert ftp.sendcmd('RANG %d %d' % (first, until)).startswith('350 ')
        ftp.retrbinary('RETR ' + name, got.extend)
        assert got == part
print(ftp.quit())
"#;
    run_python(script, &server);
}
