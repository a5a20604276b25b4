//! Tests that need something from the machine: a program, root, the right to mount.
//!
//! Where it is missing the test is listed as ignored, with the reason; where `CI` is set it fails. libtest cannot
//! decide this when it runs, so these tests run under libtest-mimic.

use libtest_mimic::Trial;
use rustix::process::{Resource, getrlimit};
use std::process::{Command, Stdio};

/// The trials of a module, by what they need: words as [`missing`] takes them, and with `slow` a reason to run them
/// only when asked (`--ignored`).
#[macro_export]
macro_rules! trials {
    ($($needs:literal $(slow $slow:literal)?: $($test:ident),+;)+) => {
        [$($crate::needs::trials(
            $needs,
            None$(.or(Some($slow)))?,
            &[$((concat!(module_path!(), "::", stringify!($test)), $test as fn())),+],
        )),+].into_iter().flatten().collect()
    };
}

/// Trials of `tests`, each with its path, which begins with the name of the crate. Use [`trials!`](crate::trials).
pub fn trials(needs: &str, slow: Option<&str>, tests: &[(&str, fn())]) -> Vec<Trial> {
    let missing = needs.split_whitespace().find_map(missing);
    let trial = |&(path, test): &(&str, fn())| {
        let (_, name) = path.split_once("::").expect("the crate and more");
        let reason = missing.as_deref().or(slow);
        let name = reason.map_or_else(|| name.to_owned(), |reason| format!("{name} ({reason})"));
        let is_ignored = slow.is_some() || missing.is_some() && std::env::var_os("CI").is_none();
        let missing = missing.clone();
        Trial::test(name, move || match missing {
            Some(reason) => Err(reason.into()),
            None => {
                test();
                Ok(())
            }
        })
        .with_ignored_flag(is_ignored)
    };
    tests.iter().map(trial).collect()
}

/// Why `need` is not met here: `root`, `mounts` (the right to mount in a namespace of one's own), `descriptors=N` (so
/// many may be open in a process), or else the name of a program.
fn missing(need: &str) -> Option<String> {
    let (is_met, reason) = match need.split_once('=') {
        Some(("descriptors", number)) => {
            let number: u64 = number.parse().expect("a number");
            let is_met = getrlimit(Resource::Nofile).maximum.is_none_or(|limit| limit >= number);
            (is_met, format!("fewer than {number} descriptors are allowed"))
        }
        Some(_) => panic!("not a need: {need}"),
        None if need == "root" => (crate::is_root(), "the tests do not run as root".to_owned()),
        None if need == "mounts" => (may_mount(), "this user may not mount anything".to_owned()),
        None => (has_program(need), format!("{need} is not installed")),
    };
    (!is_met).then_some(reason)
}

fn may_mount() -> bool {
    let tried = Command::new("unshare")
        .args(["--mount", "mount", "-t", "tmpfs", "none", "/mnt"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

/// Whether a program is installed.
pub fn has_program(name: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|directory| directory.join(name).is_file()))
}
