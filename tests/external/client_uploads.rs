//! Real clients upload a tree of odd names, resume, replace, rename and remove, and every byte is compared.
//!
//! Files that a client cannot name are left out for that client; its test says why. Wget is missing because it cannot
//! upload over FTP.

use harness::programs::{Workplace, encoded};
use harness::server::Setup;
use harness::tree::contents;
use harness::{Server, tree, trials};
use libtest_mimic::Trial;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub fn trials() -> Vec<Trial> {
    trials! {
        "curl":
            curl_uploads_and_makes_directories,
            curl_resumes_appends_and_quotes_commands;
        "lftp":
            lftp_mirrors_up_with_times_and_finds_nothing_left_to_do,
            lftp_puts_resumes_renames_and_removes;
        "ncftpput":
            ncftp_uploads_recursively_resumes_appends_and_renames;
        "tnftp inetutils-ftp":
            tnftp_and_inetutils_ftp_put_append_rename_and_remove;
        "busybox":
            busybox_ftpput_puts_every_file;
        "python3":
            python_ftplib_stores_restarts_renames_and_removes;
        "rclone":
            rclone_syncs_up_and_down_and_finds_no_difference,
            rclone_moves_touches_and_removes;
        "rclone lftp" slow "takes minutes; the same with 100 files is run always":
            five_thousand_files_are_uploaded_and_downloaded_again;
    }
}

/// Files of the tree that a client uploads.
const FILES: usize = 100;

/// A tree in a client's directory, and a server that may be written to.
struct Exchange {
    server: Server,
    workplace: Workplace,
    files: Vec<PathBuf>,
}

impl Exchange {
    fn new() -> Self {
        Self::with(FILES, Workplace::new())
    }

    fn with(files: usize, workplace: Workplace) -> Self {
        let server = Setup::new().writable().ports(64).start();
        let source = workplace.path().join("source");
        fs::create_dir(&source).expect("a directory");
        let files = tree::fill_up_to(&source, files);
        Self {
            server,
            workplace,
            files,
        }
    }

    fn source(&self) -> PathBuf {
        self.workplace.path().join("source")
    }

    fn served(&self, path: &str) -> PathBuf {
        self.server.directory().join(path)
    }

    fn url(&self, path: &str) -> String {
        format!("ftp://{}/{path}", self.server.address)
    }

    fn port(&self) -> String {
        self.server.address.port().to_string()
    }

    fn run_well(&self, program: &str, arguments: &[&str], input: &str) -> String {
        self.workplace.run_well(program, arguments, input)
    }

    /// The server has exactly the source's files under `path`, except for those left out: no byte differs, and nothing
    /// else is there, such as what an upload wrote meanwhile.
    fn assert_arrived(&self, path: &str, is_left_out: impl Fn(&Path) -> bool) {
        let mut sent = contents(&self.source());
        sent.retain(|path, _| !is_left_out(path));
        assert_same(&sent, &contents(&self.served(path)));
    }

    /// The files under `path` have the source's times, to the second.
    fn assert_times_arrived(&self, path: &str) {
        for file in &self.files {
            assert_eq!(
                modified(&self.served(path).join(file)),
                modified(&self.source().join(file)),
                "{}",
                file.display()
            );
        }
    }

    /// Puts the first bytes of a file of the source where the server can go on with it.
    fn leave_part(&self, file: &str, bytes: usize, served_as: &str) {
        let whole = fs::read(self.source().join(file)).expect("a file");
        self.server.write(served_as, &whole[..bytes]);
    }

    fn assert_same_file(&self, file: &str, served_as: &str) {
        let original = fs::read(self.source().join(file)).expect("a file");
        let copy = fs::read(self.served(served_as)).unwrap_or_else(|error| panic!("{served_as}: {error}"));
        assert!(original == copy, "{file} differs");
    }
}

