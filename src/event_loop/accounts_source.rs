//! The users file, for reloading.

use crate::accounts::UsersFile;

/// Where accounts are loaded from.
#[derive(Debug)]
pub enum AccountsSource {
    /// There is no users file.
    Nothing,
    File(Box<UsersFile>),
    /// The slow-work thread is reading the file.
    BeingRead {
        /// Whether another reload was requested meanwhile.
        again: bool,
    },
}

impl AccountsSource {
    pub(super) fn of(users_file: Option<UsersFile>) -> Self {
        users_file.map_or(AccountsSource::Nothing, |file| AccountsSource::File(Box::new(file)))
    }
}
