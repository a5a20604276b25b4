//! The parts of an event loop that know nothing of FTP: the server and `ftpstorm` are both built from them.
//!
//! - [`token`]: what an event is about, packed into the number that the kernel hands back.
//! - [`slots`]: the slab of connections, with generations.
//! - [`deadlines`]: when each slot has to be looked at if nothing happens before.
//! - [`pace`]: speed limits, as a share of time.
//! - [`busy_poll`]: looking again for a moment before sleeping.
//! - [`watchdog`]: turns and steps that took too long.

pub mod busy_poll;
pub mod deadlines;
pub mod pace;
pub mod slots;
pub mod token;
pub mod watchdog;
