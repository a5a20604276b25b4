//! What every connection may use of the loop while it is being served: one value, lent for the call.
//!
//! Connections cannot reach each other through it. What one connection causes for another (a freed port, a connection that
//! arrived) is put into a queue here and delivered by the loop.

use super::counters::Counters;
use super::data_channel::DataSocket;
use super::deadlines::Deadlines;
use super::listeners::PassivePorts;
use super::techniques::Without;
use super::token::{SlotId, Target};
use super::trace::Trace;
use super::transfer_log::TransferLog;
use crate::descriptors::Descriptors;
use crate::ftp::timestamp::Timestamp;
use crate::random::Random;
use crate::session::Context;
use crate::storage::Storage;
use mio::Registry;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How long each kind of waiting may last, and what is allowed: the loop's part of the options.
#[derive(Clone, Debug)]
pub struct Settings {
    pub banner: String,
    pub active: bool,
    pub public_addresses: crate::options::PublicAddresses,
    pub max_sessions: usize,
    pub max_sessions_per_ip: Option<usize>,
    pub login_timeout: Duration,
    pub idle_timeout: Duration,
    pub connect_timeout: Duration,
    pub stall_timeout: Duration,
    /// What is left out, for measurements.
    pub without: Without,
}

/// The loop, as its connections see it.
pub struct Shared {
    pub registry: Registry,
    pub settings: Settings,
    pub storage: Box<dyn Storage>,
    pub descriptors: Descriptors,
    pub random: Random,
    pub rings: Vec<PassivePorts>,
    pub deadlines: Deadlines,
    pub counters: Counters,
    pub trace: Trace,
    pub transfer_log: Option<TransferLog>,
    /// Monotonic time, read once a turn.
    pub now: Instant,
    /// Wall-clock time, read once a turn; for dates that clients see, never for deadlines.
    pub wall: Timestamp,
    /// Where bytes from control connections, and bytes to be thrown away, are read into.
    pub scratch: Box<[u8]>,
    /// Bytes of bulk data that this turn may still move.
    pub bulk_left: usize,
    /// Who stopped before `WouldBlock` because a budget was spent.
    pub ready: VecDeque<Target>,
    /// Who has replies to be written at the end of the turn.
    pub unflushed: Vec<SlotId>,
    /// Who wants a passive port.
    pub port_requests: VecDeque<SlotId>,
    /// Ring and address whose entries were given back, so that the next in line can have one.
    pub freed_ports: VecDeque<(u16, IpAddr)>,
    /// Data connections that arrived, and whose they are.
    pub arrivals: VecDeque<(SlotId, DataSocket)>,
    /// Whether the server is shutting down: sessions end when they have nothing under way.
    pub is_draining: bool,
}

impl Shared {
    /// What a session needs to answer a command.
    pub fn context(&self) -> Context<'_> {
        Context {
            storage: &*self.storage,
            wall: self.wall,
            active: self.settings.active,
        }
    }
}
