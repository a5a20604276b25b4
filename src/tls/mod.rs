//! FTPS: TLS between a session and its sockets (RFC 4217), with rustls.
//!
//! [`TlsEngine`] turns bytes into bytes and knows no socket. [`TlsSocket`] puts one behind the same calls as a plain
//! socket, so sessions, pumps and deadlines work over TLS as they do without. [`TlsAcceptor`] makes them: it holds what
//! all connections share. [`SessionTickets`] bind data connections to the control connection that they belong to.
//!
//! rustls is used through its unbuffered interface, in which the caller owns all buffers: an idle connection has none.
//! Only this module names rustls. Without the feature `tls` it has the same names and no values.

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(feature = "tls")]
mod acceptor;
#[cfg(feature = "tls")]
mod certificates;
#[cfg(feature = "tls")]
mod engine;
#[cfg(feature = "tls")]
mod scratch;
#[cfg(feature = "tls")]
mod self_signed;
#[cfg(feature = "tls")]
mod tickets;
#[cfg(feature = "tls")]
mod tls_socket;

#[cfg(not(feature = "tls"))]
pub use absent::{CertificateError, CertificateFiles, Certificates, ClientTls, SelfSigned, TlsAcceptor, TlsSocket};
#[cfg(feature = "tls")]
pub use acceptor::{ClientTls, TlsAcceptor};
#[cfg(feature = "tls")]
pub use certificates::{CertificateError, CertificateFiles, Certificates};
#[cfg(feature = "tls")]
pub use engine::{EngineError, TlsEngine};
#[cfg(feature = "tls")]
pub use self_signed::SelfSigned;
#[cfg(feature = "tls")]
pub use tickets::SessionTickets;
#[cfg(feature = "tls")]
pub use tls_socket::{TlsSocket, TruncationPolicy};

#[cfg(test)]
#[cfg(feature = "tls")]
mod tests;