fn assert_same(sent: &BTreeMap<PathBuf, Vec<u8>>, arrived: &BTreeMap<PathBuf, Vec<u8>>) {
    let missing: Vec<_> = sent.keys().filter(|path| !arrived.contains_key(*path)).collect();
    let added: Vec<_> = arrived.keys().filter(|path| !sent.contains_key(*path)).collect();
    assert!(
        missing.is_empty() && added.is_empty(),
        "missing {missing:?}, added {added:?}"
    );
    for (path, bytes) in sent {
        assert!(arrived.get(path) == Some(bytes), "{} differs", path.display());
    }
}

fn modified(path: &Path) -> u64 {
    let time = fs::metadata(path).and_then(|metadata| metadata.modified());
    let since = time.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    since
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs()
}

fn curl_uploads_and_makes_directories() {
    let exchange = Exchange::new();
    // One curl, one connection, all files: each has its lines in a configuration file.
    let config: Vec<String> = exchange
        .files
        .iter()
        .map(|file| {
            let source = exchange.source().join(file).display().to_string();
            let source = source.replace('\\', "\\\\").replace('"', "\\\"");
            let url = exchange.url(&format!("copy/{}", encoded(file)));
            format!("upload-file = \"{source}\"\nurl = \"{url}\"\nftp-create-dirs\ngloboff\nsilent\nshow-error\n")
        })
        .collect();
    exchange.run_well("curl", &["-K", "-"], &config.join("next\n"));
    exchange.assert_arrived("copy", |_| false);
}

