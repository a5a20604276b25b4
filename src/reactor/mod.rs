//! The parts of an event loop. They know nothing about FTP: the server and `ftpstorm` are both built from them.
//!
//! - [`poller`]: how a turn begins: poll for a moment, sleep until an event or a deadline, then read the clock.
//! - [`token`]: which source an event is for, packed into the number that the kernel returns with it.
//! - [`slots`]: the slab of connections, with generations.
//! - [`socket`]: what a connection needs of a TCP socket.
//! - [`deadlines`]: when each slot must be looked at if nothing else happens.
//! - [`pace`]: speed limits, kept by deadlines.
//! - [`watchdog`]: turns and steps that took too long.

pub mod deadlines;
pub mod pace;
pub mod poller;
pub mod slots;
pub mod socket;
pub mod token;
pub mod watchdog;
