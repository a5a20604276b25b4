//! A server that is killed just before the system call of a given number, in any of its threads.
//!
//! The process is traced from a moment at which it waits for clients, so the first call is the first after it.

use nix::errno::Errno;
use nix::libc::PTRACE_SYSCALL_INFO_ENTRY;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::process::{Pid as ProcessId, kill_process};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// The thread that traces a process and kills it.
pub struct Killer {
    process: ProcessId,
    thread: JoinHandle<Traced>,
    is_over: Arc<AtomicBool>,
    is_dead: Arc<AtomicBool>,
}

/// The system calls that a process began, of all threads, in the order in which they began; each is its number in the
/// kernel's table. If the process was killed, the last one was not made.
#[derive(Debug)]
pub struct Traced {
    pub calls: Vec<u32>,
    pub is_killed: bool,
}

impl Killer {
    /// Traces all threads of the process `pid`, and kills it before its system call `nth`, counted from 1. Returns when
    /// all of them are traced.
    pub fn attach(pid: u32, nth: usize) -> Self {
        let process = ProcessId::from_raw(pid.cast_signed()).expect("not 0");
        let (is_over, is_dead) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let (attached, wait) = std::sync::mpsc::channel();
        let (over, dead) = (Arc::clone(&is_over), Arc::clone(&is_dead));
        // All requests about a process must come from the thread that traces it.
        let thread = std::thread::spawn(move || {
            for thread in threads(pid) {
                ptrace::seize(thread, Options::PTRACE_O_TRACESYSGOOD).expect("ours to trace");
                ptrace::interrupt(thread).expect("it is traced");
                let stopped = waitpid(thread, Some(WaitPidFlag::__WALL)).expect("it stops");
                assert!(matches!(stopped, WaitStatus::PtraceEvent(..)), "{stopped:?}");
                // The calls that it makes before the others are traced are counted, too.
                ptrace::syscall(thread, None).expect("it has stopped");
            }
            attached.send(()).expect("it waits");
            trace(process, nth, &over, &dead)
        });
        wait.recv().expect("attached");
        Self {
            process,
            thread,
            is_over,
            is_dead,
        }
    }

    /// Whether the process has been killed.
    pub fn has_killed(&self) -> bool {
        self.is_dead.load(Ordering::Acquire)
    }

    /// Ends the tracing; a process that was not killed goes on.
    pub fn finish(self) -> Traced {
        self.is_over.store(true, Ordering::Release);
        // The tracer sees a signal that means nothing to the server. If the process is dead, it has ended already.
        let _ = kill_process(self.process, rustix::process::Signal::USR2);
        // The kernel detaches from all that the thread still traces when it ends.
        self.thread.join().expect("no error of the tracer")
    }
}

fn threads(pid: u32) -> Vec<Pid> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    let numbers = threads.map(|thread| thread.expect("an entry").file_name());
    let numbers = numbers.filter_map(|name| name.to_str()?.parse().ok());
    numbers.map(Pid::from_raw).collect()
}

fn trace(process: ProcessId, nth: usize, is_over: &AtomicBool, is_dead: &AtomicBool) -> Traced {
    // Only what this thread traces: other threads of the tests wait for their own servers.
    let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
    let mut calls = Vec::new();
    let mut is_killed = false;
    while !is_killed && !is_over.load(Ordering::Acquire) {
        match waitpid(None, Some(flags)).expect("it is traced") {
            WaitStatus::PtraceSyscall(thread) => {
                let info = ptrace::syscall_info(thread).expect("it has stopped");
                if info.op == PTRACE_SYSCALL_INFO_ENTRY {
                    calls.push(number(process, thread));
                    is_killed = calls.len() == nth;
                }
                if is_killed {
                    kill_process(process, rustix::process::Signal::KILL).expect("ours");
                    is_dead.store(true, Ordering::Release);
                } else {
                    resume(thread, None);
                }
            }
            WaitStatus::Stopped(thread, signal) => resume(thread, Some(signal)),
            WaitStatus::PtraceEvent(thread, ..) => resume(thread, None),
            other => panic!("it ended by itself: {other:?}"),
        }
    }
    Traced { calls, is_killed }
}

/// The number of the call that a stopped thread is about to make.
fn number(process: ProcessId, thread: Pid) -> u32 {
    let text = fs::read_to_string(format!("/proc/{process}/task/{thread}/syscall")).expect("it has stopped");
    text.split(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

fn resume(thread: Pid, signal: Option<Signal>) {
    match ptrace::syscall(thread, signal) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => panic!("cannot resume: {error}"),
    }
}
