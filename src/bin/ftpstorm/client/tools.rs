//! What every client may use while it runs its script.

use crate::measurements::Measurements;
use crate::squat::Squatter;
use crate::stolen_bytes::StolenBytes;
use loopftpd::reactor::token::SlotId;
use mio::Registry;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Lent to one client at a time.
pub struct Tools {
    pub registry: Registry,
    pub target: SocketAddr,
    /// Where thieves connect from: an address of this machine that their victims do not have.
    pub thief_address: Option<IpAddr>,
    pub stolen_bytes: StolenBytes,
    /// Files that uploads have begun, and whether an upload was acknowledged: they are removed after the run.
    pub uploads: BTreeMap<Rc<str>, bool>,
    pub now: Instant,
    /// A step that makes no progress for this long has failed.
    pub patience: Duration,
    pub scratch: Box<[u8]>,
    pub measurements: Measurements,
    /// Clients that can go on although no event will come.
    pub ready: VecDeque<SlotId>,
    pub squatter: Option<Squatter>,
}
