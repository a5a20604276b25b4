//! Begins what clients do: sessions are opened, a few at a time; when all are open, every client begins its operations,
//! each when the one before has ended or when its time has come.

use super::{Phase, Storm, TICK};
use crate::client::{ScriptedClient, Status};
use crate::script::Operation;
use loopftpd::random::Random;
use loopftpd::reactor::token::SlotId;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Clients that log in at the same time before the run begins: fewer than any server's backlog (vsftpd's is 32).
const LOGINS_AT_ONCE: usize = 30;
/// After a failure a client waits this long, or it would ask a dead server a million times a second.
const AFTER_FAILURE: Duration = Duration::from_millis(100);
/// When a client that has nothing more to do is looked at again: long after any run.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

impl Storm<'_> {
    pub(super) fn add_clients(&mut self) {
        let now = self.tools.now;
        let mut number = 0;
        for (index, role) in self.roles.iter().enumerate() {
            for _ in 0..role.clients {
                let source = role.sources.map(|sources| sources.address(number));
                let slot = self
                    .clients
                    .insert_with(|slot| ScriptedClient::new(slot, index, number, source, now));
                if role.login.is_some() {
                    self.waiting.push_back(slot);
                }
                number += 1;
            }
        }
    }

    /// Lets more clients log in; once all have, every client begins.
    pub(super) fn log_in_and_begin(&mut self) {
        if self.phase != Phase::Gathering {
            return;
        }
        while self.logging_in < LOGINS_AT_ONCE
            && let Some(slot) = self.waiting.pop_front()
        {
            self.logging_in += 1;
            self.begin(slot);
        }
        if self.logging_in > 0 || !self.waiting.is_empty() {
            return;
        }
        self.phase = Phase::Running;
        self.tools.now = Instant::now();
        let now = self.tools.now;
        self.tools.measurements.begin(now);
        self.next_second = now + TICK;
        let slots: Vec<SlotId> = self.clients.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.set_first_operation(slot);
            self.arm_deadline(slot);
        }
        self.fire_deadlines();
    }

    /// Clients beside the others begin at once, so that even a run of 10 ms measures them; the others are spread.
    fn set_first_operation(&mut self, slot: SlotId) {
        let total = self.clients.len().max(1);
        let Some(client) = self.clients.get_mut(slot) else {
            return;
        };
        client.intended = self.tools.now;
        if let Some(role) = self.roles.get(client.role)
            && role.is_counted
        {
            let share = |length: Duration| length.mul_f64(client.number as f64 / total as f64);
            client.intended += share(self.options.ramp) + role.interval.map_or(Duration::ZERO, share);
            if let Some(schedule) = &mut self.schedule {
                schedule.add(client.intended);
            }
        }
    }

    /// A client whose time has come begins now; that this loop's timer is late is not the server's fault.
    pub(super) fn begin(&mut self, slot: SlotId) {
        let status = self.begin_next(slot, self.tools.now);
        self.go_on(slot, status);
    }

    pub(super) fn go_on(&mut self, slot: SlotId, status: Status) {
        let mut status = status;
        while let Some(intended) = self.account(slot, status) {
            status = self.begin_next(slot, intended);
        }
        self.arm_deadline(slot);
    }

    /// Counts what ended. Returns when the next operation should have begun, if that is now or past: its latency counts
    /// from then, so that a server that stalls cannot hide it.
    fn account(&mut self, slot: SlotId, status: Status) -> Option<Instant> {
        let client = self.clients.get_mut(slot)?;
        let role = self.roles.get(client.role);
        let login_class = role.and_then(|role| role.login.as_ref()).map(|login| login.class);
        let interval = role.and_then(|role| role.interval);
        let is_counted = role.is_some_and(|role| role.is_counted);
        let now = self.tools.now;
        let measurements = &mut self.tools.measurements;
        let (ended, has_failed) = match status {
            Status::UnderWay | Status::Resting => return None,
            Status::Succeeded { class, began } => {
                measurements.success(class, now - began);
                if measurements.is_judged(class) {
                    self.success_watch.success(now);
                }
                (Some(class), false)
            }
            Status::Failed { class, failure, since } => {
                if measurements.is_judged(class) {
                    self.success_watch.failure(since, &failure);
                }
                measurements.failure(class, failure);
                (Some(class), true)
            }
            Status::LostAtRest(failure) => {
                if let Some(class) = login_class {
                    measurements.failure(class, failure);
                }
                (None, true)
            }
        };
        let was_login = ended.is_some() && ended == login_class;
        if was_login && self.phase == Phase::Gathering {
            self.logging_in -= 1;
            return None;
        }
        if is_counted && ended.is_some() && !was_login {
            self.counted.ended += 1;
            self.squat();
        }
        if was_login && !has_failed {
            return Some(now);
        }
        let client = self.clients.get_mut(slot)?;
        let next = interval.map_or(now, |interval| client.intended + interval);
        client.intended = if has_failed {
            next.max(now + AFTER_FAILURE)
        } else {
            next
        };
        let is_due = client.intended <= now && self.phase == Phase::Running;
        is_due.then_some(client.intended)
    }

    /// The squatter tries to bind one more port.
    fn squat(&mut self) {
        if let Some(squatter) = &mut self.tools.squatter {
            squatter.take_a_port(&self.tools.registry);
            let counts = &mut self.tools.measurements.attack;
            (counts.squatted_ports, counts.squats_tried) = squatter.score();
        }
    }

    /// Begins the login that a client needs, or its next operation, whose latency counts from `intended`.
    fn begin_next(&mut self, slot: SlotId, intended: Instant) -> Status {
        let Some(client) = self.clients.get_mut(slot) else {
            return Status::Resting;
        };
        let Some(role) = self.roles.get(client.role) else {
            return Status::Resting;
        };
        match self.phase {
            Phase::Gathering if role.login.is_none() || client.has_session() => return Status::Resting,
            Phase::Gathering | Phase::Running => {}
            Phase::Finishing { .. } => {
                client.intended = self.tools.now + NEVER;
                return Status::Resting;
            }
        }
        if let Some(login) = &role.login
            && !client.has_session()
        {
            let now = self.tools.now;
            return client.begin(Rc::clone(login), now, &mut self.tools);
        }
        if role.is_counted {
            if self.counted.all_begun() {
                client.intended = self.tools.now + NEVER;
                return Status::Resting;
            }
            self.counted.begun += 1;
            self.counted.last_began = self.tools.now;
        }
        match choose(&role.repertoire, &mut self.random) {
            Some(operation) => client.begin(operation, intended, &mut self.tools),
            None => Status::Resting,
        }
    }
}

/// One of the operations, by weight; `None` if no weight is above 0.
fn choose(repertoire: &[(u32, Rc<Operation>)], random: &mut Random) -> Option<Rc<Operation>> {
    if let [(_, only)] = repertoire {
        return Some(Rc::clone(only));
    }
    let total: u32 = repertoire.iter().map(|(weight, _)| weight).sum();
    let mut drawn = u32::try_from(random.below(total as usize)).unwrap_or(0);
    for (weight, operation) in repertoire {
        if drawn < *weight {
            return Some(Rc::clone(operation));
        }
        drawn -= weight;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_chosen_by_weight() {
        let operation = |class| {
            Rc::new(Operation {
                class,
                steps: Vec::new(),
            })
        };
        let repertoire = [(3, operation(0)), (0, operation(1)), (1, operation(2))];
        let mut random = Random::seeded(1);
        let mut chosen = [0; 3];
        for _ in 0..4_000 {
            chosen[choose(&repertoire, &mut random).expect("one").class] += 1;
        }
        assert!((2_800..3_200).contains(&chosen[0]) && chosen[1] == 0, "{chosen:?}");
        assert!(choose(&[], &mut random).is_none());
    }
}
