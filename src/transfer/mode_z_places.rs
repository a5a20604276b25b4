//! The limit of concurrent transfers in MODE Z: each holds some memory, and they share one processor.
//!
//! A place is taken when the transfer begins and freed by `Drop`, so the count cannot leak.

use std::cell::Cell;
use std::rc::Rc;

/// Transfers in MODE Z at once. At 96 KiB each they hold 6 MiB at most.
const PLACES: usize = 64;

/// All places.
#[derive(Debug, Default)]
pub struct ModeZPlaces {
    taken: Rc<Cell<usize>>,
}

/// One transfer's place.
#[derive(Debug)]
pub struct ModeZPlace {
    taken: Rc<Cell<usize>>,
}

impl ModeZPlaces {
    /// A place, or `None` when all are taken.
    pub fn take(&self) -> Option<ModeZPlace> {
        if self.taken.get() >= PLACES {
            return None;
        }
        self.taken.set(self.taken.get() + 1);
        Some(ModeZPlace {
            taken: Rc::clone(&self.taken),
        })
    }
}

impl Drop for ModeZPlace {
    fn drop(&mut self) {
        self.taken.set(self.taken.get().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_z_place_is_free_again_after_its_transfer() {
        let places = ModeZPlaces::default();
        let mut taken: Vec<ModeZPlace> = (0..PLACES).map(|_| places.take().expect("a place")).collect();
        assert!(places.take().is_none(), "all are taken");
        taken.pop();
        let last = places.take();
        assert!(last.is_some());
        assert!(places.take().is_none());
        drop((taken, last));
        assert_eq!(places.taken.get(), 0);
    }
}
