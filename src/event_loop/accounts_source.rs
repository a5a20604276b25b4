//! Where the accounts are read from again.

use crate::accounts::UsersFile;

/// Where accounts come from.
#[derive(Debug)]
pub enum AccountsSource {
    /// There are none.
    Nothing,
    File(Box<UsersFile>),
    /// The thread beside the loop has the file.
    BeingRead {
        /// Whether it may have changed since.
        again: bool,
    },
}

impl AccountsSource {
    pub(super) fn of(users_file: Option<UsersFile>) -> Self {
        users_file.map_or(AccountsSource::Nothing, |file| AccountsSource::File(Box::new(file)))
    }
}
