//! What an attacker could still do in a process that has confined itself with the server's own function (threat L05).
//! The attempts run in a separate process; each is first made before the confinement, where it succeeds, so that a
//! refusal is due to the confinement and not to the machine.
//!
//! This is the first layer alone: chroot (nothing outside has a name), another user without capabilities (root's calls
//! and other users' processes), and `no_new_privs`. `--check-sandbox` makes attempts against all layers, also calls
//! that any user may make; `sandbox.rs` runs it.

use harness::own_process::in_own_process;
use harness::trials;
use libtest_mimic::Trial;
use loopftpd::confine::{Chroot, Confinement, confine, identity, prepare_process};
use nix::sched::{CloneFlags, unshare};
use nix::sys::ptrace;
use nix::unistd::Pid;
use rustix::fs::{CWD, FileType, Gid, Mode, OFlags, Uid, chownat, makedev, mknodat, open, stat, symlink, unlink};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, OpenTreeFlags, UnmountFlags};
use rustix::net::{AddressFamily, SocketType, socket};
use rustix::process::{Resource, Rlimit, chroot, getppid, setrlimit, test_kill_process};
use std::net::TcpListener;
use std::{fs, io};

pub fn trials() -> Vec<Trial> {
    trials! {
        "root":
            l05_a_confined_process_cannot_escape;
    }
}

/// An attempt that must fail in the confined process, and how.
struct Attempt {
    what: &'static str,
    /// What stops it: the first is the usual one.
    refusals: &'static [Errno],
    act: fn() -> Result<(), Errno>,
}

/// Where files can be made outside, and inside, where the directory is the root.
fn here(name: &str) -> String {
    format!("./{name}")
}

fn read(path: &str) -> Result<(), Errno> {
    open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map(drop)
}

fn from_nix(result: Result<(), nix::errno::Errno>) -> Result<(), Errno> {
    result.map_err(|errno| Errno::from_raw_os_error(errno as i32))
}

fn from_io<T>(result: io::Result<T>) -> Result<(), Errno> {
    result
        .map(drop)
        .map_err(|error| Errno::from_io_error(&error).expect("of the system"))
}

fn parent() -> rustix::process::Pid {
    getppid().expect("a parent, unless it is outside of the pid namespace")
}

/// These change nothing in the process that tries them, so all can be tried before the confinement.
const HARMLESS: [Attempt; 12] = [
    Attempt {
        what: "read a file outside",
        refusals: &[Errno::NOENT],
        act: || read("/etc/passwd"),
    },
    Attempt {
        what: "read a file outside, upwards",
        refusals: &[Errno::NOENT],
        act: || read("../../../../../../../../etc/passwd"),
    },
    Attempt {
        what: "read a file outside through a link",
        refusals: &[Errno::NOENT],
        act: || {
            symlink("/etc/passwd", here("link"))?;
            let result = read(&here("link"));
            unlink(here("link"))?;
            result
        },
    },
    Attempt {
        what: "look at itself in /proc",
        refusals: &[Errno::NOENT],
        act: || read("/proc/self/maps"),
    },
    Attempt {
        what: "make a device",
        refusals: &[Errno::PERM],
        act: || {
            mknodat(CWD, here("disk"), FileType::BlockDevice, Mode::RWXU, makedev(7, 99))?;
            unlink(here("disk"))
        },
    },
    Attempt {
        what: "give a file to root",
        refusals: &[Errno::PERM],
        act: || {
            fs::write(here("file"), "").map_err(|error| Errno::from_io_error(&error).expect("of the system"))?;
            let (user, group) = (Uid::from_raw(0), Gid::from_raw(0));
            let result = chownat(CWD, here("file"), Some(user), Some(group), rustix::fs::AtFlags::empty());
            unlink(here("file"))?;
            result
        },
    },
    Attempt {
        what: "signal a process of another user",
        refusals: &[Errno::PERM],
        act: || test_kill_process(parent()),
    },
    Attempt {
        what: "open a raw socket",
        refusals: &[Errno::PERM],
        act: || socket(AddressFamily::INET, SocketType::RAW, Some(rustix::net::ipproto::ICMP)).map(drop),
    },
    Attempt {
        what: "listen at a port of root's",
        refusals: &[Errno::ACCESS],
        // One that is taken outside is root's all the same.
        act: || match from_io(TcpListener::bind("127.0.0.1:80")) {
            Err(Errno::ADDRINUSE) => Ok(()),
            other => other,
        },
    },
    Attempt {
        what: "clone a mount",
        refusals: &[Errno::PERM],
        act: || rustix::mount::open_tree(CWD, ".", OpenTreeFlags::OPEN_TREE_CLONE).map(drop),
    },
    Attempt {
        what: "mount and unmount",
        refusals: &[Errno::PERM],
        act: || {
            rustix::fs::mkdir(here("mount"), Mode::RWXU)?;
            let mounted = rustix::mount::mount("none", here("mount"), "tmpfs", MountFlags::empty(), None);
            let unmounted = mounted.and_then(|()| rustix::mount::unmount(here("mount"), UnmountFlags::DETACH));
            rustix::fs::rmdir(here("mount"))?;
            unmounted
        },
    },
    Attempt {
        what: "trace a process of another user",
        refusals: &[Errno::PERM],
        act: || {
            let tracee = Pid::from_raw(parent().as_raw_nonzero().get());
            from_nix(ptrace::attach(tracee))?;
            from_nix(nix::sys::wait::waitpid(tracee, None).map(drop))?;
            from_nix(ptrace::detach(tracee, None))
        },
    },
];

