//! A simulated TCP connection: two queues of bytes and the state of both ends.

use crate::reactor::socket::TcpSocket;
use crate::reactor::token::SlotId;
use crate::target::Target;
use mio::{Interest, Registry, Token};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::BorrowedFd;
use std::rc::Rc;

/// Most bytes that the server can send before the client reads.
const WINDOW: usize = 64 * 1024;

/// The state shared by both ends.
#[derive(Debug, Default)]
struct Wire {
    to_server: VecDeque<u8>,
    to_client: VecDeque<u8>,
    /// The client has closed its end.
    is_client_shut: bool,
    /// The server has shut down its direction or closed its socket.
    is_server_shut: bool,
    is_server_closed: bool,
    is_reset: bool,
    /// A write of the server failed with `WouldBlock`, so it expects an event.
    is_full: bool,
    /// The slot that the server has registered the socket for.
    slot: Option<SlotId>,
}

/// The server's end: a socket without a descriptor.
#[derive(Debug)]
pub struct ServerEnd(Rc<RefCell<Wire>>);

/// The client's end.
#[derive(Debug)]
pub struct ClientEnd(Rc<RefCell<Wire>>);

pub fn wire() -> (ServerEnd, ClientEnd) {
    let wire = Rc::new(RefCell::new(Wire::default()));
    (ServerEnd(Rc::clone(&wire)), ClientEnd(wire))
}

impl TcpSocket for ServerEnd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
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
        let count = (WINDOW - wire.to_client.len()).min(bytes.len());
        if count == 0 {
            wire.is_full = true;
            return Err(ErrorKind::WouldBlock.into());
        }
        wire.to_client.extend(&bytes[..count]);
        Ok(count)
    }

    fn shut_down_writing(&mut self) -> io::Result<()> {
        self.0.borrow_mut().is_server_shut = true;
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
        self.0.borrow_mut().slot = match Target::try_from(token) {
            Ok(Target::Control(slot) | Target::Data(slot)) => Some(slot),
            other => panic!("registered for {other:?}"),
        };
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
    }
}

impl ClientEnd {
    pub fn send(&self, bytes: &[u8]) {
        self.0.borrow_mut().to_server.extend(bytes);
    }

    /// Takes all bytes that have arrived.
    pub fn receive(&self) -> Vec<u8> {
        self.0.borrow_mut().to_client.drain(..).collect()
    }

    pub fn close(&self) {
        self.0.borrow_mut().is_client_shut = true;
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

    pub fn is_reset(&self) -> bool {
        let wire = self.0.borrow();
        wire.is_reset && wire.is_server_closed
    }

    /// Whether the server expects an event because the window is free again. Returns true once.
    pub fn has_room_again(&self) -> bool {
        let mut wire = self.0.borrow_mut();
        wire.to_client.is_empty() && std::mem::take(&mut wire.is_full)
    }

    /// The slot for which the server has registered this connection.
    pub fn slot(&self) -> Option<SlotId> {
        self.0.borrow().slot
    }
}
