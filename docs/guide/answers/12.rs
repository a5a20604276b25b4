//! Answer 12: what needs root comes first, no result is ignored, and the last step proves that there is no way back.

use super::checks::Process;

/// Makes `directory` the root of the process, and `user` and `group` its identity, for good. A server that is not
/// confined must not start: then the result is an error.
pub fn confine(process: &mut dyn Process, directory: &str, user: u32, group: u32) -> Result<(), String> {
    process.chroot(directory)?;
    process.chdir("/")?;
    process.setgroups(&[])?;
    process.setresgid(group)?;
    process.setresuid(user)?;
    match process.setresuid(0) {
        Ok(()) => Err("the process can become root again".to_owned()),
        Err(_) => Ok(()),
    }
}
