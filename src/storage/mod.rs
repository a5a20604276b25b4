//! Files under one root, reached by virtual path.
//!
//! [`Storage`] is what sessions use: they get open files and directories from it, and pumps read from those.
//! [`DiskRoot`] serves a real directory; [`Synthetic`] adds computed files. No path is passed to the kernel without the
//! root's descriptor, and no error carries a path or the system's text to a client.
//!
//! From the bottom up: `beneath` (the root's descriptor, `openat2`), `write_access` (what makes a root writable),
//! `directory`, `quota`, `publication`, `upload`, `tree_walk`, and `disk_root` over all of them.

mod beneath;
mod descent;
mod directory;
mod disk_root;
mod error;
mod file_status;
mod hidden_file;
mod interface;
mod open_file;
mod publication;
mod quota;
mod synthetic;
mod tree_walk;
mod upload;
mod upload_target;
mod usage;
mod write_access;

pub use descent::MissedReason;
pub use directory::{Batch, EntryLookup, EntryType, OpenDirectory};
pub use disk_root::DiskRoot;
pub use error::{StorageError, errno_name};
pub use file_status::is_reserved;
pub use interface::Storage;
pub use open_file::OpenFile;
pub use publication::{Publication, Published};
pub use quota::Quota;
#[cfg(test)]
pub(crate) use quota::tests::quota;
pub use synthetic::Synthetic;
pub use tree_walk::{Missed, StaleUploads, TreeSize, TreeWalk, WalkPurpose};
pub use upload::Upload;
pub use upload_target::Held;
pub use usage::{Correction, Measured, QuotaLimits, Usage, UsageMark};
pub use write_access::{Audience, Existing, UploadKind, UploadPolicy};
