//! loopftpd: an FTP server that is one poll loop on one thread.
//!
//! The rooms, from the top down. Dependencies point downwards only.
//!
//! - [`options`]: every command-line option, once; [`units`]: the sizes, counts and durations that options and files give.
//! - [`hash_password`]: the program's other mode, which makes a hash for the users file.
//! - [`confine`]: what a server started as root does to itself before it serves.
//! - [`served_tree`], [`outside_file`]: what clients can reach, and files outside it that are opened again.
//! - [`event_loop`]: the turn: poll, dispatch, ready queue, deadlines, flush; and what connections cause for each other.
//! - [`connection`]: one client between turns: its sockets, its buffers, its data channel, its deadlines.
//! - [`records`]: log lines, events, finished transfers, the trace, and counts.
//! - [`ports`]: everything that listens, the passive ring, and who is let in.
//! - [`slow_work`]: what must block, on one thread beside the loop, and the queues for it.
//! - [`session`]: one conversation as a state machine, without sockets.
//! - [`transfer`]: the pumps that move the bytes of a transfer, a budget at a time.
//! - [`accounts`]: who may log in, what proves it, and what each may do.
//! - [`storage`]: files under one root; [`computed_file`]: files that are computed, not stored.
//! - [`reactor`]: poller, slots, tokens, deadlines, pace: the parts of an event loop that know no FTP.
//! - [`target`]: what an event of the poll is for.
//! - [`ftp`]: the protocol's words: lines, commands, replies, paths, listings; no socket, no file, no clock.
//! - [`shown_name`]: names from clients, as logs show them.
//! - [`clock`], [`descriptors`], [`random`], [`peer_network`]: the wall clock, the count of open descriptors, random
//!   numbers, and the network that an address is counted with.

pub mod accounts;
pub mod clock;
pub mod computed_file;
pub mod confine;
pub mod connection;
pub mod descriptors;
pub mod event_loop;
pub mod ftp;
pub mod hash_password;
pub mod options;
pub mod outside_file;
pub mod peer_network;
pub mod ports;
pub mod random;
pub mod reactor;
pub mod records;
pub mod served_tree;
pub mod session;
pub mod shown_name;
pub mod slow_work;
pub mod storage;
pub mod target;
pub mod transfer;
pub mod units;
