//! The socket of a data connection.

use crate::descriptors::Permit;
use crate::reactor::socket::TcpSocket;
use crate::reactor::token::SlotId;
use crate::target::Target;
use crate::trace::{self, Kind, call::closing};
use mio::{Interest, Registry};
use std::io;

/// A data connection's socket, counted in the descriptor budget.
#[derive(Debug)]
pub struct DataSocket {
    pub stream: Box<dyn TcpSocket>,
    registered: Option<Interest>,
    _permit: Permit,
}

impl DataSocket {
    /// `stream`: open, and not registered with a poll.
    pub fn new(stream: Box<dyn TcpSocket>, permit: Permit) -> Self {
        Self {
            stream,
            registered: None,
            _permit: permit,
        }
    }

    /// Registers for events, unless that was done already. A socket that never has to wait is never registered.
    pub fn await_event(&mut self, interest: Interest, registry: &Registry, slot: SlotId) -> io::Result<()> {
        if self.registered == Some(interest) {
            trace::line(Kind::Call, || "no epoll_ctl: registered already".to_owned());
            return Ok(());
        }
        let token = Target::Data(slot).into();
        self.stream
            .register(registry, token, interest, self.registered.is_some())?;
        self.registered = Some(interest);
        Ok(())
    }

    /// Closes with a reset instead of an orderly end, so that the client cannot mistake an aborted transfer for a
    /// complete one.
    pub fn reset(mut self) {
        // If the option cannot be set, the close is an orderly one, and the reply still reports the failure.
        let _ = self.stream.reset_on_close();
    }
}

impl Drop for DataSocket {
    fn drop(&mut self) {
        if let Some(socket) = self.stream.descriptor() {
            closing(&socket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptors::Descriptors;
    use mio::net::TcpStream;
    use mio::{Events, Poll};
    use std::io::{ErrorKind, Read};
    use std::net::TcpListener;
    use std::time::Duration;

    /// A client's socket, the server's, and the budget that counts the latter.
    fn connected() -> (std::net::TcpStream, DataSocket, Descriptors) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let client = std::net::TcpStream::connect(listener.local_addr().expect("bound")).expect("connected");
        let (stream, _) = listener.accept().expect("the client");
        stream.set_nonblocking(true).expect("a socket");
        let descriptors = Descriptors::for_process(256);
        let permit = descriptors.permit().expect("room");
        let socket = DataSocket::new(Box::new(TcpStream::from_std(stream)), permit);
        (client, socket, descriptors)
    }

    #[test]
    fn a_socket_reports_the_events_it_was_registered_for_last() {
        let (_client, mut socket, _descriptors) = connected();
        let slot = SlotId { key: 1, generation: 1 };
        let mut poll = Poll::new().expect("a poll");
        let mut events = Events::with_capacity(8);
        for interest in [Interest::READABLE, Interest::READABLE, Interest::WRITABLE] {
            socket.await_event(interest, poll.registry(), slot).expect("registered");
        }
        poll.poll(&mut events, Some(Duration::from_secs(10))).expect("events");
        let event = events.iter().next().expect("it is writable");
        assert_eq!(Target::try_from(event.token()), Ok(Target::Data(slot)));
        assert!(event.is_writable() && !event.is_readable());
    }

    #[test]
    fn a_reset_is_an_error_for_the_client_and_frees_the_descriptor() {
        let (mut client, socket, descriptors) = connected();
        assert_eq!(descriptors.used(), 1);
        socket.reset();
        assert_eq!(descriptors.used(), 0);
        let error = client.read(&mut [0]).expect_err("no orderly end");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn a_socket_that_is_dropped_ends_in_order() {
        let (mut client, socket, descriptors) = connected();
        drop(socket);
        assert_eq!(client.read(&mut [0]).expect("an orderly end"), 0);
        assert_eq!(descriptors.used(), 0);
    }
}
