//! `--check-sandbox`: sets up the sandbox as a server does, but without listening, and tries what it must prevent.

use crate::preparation::prepare;
use crate::{root_after, say, start_checks};
use loopftpd::confine::{self, Sandbox, SandboxCheck, Stage, Violation};
use loopftpd::options::Options;
use loopftpd::records::text_log;
use std::error::Error;

/// Something was possible that the sandbox should prevent.
#[derive(Debug, thiserror::Error)]
#[error("--check-sandbox: the sandbox does not prevent everything that it should: see NOT DENIED in the table")]
struct NotDenied;

/// Prints the table of attempts; an error if one succeeded that should not.
pub fn check(mut options: Options) -> Result<(), Box<dyn Error>> {
    confine::detach_standard_streams()?;
    text_log::start(&options.log_level)?;
    // A running server may have the addresses.
    options.listen.clear();
    let prepared = prepare(&options)?;
    let mut check = SandboxCheck::prepare()?;
    let confinement = confine::confine(&options.directory, prepared.identity.clone(), options.chroot)?;
    let root = root_after(&confinement, &options);
    start_checks::directory_can_be_served(root, &options, &prepared.accounts, &confinement)?;
    let permissions = prepared.permissions(&options);
    check.set_place(root, confinement.is_chrooted(), permissions.clone());
    check.attempt(Stage::User)?;
    let mut sandbox = Sandbox::new(options.sandbox, Violation::Refuse, permissions)?;
    sandbox.restrict_files(root, &prepared.outside_directories())?;
    check.attempt(Stage::Files)?;
    sandbox.restrict_system_calls()?;
    check.attempt(Stage::SystemCalls)?;
    say(&format!("{}\n{}\n", check.table(), sandbox.describe(&confinement)));
    if check.is_passed() {
        Ok(())
    } else {
        Err(NotDenied.into())
    }
}
