//! The passive rings, as they are shown.

use super::seen::Seen;
use crate::ports::passive_ports::PassivePorts;

/// Marks that a ring is shown with; if it has more ports, each mark stands for several.
const MARKS: usize = 512;

/// By ring: those marks whose ports are announced or rest, as index, announcements, and draws since it was drawn.
pub type Rings = Vec<Vec<(usize, usize, Option<u64>)>>;

/// How many marks a ring is shown with.
pub fn marks(ports: &PassivePorts) -> usize {
    ports.wanted().min(MARKS)
}

/// All passive rings.
pub fn of(seen: &Seen<'_>) -> Rings {
    let rings = seen.shared.rings.iter();
    rings
        .map(|ports| ports.ring.busy_segments(ports.wanted(), marks(ports)))
        .collect()
}
