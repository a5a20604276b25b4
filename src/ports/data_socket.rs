//! The socket of a data connection.

use crate::descriptors::Permit;
use crate::reactor::socket::TcpSocket;
use crate::reactor::token::SlotId;
use crate::target::Target;
use mio::{Interest, Registry};
use std::io;

/// A data connection's socket, counted.
#[derive(Debug)]
pub struct DataSocket {
    pub stream: Box<dyn TcpSocket>,
    registered: Option<Interest>,
    _permit: Permit,
}

impl DataSocket {
    /// An open socket that no poll knows of.
    pub fn new(stream: Box<dyn TcpSocket>, permit: Permit) -> Self {
        Self {
            stream,
            registered: None,
            _permit: permit,
        }
    }

    /// Asks for events, unless they were asked for already. A socket that never has to wait is never registered.
    pub fn await_event(&mut self, interest: Interest, registry: &Registry, slot: SlotId) -> io::Result<()> {
        if self.registered == Some(interest) {
            return Ok(());
        }
        let token = Target::Data(slot).into();
        self.stream
            .register(registry, token, interest, self.registered.is_some())?;
        self.registered = Some(interest);
        Ok(())
    }

    /// Closes with a reset instead of an orderly end, so that the client cannot take a broken-off transfer for whole.
    pub fn reset(mut self) {
        // If the option cannot be set, the close is an orderly one; the reply on the control connection tells the
        // truth.
        let _ = self.stream.reset_on_close();
    }
}
