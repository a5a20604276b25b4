//! What a connection may use of the loop while it is served: one value, lent for the call.
//!
//! Connections cannot reach each other through it. What one connection causes for another (a freed port, an arrived
//! data connection) is queued here and delivered by the loop.

use super::logins::Logins;
use crate::accounts::{Account, Accounts, Attendance, LoginThrottle, Quotas, RecentProofs};
use crate::clock::wall_clock;
use crate::descriptors::Descriptors;
use crate::ftp::timestamp::Timestamp;
use crate::options::Options;
use crate::ports::passive_ports::PassivePorts;
use crate::ports::passive_ring::PortIndex;
use crate::random::{Random, secret_key};
use crate::reactor::{deadlines::Deadlines, pace::Pace, token::SlotId};
use crate::records::{counters::Counters, line_budget::LineBudget, log_file::LogFile, tallies::Tallies};
use crate::session::Context;
use crate::slow_work::queue::SlowWorkQueue;
use crate::storage::{Held, Storage};
use crate::target::Target;
use crate::tls::TlsAcceptor;
use crate::transfer::{ModeZPlaces, SplicePipe};
use mio::Registry;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Instant;

/// Bulk bytes of all connections together in one turn, and so of each: the most that a NOOP has to wait for.
pub const BULK_PER_TURN: usize = 256 * 1024;
/// Directory entries that one connection looks at in one turn.
pub const ENTRIES_PER_TURN: usize = 256;
/// What looking at an entry costs of a turn's bulk, in bytes: a full share of entries is a quarter of the turn.
const BYTES_PER_ENTRY: usize = 256;
/// Bytes of the buffer that control connections are read into.
const SCRATCH_BYTES: usize = 64 * 1024;
/// Sessions that may queue a long input at once, so that they cannot fill the memory.
const LONG_INPUTS: usize = 128;

/// What the loop is made of, besides its listeners.
pub struct Equipment {
    pub options: Options,
    pub storage: Rc<dyn Storage>,
    pub accounts: Accounts,
    pub descriptors: Descriptors,
    pub random: Random,
    pub transfer_log: Option<LogFile>,
    pub event_log: Option<LogFile>,
    pub tls: Option<TlsAcceptor>,
}

/// The loop, as its connections see it.
pub struct Shared {
    pub registry: Registry,
    pub options: Options,
    pub storage: Rc<dyn Storage>,
    pub descriptors: Descriptors,
    pub random: Random,
    pub rings: Vec<PassivePorts>,
    pub deadlines: Deadlines,
    pub counters: Counters,
    /// `None`: no TLS is offered.
    pub tls: Option<Rc<TlsAcceptor>>,
    /// `None`: there is no status page.
    pub tallies: Option<Box<Tallies>>,
    pub transfer_log: Option<LogFile>,
    pub event_log: Option<LogFile>,
    /// Monotonic time, read once a turn.
    pub now: Instant,
    /// Wall-clock time, read once a turn; for dates that clients see, never for deadlines.
    pub wall: Timestamp,
    /// Buffer for bytes from control connections, and for bytes that are dropped.
    pub scratch: Box<[u8]>,
    /// Bytes of bulk data left in this turn's budget.
    pub bulk_left: usize,
    /// Targets that stopped before `WouldBlock` because a budget was spent. With edge-triggered events the kernel
    /// reports readiness once, so what is not remembered here would never continue.
    pub ready: VecDeque<Target>,
    /// Connections with replies to be written at the end of the turn.
    pub unflushed: Vec<SlotId>,
    /// Connections that asked for a passive port, each with its ring and peer address.
    pub port_requests: VecDeque<(u16, IpAddr, SlotId)>,
    /// Ring and peer address of entries that were removed: a session that waits can have a port.
    pub freed_ports: VecDeque<(u16, IpAddr)>,
    /// Connections whose data connection has arrived; the ring holds it.
    pub arrivals: VecDeque<SlotId>,
    /// Ports to be checked for a second connection before a transfer begins, and the slot of its connection.
    pub last_looks: VecDeque<(u16, PortIndex, SlotId)>,
    pub accounts: Accounts,
    /// Sessions by account.
    pub attendance: Attendance,
    /// Usage of the roots of accounts with quotas.
    pub quotas: Arc<Quotas>,
    /// Limit of concurrent MODE Z transfers.
    mode_z_places: ModeZPlaces,
    /// Speed limits of accounts with running transfers.
    paces: HashMap<Box<[u8]>, Weak<Pace>>,
    /// Limit of log lines about refusals.
    pub line_budget: LineBudget,
    /// Failed logins by address.
    pub throttle: LoginThrottle,
    /// Passwords verified a moment ago.
    pub proofs: RecentProofs,
    /// Logins that are not answered yet.
    pub logins: Logins,
    /// `None`: nothing that this server does can take long.
    pub slow_work: Option<SlowWorkQueue>,
    /// What uploads hold whose session ended before their rename: descriptors stay counted, quotas charged.
    pub unclaimed: HashMap<SlotId, Held>,
    /// The kernel pipe that uploads are spliced through; opened for the first one.
    pub pipe: Option<SplicePipe>,
    /// Each session with a long input holds a clone, so that they are counted.
    long_inputs: Rc<()>,
}

