//! The data connection as the kernel knows it: `send`, `sendfile`, `recv`, `splice`.

use super::data_stream::{DataSink, DataSource, KernelCopyError};
use super::splice_pipe::SplicePipe;
use crate::kernel;
use crate::reactor::socket::TcpSocket;
use crate::trace::call::{fd, traced};
use rustix::io::Errno;
use rustix::net::{self, RecvFlags};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

/// A plain, non-blocking TCP socket, lent for the call; `pipe` is lent for the call and is empty between calls.
#[derive(Debug)]
pub struct SocketStream<'call> {
    pub socket: &'call mut dyn TcpSocket,
    pub pipe: &'call mut Option<SplicePipe>,
}

impl DataSink for SocketStream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.write(bytes)
    }

    fn send_file(&mut self, file: &OwnedFd, offset: u64, count: usize) -> Result<usize, KernelCopyError> {
        let socket = self.socket.descriptor().ok_or(KernelCopyError::Unsupported)?;
        let mut position = offset;
        kernel::sendfile(socket, file, Some(&mut position), count).map_err(sendfile_error)
    }
}

impl DataSource for SocketStream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.read(buffer)
    }

    fn splice(&mut self, file: &OwnedFd, offset: u64, count: usize) -> Result<usize, KernelCopyError> {
        let socket = self.socket.descriptor().ok_or(KernelCopyError::Unsupported)?;
        let pipe = match &mut *self.pipe {
            Some(pipe) => pipe,
            none => none.insert(SplicePipe::open().map_err(|_| KernelCopyError::Unsupported)?),
        };
        let filled = pipe.fill(socket, count).map_err(|errno| match errno {
            Errno::INVAL | Errno::NOSYS => KernelCopyError::Unsupported,
            other => KernelCopyError::Connection(other.into()),
        })?;
        if filled == 0 {
            return confirm_end(socket);
        }
        pipe.empty_into(file, offset, filled).map_err(|errno| {
            // What is left in it must not turn up in another transfer.
            *self.pipe = None;
            KernelCopyError::File(errno)
        })?;
        Ok(filled)
    }
}

/// The kernel splices only up to a byte that is marked urgent, and then reports the same as at the end. Without
/// this check the bytes behind it would be lost silently.
fn confirm_end(socket: BorrowedFd<'_>) -> Result<usize, KernelCopyError> {
    kernel::may_fail("recv").map_err(|errno| KernelCopyError::Connection(errno.into()))?;
    let looked = net::recv(socket, &mut [0_u8; 1][..], RecvFlags::PEEK | RecvFlags::DONTWAIT);
    match traced("recvfrom", looked.map(|(count, _)| count), || {
        format!("{}, a look only", fd(&socket))
    }) {
        Ok(0) => Ok(0),
        Ok(_) => Err(KernelCopyError::Unsupported),
        Err(errno) => Err(KernelCopyError::Connection(errno.into())),
    }
}

/// `sendfile` reports errors of the file and of the socket alike.
pub(super) fn sendfile_error(errno: Errno) -> KernelCopyError {
    match errno {
        // Not every file system and not every offset can do it.
        Errno::INVAL | Errno::NOSYS | Errno::OVERFLOW | Errno::OPNOTSUPP => KernelCopyError::Unsupported,
        Errno::IO | Errno::STALE | Errno::NODEV | Errno::NXIO | Errno::NOMEM => KernelCopyError::File(errno),
        _ => KernelCopyError::Connection(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{SendFlags, send};
    use std::io::{ErrorKind, Read, Write};
    use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};

    /// A client, and the server's end of its data connection, which does not block.
    fn data_connection() -> (TcpStream, mio::net::TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let client = TcpStream::connect(listener.local_addr().expect("its port")).expect("connected");
        let (server, _) = listener.accept().expect("accepted");
        server.set_nonblocking(true).expect("a socket");
        (client, mio::net::TcpStream::from_std(server))
    }

    fn file_of(content: &[u8]) -> OwnedFd {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(content).expect("room");
        file.into()
    }

    #[test]
    fn a_download_is_written_or_sent_from_its_file_without_blocking() {
        let (mut client, mut server) = data_connection();
        let mut pipe = None;
        let mut stream = SocketStream {
            socket: &mut server,
            pipe: &mut pipe,
        };
        let file = file_of(b"0123456789");
        assert_eq!(stream.write(b"abc").ok(), Some(3));
        assert_eq!(stream.send_file(&file, 4, 3).ok(), Some(3));
        assert_eq!(stream.send_file(&file, 10, 3).ok(), Some(0), "the file ends there");
        let mut received = [0; 6];
        client.read_exact(&mut received).expect("sent");
        assert_eq!(&received, b"abc456");
        let full = loop {
            match stream.write(&[0; 65_536]) {
                Ok(_) => {}
                Err(error) => break error.kind(),
            }
        };
        assert_eq!(full, ErrorKind::WouldBlock);
        let sent = stream.send_file(&file, 0, 10);
        assert!(matches!(sent, Err(KernelCopyError::Connection(error)) if error.kind() == ErrorKind::WouldBlock));
    }

    #[test]
    fn an_upload_is_read_or_spliced_into_its_file_to_the_end() {
        let (mut client, mut server) = data_connection();
        let mut pipe = None;
        let mut stream = SocketStream {
            socket: &mut server,
            pipe: &mut pipe,
        };
        let file = file_of(b"");
        let empty = stream.splice(&file, 0, 10);
        assert!(matches!(empty, Err(KernelCopyError::Connection(error)) if error.kind() == ErrorKind::WouldBlock));
        client.write_all(b"0123456789").expect("room");
        client.shutdown(Shutdown::Write).expect("open");
        let mut first = [0; 4];
        let read = loop {
            match stream.read(&mut first) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
                read => break read.expect("a segment"),
            }
        };
        assert_eq!((read, &first), (4, b"0123"));
        assert_eq!(stream.splice(&file, 0, 100).ok(), Some(6));
        assert_eq!(stream.splice(&file, 6, 100).ok(), Some(0));
        assert_eq!(stream.read(&mut first).ok(), Some(0));
        let mut stored = [0; 6];
        assert_eq!(rustix::io::pread(&file, &mut stored[..], 0), Ok(6));
        assert_eq!(&stored, b"456789");
    }

    #[test]
    fn a_byte_that_is_marked_urgent_is_not_the_end() {
        let (mut client, mut server) = data_connection();
        rustix::net::sockopt::set_socket_oobinline(&server, true).expect("a socket");
        send(&client, b"!", SendFlags::OOB).expect("room");
        client.write_all(b"behind").expect("room");
        client.shutdown(Shutdown::Write).expect("open");
        let mut pipe = None;
        let mut stream = SocketStream {
            socket: &mut server,
            pipe: &mut pipe,
        };
        let file = file_of(b"");
        let spliced = loop {
            match stream.splice(&file, 0, 100) {
                Err(KernelCopyError::Connection(error)) if error.kind() == ErrorKind::WouldBlock => {
                    std::thread::yield_now();
                }
                other => break other,
            }
        };
        assert!(
            !matches!(spliced, Ok(0)),
            "the bytes behind it would be lost: {spliced:?}"
        );
    }
}
