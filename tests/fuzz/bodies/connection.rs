//! Whole connections: what clients send and do, and when, against the event loop over simulated sockets in simulated
//! time; only the files are real.
//!
//! An input is a byte that chooses the options, then text for the control connection, with events between: ESC and a
//! letter (see [`world`]). However it goes, each command gets one final reply, in order; nothing is left of a session
//! when it has ended; whatever the server waits for has a deadline; and nothing outside of the served directory is
//! read or changed.

mod client;
mod world;

use client::{BANNER, CANARY};
use loopftpd::descriptors::Descriptors;
use loopftpd::event_loop::simulation::Simulation;
use loopftpd::options::{Invocation, Options, Timeouts, parse};
use loopftpd::random::Random;
use loopftpd::storage::{DiskRoot, UploadPolicy, is_reserved};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;
use tempfile::TempDir;
use world::{TIMEOUT, World};

/// Of timeouts that are longer than any input lasts.
const LONG: Duration = Duration::from_secs(1_000_000);

pub fn check(input: &[u8]) {
    let Some((choice, script)) = input.split_first() else {
        return;
    };
    let memory = Path::new("/dev/shm");
    let directory = if memory.is_dir() {
        TempDir::new_in(memory)
    } else {
        TempDir::new()
    }
    .expect("a directory");
    let root = directory.path().join("root");
    plant(directory.path(), &root);
    let descriptors = Descriptors::for_process(1_000);
    let disk = DiskRoot::open(&root, descriptors.clone()).expect("the root");
    let policy = UploadPolicy {
        durable: false,
        keeps_part: choice & 4 != 0,
    };
    let storage = disk.writable(policy, Random::seeded(1));
    let server = Simulation::new(options(*choice), Rc::new(storage), descriptors, 2).expect("a server");
    let mut world = World::new(server);
    world.play(script);
    world.end();
    assert_eq!(
        fs::read(directory.path().join("outside/secret")).expect("the canary"),
        CANARY
    );
    assert_eq!(
        fs::read_dir(directory.path()).expect("a directory").count(),
        2,
        "nothing new outside"
    );
    if !policy.keeps_part {
        check_no_temporary_file(&root);
    }
}

fn plant(directory: &Path, root: &Path) {
    fs::create_dir_all(root.join("d/e")).expect("directories");
    fs::create_dir(directory.join("outside")).expect("a directory");
    fs::write(directory.join("outside/secret"), CANARY).expect("the canary");
    fs::write(root.join("text"), b"one\ntwo\r\n\nlast").expect("a file");
    fs::write(root.join("d/inner"), b"").expect("a file");
    fs::write(root.join("d/a\nb"), b"x").expect("a file");
    // Larger than a window, and than what a turn deflates.
    fs::write(root.join("big"), [b'z'; 150_000]).expect("a file");
    symlink("text", root.join("link")).expect("a link");
    symlink("../outside/secret", root.join("out")).expect("a link");
}

fn options(choice: u8) -> Options {
    let mut arguments = vec!["--banner", BANNER];
    match choice & 3 {
        0 | 1 => arguments.push("--write"),
        2 => arguments.extend(["--anonymous", "upload"]),
        _ => {}
    }
    if choice & 8 != 0 {
        arguments.push("--announce-mode-z");
    }
    if choice & 16 != 0 {
        arguments.extend(["--rate-limit", "20K"]);
    }
    let Ok(Invocation::Serve(options)) = parse(arguments.into_iter().map(OsString::from)) else {
        panic!("good options");
    };
    Options {
        timeouts: Timeouts {
            login: LONG,
            idle: LONG,
            connect: TIMEOUT,
            stall: TIMEOUT,
        },
        ..*options
    }
}

fn check_no_temporary_file(directory: &Path) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let entry = entry.expect("an entry");
        assert!(
            !is_reserved(entry.file_name().as_bytes()),
            "left behind: {:?}",
            entry.path()
        );
        if entry.file_type().expect("a type").is_dir() {
            check_no_temporary_file(&entry.path());
        }
    }
}
