//! `root_after_chroot 127.0.0.1:PORT DIR stay|drop`: a server that locks itself into DIR, and a command that gets out.

use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::chroot;
use std::{env, error::Error, fs};

/// The user `nobody`, who owns no files.
const NOBODY: u32 = 65534;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, directory, mode] = arguments.as_slice() else {
        return Err("usage: root_after_chroot 127.0.0.1:PORT DIR stay|drop".into());
    };
    let address: SocketAddr = address.parse()?;
    if !address.ip().is_loopback() {
        return Err("this server is for learning: loopback addresses only".into());
    }
    let listener = TcpListener::bind(address)?;
    chroot(directory).map_err(|error| format!("chroot: {error} (this needs root)"))?;
    env::set_current_dir("/")?;
    if mode == "drop" {
        drop_root().map_err(|error| format!("giving up root: {error}"))?;
    }
    loop {
        let (control, peer) = listener.accept()?;
        if let Err(error) = serve(control) {
            eprintln!("{peer}: {error}");
        }
    }
}

/// For good: the groups first, because only root may change them, and the user last.
fn drop_root() -> Result<(), Box<dyn Error>> {
    let (uid, gid) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    setgroups(&[])?;
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)?;
    let root = Uid::from_raw(0);
    match setresuid(root, root, root) {
        Ok(()) => Err("it is still possible to become root".into()),
        Err(_) => Ok(()),
    }
}

/// Talks with one client until it leaves.
fn serve(mut control: TcpStream) -> io::Result<()> {
    let mut passive = None;
    write!(control, "220 Ready\r\n")?;
    for line in BufReader::new(control.try_clone()?).lines() {
        match line?.as_str() {
            "PASV" => {
                let listener = TcpListener::bind((control.local_addr()?.ip(), 0))?;
                let (ip, port) = (listener.local_addr()?.ip(), listener.local_addr()?.port());
                let host = ip.to_string().replace('.', ",");
                write!(control, "227 Connect to ({host},{},{})\r\n", port >> 8, port & 255)?;
                passive = Some(listener);
            }
            "LIST" => match passive.take() {
                Some(listener) => list(&mut control, &listener)?,
                None => write!(control, "503 PASV first\r\n")?,
            },
            "SITE ESCAPE" => escape(&mut control)?,
            "QUIT" => return write!(control, "221 Bye\r\n"),
            line if line.starts_with("USER ") => write!(control, "230 Logged in\r\n")?,
            line if line.starts_with("TYPE ") => write!(control, "200 OK\r\n")?,
            _ => write!(control, "502 Not implemented\r\n")?,
        }
    }
    Ok(())
}

/// Sends the names in `/`.
fn list(control: &mut TcpStream, listener: &TcpListener) -> io::Result<()> {
    write!(control, "150 Here it comes\r\n")?;
    let (mut data, _) = listener.accept()?;
    for entry in fs::read_dir("/")? {
        write!(data, "{}\r\n", entry?.file_name().display())?;
    }
    drop(data);
    write!(control, "226 Done\r\n")
}

/// Stands for the code of an attacker who has taken over the process.
fn escape(control: &mut TcpStream) -> io::Result<()> {
    let mut step = |name: &str, result: io::Result<()>| match result {
        Ok(()) => write!(control, "200-{name}: done\r\n"),
        Err(error) => write!(control, "200-{name}: {error}\r\n"),
    };
    // The root moves down, and the working directory stays where it is: outside of the new root.
    step("chroot pub", chroot("pub"))?;
    // So nothing stops `..` any more, until the real root.
    step("cd ..", (0..64).try_for_each(|_| env::set_current_dir("..")))?;
    step("chroot .", chroot("."))?;
    write!(control, "200 That was all\r\n")
}
