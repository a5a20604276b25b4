//! What surrounds a conversation: the files, the accounts, the settings, and the time.

use crate::accounts::{Accounts, Attendance, Quotas, Rights};
use crate::ftp::features::Features;
use crate::ftp::timestamp::Timestamp;
use crate::storage::Storage;
use crate::transfer::ModeZPlaces;
use std::rc::Rc;

/// What a session needs to answer a command, lent for the call.
pub struct Context<'loop_> {
    pub storage: &'loop_ Rc<dyn Storage>,
    /// What clients without an account may do; `None`: they are not let in.
    pub anonymous: Option<Rights>,
    pub accounts: &'loop_ Accounts,
    pub attendance: &'loop_ Attendance,
    /// By the accounts' names; one that is missing has not been measured yet.
    pub quotas: &'loop_ Quotas,
    /// What transfers in MODE Z share.
    pub mode_z_places: &'loop_ ModeZPlaces,
    /// Wall-clock time, for the dates of listings only.
    pub wall: Timestamp,
    /// Whether PORT and EPRT are allowed.
    pub active: bool,
    /// What FEAT tells besides what is always there.
    pub features: Features,
    /// Whether anybody reads notices.
    pub wants_notices: bool,
}
