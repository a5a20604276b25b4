//! What filters decide, found by running their programs.

use super::*;
use crate::confine::allowed_calls::CHANGES;
use nix::libc::c_int;

const NOT_GIVEN: [u64; 6] = [0; 6];

fn filter(permissions: Permissions) -> Filter {
    Filter::new(&permissions, Violation::Refuse).expect("compiled")
}

fn read_only() -> Filter {
    filter(Permissions::default())
}

fn writable() -> Filter {
    filter(Permissions {
        changes: true,
        ..Permissions::default()
    })
}

fn active() -> Filter {
    filter(Permissions {
        connect: true,
        ..Permissions::default()
    })
}

fn flags(flags: c_int) -> [u64; 6] {
    [0, 0, flags as u64, 0, 0, 0]
}

#[test]
fn l05_no_server_can_start_programs_or_leave_its_place() {
    let everything = filter(Permissions {
        changes: true,
        connect: true,
        ports_to_bind: vec![1],
        logs: true,
    });
    for (name, call) in [
        ("execve", libc::SYS_execve),
        ("execveat", libc::SYS_execveat),
        ("clone", libc::SYS_clone),
        ("clone3", libc::SYS_clone3),
        ("ptrace", libc::SYS_ptrace),
        ("mount", libc::SYS_mount),
        ("fsopen", libc::SYS_fsopen),
        ("open_tree", libc::SYS_open_tree),
        ("setns", libc::SYS_setns),
        ("unshare", libc::SYS_unshare),
        ("bpf", libc::SYS_bpf),
        ("io_uring_setup", libc::SYS_io_uring_setup),
        ("io_uring_enter", libc::SYS_io_uring_enter),
        ("open_by_handle_at", libc::SYS_open_by_handle_at),
        ("chdir", libc::SYS_chdir),
        ("fchdir", libc::SYS_fchdir),
        ("chroot", libc::SYS_chroot),
        ("setuid", libc::SYS_setuid),
        ("setresuid", libc::SYS_setresuid),
        ("capset", libc::SYS_capset),
        ("kill", libc::SYS_kill),
        ("process_vm_readv", libc::SYS_process_vm_readv),
        ("process_vm_writev", libc::SYS_process_vm_writev),
        ("init_module", libc::SYS_init_module),
        ("finit_module", libc::SYS_finit_module),
        ("mknodat", libc::SYS_mknodat),
        ("symlinkat", libc::SYS_symlinkat),
        ("fchownat", libc::SYS_fchownat),
        ("setxattr", libc::SYS_setxattr),
        ("seccomp", libc::SYS_seccomp),
        ("userfaultfd", libc::SYS_userfaultfd),
        ("keyctl", libc::SYS_keyctl),
        ("personality", libc::SYS_personality),
        ("prctl", libc::SYS_prctl),
        ("ioctl", libc::SYS_ioctl),
        ("socketpair", libc::SYS_socketpair),
    ] {
        assert!(!everything.allows(call, NOT_GIVEN), "{name}");
    }
    for protection in [libc::PROT_EXEC, libc::PROT_EXEC | libc::PROT_READ | libc::PROT_WRITE] {
        assert!(!everything.allows(libc::SYS_mmap, flags(protection)));
        assert!(!everything.allows(libc::SYS_mprotect, flags(protection)));
    }
    assert!(everything.allows(libc::SYS_mmap, flags(libc::PROT_READ | libc::PROT_WRITE)));
    let signal_to = |process: u32| everything.allows(libc::SYS_tgkill, [u64::from(process), 0, 6, 0, 0, 0]);
    assert!(signal_to(std::process::id()) && !signal_to(1));
}

#[test]
fn l05_calls_of_other_architectures_are_refused() {
    let filter = writable();
    let read = |architecture, number| SystemCall {
        architecture,
        number,
        arguments: NOT_GIVEN,
    };
    let passes = |call| verdict(&filter.allowed, &call) == Some(libc::SECCOMP_RET_ALLOW);
    assert!(passes(read(ARCHITECTURE, libc::SYS_read as u32)));
    // 32-bit x86, and x32, whose calls have the architecture of x86_64.
    assert!(!passes(read(3 | 0x4000_0000, libc::SYS_read as u32)));
    assert!(!passes(read(ARCHITECTURE, libc::SYS_read as u32 | 0x4000_0000)));
    assert!(
        passes(read(ARCHITECTURE, u32::MAX)),
        "the number by which a tracer cancels a call"
    );
}

