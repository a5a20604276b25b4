//! `--check-sandbox`: attempts at what a confined process must not be able to do, and a table of what came of them.
//!
//! Attempts that do no harm are made after each layer is in force, so the table shows which one denies what. The others
//! are made when all layers are in force. Calls that have no safe function are not made: the filter's program is run
//! for them instead, and the table says so.

use super::attempts::{ATTEMPTS, Act, Attempt, Means};
use super::error::SandboxError;
use super::permissions::Permissions;
use super::system_calls;
use crate::storage::errno_name;
use rustix::io::Errno;
use std::io;
use std::path::Path;

/// The layers that are in force when attempts are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// chroot and user.
    User,
    /// Landlock, too.
    Files,
    /// All.
    SystemCalls,
}

/// All attempts, and what came of them.
pub struct SandboxCheck {
    means: Means,
    rows: Vec<Row>,
}

struct Row {
    attempt: &'static Attempt,
    outcomes: Vec<Outcome>,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    NotTried,
    Possible,
    Denied(Errno),
    /// The filter denies it; the call was not made.
    WouldBeDenied,
}

impl SandboxCheck {
    /// Prepares the attempts, before the process is confined.
    pub fn prepare() -> io::Result<Self> {
        Ok(Self {
            means: Means::get()?,
            rows: ATTEMPTS
                .iter()
                .map(|attempt| Row {
                    attempt,
                    outcomes: Vec::new(),
                })
                .collect(),
        })
    }

    /// What is known once the process is confined: the served directory as it sees it now, and what it may do.
    pub fn set_place(&mut self, directory: &Path, is_chrooted: bool, permissions: Permissions) {
        self.means.directory = directory.to_path_buf();
        self.means.is_chrooted = is_chrooted;
        self.means.permissions = permissions;
    }

    /// Makes the attempts of a stage.
    pub fn attempt(&mut self, stage: Stage) -> Result<(), SandboxError> {
        for row in &mut self.rows {
            let is_last = stage == Stage::SystemCalls;
            let outcome = match row.attempt.act {
                Act::Harmless(act) => outcome(act(&mut self.means)),
                Act::AtLast(act) if is_last => outcome(act(&mut self.means)),
                Act::Call(call, arguments) if is_last => {
                    if system_calls::refuses(&self.means.permissions, call, arguments)? {
                        Outcome::WouldBeDenied
                    } else {
                        Outcome::Possible
                    }
                }
                Act::AtLast(_) | Act::Call(..) => Outcome::NotTried,
            };
            row.outcomes.push(outcome);
        }
        Ok(())
    }

    /// Whether nothing was possible that the configuration does not permit.
    pub fn is_passed(&self) -> bool {
        let is_denied = |row: &Row| row.outcomes.last() != Some(&Outcome::Possible);
        self.rows
            .iter()
            .all(|row| is_denied(row) || (row.attempt.excuse)(&self.means).is_some())
    }

    /// The table of all attempts.
    pub fn table(&self) -> String {
        let mut table = line(
            "attempt",
            ["user", "+ Landlock", "+ seccomp"].map(str::to_owned),
            "denied by",
        );
        for row in &self.rows {
            let shown = |stage: usize| {
                row.outcomes
                    .get(stage)
                    .map_or_else(String::new, |outcome| outcome.show())
            };
            table += &line(row.attempt.what, [shown(0), shown(1), shown(2)], &self.verdict(row));
        }
        table
    }

    /// The first layer that denies it.
    fn verdict(&self, row: &Row) -> String {
        let first = row.outcomes.iter().position(|outcome| outcome.is_denied());
        let is_missing = row.outcomes.first() == Some(&Outcome::Denied(Errno::NOENT));
        match (first, row.outcomes.get(2)) {
            (_, Some(Outcome::Possible)) | (None, _) => match (row.attempt.excuse)(&self.means) {
                Some(excuse) => format!("permitted: {excuse}"),
                None => "NOT DENIED".to_owned(),
            },
            (Some(0), _) if is_missing && self.means.is_chrooted => "chroot".to_owned(),
            (Some(0), _) if row.outcomes.first() == Some(&Outcome::Denied(Errno::NOSYS)) => {
                "kernel (has no such call)".to_owned()
            }
            (Some(0), _) => "user".to_owned(),
            (Some(1), _) => "Landlock".to_owned(),
            (Some(_), Some(Outcome::WouldBeDenied)) => "seccomp (by its program; not tried)".to_owned(),
            (Some(_), _) => "seccomp".to_owned(),
        }
    }
}

fn line(attempt: &str, [user, files, calls]: [String; 3], verdict: &str) -> String {
    format!("{attempt:<45} {user:<10} {files:<10} {calls:<10} {verdict}\n")
}

impl Outcome {
    fn is_denied(self) -> bool {
        match self {
            Outcome::Denied(_) | Outcome::WouldBeDenied => true,
            Outcome::NotTried | Outcome::Possible => false,
        }
    }

    fn show(self) -> String {
        match self {
            Outcome::NotTried => "-".to_owned(),
            Outcome::Possible => "possible".to_owned(),
            Outcome::Denied(errno) => errno_name(errno),
            Outcome::WouldBeDenied => "EPERM".to_owned(),
        }
    }
}

fn outcome(result: io::Result<()>) -> Outcome {
    match result {
        Ok(()) => Outcome::Possible,
        Err(error) => Outcome::Denied(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
    }
}
