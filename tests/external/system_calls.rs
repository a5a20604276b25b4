//! System calls that no client may cause, checked in a trace (threats A03, A18, B10, C08, C09, H22, I08, L12, L13).

use harness::server::Setup;
use harness::{Server, trials, wait_until};
use libtest_mimic::Trial;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

pub fn trials() -> Vec<Trial> {
    trials! {
        "strace":
            a03_arguments_with_control_bytes_cause_no_system_call,
            h22_a_read_only_server_makes_only_reading_system_calls;
    }
}

/// Everything that names a path, starts a program, makes or connects a socket, or changes something on a disk.
const TRACED: &str = "trace=%file,execve,execveat,fork,vfork,socket,connect,fchmod,fchown,ftruncate,copy_file_range";

/// A server whose system calls are traced, and a file that it serves.
struct Traced {
    server: Server,
    log: std::path::PathBuf,
    _directory: TempDir,
}

impl Traced {
    fn start() -> Self {
        let directory = TempDir::new().expect("a directory");
        let log = directory.path().join("calls");
        let wrapper = ["strace", "-f", "-qq", "-e", TRACED, "-o", log.to_str().expect("UTF-8")];
        let server = Setup::new().under(&wrapper).start();
        Self {
            server,
            log,
            _directory: directory,
        }
    }

    /// The calls between the ones that looked up `from` and `to`.
    fn calls_between(&self, from: &str, to: &str) -> Vec<String> {
        wait_until("the trace is written", || read(&self.log).contains(to));
        let text = read(&self.log);
        let lines = text.lines().skip_while(|line| !line.contains(from)).skip(1);
        lines
            .take_while(|line| !line.contains(to))
            .filter(|line| !line.contains("--- SIG"))
            .map(str::to_owned)
            .collect()
    }
}

fn read(log: &Path) -> String {
    String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned()
}

fn a03_arguments_with_control_bytes_cause_no_system_call() {
    let traced = Traced::start();
    let mut client = traced.server.login();
    assert_eq!(client.code("SIZE begin-here"), 550);
    for line in [
        &b"RETR x\0y\r\n"[..],
        b"CWD a\rb\r\n",
        b"SIZE \x1b[2J\r\n",
        b"LIST a\0\r\n",
        b"MLST \x07\r\n",
        b"STOR a\0b\r\n",
        b"CWD a\r\0\r\n",
    ] {
        client.send_bytes(line);
        client.expect(501);
    }
    assert_eq!(client.code("SIZE end-here"), 550);
    assert_eq!(
        traced.calls_between("begin-here", "end-here"),
        Vec::<String>::new(),
        "nothing was looked up"
    );
}

fn h22_a_read_only_server_makes_only_reading_system_calls() {
    let traced = Traced::start();
    let server = &traced.server;
    server.write("file", b"content");
    server.write("d/file", b"below");
    std::os::unix::fs::symlink("/etc", server.directory().join("out")).expect("a link");
    let mode = rustix::fs::Mode::from_raw_mode(0o666);
    let fifo = server.directory().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).expect("a FIFO");
    let _socket = std::os::unix::net::UnixListener::bind(server.directory().join("socket")).expect("a socket");
    let mut client = server.login();
    assert_eq!(client.code("SIZE begin-here"), 550);
    for line in [
        "SITE EXEC id",
        "SITE CPFR /etc/passwd",
        "SITE CPTO copy",
        "PORT 127,0,0,3,39,16",
        "LIST",
        "EPRT |1|127.0.0.1|80|",
        "LIST",
        "PORT 1,2,3,4,256,1",
        "RETR file",
        "STOR new",
        "APPE file",
        "STOU",
        "DELE file",
        "MKD new",
        "RMD .",
        "RNFR file",
        "RNTO new",
        "MFMT 20200101000000 file",
        "MDTM 20200101000000 file",
        "SITE CHMOD 777 file",
        "SITE UTIME 20200101000000 file",
        "SITE UMASK 000",
        "SITE SYMLINK file link",
        "MFF Modify=20200101000000;UNIX.mode=0777; file",
        "XMKD new",
        "XRMD .",
        "AVBL",
        "STOR fifo",
        "RETR fifo",
        "RETR socket",
        "SIZE fifo",
        "LIST fifo",
        "CWD fifo",
    ] {
        assert!(client.code(line) >= 400, "{line}");
    }
    // An upload after REST is one, too; digests only read.
    assert_eq!(client.code("REST 3"), 350);
    assert_eq!(client.code("STOR file"), 550);
    assert_eq!(client.code("XCRC file"), 250);
    assert_eq!(client.code("HASH file"), 213);
    assert_eq!(client.fetch("RETR file"), b"content");
    assert_eq!(client.fetch("RETR d/file"), b"below");
    assert_eq!(client.code("RETR out/file"), 550);
    assert_eq!(client.code("RETR out"), 550);
    assert!(client.fetch_text("LIST").contains(" file\r\n"));
    assert_eq!(client.code("SIZE end-here"), 550);
    let calls = traced.calls_between("begin-here", "end-here");
    assert!(
        calls
            .iter()
            .any(|call| call.contains("openat2(") && call.contains("\"file\""))
    );
    for call in &calls {
        let name = call.split_whitespace().nth(1).unwrap_or_default();
        let name = name.split('(').next().unwrap_or_default();
        // Serving only needs to look up and open files under the root: no program, no socket, no change, no list of
        // users, no time zone, no resolver.
        assert!(
            matches!(name, "openat2" | "newfstatat" | "statx" | "readlinkat"),
            "{call}"
        );
        let opens_for_writing = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"]
            .iter()
            .any(|flag| call.contains(flag));
        assert!(!opens_for_writing, "{call}");
        let is_special = call.contains("\"fifo\"") || call.contains("\"socket\"");
        let only_looks = name != "openat2" || call.contains("O_PATH") || call.contains("O_DIRECTORY");
        assert!(!is_special || only_looks, "a FIFO or socket was opened: {call}");
        assert!(name != "openat2" || call.contains("RESOLVE_BENEATH"), "{call}");
        // A look-up follows no link in any component: it might lead outside.
        let is_beneath = call.contains("AT_EMPTY_PATH") || call.contains("AT_SYMLINK_NOFOLLOW") && !call.contains('/');
        assert!(name != "newfstatat" || is_beneath, "{call}");
    }
}
