//! What the sandbox has to permit, and what happens to the rest.

/// What the configuration needs beyond reading files of the served directory and talking to clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Clients may change files.
    pub changes: bool,
    /// Data connections may be made to clients: active mode.
    pub connect: bool,
    /// Passive ports that another program had at the start, and that are bound when they are free.
    pub ports_to_bind: Vec<u16>,
    /// Logs are opened again after a rotation.
    pub logs: bool,
}

impl Permissions {
    pub(super) fn binds_later(&self) -> bool {
        !self.ports_to_bind.is_empty()
    }
}

/// What happens when the process makes a system call that is not allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Violation {
    /// The call fails with EPERM.
    #[default]
    Refuse,
    /// The process is killed.
    Kill,
}
