//! `more_specific`: may one socket listen at 127.0.0.1 and another at 0.0.0.0, on one port? Who gets the clients?

use socket2::{Domain, Socket, Type};
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::Duration;

type SetOption = fn(&Socket) -> io::Result<()>;

fn main() -> Result<(), Box<dyn Error>> {
    let options: [(&str, SetOption); 3] = [
        ("no option", |_| Ok(())),
        ("SO_REUSEADDR", |socket| socket.set_reuse_address(true)),
        ("SO_REUSEPORT", |socket| socket.set_reuse_port(true)),
    ];
    for (name, set_option) in options {
        let specific = listen(Ipv4Addr::LOCALHOST, 0, set_option)?;
        let port = specific.local_addr()?.port();
        let wildcard = match listen(Ipv4Addr::UNSPECIFIED, port, set_option) {
            Ok(wildcard) => wildcard,
            Err(error) => {
                println!("{name}: {error}");
                continue;
            }
        };
        println!("{name}: both listen");
        for host in [[127, 0, 0, 1], [127, 0, 0, 2]] {
            let address = SocketAddr::from((host, port));
            for _ in 0..10 {
                TcpStream::connect(address)?;
            }
            sleep(Duration::from_millis(100));
            println!(
                "  of 10 connections to {}, 127.0.0.1 gets {} and 0.0.0.0 gets {}",
                address.ip(),
                count(&specific),
                count(&wildcard)
            );
        }
    }
    Ok(())
}

fn listen(address: Ipv4Addr, port: u16, set_option: SetOption) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    set_option(&socket)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((address, port)).into())?;
    socket.listen(64)?;
    Ok(socket.into())
}

/// The clients that wait for this socket's `accept`.
fn count(listener: &TcpListener) -> usize {
    listener.incoming().take_while(Result::is_ok).count()
}