fn curl_resumes_appends_and_quotes_commands() {
    let exchange = Exchange::new();
    let curl = |arguments: &[&str], input: &str| exchange.run_well("curl", &[&["-sS"], arguments].concat(), input);
    let megabyte = exchange.source().join("megabyte.bin").display().to_string();
    for (mode, size) in [(&[][..], 300_000), (&["-P", "-"], 0), (&["--disable-epsv"], 1_048_576)] {
        exchange.leave_part("megabyte.bin", size, "resumed");
        curl(
            &[&["-T", &megabyte, "-C", "-", &exchange.url("resumed")], mode].concat(),
            "",
        );
        exchange.assert_same_file("megabyte.bin", "resumed");
        curl(&[&["-T", &megabyte, &exchange.url("whole")], mode].concat(), "");
        exchange.assert_same_file("megabyte.bin", "whole");
    }
    curl(&["-T", "-", &exchange.url("log")], "one\n");
    curl(&["-T", "-", "-a", &exchange.url("log")], "two\n");
    curl(&["-T", "-", "-B", "--crlf", &exchange.url("text")], "a\nb\n");
    assert_eq!(fs::read(exchange.served("log")).expect("stored"), b"one\ntwo\n");
    assert_eq!(fs::read(exchange.served("text")).expect("stored"), b"a\nb\n", "TYPE A");
    // Before, between CWD and the transfer, and after it.
    let url = exchange.url("dir/new");
    let mut arguments = vec!["-T", "-", "--ftp-create-dirs", &url];
    for command in [
        "MKD dir",
        "RNFR log",
        "RNTO dir/old log",
        "+DELE old log",
        "-MFMT 20010203040506 new",
        "-SITE CHMOD 600 new",
    ] {
        arguments.extend(["-Q", command]);
    }
    curl(&arguments, "new\n");
    let left = contents(&exchange.served("dir"));
    assert_eq!(left.into_keys().collect::<Vec<_>>(), [PathBuf::from("new")]);
    assert_eq!(modified(&exchange.served("dir/new")), 981_173_106);
    let mode = fs::metadata(exchange.served("dir/new"))
        .expect("stored")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

fn lftp_mirrors_up_with_times_and_finds_nothing_left_to_do() {
    let exchange = Exchange::new();
    let lftp = |commands: &str| lftp(&exchange, commands);
    lftp("mirror -R source /copy; mirror -R -P 4 source /copy2");
    for copy in ["copy", "copy2"] {
        exchange.assert_arrived(copy, |_| false);
        exchange.assert_times_arrived(copy);
        assert!(exchange.served(copy).join("empty dir").is_dir());
    }
    let left = lftp("mirror -R --delete --dry-run source /copy");
    assert!(
        left.lines().all(|line| line.starts_with("mkdir -p ")),
        "sizes and times agree: {left}"
    );
    // The next run transfers only what has changed, disappeared and been added.
    fs::write(exchange.source().join("plain.txt"), "changed\n").expect("a file");
    fs::write(exchange.source().join("added"), "added\n").expect("a file");
    fs::remove_file(exchange.source().join("two words")).expect("a file");
    fs::remove_dir_all(exchange.source().join("nested dir")).expect("a directory");
    let told = lftp("mirror -R --delete --verbose=3 source /copy");
    assert_eq!(told.matches("Transferring file").count(), 2, "{told}");
    exchange.assert_arrived("copy", |_| false);
    assert!(!exchange.served("copy/nested dir").exists());
}

fn lftp_puts_resumes_renames_and_removes() {
    let exchange = Exchange::new();
    exchange.leave_part("megabyte.bin", 400_000, "part");
    exchange.leave_part("megabyte.bin", 1, "megabyte.bin");
    let commands = "mkdir -p 'a b/c d'; put -O 'a b/c d' 'source/two words' 'source/qu\"ote'; \
                    put -c source/megabyte.bin -o part; reput source/megabyte.bin; \
                    put source/plain.txt -o text; mv text 'a b/moved'; chmod 600 'a b/moved'; \
                    mput -O /many source/many/00/00/*; mrm many/*; rmdir many; \
                    put -a source/plain.txt -o ascii; rm ascii; cls 'a b'";
    let listing = lftp(&exchange, &format!("mkdir many; {commands}"));
    assert!(listing.contains("moved") && listing.contains("c d"), "{listing}");
    exchange.assert_same_file("megabyte.bin", "part");
    exchange.assert_same_file("megabyte.bin", "megabyte.bin");
    exchange.assert_same_file("two words", "a b/c d/two words");
    exchange.assert_same_file("qu\"ote", "a b/c d/qu\"ote");
    exchange.assert_same_file("plain.txt", "a b/moved");
    for gone in ["many", "text", "ascii"] {
        assert!(!exchange.served(gone).exists(), "{gone}");
    }
}

fn lftp(exchange: &Exchange, commands: &str) -> String {
    let script = format!(
        "set net:timeout 20; set net:max-retries 1; set cmd:fail-exit on; open ftp://127.0.0.1:{}; {commands}",
        exchange.port()
    );
    exchange.run_well("lftp", &["-c", &script], "")
}

/// Resuming is done without sendfile (`-s`): with it ncftp 3.2.6 asks for the rest and sends the whole file.
fn ncftp_uploads_recursively_resumes_appends_and_renames() {
    let exchange = Exchange::new();
    let port = exchange.port();
    let ncftpput = |arguments: &[&str], input: &str| {
        exchange.run_well(
            "ncftpput",
            &[&["-V", "-t", "20", "-P", &port], arguments].concat(),
            input,
        )
    };
    ncftpput(&["-R", "-m", "-y", "127.0.0.1", "/copy", "source"], "");
    exchange.assert_arrived("copy/source", |_| false);
    exchange.assert_times_arrived("copy/source");
    // With a temporary name first, then renamed.
    ncftpput(&["-S", ".part", "127.0.0.1", "/", "source/megabyte.bin"], "");
    exchange.assert_same_file("megabyte.bin", "megabyte.bin");
    exchange.leave_part("megabyte.bin", 123_456, "megabyte.bin");
    ncftpput(&["-s", "-z", "127.0.0.1", "/", "source/megabyte.bin"], "");
    exchange.assert_same_file("megabyte.bin", "megabyte.bin");
    for mode in ["-E", "-F"] {
        ncftpput(&[mode, "-c", "127.0.0.1", "/log"], "one\n");
        ncftpput(&[mode, "-A", "-c", "127.0.0.1", "/log"], "two\n");
        assert_eq!(fs::read(exchange.served("log")).expect("stored"), b"one\ntwo\n");
    }
}

/// Names for a line-oriented client, which cannot write a quotation mark or a backslash inside quotes.
fn quotable(file: &Path) -> bool {
    !file.to_string_lossy().contains(['"', '\\'])
}

/// Puts every file of the source under its path, in directories that are made first.
fn puts(exchange: &Exchange) -> String {
    let mut script = String::new();
    let mut made: Vec<PathBuf> = Vec::new();
    for file in exchange.files.iter().filter(|file| quotable(file)) {
        let mut missing: Vec<&Path> = file
            .ancestors()
            .skip(1)
            .filter(|path| !path.as_os_str().is_empty())
            .collect();
        missing.reverse();
        for directory in missing {
            if !made.iter().any(|path| path == directory) {
                script += &format!("mkdir \"{}\"\n", directory.display());
                made.push(directory.to_path_buf());
            }
        }
        script += &format!("put \"source/{0}\" \"{0}\"\n", file.display());
    }
    script
}

fn tnftp_and_inetutils_ftp_put_append_rename_and_remove() {
    for (program, modes) in [("tnftp", &["", "passive\n"][..]), ("inetutils-ftp", &["", "passive\n"])] {
        for mode in modes {
            let exchange = Exchange::new();
            fs::create_dir(exchange.workplace.path().join("some")).expect("a directory");
            for name in ["m1", "m2", "m3"] {
                fs::write(exchange.workplace.path().join("some").join(name), name).expect("a file");
            }
            let script = format!(
                "user anonymous x\nbinary\n{mode}{}\
                 mkdir \"new dir\"\ncd \"new dir\"\nput source/plain.txt \"a log\"\n\
                 append source/plain.txt \"a log\"\nrename \"a log\" \"../a log\"\n\
                 lcd some\nmput m1 m2 m3\nmdelete m1 m2\nascii\nput m3 text\ncd ..\nls\n\
                 mkdir gone\nrmdir gone\nquit\n",
                puts(&exchange)
            );
            let text = exchange.run_well(program, &["-n", "-i", "-v", "127.0.0.1", &exchange.port()], &script);
            assert!(text.contains("a log"), "{text}");
            let twice = fs::read(exchange.source().join("plain.txt")).expect("a file").repeat(2);
            assert_eq!(fs::read(exchange.served("a log")).expect("stored"), twice);
            let left: Vec<PathBuf> = contents(&exchange.served("new dir")).into_keys().collect();
            assert_eq!(left, [PathBuf::from("m3"), PathBuf::from("text")], "{text}");
            assert!(!exchange.served("gone").exists());
            fs::remove_dir_all(exchange.served("new dir")).expect("ours");
            fs::remove_file(exchange.served("a log")).expect("ours");
            exchange.assert_arrived("", |file| !quotable(file));
        }
    }
}

fn busybox_ftpput_puts_every_file() {
    let exchange = Exchange::with(0, Workplace::new());
    for (number, file) in exchange.files.iter().enumerate() {
        let (name, path) = (file.to_string_lossy(), exchange.source().join(file));
        let copy = format!("copy {number}");
        // Its own options would be looked for in a bare "-dash".
        let remote = if file.components().count() == 1 {
            format!("./{name}")
        } else {
            copy
        };
        let local = path.display().to_string();
        exchange.run_well(
            "busybox",
            &["ftpput", "-P", &exchange.port(), "127.0.0.1", &remote, &local],
            "",
        );
        exchange.assert_same_file(&name, &remote);
    }
}

fn python_ftplib_stores_restarts_renames_and_removes() {
    let exchange = Exchange::new();
    let script = r#"
import ftplib, io, os, sys, time
ftp = ftplib.FTP()
ftp.connect('127.0.0.1', int(sys.argv[1]), timeout=20)
ftp.login()
def refused(code, command, *arguments):
    try:
        command(*arguments)
    except ftplib.error_perm as error:
        assert str(error).startswith(code), (error, code)
    else:
        raise AssertionError('not refused: %s %s' % (command, arguments))
assert ftp.mkd('/copy') == '/copy'
refused('550 Directory already exists', ftp.mkd, '/copy')
for root, directories, names in os.walk('source'):
    ftp.cwd('/copy' + root[len('source'):])
    for name in directories:
        assert ftp.mkd(name).endswith('/' + name)
    for name in names:
        with open(os.path.join(root, name), 'rb') as file:
            ftp.storbinary('STOR ' + name, file)
        modified = time.strftime('%Y%m%d%H%M%S', time.gmtime(os.path.getmtime(os.path.join(root, name))))
        assert ftp.sendcmd('MFMT %s %s' % (modified, name)).startswith('213 Modify=%s; ' % modified)
    facts = dict(ftp.mlsd())
    assert sorted(facts) == sorted(directories + names), facts
    for name in names:
        assert int(facts[name]['size']) == os.path.getsize(os.path.join(root, name))
        assert set('adfrw') <= set(facts[name]['perm'])
ftp.cwd('/')
# In two parts, in TYPE A, appended, under a name of the server's choosing.
whole = open('source/megabyte.bin', 'rb').read()
ftp.storbinary('STOR parts', io.BytesIO(whole[:400000]))
ftp.storbinary('STOR parts', io.BytesIO(whole[300000:]), rest=300000)
back = []
ftp.retrbinary('RETR parts', back.append)
assert b''.join(back) == whole
ftp.storlines('STOR lines', io.BytesIO(b'one\ntwo\n'))
ftp.storlines('APPE lines', io.BytesIO(b'three\n'))
lines = []
ftp.retrlines('RETR lines', lines.append)
assert lines == ['one', 'two', 'three'], lines
ftp.voidcmd('TYPE I')
assert ftp.size('lines') == 14
name = ftp.storbinary('STOU lines', io.BytesIO(b'unique'))
unique = [name for name in ftp.nlst() if name.startswith('lines.')]
assert len(unique) == 1 and ftp.size(unique[0]) == 6, unique
# A directory that is not empty stays; what is renamed is found under its new name only.
refused('550', ftp.rmd, '/copy')
ftp.mkd('empty')
ftp.rename(unique[0], 'empty/renamed')
refused('550', ftp.size, unique[0])
ftp.delete('empty/renamed')
ftp.rmd('empty')
ftp.delete('lines')
ftp.delete('parts')
refused('550', ftp.delete, 'parts')
assert ftp.nlst() == ['copy']
print(ftp.quit())
"#;
    exchange.run_well("python3", &["-c", script, &exchange.port()], "");
    exchange.assert_arrived("copy", |_| false);
    exchange.assert_times_arrived("copy");
}

/// rclone without a configuration, and the remote that it is given.
struct Rclone<'exchange> {
    exchange: &'exchange Exchange,
    remote: String,
}

