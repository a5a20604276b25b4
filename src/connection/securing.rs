//! TLS handshakes: of the control connection, after AUTH or from the start, and of data connections after PROT P.
//!
//! A handshake is the costliest thing that a client can ask of the loop, so each step of one is charged to the turn's
//! budget of bulk data: a flood of them leaves room for everybody else (threat E21).

use super::{Connection, Inbound, Life, data_channel::DataChannel, shared::Shared};
use crate::options::TlsResumption;
use crate::ports::data_socket::DataSocket;
use crate::reactor::socket::{ClosedSocket, Handshake, TcpSocket};
use crate::session::{Ending, Outcome};
use crate::target::Target;
use crate::tls::{ClientTls, TlsSocket};
use crate::trace::{self, Kind};
use crate::transfer::{Direction, Pump};
use mio::Interest;
use std::{io, mem};

/// What one step of a handshake costs of a turn's budget, in bytes of bulk data: sending that much takes about as long.
const STEP_COST: usize = 64 * 1024;

impl Connection {
    /// Begins TLS on the control connection. What is queued is written in clear before. `greets`: the banner follows.
    pub(super) fn start_tls(&mut self, greets: bool, shared: &mut Shared) {
        self.flush(shared);
        if self.life != Life::Serving {
            return;
        }
        let Some(acceptor) = shared.tls.as_ref().filter(|_| self.output.unwritten().is_empty()) else {
            // The client has not read earlier replies, so the last one in clear cannot be sent.
            return self.drop_client(Ending::RepliesNotRead, shared);
        };
        let socket = mem::replace(&mut self.control, Box::new(ClosedSocket));
        match acceptor.accept(socket) {
            Ok((socket, client)) => {
                self.control = Box::new(socket);
                self.tls = Some(Box::new(client));
            }
            Err(error) => {
                log::error!("TLS cannot be used: {error}");
                return self.drop_client(Ending::ServerError, shared);
            }
        }
        self.life = Life::Securing {
            since: shared.now,
            greets,
        };
        // The socket is registered for writing from now on, so nothing needs to be registered when a reply blocks.
        self.output.is_registered = true;
        let interest = Interest::READABLE | Interest::PRIORITY;
        let token = Target::Control(self.slot).into();
        if self.control.register(&shared.registry, token, interest, true).is_err() {
            return self.drop_client(Ending::ServerError, shared);
        }
        self.continue_control_handshake(shared);
    }

    /// After an event of the control socket, or from the ready queue.
    pub(super) fn continue_control_handshake(&mut self, shared: &mut Shared) {
        let Life::Securing { greets, .. } = self.life else {
            return;
        };
        if shared.bulk_left == 0 {
            self.queue(shared);
            return;
        }
        shared.charge(STEP_COST, 0);
        match self.control.handshake() {
            Ok(Handshake::UnderWay) => {}
            Ok(Handshake::Complete { .. }) => {
                self.life = Life::Serving;
                // Commands may have come with the client's last handshake message.
                self.inbound = Inbound::Unread { to_the_end: true };
                trace::line(Kind::Change, || "control connection is encrypted".to_owned());
                if greets {
                    self.greet(shared);
                }
            }
            Err(error) => {
                self.log_failed_handshake("control", &error);
                self.drop_client(Ending::HandshakeFailed, shared);
            }
        }
    }

    /// The data connection of a running transfer exists: moves bytes, after a handshake if it is to be encrypted.
    pub(super) fn data_is_connected(&mut self, mut socket: DataSocket, pump: Box<Pump>, shared: &mut Shared) {
        let Some(client) = self.tls.as_ref().filter(|_| self.session.encrypts_data()) else {
            self.channel = DataChannel::transferring(socket, pump, shared.now);
            return self.pump(shared);
        };
        let secured = secure(client, &mut socket, pump.direction())
            .and_then(|()| socket.await_event(Interest::READABLE, &shared.registry, self.slot));
        let since = shared.now;
        self.channel = DataChannel::Securing { socket, since, pump };
        match secured {
            // The client's first message may be there already.
            Ok(()) => self.queue(shared),
            Err(_) => self.end_transfer(Outcome::HandshakeFailed, shared),
        }
    }

    pub(super) fn continue_data_handshake(&mut self, shared: &mut Shared) {
        if shared.bulk_left == 0 {
            self.queue(shared);
            return;
        }
        let DataChannel::Securing { socket, .. } = &mut self.channel else {
            return;
        };
        shared.charge(STEP_COST, 0);
        let is_resumed = match socket.stream.handshake() {
            Ok(Handshake::UnderWay) => return,
            Ok(Handshake::Complete { is_resumed }) => is_resumed,
            Err(error) => {
                self.log_failed_handshake("data", &error);
                return self.end_transfer(Outcome::HandshakeFailed, shared);
            }
        };
        trace::line(Kind::Change, || {
            let how = if is_resumed { "resumed" } else { "new session" };
            format!("data connection is encrypted, {how}")
        });
        if !is_resumed && !self.accepts_foreign_session(shared) {
            return self.end_transfer(Outcome::ForeignTlsSession, shared);
        }
        if let DataChannel::Securing { socket, pump, .. } = self.channel.take() {
            self.channel = DataChannel::transferring(socket, pump, shared.now);
            self.pump(shared);
        }
    }

    /// Whether a data connection is used whose handshake did not resume a session of this control connection: perhaps
    /// it was made by somebody else (threat E07).
    fn accepts_foreign_session(&self, shared: &mut Shared) -> bool {
        let warn = |consequence: &str| {
            log::warn!(
                "session {}: a data connection from {} did not resume the TLS session of its control connection (it \
                 offered none, or another server name, version or cipher suite); {consequence}",
                self.session.number(),
                self.session.peer()
            );
        };
        match shared.options.tls.resumption {
            TlsResumption::Off => true,
            TlsResumption::Accept => {
                shared.counters.foreign_tls_sessions += 1;
                if shared.counters.foreign_tls_sessions == 1 {
                    warn("accepted, as all others will be; --tls-resume require refuses them");
                }
                true
            }
            TlsResumption::Require => {
                warn("refused");
                false
            }
        }
    }

    fn log_failed_handshake(&self, what: &str, error: &io::Error) {
        let (number, peer) = (self.session.number(), self.session.peer());
        log::info!("session {number}: TLS handshake of the {what} connection from {peer} failed: {error}");
    }
}

/// Puts TLS on a data socket.
fn secure(client: &ClientTls, data: &mut DataSocket, direction: Direction) -> io::Result<()> {
    // The messages of a handshake are small, and each waits for the one before.
    data.stream.uncork()?;
    let socket: Box<dyn TcpSocket> = mem::replace(&mut data.stream, Box::new(ClosedSocket));
    let secured: Result<TlsSocket, _> = match direction {
        Direction::ToClient => client.accept_download(socket),
        Direction::FromClient => client.accept_upload(socket),
    };
    data.stream = Box::new(secured.map_err(io::Error::other)?);
    Ok(())
}
