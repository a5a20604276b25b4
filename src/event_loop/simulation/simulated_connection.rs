//! A simulated TCP connection: two queues of bytes and the state of both ends.

use crate::reactor::socket::TcpSocket;
#[cfg(test)]
use crate::reactor::token::SlotId;
use crate::target::Target;
use mio::{Interest, Registry, Token};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::BorrowedFd;
use std::rc::Rc;

/// Most bytes that the server can send before the client reads, unless the client changes it.
const WINDOW: usize = 64 * 1024;

/// The state shared by both ends.
#[derive(Debug)]
struct Wire {
    to_server: VecDeque<u8>,
    to_client: VecDeque<u8>,
    /// Most bytes in `to_client`.
    window: usize,
    /// The client has closed its end.
    is_client_shut: bool,
    /// The client has reset the connection.
    is_client_reset: bool,
    /// The server has shut down its direction or closed its socket.
    is_server_shut: bool,
    is_server_closed: bool,
    is_reset: bool,
    /// A write of the server failed with `WouldBlock`, so it expects an event.
    is_full: bool,
    /// The next call of the server is interrupted by a signal.
    is_interrupted: bool,
    /// Urgent data has arrived, so the server cannot take a short read for the end of what there is.
    is_urgent: bool,
    /// Something has happened that the poll reports, once: events are edge-triggered.
    has_event: bool,
    /// What the server has registered the socket for.
    target: Option<Target>,
}

/// The server's end: a socket without a descriptor.
#[derive(Debug)]
pub struct ServerEnd(Rc<RefCell<Wire>>);

/// The client's end. Dropping it leaves the connection as it is; [`close`](Self::close) closes it.
#[derive(Clone, Debug)]
pub struct ClientEnd(Rc<RefCell<Wire>>);

/// An event of the server's socket, as the poll reports it.
#[derive(Debug)]
pub struct SocketEvent {
    pub target: Target,
    pub is_writable: bool,
    /// `None`: nothing can be read. Else whether it must be read to its end.
    pub readable_to_the_end: Option<bool>,
}

/// A new connection.
pub fn wire() -> (ServerEnd, ClientEnd) {
    let wire = Rc::new(RefCell::new(Wire {
        to_server: VecDeque::new(),
        to_client: VecDeque::new(),
        window: WINDOW,
        is_client_shut: false,
        is_client_reset: false,
        is_server_shut: false,
        is_server_closed: false,
        is_reset: false,
        is_full: false,
        is_interrupted: false,
        is_urgent: false,
        has_event: false,
        target: None,
    }));
    (ServerEnd(Rc::clone(&wire)), ClientEnd(wire))
}

