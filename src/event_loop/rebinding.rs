//! Retrying to bind passive ports that could not be bound at start.

use super::{EventLoop, REBIND_INTERVAL};
use crate::connection::shared::Shared;

impl EventLoop {
    pub(super) fn bind_missing_ports(&mut self) {
        let Shared {
            rings,
            descriptors,
            registry,
            settings,
            now,
            ..
        } = &mut self.shared;
        for ports in rings.iter_mut() {
            let had = ports.ring.len();
            let failure = ports.bind_missing(usize::MAX, descriptors, registry, &settings.techniques);
            if ports.ring.len() > had {
                log::info!("{} of {} passive ports bound now", ports.ring.len(), ports.wanted());
            }
            if let Some(failure) = failure {
                log::debug!("passive ports still missing: {failure}");
            }
        }
        let missing = rings.iter().any(|ports| !ports.is_complete());
        self.rebind_at = missing.then(|| *now + REBIND_INTERVAL);
    }
}
