//! The socket of a data connection.

use crate::descriptors::Permit;
use crate::reactor::token::SlotId;
use crate::target::Target;
use mio::net::TcpStream;
use mio::{Interest, Registry};
use socket2::SockRef;
use std::io;
use std::time::Duration;

/// A data connection's socket, counted.
#[derive(Debug)]
pub struct DataSocket {
    pub stream: TcpStream,
    registered: Option<Interest>,
    _permit: Permit,
}

impl DataSocket {
    /// An open socket that no poll knows of.
    pub fn new(stream: TcpStream, permit: Permit) -> Self {
        Self {
            stream,
            registered: None,
            _permit: permit,
        }
    }

    /// Asks for events, unless they were asked for already. A socket that never has to wait is never registered.
    pub fn await_event(&mut self, interest: Interest, registry: &Registry, slot: SlotId) -> io::Result<()> {
        let token = Target::Data(slot).into();
        match self.registered {
            Some(registered) if registered == interest => return Ok(()),
            Some(_) => registry.reregister(&mut self.stream, token, interest)?,
            None => registry.register(&mut self.stream, token, interest)?,
        }
        self.registered = Some(interest);
        Ok(())
    }

    /// Closes with a reset instead of an orderly end, so that the client cannot take a broken-off transfer for whole.
    pub fn reset(self) {
        // If the option cannot be set, the close is an orderly one; the reply on the control connection tells the
        // truth.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}
