//! What each layer of the sandbox adds to a system call, in nanoseconds.
//!
//!     cargo bench --bench sandbox_cost                      # as a read-only server of target/tmp
//!     cargo bench --bench sandbox_cost -- /srv/ftp writable # as a server where clients may change files
//!
//! Each figure is the least mean of many short runs, so other work of the machine hardly changes it. A file of the
//! name `measured` is created in the directory.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up ends")]

use loopftpd::confine::{Permissions, Sandbox, SandboxPolicy, Violation};
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, fcntl_getfl, open, openat2, statat};
use std::hint::black_box;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Instant;

const RUNS: usize = 500;
const CALLS_PER_RUN: u32 = 500;

struct Subjects {
    directory: OwnedFd,
    listener: TcpListener,
}

type Call = (&'static str, fn(&Subjects));

const CALLS: [Call; 5] = [
    ("geteuid", |_| {
        black_box(rustix::process::geteuid());
    }),
    ("fcntl (its arguments are looked at)", |subjects| {
        let _ = black_box(fcntl_getfl(&subjects.directory));
    }),
    ("newfstatat", |subjects| {
        let _ = black_box(statat(&subjects.directory, "measured", AtFlags::SYMLINK_NOFOLLOW));
    }),
    ("accept4 (nobody connects)", |subjects| {
        let _ = black_box(subjects.listener.accept());
    }),
    ("openat2 and close", |subjects| {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let _ = black_box(openat2(
            &subjects.directory,
            "measured",
            flags,
            Mode::empty(),
            ResolveFlags::BENEATH,
        ));
    }),
];

fn main() {
    // Cargo adds an option.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let directory = arguments.first().map_or(env!("CARGO_TARGET_TMPDIR"), String::as_str);
    let directory = PathBuf::from(directory);
    let permissions = Permissions {
        changes: arguments.iter().any(|word| word == "writable"),
        ..Permissions::default()
    };
    std::fs::write(directory.join("measured"), b"").expect("a file");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    let subjects = Subjects {
        directory: open(&directory, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).expect("a directory"),
        listener,
    };
    let stages = measure_stages(&subjects, &directory, permissions);
    println!(
        "{:<36} {:>8} {:>11} {:>11}",
        "ns for a call", "without", "+ Landlock", "+ seccomp"
    );
    for (index, (name, _)) in CALLS.iter().enumerate() {
        let figures = stages
            .each_ref()
            .map(|stage| stage.get(index).copied().unwrap_or_default());
        println!(
            "{name:<36} {:>8.0} {:>11.0} {:>11.0}",
            figures[0], figures[1], figures[2]
        );
    }
}

/// Without the sandbox, with Landlock, and with both layers.
fn measure_stages(subjects: &Subjects, directory: &Path, permissions: Permissions) -> [Vec<f64>; 3] {
    let mut sandbox = Sandbox::new(SandboxPolicy::Required, Violation::Refuse, permissions).expect("possible");
    let without = measure(subjects);
    sandbox.restrict_files(directory, &[]).expect("Landlock");
    let files = measure(subjects);
    sandbox.restrict_system_calls().expect("seccomp");
    [without, files, measure(subjects)]
}

fn measure(subjects: &Subjects) -> Vec<f64> {
    CALLS.iter().map(|(_, call)| least_mean(|| call(subjects))).collect()
}

/// Nanoseconds for a call.
fn least_mean(call: impl Fn()) -> f64 {
    let mut least = f64::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        for _ in 0..CALLS_PER_RUN {
            call();
        }
        let mean = start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS_PER_RUN);
        least = least.min(mean);
    }
    least
}
