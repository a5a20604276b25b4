//! What a connection needs of a TCP socket: the seam between its state machines and the kernel.
//!
//! The server runs on [`TcpStream`]s. A test can put a simulated socket behind the same calls and drive ten thousand
//! connections through minutes of simulated time.

use crate::kernel;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::SockRef;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// A connected, or connecting, non-blocking socket.
pub trait TcpSocket: fmt::Debug {
    /// Reads what has arrived; `Ok(0)` at the end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes some of `bytes`; the count may be short.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Ends our direction; the client's stays open.
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
        Read::read(self, buffer)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (bytes, _) = bytes.split_at(kernel::may_cut("send", bytes.len())?);
        Write::write(self, bytes)
    }

    fn shut_down_writing(&mut self) -> io::Result<()> {
        kernel::may_fail("shutdown")?;
        self.shutdown(Shutdown::Write)
    }

    fn reset_on_close(&mut self) -> io::Result<()> {
        kernel::may_fail("setsockopt")?;
        SockRef::from(&*self).set_linger(Some(Duration::ZERO))
    }

    fn is_connected(&self) -> io::Result<bool> {
        kernel::may_fail("getpeername")?;
        if let Some(error) = self.take_error()? {
            return Err(error);
        }
        match self.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn local_address(&self) -> io::Result<IpAddr> {
        kernel::may_fail("getsockname")?;
        Ok(self.local_addr()?.ip().to_canonical())
    }

    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
        is_registered: bool,
    ) -> io::Result<()> {
        kernel::may_fail("epoll_ctl")?;
        if is_registered {
            registry.reregister(self, token, interest)
        } else {
            registry.register(self, token, interest)
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.as_fd())
    }
}
