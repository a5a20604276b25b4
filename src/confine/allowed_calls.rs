//! The system calls that a server needs, and no others.
//!
//! The calls of the hot path (polling, sockets, opening and sending files) are allowed with any arguments: the kernel
//! remembers these and does not run the filter for them. Looking at an argument makes a call slower, so only calls are
//! pinned that are rare, or that would be dangerous.

use super::error::SandboxError;
use super::permissions::Permissions;
use nix::libc::{self, c_int};
use seccompiler::{SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};
use std::collections::BTreeMap;

/// For every server: clients, files that are read, memory, time, threads that exist already, the end of the process.
const ALWAYS: &[libc::c_long] = &[
    // Sockets and polling. musl tries `accept` after an `accept4` that has failed with EINVAL.
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_ppoll,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_shutdown,
    // Open files, of which those of a read-only server are readable or logs.
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_lseek,
    libc::SYS_pread64,
    libc::SYS_read,
    libc::SYS_sendfile,
    libc::SYS_write,
    libc::SYS_writev,
    // Names, and opening files. Landlock decides what openat2 may open.
    libc::SYS_faccessat2,
    libc::SYS_fstatfs,
    libc::SYS_getdents64,
    libc::SYS_newfstatat,
    libc::SYS_openat2,
    libc::SYS_readlinkat,
    libc::SYS_statx,
    // Memory. mmap and mprotect: see `pinned`.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // Time, where the vDSO makes a real call of it; random numbers.
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_getrandom,
    libc::SYS_gettimeofday,
    libc::SYS_nanosleep,
    libc::SYS_restart_syscall,
    // Threads. None is started any more; an allocator asks for the number of processors.
    libc::SYS_exit,
    libc::SYS_futex,
    libc::SYS_getcpu,
    libc::SYS_gettid,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
    // Signals, abort, the end.
    libc::SYS_exit_group,
    libc::SYS_geteuid,
    libc::SYS_getpid,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
];

/// Older names of calls in [`ALWAYS`], which newer architectures do not have.
#[cfg(target_arch = "x86_64")]
const OLDER: &[libc::c_long] = &[libc::SYS_epoll_wait, libc::SYS_poll, libc::SYS_time];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[libc::c_long] = &[];

/// What changes files.
pub(super) const CHANGES: &[libc::c_long] = &[
    libc::SYS_fchmod,
    libc::SYS_fdatasync,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_linkat,
    libc::SYS_mkdirat,
    libc::SYS_openat,
    libc::SYS_pipe2,
    libc::SYS_pwrite64,
    libc::SYS_renameat2,
    libc::SYS_splice,
    libc::SYS_unlinkat,
    libc::SYS_utimensat,
];

/// A tracer that injects an error replaces the number of the call by -1. As a call it only returns ENOSYS.
const INJECTED: libc::c_long = u32::MAX as libc::c_long;

/// The flags of `open` that the filter looks at.
const OPENING: c_int =
    libc::O_ACCMODE | libc::O_CREAT | libc::O_EXCL | libc::O_TRUNC | libc::O_APPEND | libc::O_NOFOLLOW;

pub(super) type Calls = BTreeMap<i64, Vec<SeccompRule>>;

/// The allowed calls, each with the arguments that it may have; an empty list: any.
pub(super) fn calls(permissions: &Permissions) -> Result<Calls, SandboxError> {
    let mut calls = Calls::new();
    let changes: &[_] = if permissions.changes { CHANGES } else { &[] };
    for call in ALWAYS.iter().chain(OLDER).chain(changes) {
        calls.insert(*call, Vec::new());
    }
    // `clone3` is refused by the other filter.
    calls.insert(libc::SYS_clone3, Vec::new());
    calls.insert(INJECTED, Vec::new());
    for (call, alternatives) in pinned(permissions) {
        let rules = alternatives
            .iter()
            .map(|arguments| rule(arguments))
            .collect::<Result<_, _>>()?;
        calls.entry(call).or_insert(rules);
    }
    Ok(calls)
}

/// An argument of a call: its index, the bits to look at, the value that they must have.
type Argument = (u8, u64, u64);

