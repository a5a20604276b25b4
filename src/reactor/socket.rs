//! What a connection needs of a TCP socket: the seam between its state machines and the kernel.
//!
//! The server runs on [`TcpStream`]s. A test can put a simulated socket behind the same calls and drive ten thousand
//! connections through minutes of simulated time.

use crate::kernel;
use crate::trace::call::{fd, traced};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::SockRef;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// How far the handshake of a socket is that encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// It waits for the peer.
    UnderWay,
    /// `is_resumed`: the peer has proved that it took part in an earlier connection.
    Complete { is_resumed: bool },
}

/// A connected, or connecting, non-blocking socket.
pub trait TcpSocket: fmt::Debug {
    /// Reads what has arrived; `Ok(0)` at the end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes some of `bytes`; the count may be short.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// From now on, sends small writes at once instead of collecting them into full segments.
    fn uncork(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Continues the handshake, without which nothing can be read or written. A plain socket has none.
    fn handshake(&mut self) -> io::Result<Handshake> {
        Ok(Handshake::Complete { is_resumed: false })
    }

    /// Writes what earlier writes left in this process. A plain socket leaves nothing.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Says within the stream that it ends here, where its protocol can say so. `WouldBlock`: to be called again when
    /// there is room.
    fn end_stream(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Whether a read of fewer bytes than there was room for means that nothing more has arrived (epoll(7)).
    fn is_emptied_by_short_read(&self) -> bool {
        true
    }

    /// Ends our direction; the client's stays open. `WouldBlock`: to be called again when there is room.
    fn shut_down_writing(&mut self) -> io::Result<()>;

    /// Makes the close that follows a reset instead of an orderly end.
    fn reset_on_close(&mut self) -> io::Result<()>;

    /// Whether a connection that was begun is made; an error if it has failed.
    fn is_connected(&self) -> io::Result<bool>;

    /// Our end's address.
    fn local_address(&self) -> io::Result<IpAddr>;

    /// Asks for events: for the first time, or for others than before if it `is_registered`.
    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
        is_registered: bool,
    ) -> io::Result<()>;

    /// What the kernel can copy from and to directly; `None`: this process has to copy.
    fn descriptor(&self) -> Option<BorrowedFd<'_>>;
}

impl TcpSocket for TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (buffer, _) = buffer.split_at_mut(kernel::may_cut("recv", buffer.len())?);
        traced("recvfrom", Read::read(self, buffer), || fd(self))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (bytes, _) = bytes.split_at(kernel::may_cut("send", bytes.len())?);
        traced("sendto", Write::write(self, bytes), || fd(self))
    }

    fn uncork(&mut self) -> io::Result<()> {
        kernel::may_fail("setsockopt")?;
        let set = SockRef::from(&*self).set_tcp_cork(false);
        traced("setsockopt", set, || format!("{}, no CORK", fd(self)))
    }

    fn shut_down_writing(&mut self) -> io::Result<()> {
        kernel::may_fail("shutdown")?;
        traced("shutdown", self.shutdown(Shutdown::Write), || {
            format!("{}, writing", fd(self))
        })
    }

    fn reset_on_close(&mut self) -> io::Result<()> {
        kernel::may_fail("setsockopt")?;
        let set = SockRef::from(&*self).set_linger(Some(Duration::ZERO));
        traced("setsockopt", set, || format!("{}, reset on close", fd(self)))
    }

    fn is_connected(&self) -> io::Result<bool> {
        kernel::may_fail("getpeername")?;
        if let Some(error) = self.take_error()? {
            return traced("getsockopt", Err(error), || fd(self));
        }
        let connected = match self.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        };
        traced("getpeername", connected, || fd(self))
    }

    fn local_address(&self) -> io::Result<IpAddr> {
        kernel::may_fail("getsockname")?;
        let address = self.local_addr().map(|address| address.ip().to_canonical());
        traced("getsockname", address, || fd(self))
    }

    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
        is_registered: bool,
    ) -> io::Result<()> {
        kernel::may_fail("epoll_ctl")?;
        let registered = if is_registered {
            registry.reregister(self, token, interest)
        } else {
            registry.register(self, token, interest)
        };
        traced("epoll_ctl", registered, || {
            format!("{} registered for {}", fd(self), events(interest))
        })
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.as_fd())
    }
}

/// What is waited for, as the trace shows it.
fn events(interest: Interest) -> String {
    let all = [
        (interest.is_readable(), "readable"),
        (interest.is_writable(), "writable"),
        (interest.is_priority(), "urgent data"),
    ];
    let names: Vec<&str> = all
        .into_iter()
        .filter(|(is_meant, _)| *is_meant)
        .map(|(_, name)| name)
        .collect();
    names.join(", ")
}

/// Takes the place of a socket that is being wrapped into another.
#[derive(Debug)]
pub struct ClosedSocket;

impl TcpSocket for ClosedSocket {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::NotConnected.into())
    }

    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(ErrorKind::NotConnected.into())
    }

    fn shut_down_writing(&mut self) -> io::Result<()> {
        Err(ErrorKind::NotConnected.into())
    }

    fn reset_on_close(&mut self) -> io::Result<()> {
        Err(ErrorKind::NotConnected.into())
    }

    fn is_connected(&self) -> io::Result<bool> {
        Err(ErrorKind::NotConnected.into())
    }

    fn local_address(&self) -> io::Result<IpAddr> {
        Err(ErrorKind::NotConnected.into())
    }

    fn register(&mut self, _: &Registry, _: Token, _: Interest, _: bool) -> io::Result<()> {
        Err(ErrorKind::NotConnected.into())
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
