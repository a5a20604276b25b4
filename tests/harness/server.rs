//! A real server, started for one test and ended by its process id.

use crate::stream::tls_of_environment;
use crate::{Client, PATIENCE, is_root, tree, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// Ports of the passive range unless a test chooses its own.
const PORTS: u16 = 10;

/// A directory in which any user can make files.
fn directory_for_all() -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    let mode = fs::Permissions::from_mode(0o777);
    fs::set_permissions(directory.path(), mode).expect("our directory");
    directory
}

/// A running server. Dropping it ends it and checks that it ended well.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    pub passive: (u16, u16),
    directory: PathBuf,
    _own_directory: Option<TempDir>,
    /// Of its certificate.
    _certificate: Option<TempDir>,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    ended: Option<ExitStatus>,
    /// Whether the test itself checks the exit.
    pub is_unchecked: bool,
}

/// How a server is to be started.
pub struct Setup {
    arguments: Vec<String>,
    directory: Option<PathBuf>,
    ports: u16,
    passive: Option<(u16, u16)>,
    listen: Option<String>,
    nofile: Option<u64>,
    wrapper: Vec<String>,
    is_for_uploads: bool,
}

impl Setup {
    pub fn new() -> Self {
        Self {
            arguments: Vec::new(),
            directory: None,
            ports: PORTS,
            passive: None,
            listen: None,
            nofile: None,
            wrapper: Vec::new(),
            is_for_uploads: false,
        }
    }

    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// Serves this directory instead of an empty one of its own.
    pub fn directory(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.to_path_buf());
        self
    }

    pub fn ports(mut self, ports: u16) -> Self {
        self.ports = ports;
        self
    }

    /// A passive range chosen by the test, which may be partly taken.
    pub fn passive(mut self, low: u16, high: u16) -> Self {
        self.passive = Some((low, high));
        self
    }

    pub fn listen(mut self, address: &str) -> Self {
        self.listen = Some(address.to_owned());
        self
    }

    /// The descriptor limit of the server.
    pub fn nofile(mut self, limit: u64) -> Self {
        self.nofile = Some(limit);
        self
    }

    /// Runs the server under another program, such as a tracer.
    pub fn under(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Gives the directory to the user that the server becomes, so that it may write there.
    pub fn for_uploads(mut self) -> Self {
        self.is_for_uploads = true;
        self
    }

    /// All clients may do everything.
    pub fn writable(self) -> Self {
        self.for_uploads().arguments(&["--write"])
    }

    pub fn start(self) -> Server {
        for _ in 0..50 {
            let passive = self.passive.unwrap_or_else(|| free_range(self.ports));
            // Another program may have taken one of the ports.
            let is_fresh = self.passive.is_none();
            match self.start_once(passive) {
                Ok(server) if !is_fresh || server.output().contains(&format!("{0} of {0} bound", self.ports)) => {
                    return server;
                }
                Err(reason) if !is_fresh || !reason.contains("passive") => {
                    panic!("the server ended at once: {reason}");
                }
                Ok(_) | Err(_) => {}
            }
        }
        panic!("no range of {} free ports found", self.ports);
    }

    /// A server that makes a system call that the sandbox does not allow is killed, and its test fails. Under strace,
    /// ordinary users have to leave out the sandbox: it lets only root read the memory of the process, with the paths
    /// and options of calls.
    fn sandbox(&self) -> &[&str] {
        let is_chosen = |argument: &String| ["--no-sandbox", "--on-violation"].contains(&argument.as_str());
        let is_traced = self.wrapper.first().is_some_and(|program| program == "strace");
        if self.arguments.iter().any(is_chosen) {
            &[]
        } else if is_traced && !is_root() {
            &["--no-sandbox"]
        } else {
            &["--on-violation", "kill"]
        }
    }

    /// `Err`: what the server printed when it did not start.
    fn start_once(&self, passive: (u16, u16)) -> Result<Server, String> {
        let own_directory = self
            .directory
            .is_none()
            .then(|| TempDir::new().expect("a temporary directory"));
        let directory = match (&self.directory, &own_directory) {
            (Some(directory), _) => directory.clone(),
            (None, Some(own)) => own.path().to_path_buf(),
            (None, None) => unreachable!("one of them was made"),
        };
        tree::allow_reading(&directory);
        if self.is_for_uploads {
            tree::give_to_server(&directory);
        }
        let certificate = tls_of_environment().map(|_| directory_for_all());
        let certificate_path = certificate
            .as_ref()
            .map(|directory| directory.path().to_str().expect("UTF-8"));
        let has_own = self.arguments.iter().any(|argument| argument.starts_with("--tls-"));
        let tls = certificate_path
            .filter(|_| !has_own)
            .map(|path| ["--tls-self-signed", path]);
        let program = program();
        let mut words = self.wrapper.clone();
        if let Some(limit) = self.nofile {
            words.extend(["prlimit".to_owned(), format!("--nofile={limit}")]);
        }
        words.push(program.to_str().expect("UTF-8").to_owned());
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .args(["--listen", self.listen.as_deref().unwrap_or("127.0.0.1:0")])
            .args(["--passive-ports", &format!("{}-{}", passive.0, passive.1)])
            .args(&self.arguments)
            .args(tls.iter().flatten())
            .args(["--stats"])
            .args(self.sandbox())
            .arg(&directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let stdout = collect(child.stdout.take().expect("piped"));
        let stderr = collect(child.stderr.take().expect("piped"));
        let mut ended = None;
        wait_until("the server is ready", || {
            ended = child.try_wait().expect("our child");
            // With `--events -` the banner is on standard error.
            ended.is_some()
                || [&stdout, &stderr]
                    .iter()
                    .any(|said| said.lock().expect("unpoisoned").contains("\nready\n"))
        });
        if let Some(status) = ended {
            assert!(status.signal() != Some(SIGSYS), "{}", violation(child.id()));
            wait_until("the reason was printed", || {
                !stderr.lock().expect("unpoisoned").is_empty()
            });
            return Err(stderr.lock().expect("unpoisoned").clone());
        }
        let said = [&stdout, &stderr].map(|said| said.lock().expect("unpoisoned").clone());
        let address = said
            .concat()
            .lines()
            .find_map(|line| line.strip_prefix("open     ftp://")?.strip_suffix('/')?.parse().ok())
            .expect("the URL is printed");
        Ok(Server {
            child,
            address,
            passive,
            directory,
            _own_directory: own_directory,
            _certificate: certificate,
            stdout,
            stderr,
            ended: None,
            is_unchecked: false,
        })
    }
}

impl Server {
    /// A server with default options.
    pub fn start() -> Self {
        Setup::new().start()
    }

    pub fn with(arguments: &[&str]) -> Self {
        Setup::new().arguments(arguments).start()
    }

    /// A server on which all clients may write.
    pub fn writable() -> Self {
        Setup::new().writable().start()
    }

    /// A server on which all clients may write into `directory`.
    pub fn writable_in(directory: &Path, arguments: &[&str]) -> Self {
        Setup::new()
            .writable()
            .directory(directory)
            .arguments(arguments)
            .start()
    }

    /// The directory that is served.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Puts a file into the served directory, readable by the server.
    pub fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.directory.join(name);
        std::fs::create_dir_all(path.parent().expect("within the directory")).expect("a directory");
        std::fs::write(&path, content).expect("a file");
        tree::allow_reading(&self.directory);
        tree::give_to_owner(&self.directory, &path);
        path
    }

    /// Makes a directory that the server may write into, if it may write at all.
    pub fn make_directory(&self, name: &str) -> PathBuf {
        let path = self.directory.join(name);
        std::fs::create_dir_all(&path).expect("a directory");
        tree::give_to_owner(&self.directory, &path);
        path
    }

    /// The content of a file of the served directory; `None`: there is no such file.
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.directory.join(name)).ok()
    }

    /// Temporary files of running uploads.
    pub fn hidden_files(&self) -> Vec<PathBuf> {
        tree::hidden_files(&self.directory)
    }

    /// Waits until running uploads have written `bytes` bytes.
    pub fn wait_for_hidden_bytes(&self, bytes: u64) {
        wait_until(&format!("{bytes} bytes of an upload have come"), || {
            let files = self.hidden_files();
            let sizes = files.iter().filter_map(|file| file.metadata().ok());
            sizes.map(|metadata| metadata.len()).sum::<u64>() >= bytes
        });
    }

    /// Waits until no temporary file is left.
    pub fn wait_for_no_hidden_file(&self) {
        wait_until("no temporary file is left", || self.hidden_files().is_empty());
    }

    /// Kills it with SIGKILL.
    pub fn kill(mut self) {
        self.is_unchecked = true;
        self.signal(Signal::KILL);
        self.wait();
    }

    /// A client that has read the greeting.
    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// A client that has read the first reply, or `None` at the end of the connection.
    pub fn connect_if_served(&self) -> Option<Client> {
        let mut client = Client::connect_silently(self.address, None);
        client.reply_or_end().map(|_| client)
    }

    /// A client that has logged in and set TYPE I.
    pub fn login(&self) -> Client {
        let mut client = self.connect();
        client.login();
        client
    }

    pub fn stdout(&self) -> String {
        self.stdout.lock().expect("unpoisoned").clone()
    }

    pub fn stderr(&self) -> String {
        self.stderr.lock().expect("unpoisoned").clone()
    }

    /// Everything that it has printed, on both outputs.
    pub fn output(&self) -> String {
        self.stdout() + &self.stderr()
    }

    /// How many passwords it has verified.
    pub fn passwords_verified(&self) -> usize {
        self.stderr().matches("a password was verified").count()
    }

    /// Stops the server with SIGTERM and returns everything it has printed.
    pub fn stop(mut self) -> String {
        self.signal(Signal::TERM);
        self.signal_again_if_slow();
        let status = self.wait();
        assert!(status.success(), "{status}: {}", self.stderr());
        wait_until("the counters are printed", || {
            self.output().contains("log lines dropped")
        });
        self.output()
    }

    /// The process that was started: the server, or the program that it runs under.
    pub fn started_pid(&self) -> u32 {
        self.child.id()
    }

    /// The server's own process id, also when it runs under another program.
    pub fn pid(&self) -> u32 {
        let started = self.started_pid();
        children_of(started).first().copied().unwrap_or(started)
    }

    /// Open descriptors.
    pub fn descriptors(&self) -> usize {
        descriptors_of(self.pid())
    }

    pub fn threads(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/task", self.pid())).map_or(0, Iterator::count)
    }

    /// A number from `/proc/PID/status`, such as `VmRSS` in KiB.
    pub fn status(&self, field: &str) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the server lives");
        let line = status.lines().find_map(|line| line.strip_prefix(&format!("{field}:")));
        line.unwrap_or_default().trim().to_owned()
    }

    /// Resident memory in KiB.
    pub fn memory(&self) -> u64 {
        let text = self.status("VmRSS");
        text.split_whitespace()
            .next()
            .and_then(|number| number.parse().ok())
            .expect("a number")
    }

    /// Clock ticks spent in user and kernel mode.
    pub fn cpu_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("the server lives");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        fields[11].parse::<u64>().expect("a number") + fields[12].parse::<u64>().expect("a number")
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).expect("a process id")).expect("not 0");
        kill_process(pid, signal).expect("the server lives");
    }

    /// Waits for the server's end, which must not be due to the sandbox.
    pub fn wait(&mut self) -> ExitStatus {
        let status = self.end();
        assert!(status.signal() != Some(SIGSYS), "{}", violation(self.started_pid()));
        status
    }

    /// Waits for the server's end.
    pub fn end(&mut self) -> ExitStatus {
        wait_until("the server ends", || {
            self.ended = self.child.try_wait().expect("our child");
            self.ended.is_some()
        });
        self.ended.expect("it has ended")
    }

    /// Waits until every descriptor that clients caused is closed again.
    pub fn wait_for_descriptors(&self, baseline: usize) {
        wait_until(&format!("descriptors back to {baseline}"), || {
            self.descriptors() <= baseline
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.is_unchecked || std::thread::panicking() {
            if std::thread::panicking()
                && let Ok(Some(status)) = self.child.try_wait()
                && status.signal() == Some(SIGSYS)
            {
                eprintln!("{}", violation(self.started_pid()));
            }
            // A killed tracer detaches from the server, which would go on running.
            for pid in children_of(self.started_pid()) {
                if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                    let _ = kill_process(pid, Signal::KILL);
                }
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
            if std::thread::panicking() {
                eprintln!("server said: {}", self.stderr());
            }
            return;
        }
        if self.ended.is_none() {
            if let Some(status) = self.child.try_wait().expect("our child") {
                assert!(status.signal() != Some(SIGSYS), "{}", violation(self.started_pid()));
                panic!("the server died, {status}: {}", self.stderr());
            }
            self.signal(Signal::TERM);
            self.signal_again_if_slow();
        }
        let status = self.wait();
        assert!(status.success(), "{status}: {}", self.stderr());
        wait_until("the counters are printed", || self.output().contains("longest turn"));
        assert!(self.output().contains("\npanics: 0\n"), "{}", self.stderr());
    }
}

impl Server {
    fn signal_again_if_slow(&mut self) {
        for _ in 0..100 {
            if self.child.try_wait().expect("our child").is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // A client of the test still holds a transfer open; the second signal ends it.
        self.signal(Signal::TERM);
    }
}

fn collect(stream: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let collected = Arc::clone(&text);
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            collected
                .lock()
                .expect("unpoisoned")
                .push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    });
    text
}

