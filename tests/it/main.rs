//! Tests of the server as its clients see it: a module for each behaviour, and one harness for all of them.
//!
//! All tests run as threads of one process. A test that changes its own process (limits, working directory, identity)
//! runs in a process of its own: [`harness::own_process`].

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests and their harness fail by panicking"
)]

mod aborts;
mod account_roots;
mod accounts;
mod accounts_command_line;
mod active_mode;
mod architecture;
mod catalogue;
mod changes;
mod changes_confinement;
mod client_habits;
mod confinement;
mod confinement_grid;
mod conversation;
mod data_connections;
mod deflate;
mod digests;
mod durability;
mod events;
mod faults;
mod files;
mod fuzz_corpus;
#[path = "../grid/mod.rs"]
mod grid;
mod guarded_server;
mod hostile_lines;
mod leaks;
mod limits;
mod links;
mod listings;
mod logins;
mod network_fuzzing;
mod operator_log;
mod passive_ports;
mod process;
mod quota_measurements;
mod quotas_and_rates;
mod recovery;
mod refusals;
mod reply_order;
mod rights;
mod sandbox;
mod status_page;
#[cfg(feature = "ftpstorm")]
mod storm;
mod structure;
mod synthetic;
mod tls;
mod trace;
mod transfers;
mod upload_habits;
mod upload_names;
mod upload_refusals;
mod uploads;
