//! `uring 127.0.0.1:PORT`: sends back what clients send, with io_uring.

use io_uring::{IoUring, opcode, squeue, types::Fd};
use std::collections::VecDeque;
use std::error::Error;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd};

/// Stands for the listener. Clients have numbers below it.
const ACCEPT: u64 = u64::MAX;

struct Client {
    stream: TcpStream,
    /// The kernel writes into it and reads from it while an operation is under way, so it must not move or go.
    buffer: Box<[u8; 4096]>,
    /// Bytes to send back, of which so many are sent; `None`: it receives.
    sending: Option<(usize, usize)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let address: SocketAddr = std::env::args().nth(1).ok_or("usage: uring 127.0.0.1:PORT")?.parse()?;
    if !address.ip().is_loopback() {
        return Err("this server is for learning: loopback addresses only".into());
    }
    let listener = TcpListener::bind(address)?;
    let mut ring: IoUring = IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .build(4096)?;
    let mut clients: Vec<Option<Client>> = Vec::new();
    // What is to be submitted before the next sleep.
    let mut operations = VecDeque::from([accept(&listener)]);
    loop {
        while let Some(operation) = operations.pop_front() {
            // SAFETY: buffers of clients live until their operation has completed; at most one is under way for each.
            if unsafe { ring.submission().push(&operation) }.is_err() {
                operations.push_front(operation);
                ring.submit()?;
            }
        }
        // One system call submits all operations, and sleeps until one has completed.
        ring.submit_and_wait(1)?;
        for completion in ring.completion() {
            let (number, result) = (completion.user_data(), completion.result());
            if number == ACCEPT {
                operations.push_back(accept(&listener));
                if result >= 0 {
                    // SAFETY: the kernel has just made this descriptor, and nobody else has it.
                    let stream = unsafe { TcpStream::from_raw_fd(result) };
                    stream.set_nodelay(true)?;
                    let mut client = Client {
                        stream,
                        buffer: Box::new([0; 4096]),
                        sending: None,
                    };
                    let free = clients.iter().position(Option::is_none).unwrap_or(clients.len());
                    operations.push_back(client.next(free as u64));
                    if free == clients.len() {
                        clients.push(None);
                    }
                    clients[free] = Some(client);
                }
                continue;
            }
            let place = &mut clients[number as usize];
            let Some(client) = place.as_mut().filter(|_| result > 0) else {
                *place = None;
                continue;
            };
            client.sending = match client.sending {
                None => Some((result as usize, 0)),
                Some((count, sent)) if sent + (result as usize) < count => Some((count, sent + result as usize)),
                Some(_) => None,
            };
            operations.push_back(client.next(number));
        }
    }
}

fn accept(listener: &TcpListener) -> squeue::Entry {
    opcode::Accept::new(Fd(listener.as_raw_fd()), std::ptr::null_mut(), std::ptr::null_mut())
        .build()
        .user_data(ACCEPT)
}

impl Client {
    /// The next operation: receive, or send what was received.
    fn next(&mut self, number: u64) -> squeue::Entry {
        let socket = Fd(self.stream.as_raw_fd());
        let operation = match self.sending {
            None => opcode::Recv::new(socket, self.buffer.as_mut_ptr(), self.buffer.len() as u32).build(),
            Some((count, sent)) => {
                let rest = &self.buffer[sent..count];
                opcode::Send::new(socket, rest.as_ptr(), rest.len() as u32).build()
            }
        };
        operation.user_data(number)
    }
}
