//! The parts of an event loop. They know nothing about FTP: the server and `ftpstorm` are both built from them.
//!
//! - [`poller`]: how a turn begins: sleep until an event or a deadline, then read the clock.
//! - [`token`]: which source an event is for, packed into the number that the kernel hands back.
//! - [`slots`]: the slab of connections, with generations.
//! - [`socket`]: what a connection needs of a TCP socket.
//! - [`deadlines`]: when each slot must be looked at if nothing else happens.
//! - [`ready_queue`]: slots that stopped at their budget and can go on.
//! - [`pace`]: speed limits, kept by deadlines.
//! - [`busy_poll`]: polling without waiting for a moment before sleeping.
//! - [`watchdog`]: turns and steps that took too long.

pub mod busy_poll;
pub mod deadlines;
pub mod pace;
pub mod poller;
pub mod ready_queue;
pub mod slots;
pub mod socket;
pub mod token;
pub mod watchdog;
