//! The beginning of a run: sessions are opened, a few at a time; when all are open, every client begins.

use super::{Phase, Storm, TICK};
use crate::client::ScriptedClient;
use loopftpd::reactor::token::SlotId;
use std::time::{Duration, Instant};

/// Clients that log in at the same time before the run begins: fewer than any server's backlog (vsftpd's is 32).
const LOGINS_AT_ONCE: usize = 30;

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
        let Some(role) = self.roles.get(client.role) else {
            return;
        };
        client.intended = self.tools.now;
        if role.is_counted {
            let share = |length: Duration| length.mul_f64(client.number as f64 / total as f64);
            client.intended += share(self.options.ramp) + role.interval.map_or(Duration::ZERO, share);
            if let Some(schedule) = &mut self.schedule {
                schedule.add(client.intended);
            }
        }
    }
}
