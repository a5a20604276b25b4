//! Makes TLS connections: the server's certificates and settings, and what the connections share.

use super::certificates::Certificates;
use super::engine::{EngineError, TlsEngine};
use super::scratch::Scratch;
use super::tickets::{CONTROL_TICKETS, DataTickets, SessionTickets};
use super::tls_socket::{TlsSocket, TruncationPolicy};
use crate::options::{TlsOptions, TlsResumption};
use crate::reactor::socket::TcpSocket;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{NoServerSessionStorage, StoresServerSessions};
use rustls::version::{TLS12, TLS13};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// Tickets issued with a download or listing.
const DOWNLOAD_TICKETS: usize = 2;

/// What all TLS connections have in common.
#[derive(Debug)]
pub struct TlsAcceptor {
    base: ServerConfig,
    scratch: Rc<RefCell<Scratch>>,
    /// Whether an upload may end without close_notify.
    uploads: TruncationPolicy,
    /// Whether sessions can be resumed.
    issues_tickets: bool,
}

/// What belongs to one control connection over TLS: its data connections have to resume its sessions.
#[derive(Debug)]
pub struct ClientTls {
    /// Certificates do not change during a session, even if they are loaded again.
    acceptor: Rc<TlsAcceptor>,
    tickets: Arc<SessionTickets>,
}

impl TlsAcceptor {
    /// # Errors
    ///
    /// The settings contradict each other.
    pub fn new(certificates: Certificates, options: &TlsOptions) -> Result<Self, EngineError> {
        let mut base = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(EngineError::Protocol)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(certificates));
        // A client that offers protocols must offer one of these; none is fine (threat E13).
        base.alpn_protocols = ["ftp", "ftp-data", "x-filezilla-ftp"].map(|name| name.into()).to_vec();
        base.max_early_data_size = 0;
        base.session_storage = Arc::new(NoServerSessionStorage {});
        base.send_tls13_tickets = 0;
        Ok(Self {
            base,
            issues_tickets: options.resumption != TlsResumption::Off,
            scratch: Rc::default(),
            uploads: if options.accepts_truncation {
                TruncationPolicy::Accept
            } else {
                TruncationPolicy::Report
            },
        })
    }

    /// TLS on a control connection: the handshake begins with the client's next byte.
    ///
    /// # Errors
    ///
    /// As [`TlsEngine::new`].
    pub fn accept(self: &Rc<Self>, socket: Box<dyn TcpSocket>) -> Result<(TlsSocket, ClientTls), EngineError> {
        let client = ClientTls {
            acceptor: Rc::clone(self),
            tickets: Arc::default(),
        };
        let store = Arc::<SessionTickets>::clone(&client.tickets);
        // A control connection that is cut ends the session like any other.
        let socket = client.wrap(socket, store, CONTROL_TICKETS, TruncationPolicy::Accept)?;
        Ok((socket, client))
    }
}

impl ClientTls {
    /// TLS on a data connection that carries a download or listing.
    ///
    /// # Errors
    ///
    /// As [`TlsEngine::new`].
    pub fn accept_download(&self, socket: Box<dyn TcpSocket>) -> Result<TlsSocket, EngineError> {
        self.accept_data(socket, DOWNLOAD_TICKETS, TruncationPolicy::Accept)
    }

    /// TLS on a data connection that carries an upload. No tickets are issued: a client that does not read them resets
    /// the connection when it closes it, and the end of the upload is lost.
    ///
    /// # Errors
    ///
    /// As [`TlsEngine::new`].
    pub fn accept_upload(&self, socket: Box<dyn TcpSocket>) -> Result<TlsSocket, EngineError> {
        self.accept_data(socket, 0, self.acceptor.uploads)
    }

    fn accept_data(
        &self,
        socket: Box<dyn TcpSocket>,
        tickets: usize,
        truncation: TruncationPolicy,
    ) -> Result<TlsSocket, EngineError> {
        let store = Arc::new(DataTickets::new(Arc::clone(&self.tickets)));
        let secured = self.wrap(socket, Arc::<DataTickets>::clone(&store), tickets, truncation)?;
        Ok(secured.keeping(store))
    }

    fn wrap(
        &self,
        socket: Box<dyn TcpSocket>,
        store: Arc<dyn StoresServerSessions>,
        tickets: usize,
        truncation: TruncationPolicy,
    ) -> Result<TlsSocket, EngineError> {
        let mut config = self.acceptor.base.clone();
        if self.acceptor.issues_tickets {
            config.session_storage = store;
            config.send_tls13_tickets = tickets;
        }
        let engine = TlsEngine::new(Arc::new(config))?;
        Ok(TlsSocket::new(
            socket,
            engine,
            Rc::clone(&self.acceptor.scratch),
            truncation,
        ))
    }
}