#[test]
fn l05_a_read_only_server_has_no_call_that_changes_files() {
    let (reading, writing) = (read_only(), writable());
    for call in CHANGES.iter().filter(|call| **call != libc::SYS_openat) {
        assert!(!reading.allows(*call, NOT_GIVEN), "{call}");
        assert!(writing.allows(*call, NOT_GIVEN), "{call}");
    }
    assert!(reading.allows(libc::SYS_openat, flags(libc::O_RDONLY | libc::O_DIRECTORY)));
    for wrong in [
        libc::O_WRONLY,
        libc::O_RDWR,
        libc::O_CREAT,
        libc::O_TRUNC,
        libc::O_TMPFILE | libc::O_RDWR,
    ] {
        assert!(!reading.allows(libc::SYS_openat, flags(wrong)), "{wrong:o}");
    }
    assert!(writing.allows(libc::SYS_openat, flags(libc::O_RDWR | libc::O_CREAT | libc::O_EXCL)));
    assert!(!writing.allows(libc::SYS_symlinkat, NOT_GIVEN));
}

#[test]
fn l05_logs_are_opened_for_appending_only() {
    let logging = filter(Permissions {
        logs: true,
        ..Permissions::default()
    });
    let usual = libc::O_APPEND | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
    for access in [libc::O_WRONLY, libc::O_RDWR] {
        assert!(logging.allows(libc::SYS_openat, flags(usual | access)));
        assert!(logging.allows(libc::SYS_openat, flags(usual | access | libc::O_CREAT | libc::O_EXCL)));
        assert!(!logging.allows(libc::SYS_openat, flags(usual | access | libc::O_TRUNC)));
        assert!(
            !logging.allows(libc::SYS_openat, flags(access | libc::O_NOFOLLOW)),
            "not appending"
        );
        assert!(
            !logging.allows(libc::SYS_openat, flags(access | libc::O_APPEND)),
            "through a link"
        );
    }
    assert!(!read_only().allows(libc::SYS_openat, flags(usual | libc::O_WRONLY)));
}

#[test]
fn l05_sockets_are_tcp_and_only_for_active_mode() {
    let socket = |family: c_int, kind: c_int, protocol: c_int| [family as u64, kind as u64, protocol as u64, 0, 0, 0];
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    let tcp = socket(libc::AF_INET, libc::SOCK_STREAM | flags, libc::IPPROTO_TCP);
    let (passive, active) = (read_only(), active());
    assert!(!passive.allows(libc::SYS_socket, tcp));
    for call in [libc::SYS_bind, libc::SYS_connect] {
        assert!(active.allows(call, NOT_GIVEN) && !passive.allows(call, NOT_GIVEN));
    }
    assert!(!active.allows(libc::SYS_listen, NOT_GIVEN) && !passive.allows(libc::SYS_listen, NOT_GIVEN));
    assert!(active.allows(libc::SYS_socket, tcp));
    assert!(active.allows(libc::SYS_socket, socket(libc::AF_INET6, libc::SOCK_STREAM, 0)));
    for (family, kind, protocol) in [
        (libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_MPTCP),
        (libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_SCTP),
        (libc::AF_INET, libc::SOCK_DGRAM, 0),
        (libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_TCP),
        (libc::AF_UNIX, libc::SOCK_STREAM, 0),
        (libc::AF_NETLINK, libc::SOCK_RAW, 0),
        (libc::AF_PACKET, libc::SOCK_RAW, 0),
    ] {
        assert!(
            !active.allows(libc::SYS_socket, socket(family, kind, protocol)),
            "{family} {kind} {protocol}"
        );
    }
}

#[test]
fn l05_passive_ports_that_were_taken_can_be_bound_later() {
    let filter = filter(Permissions {
        ports_to_bind: vec![30_000],
        ..Permissions::default()
    });
    for call in [libc::SYS_bind, libc::SYS_listen] {
        assert!(filter.allows(call, NOT_GIVEN));
    }
    assert!(!filter.allows(libc::SYS_connect, NOT_GIVEN));
}

#[test]
fn l17_violations_are_refused_with_an_error_or_end_the_process() {
    let verdict_on_fork = |violation| {
        let filter = Filter::new(&Permissions::default(), violation).expect("compiled");
        let call = |number| SystemCall {
            architecture: ARCHITECTURE,
            number,
            arguments: NOT_GIVEN,
        };
        let [fork, clone3] = [libc::SYS_clone, libc::SYS_clone3].map(|number| call(number as u32));
        (
            verdict(&filter.allowed, &fork),
            verdict(&filter.without_clone3, &clone3),
        )
    };
    let unknown = Some(libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32);
    let refused = Some(libc::SECCOMP_RET_ERRNO | libc::EPERM as u32);
    assert_eq!(verdict_on_fork(Violation::Refuse), (refused, unknown));
    assert_eq!(
        verdict_on_fork(Violation::Kill),
        (Some(libc::SECCOMP_RET_KILL_PROCESS), unknown)
    );
}
