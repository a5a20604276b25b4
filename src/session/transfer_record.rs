//! What is known of a transfer while it runs, for its replies, for STAT and for logs.

use crate::ftp::command::Representation;
use crate::ftp::path::VirtualPath;
use crate::ftp::reply::Reply;
use crate::transfer::ModeZPlace;

/// What is known of a running transfer, for logs and STAT.
#[derive(Debug)]
pub struct Transfer {
    pub verb: &'static str,
    pub path: VirtualPath,
    pub kind: TransferKind,
    pub representation: Representation,
    pub opening: Reply,
    /// Held while a transfer in MODE Z lasts.
    pub mode_z_place: Option<ModeZPlace>,
}

/// What is transferred, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferKind {
    Download,
    Upload,
    Listing,
}