impl<'exchange> Rclone<'exchange> {
    fn new(exchange: &'exchange Exchange) -> Self {
        let password = exchange.run_well("rclone", &["obscure", "x"], "");
        let remote = format!(
            ":ftp,host=127.0.0.1,port={},user=anonymous,pass={}:",
            exchange.port(),
            password.trim()
        );
        Self { exchange, remote }
    }

    fn run(&self, arguments: &[&str]) -> String {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|word| word.replace("REMOTE:", &self.remote))
            .collect();
        let mut words = vec!["--config", "/dev/null", "-v", "--retries", "1"];
        words.extend(arguments.iter().map(String::as_str));
        self.exchange.run_well("rclone", &words, "")
    }
}

fn rclone_syncs_up_and_down_and_finds_no_difference() {
    let exchange = Exchange::new();
    let rclone = Rclone::new(&exchange);
    rclone.run(&["sync", "--create-empty-src-dirs", "source", "REMOTE:copy"]);
    exchange.assert_arrived("copy", |_| false);
    exchange.assert_times_arrived("copy");
    rclone.run(&["check", "--download", "source", "REMOTE:copy"]);
    let again = rclone.run(&["sync", "source", "REMOTE:copy"]);
    assert!(again.contains("There was nothing to transfer"), "{again}");
    rclone.run(&["sync", "--create-empty-src-dirs", "REMOTE:copy", "down"]);
    assert_same(
        &contents(&exchange.source()),
        &contents(&exchange.workplace.path().join("down")),
    );
    // Files removed here are removed there, too.
    fs::remove_dir_all(exchange.source().join("many")).expect("a directory");
    rclone.run(&["sync", "source", "REMOTE:copy"]);
    exchange.assert_arrived("copy", |_| false);
}

