//! Tests that need more than the server: client programs, strace, prlimit, faketime, root.
//!
//! What is missing makes a test *ignored*, and its name says why; in CI it fails. A module for each subject lists its
//! tests with what they need.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests and their harness fail by panicking"
)]

use libtest_mimic::Arguments;
use std::process::ExitCode;

mod client_accounts;
mod client_deflate;
mod client_reply_order;
mod client_tls;
mod client_trees;
mod client_uploads;
mod clients;
mod clock;
mod confined_verbs;
mod crash_points;
mod descriptors;
mod disk_faults;
mod durability;
mod escapes;
mod faults;
mod interruptions;
mod killed_at;
mod mounts;
mod permissions;
mod reply_order;
mod sandbox;
mod started_as_root;
mod status_page;
mod system_calls;
mod techniques;
mod terminal;

fn main() -> ExitCode {
    let modules = [
        client_accounts::trials(),
        client_deflate::trials(),
        client_reply_order::trials(),
        client_trees::trials(),
        client_uploads::trials(),
        clients::trials(),
        client_tls::trials(),
        clock::trials(),
        confined_verbs::trials(),
        crash_points::trials(),
        descriptors::trials(),
        disk_faults::trials(),
        durability::trials(),
        escapes::trials(),
        faults::trials(),
        interruptions::trials(),
        mounts::trials(),
        permissions::trials(),
        reply_order::trials(),
        sandbox::trials(),
        started_as_root::trials(),
        status_page::trials(),
        system_calls::trials(),
        techniques::trials(),
        terminal::trials(),
    ];
    libtest_mimic::run(&Arguments::from_args(), modules.into_iter().flatten().collect()).exit_code()
}
