//! Where the commands of a chapter run: in a directory and at an address of their own, which stand for those in the
//! text, so that chapters run side by side and beside other servers.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, id};
use std::sync::Once;
use tempfile::TempDir;

/// What the text calls its directory and its address.
const SHOWN_DIRECTORY: &str = "/tmp/guide";
const SHOWN_ADDRESS: &str = "127.0.0.1";

pub struct Setting {
    directory: TempDir,
    address: String,
}

impl Setting {
    /// `number`: one for each chapter, below 255.
    pub fn new(number: usize) -> Self {
        build_once();
        let directory = TempDir::new().expect("a directory");
        // A server started as root serves as another user.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("ours");
        let programs = directory.path().join("programs");
        fs::create_dir(&programs).expect("a directory");
        // Netcat, where only busybox has one.
        if !has_program("nc") {
            let busybox = Path::new("/bin/busybox");
            assert!(busybox.exists(), "needs netcat: the package netcat-openbsd or busybox");
            symlink(busybox, programs.join("nc")).expect("a link");
        }
        let address = format!("127.{}.{}.{number}", 64 + id() % 128, id() / 128 % 256);
        Self { directory, address }
    }

    /// What a terminal starts with: the commands of the chapter "Before you begin", all but the first, which builds.
    pub fn preparation(&self) -> String {
        let page = fs::read_to_string(guide().join("before.md")).expect("the page");
        let blocks = crate::markdown::blocks(&page);
        let block = blocks.iter().find(|block| block.language == "sh").expect("a block");
        let (build, rest) = block.text(&page).split_once('\n').expect("several lines");
        assert_eq!(build, format!("cargo {}", BUILD.join(" ")));
        let programs = self.directory.path().join("programs");
        let path = format!("PATH={}:{}:$PATH\n", programs.display(), built_programs().display());
        format!("export LC_ALL=C.UTF-8\n{}{path}", self.actual(rest))
    }

    /// The command as it is run.
    pub fn actual(&self, command: &str) -> String {
        let directory = self.directory.path().to_str().expect("UTF-8");
        command
            .replace(SHOWN_DIRECTORY, directory)
            .replace(SHOWN_ADDRESS, &self.address)
    }

    /// The output as it is shown.
    pub fn shown(&self, output: &str) -> String {
        let directory = self.directory.path().to_str().expect("UTF-8");
        let commas = |address: &str| address.replace('.', ",");
        output
            .replace(directory, SHOWN_DIRECTORY)
            .replace(&self.address, SHOWN_ADDRESS)
            .replace(&commas(&self.address), &commas(SHOWN_ADDRESS))
    }

    /// The address that stands for 127.0.0.1.
    pub fn address(&self) -> &str {
        &self.address
    }
}

const BUILD: [&str; 5] = ["build", "--bins", "--examples", "--features", "ftpstorm"];

/// `cargo test --test guide` builds the programs of the crate, and not its examples.
fn build_once() {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        let built = Command::new(env!("CARGO")).args(BUILD).current_dir(root()).output();
        let built = built.expect("cargo runs");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    });
}

/// Where the examples and programs are, for PATH.
fn built_programs() -> PathBuf {
    let server = Path::new(env!("CARGO_BIN_EXE_loopftpd"));
    let directory = server.parent().expect("a directory");
    let examples = directory.join("examples");
    PathBuf::from(format!("{}:{}", examples.display(), directory.display()))
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn guide() -> PathBuf {
    root().join("docs/guide")
}

pub fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(name).exists())
}
