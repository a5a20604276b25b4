//! The wall clock jumps (threat J08).

use harness::server::Setup;
use harness::{is_root, trials};
use libtest_mimic::Trial;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

pub fn trials() -> Vec<Trial> {
    trials! {
        "faketime":
            j08_a_jump_of_the_wall_clock_ends_no_session_and_no_transfer;
    }
}

/// The library that fakes the wall clock of a process.
fn clock_library() -> PathBuf {
    let architectures = fs::read_dir("/usr/lib").expect("a directory");
    let mut libraries = architectures.map(|entry| entry.expect("an entry").path().join("faketime/libfaketime.so.1"));
    libraries
        .find(|library| library.exists())
        .expect("it is installed with faketime")
}

fn j08_a_jump_of_the_wall_clock_ends_no_session_and_no_transfer() {
    let library = clock_library();
    let directory = tempfile::TempDir::new().expect("a directory");
    let clock = directory.path().join("clock");
    fs::write(&clock, "+0").expect("the time as it is");
    // A confined server sees the directory as its root.
    let clock_name = if is_root() { Path::new("/clock") } else { &clock };
    let environment = [
        format!("LD_PRELOAD={}", library.display()),
        format!("FAKETIME_TIMESTAMP_FILE={}", clock_name.display()),
        "FAKETIME_NO_CACHE=1".to_owned(),
        "FAKETIME_DISABLE_SHM=1".to_owned(),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
        "DONT_FAKE_MONOTONIC=1".to_owned(),
    ];
    let mut wrapper = vec!["env"];
    wrapper.extend(environment.iter().map(String::as_str));
    let setup = Setup::new().directory(directory.path()).under(&wrapper);
    // At the end the library removes a file of its own, which the sandbox does not allow.
    let server = setup.arguments(&["--on-violation", "refuse"]).start();
    server.write("big", &vec![4; 24 << 20]);
    let mut idle = server.login();
    let mut busy = server.login();
    let mut data = busy.data();
    busy.send("RETR big");
    busy.expect(150);
    let mut some = vec![0; 1_000];
    data.read_exact(&mut some).expect("the beginning");
    let mut before_login = server.connect();
    for jump in ["+1y", "-1y", "+0"] {
        fs::write(&clock, jump).expect("the clock is set");
        assert_eq!(idle.code("NOOP"), 200, "{jump}");
        assert_eq!(before_login.code("USER anonymous"), 331, "{jump}");
        // The file is new by the true clock: its line shows a time of day, or a year once the clock has jumped.
        let line = idle.fetch_text("LIST big");
        assert_eq!(line.contains(':'), jump == "+0", "{jump}: {line}");
        data.read_exact(&mut some).expect("the transfer goes on");
    }
    let mut rest = Vec::new();
    data.read_to_end(&mut rest).expect("the rest");
    assert_eq!(rest.len() + 4_000, 24 << 20);
    busy.expect(226);
    assert_eq!(before_login.code("PASS x"), 230);
}
