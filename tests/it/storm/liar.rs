//! A server that follows a script.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// A server that follows a script: pairs of a verb and the reply to it. `{data}` connects nothing, but names a
/// port at which `file` is sent to every client.
pub fn liar(answers: &'static [(&'static str, &'static str)], file: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || lie(stream, answers, file));
        }
    });
    address
}

fn lie(mut stream: TcpStream, answers: &[(&str, &str)], file: &'static [u8]) {
    let answer = |verb: &str| {
        answers
            .iter()
            .find(|(asked, _)| *asked == verb)
            .map(|(_, reply)| *reply)
    };
    let mut lines = BufReader::new(stream.try_clone().expect("a second handle")).lines();
    let _ = stream.write_all(answer("").unwrap_or("220 hello\r\n").as_bytes());
    while let Some(Ok(line)) = lines.next() {
        let verb = line.split(' ').next().unwrap_or_default();
        let usual = match verb {
            "USER" => "331 and?\r\n",
            "PASS" => "230 in\r\n",
            "PASV" => "{data}",
            "RETR" | "LIST" => "150 here\r\n226 done\r\n",
            _ => "200 yes\r\n",
        };
        let mut reply = answer(verb).unwrap_or(usual).to_owned();
        if reply == "{data}" {
            let data = TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = data.local_addr().expect("bound").port();
            reply = format!(
                "227 Entering Passive Mode (127,0,0,1,{},{})\r\n",
                port >> 8,
                port & 0xff
            );
            std::thread::spawn(move || {
                // Serves the first connection from any client, as a thief hopes.
                for stream in data.incoming().take(2).map_while(Result::ok) {
                    let mut stream = stream;
                    let _ = stream.write_all(file);
                }
            });
        }
        if stream.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}