/// The same, for attempts that would change the process.
const CHANGING: [Attempt; 9] = [
    Attempt {
        what: "chroot again, the classic way out",
        refusals: &[Errno::PERM],
        act: || {
            rustix::fs::mkdir(here("deeper"), Mode::RWXU)?;
            let result = chroot(here("deeper"));
            rustix::fs::rmdir(here("deeper"))?;
            result
        },
    },
    Attempt {
        what: "become root",
        refusals: &[Errno::PERM],
        act: || from_nix(nix::unistd::setuid(0.into())),
    },
    Attempt {
        what: "become root in part",
        refusals: &[Errno::PERM],
        act: || {
            let keep = nix::unistd::getuid();
            from_nix(nix::unistd::setresuid(keep, 0.into(), keep))
        },
    },
    Attempt {
        what: "take root's group",
        refusals: &[Errno::PERM],
        act: || from_nix(nix::unistd::setgid(0.into())),
    },
    Attempt {
        what: "take more groups",
        refusals: &[Errno::PERM],
        act: || from_nix(nix::unistd::setgroups(&[0.into()])),
    },
    Attempt {
        what: "take other namespaces of mounts",
        refusals: &[Errno::PERM],
        act: || from_nix(unshare(CloneFlags::CLONE_NEWNS)),
    },
    Attempt {
        what: "be root in a namespace of its own",
        // INVAL: a process with several threads may not at all.
        refusals: &[Errno::PERM, Errno::INVAL],
        act: || from_nix(unshare(CloneFlags::CLONE_NEWUSER)),
    },
    Attempt {
        what: "change how mounts are shared",
        refusals: &[Errno::PERM],
        act: || rustix::mount::mount_change("/", MountPropagationFlags::PRIVATE),
    },
    Attempt {
        what: "leave core files again",
        refusals: &[Errno::PERM],
        act: || {
            let unlimited = Rlimit {
                current: None,
                maximum: None,
            };
            setrlimit(Resource::Core, unlimited)
        },
    },
];

fn l05_a_confined_process_cannot_escape() {
    in_own_process(
        concat!(module_path!(), "::l05_a_confined_process_cannot_escape"),
        try_everything_from_inside,
    );
}

/// Confines this process to the directory it is in, and makes each attempt before and after.
fn try_everything_from_inside() {
    let directory = std::env::current_dir().expect("it exists");
    std::os::unix::fs::chown(&directory, Some(12_345), Some(12_345)).expect("root may");
    for attempt in HARMLESS {
        // Tracing the parent would stop it while it waits for us.
        let outside = (attempt.act)();
        assert!(
            outside.is_ok() || attempt.is_forbidden_to_this_root(outside),
            "{} is refused before the confinement too, so it proves nothing: {outside:?}",
            attempt.what
        );
    }
    let outside = stat("/").expect("the root");
    prepare_process(None).expect("prepared");
    let server = identity(&directory, None)
        .expect("the owner")
        .expect("the process is root");
    let confinement = confine(&directory, Some(server), Chroot::Wanted).expect("confined");
    assert!(matches!(confinement, Confinement::Confined(_)));
    let (root, above) = (stat("/").expect("the root"), stat("/..").expect("itself"));
    assert_eq!(
        (root.st_dev, root.st_ino),
        (above.st_dev, above.st_ino),
        "nothing is above"
    );
    assert_ne!((root.st_dev, root.st_ino), (outside.st_dev, outside.st_ino));
    for attempt in HARMLESS.iter().chain(&CHANGING) {
        let refusal = (attempt.act)().expect_err(attempt.what);
        assert!(attempt.refusals.contains(&refusal), "{}: {refusal}", attempt.what);
    }
    let left = fs::read_dir("/").expect("the directory").count();
    assert_eq!(left, 0, "each attempt removes what it made");
}

impl Attempt {
    /// Root in a container lacks some rights; then the attempt proves nothing before, but it must fail after.
    fn is_forbidden_to_this_root(&self, outcome: Result<(), Errno>) -> bool {
        let needs_rights = self.refusals.contains(&Errno::PERM) || self.refusals.contains(&Errno::ACCESS);
        let is_refused = outcome.is_err_and(|errno| self.refusals.contains(&errno));
        if needs_rights && is_refused {
            println!("not shown by this machine's root: {}", self.what);
        }
        needs_rights && is_refused
    }
}
