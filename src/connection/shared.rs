//! What every connection may use of the loop while it is being served: one value, lent for the call.
//!
//! Connections cannot reach each other through it. What one connection causes for another (a freed port, a connection
//! that arrived) is put into a queue here and delivered by the loop.

use super::budgets::BULK_PER_TURN;
use super::logins::Logins;
use crate::accounts::{Account, Accounts, Attendance, LoginThrottle, Quotas, RecentProofs, Rights, UsersFile};
use crate::clock::wall_clock;
use crate::connection::long_input::LongInputs;
use crate::descriptors::Descriptors;
use crate::ftp::features::Features;
use crate::ftp::timestamp::Timestamp;
use crate::ports::listeners::PassivePorts;
use crate::ports::passive_ring::PortIndex;
use crate::random::{Random, secret_key};
use crate::reactor::deadlines::Deadlines;
use crate::reactor::pace::Pace;
use crate::reactor::ready_queue::ReadyQueue;
use crate::reactor::token::SlotId;
use crate::records::counters::Counters;
use crate::records::line_budget::LineBudget;
use crate::records::log_file::LogFile;
use crate::records::trace::Trace;
use crate::session::Context;
use crate::slow_work::queue::SlowWorkQueue;
use crate::storage::{Held, Storage};
use crate::target::Target;
use crate::transfer::{ModeZPlaces, SplicePipe};
use mio::Registry;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of the buffer that control connections are read into.
const SCRATCH_BYTES: usize = 64 * 1024;

/// How long each kind of waiting may last, and what is allowed: the loop's part of the options.
#[derive(Clone, Debug)]
pub struct Settings {
    pub banner: String,
    pub active: bool,
    /// What FEAT tells besides what is always there.
    pub features: Features,
    /// What clients without an account may do; `None`: they are not let in.
    pub anonymous: Option<Rights>,
    /// Whether there can be anybody who may change files.
    pub allows_changes: bool,
    pub public_addresses: crate::options::PublicAddresses,
    pub max_sessions: usize,
    pub max_sessions_per_ip: Option<usize>,
    pub login_timeout: Duration,
    pub idle_timeout: Duration,
    pub connect_timeout: Duration,
    pub stall_timeout: Duration,
    /// Bytes a second that one session's transfers may move.
    pub rate_limit: Option<u64>,
    /// What is left out, for measurements.
    pub techniques: crate::options::Techniques,
}

/// What the loop is made from, besides what listens.
pub struct Equipment {
    pub settings: Settings,
    pub storage: Rc<dyn Storage>,
    pub accounts: Accounts,
    /// Where the accounts are read from again when that is asked for.
    pub users_file: Option<UsersFile>,
    pub descriptors: Descriptors,
    pub random: Random,
    pub transfer_log: Option<LogFile>,
    pub event_log: Option<LogFile>,
    /// `--trace`.
    pub trace: bool,
}

