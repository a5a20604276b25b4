//! The page of `--status`: a window into the running loop, over HTTP, in the same loop.
//!
//! Its listener and its viewers are targets of the poll like any other, with permits for their descriptors, budgets and
//! deadlines. `Status` owns them; `event_loop/status_page.rs` passes it events and what the loop does. Without
//! `--status` there is no `Status`, and each of those places is one comparison.
//!
//! - [`viewer`]: one connection. [`request`]: what is asked for, and whether it may be. [`answer`], [`body`]: what is
//!   answered, from [`sources`]; [`page`]: the page.
//! - [`recorder`]: the last turns and their steps, by [`handler`], and how long they took, in a [`histogram`].
//! - [`stream`]: what has changed, the [`slot_set`], [`rings`] and [`figures`]. [`subscription`]: one viewer of the
//!   stream.
//! - [`rows`], [`metrics`]: sessions, turns and figures as text. [`seen`]: what of the loop is visible here.

pub mod answer;
pub mod body;
pub mod figures;
pub mod handler;
pub mod histogram;
pub mod metrics;
pub mod page;
pub mod recorder;
pub mod request;
pub mod rings;
pub mod rows;
pub mod seen;
pub mod slot_set;
pub mod sources;
pub mod stream;
pub mod subscription;
pub mod viewer;

use crate::connection::{Connection, shared::Shared};
use crate::ports::StatusListener;
use crate::reactor::{deadlines::Deadlines, slots::Slots, socket::TcpSocket, token::SlotId};
use crate::records::conversation::Spoken;
use crate::target::Target;
use mio::Interest;
use mio::net::TcpListener;
use recorder::Recorder;
use request::{AllowedHosts, REQUEST_MAX, TOO_MANY};
use seen::Seen;
use sources::Sources;
use std::net::IpAddr;
use std::time::Instant;
use stream::Stream;
use viewer::{After, Viewer};

/// The page, its viewers, and what it remembers of the loop.
#[derive(Debug)]
pub struct Status {
    listener: StatusListener,
    hosts: AllowedHosts,
    viewers: Slots<Viewer>,
    deadlines: Deadlines,
    sources: Sources,
}

impl Status {
    /// `hosts`: from `--status-host`; `control`: addresses of the control listeners.
    pub fn new(mut listener: StatusListener, hosts: &[String], control: Vec<String>, now: Instant) -> Self {
        let process = listener.process.take().unwrap_or_default();
        Self {
            hosts: AllowedHosts::new(listener.address.ip(), hosts),
            listener,
            viewers: Slots::default(),
            deadlines: Deadlines::default(),
            sources: Sources::new(Recorder::new(now), Stream::new(now), process, control),
        }
    }

    /// The socket that viewers connect to.
    pub fn listener(&self) -> &TcpListener {
        &self.listener.socket
    }

    /// When the page has something to do, if no event comes before.
    pub fn next(&self) -> Option<Instant> {
        let tick = self.sources.stream.next(self.sources.recorder.interval.is_busy);
        [tick, self.deadlines.next()].into_iter().flatten().min()
    }

    /// Takes a new viewer. Its permit comes from those that were reserved at the start, so the page can be read when
    /// sessions use all others; the 17th viewer is refused.
    pub fn admit(&mut self, mut socket: Box<dyn TcpSocket>, own: IpAddr, seen: &mut Seen<'_>) {
        let Some(permit) = self.listener.places.pop() else {
            let mut answer = Vec::new();
            self.sources.refuse(TOO_MANY, &mut answer);
            // It fits into the empty send buffer of a new socket. Closing with an unread request would reset the
            // connection, so what has come already is read.
            let _ = socket.write(&answer);
            let _ = socket.shut_down_writing();
            let _ = socket.read(&mut [0; REQUEST_MAX]);
            return;
        };
        let now = seen.shared.now;
        let slot = self.viewers.insert_with(|_| Viewer::new(socket, permit, own, now));
        let Some(viewer) = self.viewers.get_mut(slot) else {
            return;
        };
        let interest = Interest::READABLE | Interest::WRITABLE;
        let token = Target::Viewer(slot).into();
        match viewer.socket().register(&seen.shared.registry, token, interest, false) {
            Ok(()) => self.serve(slot, seen),
            Err(_) => self.remove(slot),
        }
    }

    /// Serves a viewer, after an event or from the ready queue.
    pub fn serve(&mut self, slot: SlotId, seen: &mut Seen<'_>) {
        let count = self.viewers.len();
        let Some(viewer) = self.viewers.get_mut(slot) else {
            return;
        };
        let after = viewer.serve(&mut self.sources, &self.hosts, seen, count);
        self.settle(slot, after, seen);
    }

    fn settle(&mut self, slot: SlotId, after: After, seen: &mut Seen<'_>) {
        let Some(viewer) = self.viewers.get_mut(slot) else {
            return;
        };
        match after {
            After::Wait => {}
            After::Again => seen.shared.ready.push_back(Target::Viewer(slot)),
            After::Remove => return self.remove(slot),
        }
        match viewer.due() {
            Some(due) => self.deadlines.arm(slot, &mut viewer.deadline, due),
            None => self.deadlines.cancel(slot, &mut viewer.deadline),
        }
    }

    fn remove(&mut self, slot: SlotId) {
        if let Some(mut viewer) = self.viewers.remove(slot) {
            self.deadlines.cancel(slot, &mut viewer.deadline);
            self.listener.places.push(viewer.permit);
        }
    }

    /// Drops viewers that took too long, and sends a message to the others if it is time.
    pub fn time_passes(&mut self, seen: &mut Seen<'_>) {
        let now = seen.shared.now;
        while let Some(slot) = self
            .deadlines
            .pop_due(&mut self.viewers, |viewer| &mut viewer.deadline, now)
        {
            if let Some(viewer) = self.viewers.get_mut(slot) {
                let after = viewer.time_is_up(&self.sources, seen);
                self.settle(slot, after, seen);
            }
        }
        let Sources { stream, recorder, .. } = &mut self.sources;
        if stream.next(recorder.interval.is_busy).is_none_or(|at| at > now) {
            return;
        }
        let subscribed: Vec<SlotId> = (self.viewers.iter())
            .filter_map(|(slot, viewer)| viewer.subscription().map(|_| slot))
            .collect();
        let Some(message) = stream.message(seen, recorder, !subscribed.is_empty()) else {
            return;
        };
        for slot in subscribed {
            if let Some(subscription) = self.viewers.get_mut(slot).and_then(Viewer::subscription_mut) {
                subscription.push(&message);
            }
            self.serve(slot, seen);
        }
    }

    /// What records the turns of the loop.
    pub fn recorder(&mut self) -> &mut Recorder {
        &mut self.sources.recorder
    }

    /// A connection was served.
    pub fn served(&mut self, slot: SlotId, connection: &Connection, now: Instant, shared: &mut Shared) {
        let (number, (phase, _)) = (connection.session().number(), connection.phase());
        let Sources { recorder, stream, .. } = &mut self.sources;
        let before = recorder.served(slot.key, number, phase, now, &shared.counters);
        stream.mark(slot.key);
        if let Some(tallies) = shared.tallies.as_mut().filter(|_| before != phase) {
            tallies.conversation.add(number, Spoken::State(before, phase));
        }
    }
}
