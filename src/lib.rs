//! loopftpd: an FTP server that is one poll loop on one thread.
//!
//! The map of the house. Bytes come in at the top and go out at the bottom; dependencies point downwards only.
//!
//! - [`options`]: every command-line option, once.
//! - [`hash_password`]: the program's other mode, which makes a hash for the users file.
//! - [`confine`]: what a server started as root does to itself before it serves.
//! - [`served_tree`], [`outside_file`]: what clients can reach, and files beside it that are opened again.
//! - [`log_output`]: log lines to standard error, which must never stop the loop.
//! - [`event_loop`]: the loop: poll, sockets, slots, deadlines, budgets, the passive ring, signals.
//! - [`session`]: one conversation as a state machine, without sockets.
//! - [`slow_work`]: what must block, on one thread beside the loop.
//! - [`accounts`]: who may log in, what proves it, and what each may do.
//! - [`transfer`]: the pumps that move the bytes of a transfer, a budget at a time.
//! - [`storage`]: files beneath one root.
//! - [`ftp`]: the protocol's words: lines, commands, replies, paths, listings; no socket, no file, no clock.
//! - [`pattern`]: files that are computed, not stored.
//! - [`shown_name`]: names from clients, as logs show them.
//! - [`descriptors`], [`random`], [`peer_network`]: the count of open descriptors, chance, and whom an address is
//!   counted with.

#![forbid(unsafe_code)]

pub mod accounts;
pub mod confine;
pub mod descriptors;
pub mod event_loop;
pub mod ftp;
pub mod hash_password;
pub mod log_output;
pub mod options;
pub mod outside_file;
pub mod pattern;
pub mod peer_network;
pub mod random;
pub mod served_tree;
pub mod session;
pub mod shown_name;
pub mod slow_work;
pub mod storage;
pub mod transfer;
