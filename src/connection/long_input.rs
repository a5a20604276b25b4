//! How many bytes of commands may wait for a session.
//!
//! While a transfer or a long answer is under way, more is taken in than otherwise, because an ABOR may stand behind
//! what waits. Only so many sessions may have that much at once, so that it cannot be used to fill the memory.

use std::rc::Rc;

/// Bytes of commands that may wait; more stay in the kernel.
pub const INPUT_MAX: usize = 8 * 1024;
/// The same while something is under way that ABOR may end.
pub const LONG_INPUT_MAX: usize = 64 * 1024;
/// Sessions of which so much may wait at once.
const LONG_INPUTS: usize = 128;

/// Who has a long input.
#[derive(Debug, Default)]
pub struct LongInputs(Rc<()>);

/// The right to have more waiting than [`INPUT_MAX`]; dropping it gives the right back.
#[derive(Debug)]
pub struct LongInput {
    _one: Rc<()>,
}

impl LongInputs {
    /// The right for one more session, or `None` when too many have it.
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
    fn so_many_and_no_more_until_one_is_given_back() {
        let inputs = LongInputs::default();
        let mut held: Vec<_> = (0..LONG_INPUTS).filter_map(|_| inputs.permit()).collect();
        assert_eq!(held.len(), LONG_INPUTS);
        assert!(inputs.permit().is_none());
        held.pop();
        assert!(inputs.permit().is_some());
    }
}
