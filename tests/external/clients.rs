//! Real clients list and download a tree of odd names, and every byte is compared.
//!
//! Names that a client cannot request or store are left out for that client; its test says why.

use harness::programs::{Workplace, encoded};
use harness::tree::contents;
use harness::{Server, tree, trials};
use libtest_mimic::Trial;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

pub fn trials() -> Vec<Trial> {
    trials! {
        "curl":
            curl_lists_and_fetches_everything;
        "wget":
            wget_mirrors_the_tree;
        "lftp":
            lftp_lists_gets_and_mirrors;
        "ncftpget":
            ncftp_lists_and_fetches_recursively;
        "tnftp":
            tnftp_fetches_every_file;
        "inetutils-ftp":
            inetutils_ftp_fetches_every_file;
        "python3":
            python_ftplib_walks_by_mlsd_and_nlst;
        "rclone":
            rclone_copies_and_checks;
        "aria2c":
            aria2_fetches_every_file_in_parts;
        "busybox":
            busybox_ftpget_fetches_every_file;
    }
}

/// A served tree, and a place for what a client fetches.
struct Exchange {
    server: Server,
    files: Vec<PathBuf>,
    workplace: Workplace,
}

impl Exchange {
    fn new() -> Self {
        let server = Server::start();
        let files = tree::fill(server.directory());
        Self {
            server,
            files,
            workplace: Workplace::new(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("ftp://{}/{path}", self.server.address)
    }

    fn port(&self) -> String {
        self.server.address.port().to_string()
    }

    fn fetched(&self) -> &Path {
        self.workplace.path()
    }

    fn run_well(&self, program: &str, arguments: &[&str], input: &str) -> String {
        self.workplace.run_well(program, arguments, input)
    }

    /// Compares the files under `fetched` with the served ones.
    fn assert_same_tree(&self, fetched: &Path, is_left_out: impl Fn(&str) -> bool) {
        let served = contents(self.server.directory());
        let fetched = contents(fetched);
        for (path, bytes) in &served {
            if is_left_out(&path.to_string_lossy()) {
                continue;
            }
            let copy = fetched
                .get(path)
                .unwrap_or_else(|| panic!("{} was not fetched: {:?}", path.display(), fetched.keys()));
            assert!(copy == bytes, "{} differs", path.display());
        }
    }

    fn assert_same_file(&self, served: &str, fetched: &str) {
        let original = fs::read(self.server.directory().join(served)).expect("served");
        let copy = fs::read(self.fetched().join(fetched)).unwrap_or_else(|error| panic!("{fetched}: {error}"));
        assert!(original == copy, "{served} differs");
    }
}

fn curl_lists_and_fetches_everything() {
    let exchange = Exchange::new();
    let listing = exchange.run_well("curl", &["-sS", &exchange.url("")], "");
    assert!(
        listing.contains(" two words") && listing.contains(" nested dir"),
        "{listing}"
    );
    let names = exchange.run_well("curl", &["-sS", "-l", &exchange.url("nested%20dir/deeper/")], "");
    assert_eq!(names.lines().count(), tree::ODD_NAMES.len());
    for (number, file) in exchange.files.iter().enumerate() {
        let copy = number.to_string();
        exchange.run_well("curl", &["-sS", "-g", "-o", &copy, &exchange.url(&encoded(file))], "");
        exchange.assert_same_file(&file.to_string_lossy(), &copy);
    }
    // Not UTF-8 (without 0xFF, which curl does not double), resumed, active, and without EPSV.
    let latin = OsString::from_vec(b"caf\xe9.txt".to_vec());
    fs::write(exchange.server.directory().join(latin), b"latin").expect("a file");
    exchange.run_well("curl", &["-sS", "-o", "latin", &exchange.url("caf%E9.txt")], "");
    assert_eq!(fs::read(exchange.fetched().join("latin")).expect("fetched"), b"latin");
    fs::write(
        exchange.fetched().join("part"),
        &fs::read(exchange.server.directory().join("megabyte.bin")).expect("served")[..300_000],
    )
    .expect("a part");
    exchange.run_well(
        "curl",
        &["-sS", "-C", "-", "-o", "part", &exchange.url("megabyte.bin")],
        "",
    );
    exchange.assert_same_file("megabyte.bin", "part");
    for mode in [&["-P", "-"][..], &["--disable-epsv"], &["-P", "-", "--disable-eprt"]] {
        let url = exchange.url("megabyte.bin");
        let arguments: Vec<&str> = ["-sS", "-o", "again", &url].iter().chain(mode).copied().collect();
        exchange.run_well("curl", &arguments, "");
        exchange.assert_same_file("megabyte.bin", "again");
    }
}

fn wget_mirrors_the_tree() {
    let exchange = Exchange::new();
    exchange.run_well(
        "wget",
        &[
            "-q",
            "-m",
            "-nH",
            "--restrict-file-names=nocontrol",
            "-P",
            "copy",
            &exchange.url(""),
        ],
        "",
    );
    // wget decodes what looks like a percent escape when it names its copy.
    exchange.assert_same_tree(&exchange.fetched().join("copy"), |name| name.contains('%'));
}

fn lftp_lists_gets_and_mirrors() {
    let exchange = Exchange::new();
    let script = "set net:timeout 10; set net:max-retries 1; set xfer:clobber on; set cmd:fail-exit on; \
                  open ftp://127.0.0.1:PORT; ls; cls; get 'two words' -o one; pget -n 4 megabyte.bin -o two; \
                  mirror / copy; mirror -P 4 --use-pget-n=2 / copy2"
        .replace("PORT", &exchange.port());
    let listing = exchange.run_well("lftp", &["-c", &script], "");
    assert!(
        listing.contains("nested dir") && listing.contains("grüße-日本.txt"),
        "{listing}"
    );
    exchange.assert_same_file("two words", "one");
    exchange.assert_same_file("megabyte.bin", "two");
    exchange.assert_same_tree(&exchange.fetched().join("copy"), |_| false);
    exchange.assert_same_tree(&exchange.fetched().join("copy2"), |_| false);
    assert!(exchange.fetched().join("copy/empty dir").is_dir());
}

fn ncftp_lists_and_fetches_recursively() {
    let exchange = Exchange::new();
    let listing = exchange.run_well("ncftpls", &["-P", &exchange.port(), "-l", "ftp://127.0.0.1/"], "");
    assert!(listing.contains("two words"), "{listing}");
    exchange.run_well(
        "ncftpget",
        &["-R", "-P", &exchange.port(), "127.0.0.1", "copy", "/nested dir"],
        "",
    );
    fs::create_dir_all(exchange.fetched().join("copy")).expect("a directory");
    let copy = exchange.fetched().join("copy");
    let fetched = contents(&copy);
    let served = contents(&exchange.server.directory().join("nested dir"));
    // ncftp takes what looks like a pattern for one, and asks for nothing when it matches nothing.
    for (path, bytes) in served
        .iter()
        .filter(|(path, _)| !path.to_string_lossy().contains(['*', '?', '[', '\\']))
    {
        let found = fetched.iter().find(|(copy, _)| copy.ends_with(path));
        assert!(
            found.is_some_and(|(_, copy)| copy == bytes),
            "{}: {:?}",
            path.display(),
            fetched.keys()
        );
    }
}

/// The script of a line-oriented client that fetches every file under a number; quotes as the client wants them.
fn line_script(exchange: &Exchange, quote: impl Fn(&str) -> Option<String>) -> (String, Vec<(String, String)>) {
    let mut script = String::new();
    let mut expected = Vec::new();
    for (number, file) in exchange.files.iter().enumerate() {
        let name = file.to_string_lossy().into_owned();
        if let Some(quoted) = quote(&name) {
            script += &format!("get {quoted} copy-{number}\n");
            expected.push((name, format!("copy-{number}")));
        }
    }
    (script, expected)
}

/// Line-oriented clients cannot write a quotation mark or a backslash inside quotes.
fn quoted(name: &str) -> Option<String> {
    (!name.contains(['"', '\\'])).then(|| format!("\"{name}\""))
}

fn tnftp_fetches_every_file() {
    let exchange = Exchange::new();
    let (gets, expected) = line_script(&exchange, quoted);
    let script = format!("user anonymous x\nbinary\nls\n{gets}quit\n");
    let text = exchange.run_well("tnftp", &["-n", "-i", "-v", "127.0.0.1", &exchange.port()], &script);
    assert!(text.contains("two words"), "{text}");
    for (served, fetched) in expected {
        exchange.assert_same_file(&served, &fetched);
    }
}

fn inetutils_ftp_fetches_every_file() {
    let exchange = Exchange::new();
    let (gets, expected) = line_script(&exchange, quoted);
    for mode in ["passive\n", ""] {
        let script = format!("user anonymous x\nbinary\n{mode}ls\n{gets}quit\n");
        let text = exchange.run_well(
            "inetutils-ftp",
            &["-n", "-i", "-v", "127.0.0.1", &exchange.port()],
            &script,
        );
        assert!(text.contains("two words"), "{text}");
        for (served, fetched) in &expected {
            exchange.assert_same_file(served, fetched);
            fs::remove_file(exchange.fetched().join(fetched)).expect("fetched");
        }
    }
}

fn python_ftplib_walks_by_mlsd_and_nlst() {
    let exchange = Exchange::new();
    fs::write(exchange.server.directory().join(tree::latin1_name()), b"latin").expect("a file");
    let script = r#"
import ftplib, os, sys
ftp = ftplib.FTP(encoding='latin-1')
ftp.connect('127.0.0.1', int(sys.argv[1]), timeout=20)
ftp.login()
def wire(name): return name.replace('\xff', '\xff\xff')
def walk(path, local):
    os.makedirs(local, exist_ok=True)
    ftp.cwd(wire(path))
    entries = list(ftp.mlsd())
    ftp.encoding = 'latin-1'
    names = ftp.nlst()
    assert sorted(names) == sorted(name for name, _ in entries), (names, entries)
    for name, facts in entries:
        there = local + b'/' + name.encode('latin-1')
        if facts['type'] == 'dir':
            walk(path.rstrip('/') + '/' + name, there)
            ftp.cwd(wire(path))
        else:
            with open(there, 'wb') as out:
                ftp.retrbinary('RETR ' + wire(name), out.write)
            assert os.path.getsize(there) == int(facts['size'])
            assert ftp.size(wire(name)) == int(facts['size'])
walk('/', b'copy')
lines = []
ftp.retrlines('LIST', lines.append)
assert any('plain.txt' in line for line in lines)
data = ftp.transfercmd('RETR megabyte.bin')
data.recv(1000)
print(ftp.abort())
data.close()
try:
    ftp.voidresp()
except ftplib.error_temp:
    pass
ftp.cwd('/nested dir')
ftp.cwd('..')
assert ftp.pwd() == '/', ftp.pwd()
print(ftp.quit())
"#;
    exchange.run_well("python3", &["-c", script, &exchange.port()], "");
    exchange.assert_same_tree(&exchange.fetched().join("copy"), |_| false);
    let latin = exchange
        .fetched()
        .join("copy")
        .join(OsString::from_vec(b"caf\xe9-\xff.txt".to_vec()));
    assert_eq!(fs::read(latin).expect("fetched"), b"latin");
}

fn rclone_copies_and_checks() {
    let exchange = Exchange::new();
    let remote = format!(
        ":ftp,host=127.0.0.1,port={},user=anonymous,pass={}:/",
        exchange.port(),
        exchange.run_well("rclone", &["obscure", "x"], "").trim()
    );
    let copy = exchange.fetched().join("copy");
    let copy = copy.to_str().expect("UTF-8");
    exchange.run_well(
        "rclone",
        &[
            "--config",
            "/dev/null",
            "copy",
            "--create-empty-src-dirs",
            &remote,
            copy,
        ],
        "",
    );
    exchange.run_well(
        "rclone",
        &["--config", "/dev/null", "check", "--download", &remote, copy],
        "",
    );
    exchange.assert_same_tree(Path::new(copy), |_| false);
}

fn aria2_fetches_every_file_in_parts() {
    let exchange = Exchange::new();
    let list: String = exchange
        .files
        .iter()
        .enumerate()
        .map(|(number, file)| format!("{}\n  out=copy-{number}\n", exchange.url(&encoded(file))))
        .collect();
    let options = [
        "-q",
        "--no-conf",
        "-j",
        "40",
        "-s",
        "4",
        "-x",
        "4",
        "-k",
        "1M",
        "-i",
        "-",
    ];
    exchange.run_well("aria2c", &options, &list);
    for (number, file) in exchange.files.iter().enumerate() {
        exchange.assert_same_file(&file.to_string_lossy(), &format!("copy-{number}"));
    }
}

fn busybox_ftpget_fetches_every_file() {
    let exchange = Exchange::new();
    for (number, file) in exchange.files.iter().enumerate() {
        let copy = format!("copy-{number}");
        let name = file.to_string_lossy();
        // Its own options would be looked for in a bare "-dash".
        let remote = format!("./{name}");
        exchange.run_well(
            "busybox",
            &["ftpget", "-P", &exchange.port(), "127.0.0.1", &copy, &remote],
            "",
        );
        exchange.assert_same_file(&name, &copy);
    }
}