/// A range of ports below the ephemeral ones of which each can be bound now. Test programs and threads start at
/// different places.
pub fn free_range(ports: u16) -> (u16, u16) {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const LOW: u16 = 10_000;
    const SPAN: u32 = 20_000;
    for _ in 0..1_000 {
        let taken = u32::from(NEXT.fetch_add(ports, Ordering::Relaxed));
        let start = std::process::id().wrapping_mul(977).wrapping_add(taken) % (SPAN - 300);
        let low = LOW + u16::try_from(start).expect("below the span");
        let held: Vec<_> = (low..low + ports)
            .map_while(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())
            .collect();
        if held.len() == usize::from(ports) {
            return (low, low + ports - 1);
        }
    }
    panic!("no {ports} free ports in a row");
}

/// The server's program. Cargo builds it before the tests, beside the directory of their programs.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("this test program");
    let build = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
    build.join("loopftpd")
}

/// The signal that ends a process whose system call the sandbox does not allow.
const SIGSYS: i32 = Signal::SYS.as_raw();

/// What to say of a server that the sandbox has killed. The kernel logs the number of the call; to read that log, one
/// has to be root on most systems.
fn violation(pid: u32) -> String {
    let kernel_log = Command::new("dmesg")
        .output()
        .map_or_else(|_| Vec::new(), |output| output.stdout);
    let kernel_log = String::from_utf8_lossy(&kernel_log).into_owned();
    let own = format!(" pid={pid} ");
    let line = kernel_log
        .lines()
        .rev()
        .find(|line| line.contains("type=1326") && line.contains(&own));
    let call = line.and_then(|line| line.split(" syscall=").nth(1)?.split(' ').next());
    let call = call.unwrap_or("number unknown: try as root, or under strace");
    format!("SIGSYS: the server made a system call that its sandbox does not allow ({call})")
}

