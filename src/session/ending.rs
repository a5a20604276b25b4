//! Why a session ended, and why a login failed, with the words used in logs and events.

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client sent QUIT.
    Quit,
    /// The client closed the control connection without QUIT.
    ClientClosed,
    /// The control connection was lost.
    ConnectionLost,
    LoginTimeout,
    IdleTimeout,
    /// The client did not read its replies.
    RepliesNotRead,
    TooManyFailedLogins,
    /// The account has reached its limit of sessions.
    TooManySessions,
    /// The login waited too long in the queue for password verification.
    LoginBusy,
    TooManyBadCommands,
    LineTooLong,
    /// The client sent HTTP, TLS or another protocol.
    ForeignProtocol,
    /// The session had not logged in and was closed for a new client at the limit of sessions.
    MadeRoom,
    /// The account was changed or removed in the users file.
    AccountChanged,
    /// The disk did not confirm an upload in time.
    DiskTimeout,
    Shutdown,
    /// An error or a panic of the server.
    ServerError,
}

/// Why a login failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginFailure {
    /// The password is wrong, or the user does not exist.
    WrongPassword,
    /// Too many logins from the address failed; the password was not verified.
    Blocked,
    TooManySessions,
    /// The account's root directory cannot be opened.
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
