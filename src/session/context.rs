//! What a session borrows for each call: files, accounts, settings, and the time.

use crate::accounts::{Accounts, Attendance, Quotas, Rights};
use crate::ftp::features::Features;
use crate::ftp::timestamp::Timestamp;
use crate::storage::Storage;
use crate::transfer::ModeZPlaces;
use std::rc::Rc;

/// Borrowed by a session while it answers a command.
pub struct Context<'loop_> {
    pub storage: &'loop_ Rc<dyn Storage>,
    /// The rights of anonymous clients; `None`: anonymous login is disabled.
    pub anonymous: Option<Rights>,
    pub accounts: &'loop_ Accounts,
    pub attendance: &'loop_ Attendance,
    pub quotas: &'loop_ Quotas,
    /// Limits the transfers in MODE Z that run at once.
    pub mode_z_places: &'loop_ ModeZPlaces,
    /// Wall-clock time, for dates in listings and for names made by STOU.
    pub wall: Timestamp,
    /// Whether PORT and EPRT are allowed.
    pub active: bool,
    /// Optional features that FEAT lists.
    pub features: Features,
    /// Whether notices are recorded anywhere; if not, none are made.
    pub wants_notices: bool,
}
