//! The end and the next start of a server (threats H01, H02, L07, L18).
//!
//! `RECOVERY_FILES` sets how many files the long test puts in the served tree.

use harness::server::{Setup, free_range};
use harness::tree::{contents, hidden_files, leave_stale_files, noise, served_directory};
use harness::{Client, Server, Stream, wait_until};
use rustix::process::Signal;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

const STALE_FILES: usize = 1_000;
/// Files of one directory of a large tree.
const FILES_PER_DIRECTORY: usize = 500;
/// Uploads under way when a server is killed.
const UPLOADS: u32 = 10;
/// How often each restart is timed.
const ROUNDS: usize = 5;

/// Kills a server on `address` during uploads and starts it again; returns how long it takes, from the start of the
/// process, until a client has logged in and fetched a file.
fn time_of_restart(root: &Path, address: SocketAddr, passive: (u16, u16)) -> (Duration, Server) {
    let setup = || {
        Setup::new()
            .writable()
            .directory(root)
            .listen(&address.to_string())
            .passive(passive.0, passive.1)
    };
    let server = setup().start();
    let mut uploads: Vec<(Client, Stream)> = Vec::new();
    for number in 0..UPLOADS {
        let mut client = server.login();
        let mut data = client.begin(&format!("STOR upload{number}"));
        data.write_all(&noise(number, 10_000)).expect("the server reads it");
        uploads.push((client, data));
    }
    server.kill();
    std::thread::scope(|scope| {
        let begun = Instant::now();
        let start = scope.spawn(|| setup().start());
        wait_until("it accepts", || TcpStream::connect(address).is_ok());
        let mut client = Client::connect(address);
        client.login();
        assert_eq!(client.fetch("RETR file"), b"content");
        (begun.elapsed(), start.join().expect("it starts"))
    })
}

/// Compares restarts with an empty directory and with one of `files` files and [`STALE_FILES`] stale temporary files.
fn compare_restarts(files: usize) {
    let (low, high) = free_range(11);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, low));
    let restart = |is_full: bool| {
        let directory = served_directory();
        let root = directory.path();
        for number in 0..files * usize::from(is_full) {
            let path = root.join(format!("{}/{number}", number / FILES_PER_DIRECTORY));
            if number.is_multiple_of(FILES_PER_DIRECTORY) {
                fs::create_dir(path.parent().expect("within")).expect("ours");
            }
            fs::write(path, b"").expect("ours");
        }
        fs::write(root.join("file"), b"content").expect("ours");
        let stale = STALE_FILES * usize::from(is_full);
        let times = (0..ROUNDS).map(|_| {
            leave_stale_files(root, stale);
            let (time, server) = time_of_restart(root, address, (low + 1, high));
            // The uploads that were killed are too young to be removed.
            wait_until("stale files are removed", || {
                hidden_files(root).len() <= UPLOADS as usize
            });
            let left = hidden_files(root);
            left.iter().for_each(|path| fs::remove_file(path).expect("ours"));
            let others = contents(root);
            assert!(!others.keys().any(|path| path.to_string_lossy().starts_with("upload")));
            assert!(
                server.stdout().contains("10 of 10 bound"),
                "no port is held by the killed server"
            );
            assert_eq!(server.login().code("NOOP"), 200);
            time
        });
        let mut times: Vec<Duration> = times.collect();
        times.sort();
        times
    };
    let (empty, full) = (restart(false), restart(true));
    println!(
        "from the start of the process after kill -9 until a file was fetched, {ROUNDS} times: empty \
         directory {:.1?} to {:.1?}; {files} files and {STALE_FILES} stale temporary files {:.1?} to {:.1?}",
        empty[0],
        empty[ROUNDS - 1],
        full[0],
        full[ROUNDS - 1],
    );
}

#[test]
fn l18_a_killed_server_serves_again_on_its_ports_whatever_it_has_left() {
    compare_restarts(0);
}

#[test]
#[ignore = "a minute: a tree of RECOVERY_FILES files; cargo test --release -- --ignored l18"]
fn l18_a_killed_server_serves_again_with_a_hundred_thousand_files() {
    compare_restarts(std::env::var("RECOVERY_FILES").map_or(100_000, |value| value.parse().expect("a number")));
}

/// More than the buffers of both sockets hold.
const LARGE: usize = 12 << 20;

/// A download or an upload under way.
struct Running {
    client: Client,
    data: Stream,
    /// Bytes received of a download; `None`: it is an upload.
    received: Option<Vec<u8>>,
}

/// Fifty downloads and fifty uploads over old files, each half-way.
fn start_transfers(server: &Server, content: &[u8]) -> Vec<Running> {
    server.write("large", content);
    let start = |number: usize| {
        let mut client = server.login();
        if number.is_multiple_of(2) {
            let mut data = client.begin("RETR large");
            let mut some = vec![0; 1_000];
            data.read_exact(&mut some).expect("the beginning");
            return Running {
                client,
                data,
                received: Some(some),
            };
        }
        server.write(&format!("file{number}"), b"old");
        let mut data = client.begin(&format!("STOR file{number}"));
        data.write_all(&content[..100_000]).expect("the server reads it");
        Running {
            client,
            data,
            received: None,
        }
    };
    (0..100).map(start).collect()
}

impl Running {
    /// The client's side, to the end. Returns whether all of it was transferred, as far as the client can see.
    fn finish(self, content: &[u8]) -> bool {
        let Self {
            mut client,
            mut data,
            received,
        } = self;
        let is_whole = match received {
            Some(mut bytes) => {
                let _ = data.read_to_end(&mut bytes);
                assert!(content.starts_with(&bytes), "wrong bytes");
                bytes.len() == content.len()
            }
            None => data.write_all(&content[100_000..]).is_ok(),
        };
        drop(data);
        let text = client.remaining_text();
        let is_complete = text.starts_with("226 ");
        assert!(is_whole || !is_complete, "226 for a part: {text}");
        assert!(
            !is_complete || text.ends_with("\r\n") && text.contains("421 "),
            "{text}"
        );
        is_complete
    }
}

#[test]
fn l07_a_hundred_transfers_end_whole_or_are_cut_when_the_server_is_stopped() {
    // After one signal all are finished; after the second, those that are left are cut.
    for finished in [100, 40] {
        let content = noise(1, LARGE);
        let mut server = Setup::new().writable().ports(64).start();
        let mut running = start_transfers(&server, &content);
        server.signal(Signal::TERM);
        wait_until("it has noticed", || server.stderr().contains("stopping"));
        let cut = running.split_off(finished);
        let mut complete = 0;
        for transfer in running {
            complete += usize::from(transfer.finish(&content));
        }
        assert_eq!(complete, finished, "those that the clients go on with");
        if finished < 100 {
            server.signal(Signal::TERM);
        }
        assert!(server.wait().success());
        let cut = cut
            .into_iter()
            .map(|transfer| transfer.finish(&content))
            .filter(|is_complete| !is_complete)
            .count();
        assert_eq!(cut, 100 - finished);
        let mut stored = 0;
        for number in (1..100).step_by(2) {
            let found = server.content(&format!("file{number}")).expect("old or new");
            assert!(
                found == b"old" || found == content,
                "file{number} is torn: {} bytes",
                found.len()
            );
            stored += usize::from(found == content);
        }
        assert_eq!(stored, finished / 2);
        assert!(server.hidden_files().is_empty());
        println!("100 transfers at SIGTERM: {complete} whole, {cut} cut, 0 torn files");
    }
}
