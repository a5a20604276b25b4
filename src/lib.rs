//! loopftpd: an FTP server that is one poll loop on one thread.
//!
//! To see how non-blocking I/O works, follow one download: [`event_loop`] (the turn), [`connection`] (a line in, bytes
//! and replies out), [`session`] (what the line means), [`transfer`] (the bytes). `docs/architecture.md` names the
//! functions on that path, and `loopftpd --trace` prints it as it happens.
//!
//! The modules, from the top down. Dependencies point downwards only.
//!
//! - [`options`]: every command-line option, once; [`units`]: the sizes, counts and durations that options and files
//!   give.
//! - [`hash_password`]: the second mode of the program, which makes a password hash for the users file.
//! - [`confine`]: chroot, dropping root, and the sandbox, before the server accepts clients.
//! - [`served_tree`], [`outside_file`]: checks that secrets are outside the served directory; files outside it that are
//!   opened again later.
//! - [`event_loop`]: the turn: poll, dispatch, ready queue, deadlines, flush; and the effects of connections on each
//!   other.
//! - [`status`]: the page of `--status` that shows the running loop, its figures for Prometheus, and their viewers.
//! - [`connection`]: one client between turns: its sockets, buffers, data channel and deadlines.
//! - [`records`]: text log, event log, transfer log, and counters.
//! - [`ports`]: listening sockets, the passive ring, and admission of clients.
//! - [`slow_work`]: blocking work on one helper thread, and its queues.
//! - [`tls`]: FTPS: TLS behind the same calls as a plain socket.
//! - [`session`]: the state machine of one session, without sockets.
//! - [`transfer`]: the pumps that move the bytes of a transfer within a budget.
//! - [`accounts`]: the users file, password hashes, rights, and the login throttle.
//! - [`storage`]: files under one root; [`computed_file`]: files whose content is computed.
//! - [`reactor`]: poller, slots, tokens, deadlines, pace: the parts of an event loop that know no FTP.
//! - [`target`]: the tokens of the poll.
//! - [`ftp`]: the protocol: lines, commands, replies, paths, listings; no socket, no file, no clock.
//! - [`shown_name`]: names from clients, escaped for logs.
//! - [`kernel`]: the system calls on files and pipes, which the trace shows and unit tests can make fail.
//! - [`trace`]: `--trace`, the running loop as a story.
//! - [`clock`], [`descriptors`], [`random`], [`peer_network`], [`process_figures`]: the wall clock, the count of open
//!   descriptors, random numbers, the network that an address is counted with, and the memory of this process.

pub mod accounts;
pub mod clock;
pub mod computed_file;
pub mod confine;
pub mod connection;
pub mod descriptors;
pub mod event_loop;
pub mod ftp;
pub mod hash_password;
pub mod kernel;
pub mod options;
pub mod outside_file;
pub mod peer_network;
pub mod ports;
pub mod process_figures;
pub mod random;
pub mod reactor;
pub mod records;
pub mod served_tree;
pub mod session;
pub mod shown_name;
pub mod slow_work;
pub mod status;
pub mod storage;
pub mod target;
pub mod tls;
pub mod trace;
pub mod transfer;
pub mod units;
