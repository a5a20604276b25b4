//! Why a conversation ended, and why a login failed, in the words that logs and events use.

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client said QUIT.
    Quit,
    /// The client closed its end without a word.
    ClientClosed,
    /// The control connection broke.
    ConnectionLost,
    LoginTimeout,
    IdleTimeout,
    /// The client did not read its replies.
    RepliesNotRead,
    TooManyFailedLogins,
    /// The account has as many sessions as it may have.
    TooManySessions,
    /// Its login waited too long for those before it.
    LoginBusy,
    TooManyBadCommands,
    LineTooLong,
    /// HTTP, TLS or another protocol was spoken.
    ForeignProtocol,
    /// All places were taken, and it had not logged in.
    MadeRoom,
    /// The users file was read again, and the account has gone or changed.
    AccountChanged,
    /// The disk did not confirm an upload in time.
    DiskTimeout,
    Shutdown,
    /// The server itself could not go on with it.
    ServerError,
}

/// Why a login failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginFailure {
    /// The password is wrong, or nobody has the name.
    WrongPassword,
    /// Too many logins from the address failed before; the password was not looked at.
    Blocked,
    TooManySessions,
    /// The account's root is not there.
    RootMissing,
}

impl Ending {
    /// The word in logs and events; it does not change between versions.
    pub fn word(self) -> &'static str {
        match self {
            Ending::Quit => "quit",
            Ending::ClientClosed => "client-closed",
            Ending::ConnectionLost => "connection-lost",
            Ending::LoginTimeout => "login-timeout",
            Ending::IdleTimeout => "idle-timeout",
            Ending::RepliesNotRead => "replies-not-read",
            Ending::TooManyFailedLogins => "too-many-failed-logins",
            Ending::TooManySessions => "too-many-sessions",
            Ending::LoginBusy => "login-busy",
            Ending::TooManyBadCommands => "too-many-bad-commands",
            Ending::LineTooLong => "line-too-long",
            Ending::ForeignProtocol => "foreign-protocol",
            Ending::MadeRoom => "made-room",
            Ending::AccountChanged => "account-changed",
            Ending::DiskTimeout => "disk-timeout",
            Ending::Shutdown => "shutdown",
            Ending::ServerError => "server-error",
        }
    }
}

impl LoginFailure {
    /// The word in logs and events; it does not change between versions.
    pub fn word(self) -> &'static str {
        match self {
            LoginFailure::WrongPassword => "wrong-password",
            LoginFailure::Blocked => "blocked",
            LoginFailure::TooManySessions => "too-many-sessions",
            LoginFailure::RootMissing => "root-missing",
        }
    }
}
