//! What `--check-sandbox` attempts: things that a confined process must not be able to do.

use super::permissions::Permissions;
use nix::libc::{self, c_long};
use nix::sys::ptrace;
use nix::sys::signal::kill;
use nix::unistd::{Pid, Uid, getppid, setuid};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, mknodat, openat2, statat, unlinkat};
use rustix::io::Errno;
use rustix::mount::{FsOpenFlags, fsopen};
use rustix::net::{AddressFamily, SocketType};
use rustix::process::{chdir, chroot};
use rustix::system::init_module;
use socket2::{Domain, Protocol, Socket, Type};
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What attempts need and could not get once the process is confined.
pub(super) struct Means {
    /// What the server may do.
    pub permissions: Permissions,
    pub is_chrooted: bool,
    /// The served directory, as the confined process sees it.
    pub directory: PathBuf,
    /// Sockets that are not bound.
    sockets: Vec<Socket>,
    /// A service of this machine, and a port that is free.
    service: TcpListener,
    free_port: SocketAddr,
    parent: Pid,
}

impl Means {
    /// Gets what attempts need, before the process is confined.
    pub fn get() -> io::Result<Self> {
        let unbound = || Socket::new(Domain::IPV4, Type::STREAM, None);
        // Three attempts need one each, at three stages.
        let sockets = (0..9).map(|_| unbound()).collect::<io::Result<_>>()?;
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Ok(Self {
            permissions: Permissions::default(),
            is_chrooted: false,
            directory: PathBuf::new(),
            sockets,
            service: TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
            free_port: free.local_addr()?,
            parent: getppid(),
        })
    }

    fn socket(&mut self) -> io::Result<Socket> {
        self.sockets.pop().ok_or_else(|| Errno::MFILE.into())
    }
}

/// Something that a confined process must not be able to do.
pub(super) struct Attempt {
    pub what: &'static str,
    pub act: Act,
    /// Why a server with these permissions may do it; `None`: it may not.
    pub excuse: fn(&Means) -> Option<&'static str>,
}

pub(super) enum Act {
    /// Made at every stage.
    Harmless(fn(&mut Means) -> io::Result<()>),
    /// Made when everything is in force.
    AtLast(fn(&mut Means) -> io::Result<()>),
    /// A call and its arguments, for the filter's program.
    Call(c_long, [u64; 6]),
}

const NEVER: fn(&Means) -> Option<&'static str> = |_| None;
const CHANGES: fn(&Means) -> Option<&'static str> =
    |means| means.permissions.changes.then_some("clients may change files");
const ACTIVE_MODE: fn(&Means) -> Option<&'static str> = |means| {
    means
        .permissions
        .connect
        .then_some("active mode; --no-active denies it")
};
const ANY: [u64; 6] = [0; 6];

