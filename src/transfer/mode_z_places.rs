//! The limit of concurrent transfers in MODE Z: each holds some memory, and they share one processor.

use std::rc::Rc;

/// Transfers in MODE Z at once. At 96 KiB each they hold 6 MiB at most.
const PLACES: usize = 64;

/// All places.
#[derive(Debug, Default)]
pub struct ModeZPlaces(Rc<()>);

/// One transfer's place: a reference that counts until it is dropped.
#[derive(Debug)]
pub struct ModeZPlace {
    _counted: Rc<()>,
}

impl ModeZPlaces {
    /// A place, or `None` when all are taken.
    pub fn take(&self) -> Option<ModeZPlace> {
        let taken = Rc::strong_count(&self.0) - 1;
        let place = || ModeZPlace {
            _counted: Rc::clone(&self.0),
        };
        (taken < PLACES).then(place)
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
    }
}