/// How many descriptors process `pid` has open. The list is for root only, because the server is not dumpable, but
/// since Linux 6.2 the size of the directory is their number.
pub fn descriptors_of(pid: u32) -> usize {
    let list = format!("/proc/{pid}/fd");
    match std::fs::read_dir(&list) {
        Ok(entries) => entries.count(),
        Err(_) => {
            let number = std::fs::metadata(&list).map_or(0, |metadata| metadata.len());
            assert!(
                number > 0,
                "counting the descriptors of process {pid} needs root or Linux 6.2"
            );
            usize::try_from(number).expect("a number of descriptors")
        }
    }
}

/// The running children of process `pid`.
pub fn children_of(pid: u32) -> Vec<u32> {
    std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|child| child.parse().ok())
        .collect()
}

/// Starts a server that must not start: its exit code and standard error.
pub fn refused_start(arguments: &[&str]) -> (Option<i32>, String) {
    let mut child = Command::new(program())
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut status = None;
    let start = std::time::Instant::now();
    while status.is_none() && start.elapsed() < PATIENCE {
        status = child.try_wait().expect("our child");
        std::thread::sleep(Duration::from_millis(2));
    }
    if status.is_none() {
        let _ = child.kill();
    }
    let mut text = String::new();
    let _ = child.stderr.take().expect("piped").read_to_string(&mut text);
    let _ = child.wait();
    (status.and_then(|status| status.code()), text)
}

/// A loopback address for client `number`.
pub fn client_address(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, number))
}