impl Wire {
    fn check(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_interrupted) {
            return Err(ErrorKind::Interrupted.into());
        }
        if self.is_client_reset {
            return Err(ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl TcpSocket for ServerEnd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        wire.check()?;
        let count = wire.to_server.len().min(buffer.len());
        if count == 0 && !wire.is_client_shut {
            return Err(ErrorKind::WouldBlock.into());
        }
        for (place, byte) in buffer.iter_mut().zip(wire.to_server.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        assert!(!wire.is_server_shut, "the server writes after its end");
        wire.check()?;
        let count = wire.window.saturating_sub(wire.to_client.len()).min(bytes.len());
        wire.is_full = count == 0;
        if wire.is_full {
            return Err(ErrorKind::WouldBlock.into());
        }
        wire.to_client.extend(bytes.iter().take(count));
        Ok(count)
    }

    fn shut_down_writing(&mut self) -> io::Result<()> {
        let mut wire = self.0.borrow_mut();
        if wire.is_client_reset {
            return Err(ErrorKind::NotConnected.into());
        }
        wire.is_server_shut = true;
        Ok(())
    }

    fn reset_on_close(&mut self) -> io::Result<()> {
        self.0.borrow_mut().is_reset = true;
        Ok(())
    }

    fn is_connected(&self) -> io::Result<bool> {
        Ok(true)
    }

    fn local_address(&self) -> io::Result<IpAddr> {
        Ok(Ipv4Addr::LOCALHOST.into())
    }

    fn register(&mut self, _: &Registry, token: Token, _: Interest, _: bool) -> io::Result<()> {
        let mut wire = self.0.borrow_mut();
        wire.target = Some(Target::try_from(token).map_err(|_| io::Error::other("no target"))?);
        // The poll also reports what was there before.
        wire.has_event = true;
        Ok(())
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

impl Drop for ServerEnd {
    fn drop(&mut self) {
        let mut wire = self.0.borrow_mut();
        wire.is_server_shut = true;
        wire.is_server_closed = true;
        wire.target = None;
    }
}

impl ClientEnd {
    pub fn send(&self, bytes: &[u8]) {
        let mut wire = self.0.borrow_mut();
        wire.to_server.extend(bytes);
        wire.has_event = true;
    }

    /// The bytes sent before have an urgent one among them.
    pub fn mark_urgent(&self) {
        let mut wire = self.0.borrow_mut();
        wire.is_urgent = true;
        wire.has_event = true;
    }

    /// Takes all bytes that have arrived.
    pub fn receive(&self) -> Vec<u8> {
        self.receive_some(usize::MAX)
    }

    /// Takes at most `count` bytes that have arrived.
    pub fn receive_some(&self, count: usize) -> Vec<u8> {
        let mut wire = self.0.borrow_mut();
        let count = count.min(wire.to_client.len());
        let taken = wire.to_client.drain(..count).collect();
        wire.room_may_be_free();
        taken
    }

    /// Most bytes that can be on their way to the client; 0 stops the server's next write.
    pub fn set_window(&self, bytes: usize) {
        let mut wire = self.0.borrow_mut();
        wire.window = bytes;
        wire.room_may_be_free();
    }

    /// The next call of the server on its socket is interrupted by a signal.
    pub fn interrupt(&self) {
        self.0.borrow_mut().is_interrupted = true;
    }

    pub fn close(&self) {
        let mut wire = self.0.borrow_mut();
        wire.is_client_shut = true;
        wire.has_event = true;
    }

    /// Resets the connection: what was on its way is lost.
    pub fn reset(&self) {
        let mut wire = self.0.borrow_mut();
        wire.is_client_shut = true;
        wire.is_client_reset = true;
        wire.to_server.clear();
        wire.to_client.clear();
        wire.has_event = true;
    }

    /// Whether this end was closed or reset.
    pub fn is_shut(&self) -> bool {
        self.0.borrow().is_client_shut
    }

    /// Whether the server's direction has ended and all bytes were read.
    pub fn is_at_end(&self) -> bool {
        let wire = self.0.borrow();
        wire.is_server_shut && wire.to_client.is_empty()
    }

    /// Whether the server has closed its socket, so that its descriptor is free again.
    pub fn is_closed(&self) -> bool {
        self.0.borrow().is_server_closed
    }

    /// Whether the server has closed its socket with a reset.
    pub fn is_reset(&self) -> bool {
        let wire = self.0.borrow();
        wire.is_reset && wire.is_server_closed
    }

    /// Whether the server expects an event because the window is free again. Returns true once.
    #[cfg(test)]
    pub fn has_room_again(&self) -> bool {
        let mut wire = self.0.borrow_mut();
        wire.to_client.is_empty() && std::mem::take(&mut wire.is_full)
    }

    /// The slot for which the server has registered this connection.
    #[cfg(test)]
    pub fn slot(&self) -> Option<SlotId> {
        match self.0.borrow().target {
            Some(Target::Control(slot) | Target::Data(slot) | Target::Viewer(slot)) => Some(slot),
            _ => None,
        }
    }

    /// Whether the poll has an event to report.
    pub fn has_event(&self) -> bool {
        let wire = self.0.borrow();
        wire.has_event && wire.target.is_some()
    }

    /// What the poll reports, if the server has asked for it.
    pub(super) fn take_event(&self, is_spurious: bool) -> Option<SocketEvent> {
        let mut wire = self.0.borrow_mut();
        let target = wire.target?;
        let has_event = std::mem::take(&mut wire.has_event);
        (has_event || is_spurious).then(|| {
            let is_readable = !wire.to_server.is_empty() || wire.is_client_shut || is_spurious;
            let to_the_end = wire.is_client_shut || std::mem::take(&mut wire.is_urgent);
            SocketEvent {
                target,
                is_writable: wire.to_client.len() < wire.window || wire.is_client_reset || is_spurious,
                readable_to_the_end: is_readable.then_some(to_the_end),
            }
        })
    }
}

impl Wire {
    fn room_may_be_free(&mut self) {
        self.has_event |= self.is_full && self.to_client.len() < self.window;
    }
}
