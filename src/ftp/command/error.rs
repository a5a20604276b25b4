//! Why a line is refused.

/// Why a line is not a command that can be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// Not answered.
    #[error("nothing but blanks")]
    Blank,
    #[error("unknown verb")]
    Unknown,
    /// HTTP, SMTP or SSH: a client on the wrong port, or a browser that was misdirected (threat A11).
    #[error("another protocol")]
    ForeignProtocol,
    #[error("bad argument")]
    BadArgument,
    /// PORT or EPRT without a readable address: an older address must not stay armed (threat B10).
    #[error("bad address")]
    BadAddress,
    #[error("not implemented")]
    NotImplemented,
    #[error("not implemented for that parameter")]
    BadParameter,
    #[error("network protocol not supported")]
    UnsupportedProtocol,
}