/// All bits of an argument of type int.
const INT: u64 = u32::MAX as u64;

/// Calls that are allowed with certain arguments only: the alternatives for each.
fn pinned(permissions: &Permissions) -> Vec<(libc::c_long, Vec<Vec<Argument>>)> {
    let no_code = vec![vec![(2, libc::PROT_EXEC as u64, 0)]];
    let this_process = vec![(0, INT, u64::from(std::process::id()))];
    let mut pinned = vec![
        (libc::SYS_mmap, no_code.clone()),
        (libc::SYS_mprotect, no_code),
        (libc::SYS_tgkill, vec![this_process]),
        (
            libc::SYS_prctl,
            one_of(
                0,
                &[libc::PR_GET_SECCOMP, libc::PR_GET_NO_NEW_PRIVS, libc::PR_GET_DUMPABLE],
            ),
        ),
        (
            libc::SYS_fcntl,
            one_of(
                1,
                &[
                    libc::F_GETFD,
                    libc::F_SETFD,
                    libc::F_GETFL,
                    libc::F_SETFL,
                    libc::F_DUPFD_CLOEXEC,
                    libc::F_SETPIPE_SZ,
                ],
            ),
        ),
        (libc::SYS_openat, openings(permissions)),
    ];
    let mut options = vec![
        (libc::SOL_SOCKET, libc::SO_LINGER),
        (libc::IPPROTO_TCP, libc::TCP_CORK),
        (libc::IPPROTO_TCP, libc::TCP_NODELAY),
    ];
    if permissions.connect || permissions.binds_later() {
        pinned.push((libc::SYS_socket, tcp_sockets()));
        pinned.push((libc::SYS_bind, Vec::new()));
    }
    if permissions.connect {
        pinned.push((libc::SYS_connect, Vec::new()));
    }
    if permissions.binds_later() {
        pinned.push((libc::SYS_listen, Vec::new()));
        options.extend([
            (libc::SOL_SOCKET, libc::SO_REUSEADDR),
            (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY),
        ]);
    }
    let options = options
        .iter()
        .map(|(level, option)| vec![int(1, *level), int(2, *option)]);
    pinned.push((libc::SYS_setsockopt, options.collect()));
    pinned
}

/// TCP over IPv4 and IPv6, by protocol number too: MPTCP would not be Landlock's.
fn tcp_sockets() -> Vec<Vec<Argument>> {
    let mut sockets = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        for protocol in [0, libc::IPPROTO_TCP] {
            let kind = !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC);
            let stream = (1, kind as u32 as u64, libc::SOCK_STREAM as u64);
            sockets.push(vec![int(0, family), stream, int(2, protocol)]);
        }
    }
    sockets
}

/// `openat` of a read-only server: reading, and appending to logs. That of a writable server is not pinned.
fn openings(permissions: &Permissions) -> Vec<Vec<Argument>> {
    let flags = |looked_at: c_int, wanted: c_int| vec![(2, looked_at as u64, wanted as u64)];
    let mut openings = vec![flags(OPENING & !libc::O_NOFOLLOW & !libc::O_APPEND, libc::O_RDONLY)];
    if permissions.logs {
        let appending = libc::O_APPEND | libc::O_NOFOLLOW;
        for access in [libc::O_WRONLY, libc::O_RDWR] {
            openings.push(flags(OPENING, appending | access));
            openings.push(flags(OPENING, appending | access | libc::O_CREAT | libc::O_EXCL));
        }
    }
    openings
}

fn one_of(index: u8, values: &[c_int]) -> Vec<Vec<Argument>> {
    values.iter().map(|value| vec![int(index, *value)]).collect()
}

fn int(index: u8, value: c_int) -> Argument {
    (index, INT, value as u32 as u64)
}

fn rule(arguments: &[Argument]) -> Result<SeccompRule, SandboxError> {
    let conditions = arguments.iter().map(|&(index, mask, value)| {
        SeccompCondition::new(index, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask), value)
    });
    Ok(SeccompRule::new(conditions.collect::<Result<_, _>>()?)?)
}
