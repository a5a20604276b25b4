//! Giving up capabilities, core dumps and everything that a program could gain by executing another.

use super::{ConfineError, step};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

/// The capabilities that `--user root` keeps: files of all users can be served and changed.
pub(super) const OF_ROOT: CapabilitySet = CapabilitySet::DAC_OVERRIDE
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID);

/// Takes all capabilities but `kept` out of the bounding set. Without CAP_SETPCAP the kernel does not allow it; then
/// `no_new_privs` alone keeps the process from gaining any.
pub(super) fn limit_bounding_set(kept: CapabilitySet) -> Result<(), ConfineError> {
    let own = capabilities(None).map_err(step("reading the capabilities"))?;
    if !own.effective.contains(CapabilitySet::SETPCAP) {
        return Ok(());
    }
    for number in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        // EINVAL: the kernel knows no capability of this number, nor any higher one.
        let Ok(is_in_set) = capability_is_in_bounding_set(capability) else {
            return Ok(());
        };
        if is_in_set && !kept.contains(capability) {
            remove_capability_from_bounding_set(capability).map_err(step("limiting the capabilities"))?;
        }
    }
    Ok(())
}

/// Drops all capabilities but `kept` from the other sets.
pub(super) fn keep_capabilities(kept: CapabilitySet) -> Result<(), ConfineError> {
    clear_ambient_capability_set().map_err(step("clearing the ambient capabilities"))?;
    let own = capabilities(None).map_err(step("reading the capabilities"))?;
    let left = CapabilitySets {
        effective: own.effective & kept,
        permitted: own.permitted & kept,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, left).map_err(step("dropping the capabilities"))
}

/// Executing a program no longer gives any right, as those of a set-user-id file.
pub(super) fn forbid_new_privileges() -> Result<(), ConfineError> {
    set_no_new_privs(true).map_err(step("setting no_new_privs"))
}

/// No core file, and processes of the same user can neither trace this one nor read its memory. A change of the user
/// resets this, so call it afterwards.
pub(super) fn forbid_dumping() -> Result<(), ConfineError> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(step("making the process not dumpable"))
}