/// The loop, as its connections see it.
pub struct Shared {
    pub registry: Registry,
    pub settings: Settings,
    pub storage: Rc<dyn Storage>,
    pub descriptors: Descriptors,
    pub random: Random,
    pub rings: Vec<PassivePorts>,
    pub deadlines: Deadlines,
    pub counters: Counters,
    pub trace: Trace,
    pub transfer_log: Option<LogFile>,
    pub event_log: Option<LogFile>,
    /// Monotonic time, read once a turn.
    pub now: Instant,
    /// Wall-clock time, read once a turn; for dates that clients see, never for deadlines.
    pub wall: Timestamp,
    /// Where bytes from control connections, and bytes to be thrown away, are read into.
    pub scratch: Box<[u8]>,
    /// Bytes of bulk data that this turn may still move.
    pub bulk_left: usize,
    /// Who stopped before `WouldBlock` because a budget was spent.
    pub ready: ReadyQueue<Target>,
    /// Who has replies to be written at the end of the turn.
    pub unflushed: Vec<SlotId>,
    /// Who wants a passive port.
    pub port_requests: VecDeque<SlotId>,
    /// Ring and address whose entries were given back, so that the next in line can have one.
    pub freed_ports: VecDeque<(u16, IpAddr)>,
    /// Whose data connections have arrived; the connections are held by the ring.
    pub arrivals: VecDeque<SlotId>,
    /// Ports that are looked at once more before a transfer uses the connection that has arrived there, and whose it
    /// is.
    pub last_looks: VecDeque<(u16, PortIndex, SlotId)>,
    pub accounts: Accounts,
    /// Whose sessions are there, by account.
    pub attendance: Attendance,
    /// What lies beneath the roots of accounts with quotas.
    pub quotas: Arc<Quotas>,
    /// What transfers in MODE Z share.
    mode_z_places: ModeZPlaces,
    /// Speed limits that all sessions of an account share.
    paces: HashMap<Box<[u8]>, Weak<Pace>>,
    /// Lines of the log that clients cause by what is refused to them.
    pub line_budget: LineBudget,
    /// Addresses that failed to log in.
    pub throttle: LoginThrottle,
    /// Passwords that were right a moment ago.
    pub proofs: RecentProofs,
    /// Logins whose answer is owed.
    pub logins: Logins,
    /// `None`: nothing that this server does can take long.
    pub slow_work: Option<SlowWorkQueue>,
    /// What publications hold whose sessions have ended before them: descriptors stay counted, quotas charged.
    pub unclaimed: HashMap<SlotId, Held>,
    /// What uploads pass through inside the kernel; made when the first one comes.
    pub pipe: Option<SplicePipe>,
    /// Which sessions may have more commands waiting than others.
    pub long_inputs: LongInputs,
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
        let Equipment {
            settings,
            storage,
            accounts,
            users_file: _,
            descriptors,
            random,
            transfer_log,
            event_log,
            trace,
        } = equipment;
        let quotas = Arc::new(Quotas::of(&accounts, &Quotas::none()));
        Ok(Self {
            registry,
            settings,
            storage,
            accounts,
            attendance: Attendance::default(),
            quotas,
            mode_z_places: ModeZPlaces::default(),
            paces: HashMap::new(),
            line_budget: LineBudget::new(now),
            throttle: LoginThrottle::new(),
            proofs: RecentProofs::new(&*secret_key()?),
            logins: Logins::default(),
            slow_work,
            descriptors,
            random,
            rings,
            deadlines: Deadlines::default(),
            counters: Counters::default(),
            trace: Trace::to_standard_output(trace),
            transfer_log,
            event_log,
            now,
            wall: wall_clock(),
            scratch: vec![0; SCRATCH_BYTES].into_boxed_slice(),
            bulk_left: BULK_PER_TURN,
            ready: ReadyQueue::default(),
            unflushed: Vec::new(),
            port_requests: VecDeque::new(),
            freed_ports: VecDeque::new(),
            arrivals: VecDeque::new(),
            last_looks: VecDeque::new(),
            unclaimed: HashMap::new(),
            pipe: None,
            long_inputs: LongInputs::default(),
        })
    }

    /// What a session needs to answer a command.
    pub fn context(&self) -> Context<'_> {
        Context {
            storage: &self.storage,
            anonymous: self.settings.anonymous,
            accounts: &self.accounts,
            attendance: &self.attendance,
            quotas: &self.quotas,
            mode_z_places: &self.mode_z_places,
            wall: self.wall,
            active: self.settings.active,
            features: self.settings.features,
            wants_notices: self.wants_notices(),
        }
    }

    /// A session's transfer command is there. Whether its data connection has arrived before; then the transfer begins
    /// with it as soon as it is known that no other one waits at the port, which a look in this turn has shown already.
    pub fn look_once_more(&mut self, ring: u16, port: PortIndex, peer: IpAddr, slot: SlotId) -> bool {
        let Some(ports) = self.rings.get(usize::from(ring)) else {
            return false;
        };
        let has_arrived = ports.ring.holds(port, peer, slot);
        if has_arrived && ports.was_seen_empty(port, self.now) {
            self.arrivals.push_back(slot);
        } else if has_arrived {
            self.last_looks.push_back((ring, port, slot));
        }
        has_arrived
    }

    /// The speed limit of an account, which its sessions share for as long as one of them moves something.
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
