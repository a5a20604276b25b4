//! Files under one root, reached by virtual path.
//!
//! [`Storage`] is what sessions use: they get open files and directories from it, and pumps read from those.
//! [`DiskRoot`] serves a real directory; [`Synthetic`] adds computed files. No path is passed to the kernel without the
//! root's descriptor, and no error carries a path or the system's text to a client.
//!
//! From the bottom up: `beneath` (the root's descriptor, `openat2`), `write_access` (what makes a root writable),
//! `directory`, `changes`, `upload`, `publication`, `quota`, `tree_walk`, and `disk_root` over all of them.

mod beneath;
mod change_options;
mod changes;
mod descent;
mod directory;
mod disk_root;
mod error;
mod file_status;
mod hidden_file;
mod interface;
mod missed;
mod open_file;
mod publication;
mod quota;
mod quota_limits;
mod reserved_name;
mod stale_uploads;
mod synthetic;
mod tree_size;
mod tree_walk;
mod upload;
mod upload_target;
mod usage;
mod write_access;

pub use change_options::{Audience, Existing, UploadKind};
pub use directory::{Batch, EntryLookup, EntryType, OpenDirectory};
pub use disk_root::DiskRoot;
pub use error::{StorageError, errno_name};
pub use interface::Storage;
pub use missed::{Missed, MissedReason};
pub use open_file::OpenFile;
pub use publication::{Held, Publication, Published};
pub use quota::Quota;
#[cfg(test)]
pub(crate) use quota::tests::quota;
pub use quota_limits::QuotaLimits;
pub use reserved_name::is_reserved;
pub use stale_uploads::StaleUploads;
pub use synthetic::Synthetic;
pub use tree_size::TreeSize;
pub use tree_walk::{TreeWalk, WalkPurpose};
pub use upload::Upload;
pub use usage::{Correction, Measured, Usage, UsageMark};
pub use write_access::UploadPolicy;
