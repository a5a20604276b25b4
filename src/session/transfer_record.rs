//! The description of a running transfer.

use crate::ftp::command::Representation;
use crate::ftp::path::VirtualPath;
use crate::ftp::reply::Reply;
use crate::transfer::ModeZPlace;

/// A running transfer, for replies and logs.
#[derive(Debug)]
pub struct Transfer {
    pub verb: &'static str,
    pub path: VirtualPath,
    pub kind: TransferKind,
    pub representation: Representation,
    pub opening: Reply,
    /// Counts the transfer as one in MODE Z until it is dropped.
    pub mode_z_place: Option<ModeZPlace>,
}

/// What is transferred, and its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferKind {
    Download,
    Upload,
    Listing,
}
