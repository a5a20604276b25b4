//! Directories with odd names, and the rights that a confined server needs to read them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Names that clients stumble over.
pub const ODD_NAMES: [&str; 12] = [
    "plain.txt",
    "two words",
    "qu\"ote",
    "apo'strophe",
    "grüße-日本.txt",
    "-dash",
    "hash#percent%20",
    "semi;colon",
    "star*and?",
    "brackets[1]{2}",
    "back\\slash",
    "12 bytes.txt",
];

/// Makes everything in `directory` readable for everybody, as the temporary directories of tests are not; what a test has
/// made unreadable on purpose (mode without any read bit for the owner) stays so.
pub fn allow_reading(directory: &Path) {
    let metadata = fs::symlink_metadata(directory).expect("it exists");
    let mode = metadata.permissions().mode();
    if metadata.is_dir() && mode & 0o700 == 0o700 && mode & 0o055 != 0o055 {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).expect("our directory");
    }
}

/// Fills `directory` with odd names, nested directories, an empty file and directory, and a megabyte. Returns the
/// relative paths of the files.
pub fn fill(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut write = |path: PathBuf, content: &[u8]| {
        let full = directory.join(&path);
        fs::create_dir_all(full.parent().expect("within")).expect("directories");
        fs::write(full, content).expect("a file");
        files.push(path);
    };
    for (number, name) in ODD_NAMES.iter().enumerate() {
        write(PathBuf::from(name), format!("content {number} of {name}\n").as_bytes());
        write(
            Path::new("nested dir/deeper").join(name),
            format!("nested {number}\r\n").as_bytes(),
        );
    }
    write(PathBuf::from("empty"), b"");
    let noise: Vec<u8> = (0..1_048_576_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    write(PathBuf::from("megabyte.bin"), &noise);
    fs::create_dir(directory.join("empty dir")).expect("a directory");
    allow_reading(directory);
    files
}

/// A name that is not UTF-8.
pub fn latin1_name() -> &'static OsStr {
    OsStr::from_bytes(b"caf\xe9-\xff.txt")
}