fn rclone_moves_touches_and_removes() {
    let exchange = Exchange::with(0, Workplace::new());
    let rclone = Rclone::new(&exchange);
    rclone.run(&["copyto", "source/megabyte.bin", "REMOTE:a/b/one"]);
    rclone.run(&["moveto", "REMOTE:a/b/one", "REMOTE:c/two words"]);
    exchange.assert_same_file("megabyte.bin", "c/two words");
    assert!(!exchange.served("a/b/one").exists());
    rclone.run(&["touch", "-t", "2001-02-03T04:05:06", "REMOTE:c/two words"]);
    assert_eq!(modified(&exchange.served("c/two words")), 981_173_106);
    rclone.run(&["move", "REMOTE:c", "REMOTE:d"]);
    exchange.assert_same_file("megabyte.bin", "d/two words");
    rclone.run(&["mkdir", "REMOTE:a/e"]);
    rclone.run(&["rmdirs", "REMOTE:a"]);
    assert!(!exchange.served("a").exists());
    rclone.run(&["delete", "REMOTE:d"]);
    assert!(!exchange.served("d/two words").exists());
    rclone.run(&["copy", "source", "REMOTE:d/deep/deeper"]);
    exchange.assert_arrived("d/deep/deeper", |_| false);
    rclone.run(&["purge", "REMOTE:d"]);
    assert!(!exchange.served("d").exists());
}

