//! How many bytes of commands may be queued for a session.
//!
//! During a transfer or a long answer it is more than otherwise, to find an ABOR behind other commands. The number of
//! sessions that may queue that much is limited, so that they cannot fill the memory.

use std::rc::Rc;

/// Bytes of commands that may be queued; more stay in the kernel.
pub const INPUT_MAX: usize = 8 * 1024;
/// The same while ABOR would end something.
pub const LONG_INPUT_MAX: usize = 64 * 1024;
/// Sessions that may queue that much at once.
const LONG_INPUTS: usize = 128;

/// Counts the sessions with a long input.
#[derive(Debug, Default)]
pub struct LongInputs(Rc<()>);

/// Permission to queue more than [`INPUT_MAX`]; dropping it gives the permission back.
#[derive(Debug)]
pub struct LongInput {
    _one: Rc<()>,
}

impl LongInputs {
    /// Permission for one more session; `None`: too many have it.
    pub fn permit(&self) -> Option<LongInput> {
        (Rc::strong_count(&self.0) <= LONG_INPUTS).then(|| LongInput {
            _one: Rc::clone(&self.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_until_one_is_returned() {
        let inputs = LongInputs::default();
        let mut held: Vec<_> = (0..LONG_INPUTS).filter_map(|_| inputs.permit()).collect();
        assert_eq!(held.len(), LONG_INPUTS);
        assert!(inputs.permit().is_none());
        held.pop();
        assert!(inputs.permit().is_some());
    }
}