impl Shared {
    /// `slow_work`: `None` if nothing in this server can block for long.
    pub fn new(
        registry: Registry,
        rings: Vec<PassivePorts>,
        slow_work: Option<SlowWorkQueue>,
        equipment: Equipment,
        now: Instant,
    ) -> io::Result<Self> {
        let quotas = Arc::new(Quotas::of(&equipment.accounts, &Quotas::default()));
        Ok(Self {
            registry,
            options: equipment.options,
            storage: equipment.storage,
            accounts: equipment.accounts,
            attendance: Attendance::default(),
            quotas,
            mode_z_places: ModeZPlaces::default(),
            paces: HashMap::new(),
            line_budget: LineBudget::new(now),
            throttle: LoginThrottle::default(),
            proofs: RecentProofs::new(&*secret_key::<64>()?),
            logins: Logins::default(),
            slow_work,
            descriptors: equipment.descriptors,
            random: equipment.random,
            rings,
            deadlines: Deadlines::default(),
            counters: Counters::default(),
            tls: equipment.tls.map(Rc::new),
            tallies: None,
            transfer_log: equipment.transfer_log,
            event_log: equipment.event_log,
            now,
            wall: wall_clock(),
            scratch: vec![0; SCRATCH_BYTES].into_boxed_slice(),
            bulk_left: BULK_PER_TURN,
            ready: VecDeque::new(),
            unflushed: Vec::new(),
            port_requests: VecDeque::new(),
            freed_ports: VecDeque::new(),
            arrivals: VecDeque::new(),
            last_looks: VecDeque::new(),
            unclaimed: HashMap::new(),
            pipe: None,
            long_inputs: Rc::default(),
        })
    }

    /// The passive ports of one ring.
    pub fn ports(&mut self, ring: u16) -> Option<&mut PassivePorts> {
        self.rings.get_mut(usize::from(ring))
    }

    /// Charges work to this turn's budget of bulk data.
    pub fn charge(&mut self, bytes: usize, entries: usize) {
        self.bulk_left = self.bulk_left.saturating_sub(bytes + entries * BYTES_PER_ENTRY);
    }

    /// Permission for one more session to queue more commands than usual, until it is dropped; `None`: too many have
    /// it.
    pub fn permit_long_input(&self) -> Option<Rc<()>> {
        (Rc::strong_count(&self.long_inputs) <= LONG_INPUTS).then(|| Rc::clone(&self.long_inputs))
    }

    /// What a session needs to answer a command.
    pub fn context(&self) -> Context<'_> {
        Context {
            storage: &self.storage,
            options: &self.options,
            accounts: &self.accounts,
            attendance: &self.attendance,
            quotas: &self.quotas,
            mode_z_places: &self.mode_z_places,
            tls: self.tls.as_ref().map(|_| self.options.tls.policy),
            wall: self.wall,
            wants_notices: self.wants_notices(),
        }
    }

    /// At a transfer command: whether its data connection has arrived already. If so, the transfer begins once the port
    /// was checked for a second connection; a check earlier in this turn is enough.
    pub fn check_for_second_connection(&mut self, ring: u16, port: PortIndex, peer: IpAddr, slot: SlotId) -> bool {
        let now = self.now;
        let Some(ports) = self.ports(ring) else {
            return false;
        };
        let has_arrived = ports.ring.holds(port, peer, slot);
        if has_arrived && ports.was_seen_empty(port, now) {
            self.arrivals.push_back(slot);
        } else if has_arrived {
            self.last_looks.push_back((ring, port, slot));
        }
        has_arrived
    }

    /// The speed limit of an account, shared by its sessions while one of them has a transfer.
    pub fn pace_of(&mut self, account: &Account) -> Option<Rc<Pace>> {
        let rate = account.limits.bytes_per_second?;
        if let Some(pace) = self.paces.get(&account.name).and_then(Weak::upgrade) {
            return Some(pace);
        }
        let pace = Rc::new(Pace::new(rate, self.now));
        self.paces.insert(account.name.clone(), Rc::downgrade(&pace));
        Some(pace)
    }
}