/// 5,000 files uploaded and downloaded again, twice.
fn five_thousand_files_are_uploaded_and_downloaded_again() {
    let exchange = Exchange::with(5_000, Workplace::patient(900));
    let rclone = Rclone::new(&exchange);
    rclone.run(&["sync", "--create-empty-src-dirs", "source", "REMOTE:rclone"]);
    exchange.assert_arrived("rclone", |_| false);
    exchange.assert_times_arrived("rclone");
    rclone.run(&["sync", "--create-empty-src-dirs", "REMOTE:rclone", "down"]);
    assert_same(
        &contents(&exchange.source()),
        &contents(&exchange.workplace.path().join("down")),
    );
    let checked = rclone.run(&["check", "source", "REMOTE:rclone"]);
    assert!(
        checked.contains("0 differences found") && checked.contains("5000 matching files"),
        "{checked}"
    );
    rclone.run(&["check", "--download", "source", "REMOTE:rclone"]);
    lftp(
        &exchange,
        "mirror -R source /lftp; mirror -R -P 4 source /lftp4; mirror /lftp back",
    );
    for copy in ["lftp", "lftp4"] {
        exchange.assert_arrived(copy, |_| false);
        exchange.assert_times_arrived(copy);
    }
    assert_same(
        &contents(&exchange.source()),
        &contents(&exchange.workplace.path().join("back")),
    );
    exchange.leave_part("megabyte.bin", 654_321, "resumed");
    lftp(&exchange, "put -c source/megabyte.bin -o resumed");
    exchange.assert_same_file("megabyte.bin", "resumed");
}