pub(super) static ATTEMPTS: &[Attempt] = &[
    Attempt {
        what: "read a file outside (/etc/passwd)",
        act: Act::Harmless(|_| File::open("/etc/passwd").map(drop)),
        excuse: NEVER,
    },
    Attempt {
        what: "read another process (/proc/1/environ)",
        act: Act::Harmless(|_| File::open("/proc/1/environ").map(drop)),
        excuse: NEVER,
    },
    Attempt {
        what: "see the name of a file outside (/etc/passwd)",
        act: Act::Harmless(|_| Ok(statat(CWD, "/etc/passwd", AtFlags::empty()).map(drop)?)),
        excuse: |means| (!means.is_chrooted).then_some("only chroot hides names, and needs root"),
    },
    Attempt {
        what: "create a file outside (in /tmp)",
        act: Act::Harmless(|_| create_in(Path::new("/tmp"))),
        excuse: NEVER,
    },
    Attempt {
        what: "create a file in the served directory",
        act: Act::Harmless(|means| create_in(&means.directory)),
        excuse: CHANGES,
    },
    Attempt {
        what: "create a device",
        act: Act::Harmless(|means| {
            let path = means.directory.join(own_name());
            mknodat(
                CWD,
                &path,
                FileType::CharacterDevice,
                Mode::RUSR,
                rustix::fs::makedev(1, 3),
            )?;
            Ok(unlinkat(CWD, &path, AtFlags::empty())?)
        }),
        excuse: NEVER,
    },
    Attempt {
        what: "remove, rename or link a file",
        act: Act::Call(libc::SYS_renameat2, ANY),
        excuse: CHANGES,
    },
    Attempt {
        what: "change the working directory",
        act: Act::Harmless(|_| Ok(chdir(".")?)),
        excuse: NEVER,
    },
    Attempt {
        what: "chroot again",
        act: Act::Harmless(|_| Ok(chroot("/")?)),
        excuse: NEVER,
    },
    Attempt {
        what: "open a file by its handle",
        act: Act::Call(libc::SYS_open_by_handle_at, ANY),
        excuse: NEVER,
    },
    Attempt {
        what: "mount a file system",
        act: Act::Harmless(|_| Ok(fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC).map(drop)?)),
        excuse: NEVER,
    },
    Attempt {
        what: "become root (setuid 0)",
        act: Act::Harmless(|_| Ok(setuid(Uid::from_raw(0))?)),
        excuse: NEVER,
    },
    Attempt {
        what: "enter a new user namespace",
        act: Act::Call(libc::SYS_unshare, [libc::CLONE_NEWUSER as u64, 0, 0, 0, 0, 0]),
        excuse: NEVER,
    },
    Attempt {
        what: "load a kernel module",
        act: Act::Harmless(|_| Ok(init_module(&[], c"")?)),
        excuse: NEVER,
    },
    Attempt {
        what: "load an eBPF program",
        act: Act::Call(libc::SYS_bpf, ANY),
        excuse: NEVER,
    },
    Attempt {
        what: "set up io_uring",
        act: Act::Call(libc::SYS_io_uring_setup, ANY),
        excuse: NEVER,
    },
    Attempt {
        what: "bind a TCP port",
        act: Act::Harmless(|means| means.socket()?.bind(&means.free_port.into())),
        excuse: NEVER,
    },
    Attempt {
        what: "listen on a socket that is not bound",
        act: Act::Harmless(|means| means.socket()?.listen(1)),
        excuse: NEVER,
    },
    Attempt {
        what: "connect to a service of this machine",
        act: Act::Harmless(|means| {
            let service = means.service.local_addr()?;
            means.socket()?.connect(&service.into())
        }),
        excuse: ACTIVE_MODE,
    },
    Attempt {
        what: "create a TCP socket",
        act: Act::Harmless(|_| Socket::new(Domain::IPV4, Type::STREAM, None).map(drop)),
        excuse: ACTIVE_MODE,
    },
    Attempt {
        what: "create an MPTCP socket",
        act: Act::Harmless(|_| Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::MPTCP)).map(drop)),
        excuse: NEVER,
    },
    Attempt {
        what: "create a UDP socket",
        act: Act::Harmless(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map(drop)),
        excuse: NEVER,
    },
    Attempt {
        what: "create a UNIX socket",
        act: Act::Harmless(|_| UnixDatagram::unbound().map(drop)),
        excuse: NEVER,
    },
    Attempt {
        what: "create a netlink socket",
        act: Act::Harmless(|_| Ok(rustix::net::socket(AddressFamily::NETLINK, SocketType::RAW, None).map(drop)?)),
        excuse: NEVER,
    },
    Attempt {
        what: "start a process (fork)",
        act: Act::Call(libc::SYS_clone, ANY),
        excuse: NEVER,
    },
    Attempt {
        what: "start a process that runs a program",
        act: Act::AtLast(|_| {
            let mut child = Command::new("true").spawn()?;
            child.wait().map(drop)
        }),
        excuse: NEVER,
    },
    Attempt {
        what: "execute a program in place of this one",
        // If that is possible, nothing can be reported in the table any more.
        act: Act::AtLast(|_| Err(Command::new("/bin/sh").args(["-c", EXECUTED]).exec())),
        excuse: NEVER,
    },
    Attempt {
        what: "make memory executable",
        act: Act::Call(libc::SYS_mprotect, [0, 0, libc::PROT_EXEC as u64, 0, 0, 0]),
        excuse: NEVER,
    },
    Attempt {
        what: "trace another process (ptrace)",
        act: Act::AtLast(|means| {
            ptrace::attach(means.parent)?;
            Ok(ptrace::detach(means.parent, None)?)
        }),
        excuse: NEVER,
    },
    Attempt {
        what: "read another process's memory",
        act: Act::Call(libc::SYS_process_vm_readv, ANY),
        excuse: NEVER,
    },
    Attempt {
        what: "send a signal to another process",
        act: Act::Harmless(|means| Ok(kill(means.parent, None)?)),
        excuse: NEVER,
    },
];

/// Run by the attempt to execute a program.
const EXECUTED: &str = "echo 'not denied: execute a program in place of this one' >&2; exit 1";

/// Creates a file and removes it again.
fn create_in(directory: &Path) -> io::Result<()> {
    let path = directory.join(own_name());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    // The filter cannot see the flags of openat2, so this one is Landlock's to deny.
    drop(openat2(CWD, &path, flags, Mode::RUSR, ResolveFlags::empty())?);
    Ok(unlinkat(CWD, &path, AtFlags::empty())?)
}

/// A name that clients do not see.
fn own_name() -> String {
    format!(".loopftpd-check-{}", std::process::id())
}
