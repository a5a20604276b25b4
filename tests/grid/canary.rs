//! What no client may reach: a directory beside the served one, and a watch that notices every access to it.

use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// The content of the file outside. In no byte that is sent.
pub const SECRET: &[u8] = b"canary-7f3a91c2";

pub struct Canary {
    directory: PathBuf,
    events: OwnedFd,
}

impl Canary {
    /// Makes `outside` in `directory`, and watches it.
    pub fn new(directory: &Path) -> Self {
        let outside = directory.join("outside");
        fs::create_dir(&outside).expect("a directory outside");
        fs::write(outside.join("secret"), SECRET).expect("a file outside");
        let events = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).expect("inotify");
        for path in [&outside, &outside.join("secret")] {
            add_watch(&events, path.as_path(), WatchFlags::ALL_EVENTS).expect("a watch");
        }
        Self {
            directory: outside,
            events,
        }
    }

    /// Whether anything was opened, read or changed since the last look; also by a program that is not the server, such
    /// as one that walks all temporary files.
    pub fn look(&self) -> Result<(), String> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.events, &mut buffer);
        let mut seen = Vec::new();
        // EAGAIN: there are no more.
        while let Ok(event) = reader.next() {
            seen.push(format!("{:?} {:?}", event.events(), event.file_name()));
        }
        if seen.is_empty() {
            return Ok(());
        }
        Err(format!("an access to {}: {seen:?}", self.directory.display()))
    }
}

/// Whether `bytes` hold the secret.
pub fn reveals(bytes: &[u8]) -> bool {
    bytes.windows(SECRET.len()).any(|window| window == SECRET)
}
