//! The program: options → prepare → confine → run → exit code.
//!
//! Exit codes: 0 after a shutdown, 1 if the server cannot start or its poll fails, 2 for a wrong command line, an
//! invalid file that it names, or a password that cannot be hashed.

mod check_sandbox;
mod introduction;
mod preparation;
mod start_checks;

use loopftpd::accounts::UsersFileError;
use loopftpd::clock::wall_clock;
use loopftpd::confine::{self, ConfineError, Confinement, Sandbox};
use loopftpd::connection::shared::Equipment;
use loopftpd::descriptors::{Descriptors, SESSION_WORST_CASE};
use loopftpd::event_loop::EventLoop;
use loopftpd::hash_password::{self, HashPasswordError};
use loopftpd::options::{self, Invocation, OptionError, Options};
use loopftpd::ports::{ListenError, StartError};
use loopftpd::random::Random;
use loopftpd::records::text_log;
use loopftpd::storage::{DiskRoot, Storage, Synthetic};
use loopftpd::tls::CertificateError;
use preparation::{Preparation, prepare};
use start_checks::WrongChoice;
use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;

fn main() -> ExitCode {
    confine::close_inherited();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_stderr(&format!("loopftpd: {}\n", error.to_string().trim_end()));
            exit_code(&*error)
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    match options::parse(std::env::args_os().skip(1))? {
        Invocation::Serve(options) => serve(&options)?,
        Invocation::CheckSandbox(options) => check_sandbox::check(*options)?,
        Invocation::Print(text) => say(&text),
        Invocation::HashPassword => say(&format!("{}\n", hash_password::read_and_hash()?)),
    }
    Ok(())
}

/// 2 for wrong options, which may be an unknown user, an address of another machine, or an invalid file.
fn exit_code(error: &(dyn Error + 'static)) -> ExitCode {
    let is_wrong_option = matches!(
        error.downcast_ref(),
        Some(ConfineError::UnknownUser(_) | ConfineError::NotRoot(_))
    ) || matches!(
        error.downcast_ref(),
        Some(StartError::Control(ListenError::NotLocal(_)) | StartError::Status(ListenError::NotLocal(_)))
    ) || error.is::<OptionError>()
        || error.is::<HashPasswordError>()
        || error.is::<UsersFileError>()
        || error.is::<CertificateError>()
        || error.is::<WrongChoice>();
    ExitCode::from(if is_wrong_option { 2 } else { 1 })
}

fn serve(options: &Options) -> Result<(), Box<dyn Error>> {
    confine::detach_standard_streams()?;
    text_log::start(&options.log_level)?;
    text_log::report_panics();
    let mut prepared = prepare(options)?;

    let confinement = confine::confine(&options.directory, prepared.identity.take(), options.chroot)?;
    let root = root_after(&confinement, options);
    let mut sandbox = Sandbox::new(options.sandbox, options.on_violation, prepared.permissions(options))?;
    start_checks::directory_can_be_served(root, options, &prepared.accounts, &confinement)?;
    start_checks::warn_if_exposed(options, &prepared.listeners);
    for log in prepared.logs() {
        start_checks::note_if_rotation_needs_help(log);
    }
    let most_sessions = most_sessions(options, &prepared);
    let introduction = introduction::text(options, &prepared, &confinement, most_sessions);
    let storage = storage(root, options, &prepared.descriptors)?;
    sandbox.restrict_files(root, &prepared.outside_directories())?;

    let equipment = Equipment {
        options: Options {
            max_sessions: most_sessions,
            ..options.clone()
        },
        storage,
        accounts: prepared.accounts,
        descriptors: prepared.descriptors,
        random: Random::from_kernel()?,
        transfer_log: prepared.transfer_log,
        event_log: prepared.event_log,
        tls: prepared.tls,
    };
    let event_loop = EventLoop::new(
        prepared.listeners,
        equipment,
        prepared.users_file,
        prepared.certificates,
        prepared.signals,
    )?;
    sandbox.restrict_system_calls()?;
    log::info!("sandbox: {}", sandbox.describe(&confinement));
    // `--events -` reserves standard output for events.
    let say = if options.events_to_standard_output() {
        print_stderr
    } else {
        say
    };
    // The introduction ends in "ready", so it is printed last.
    say(&introduction);
    let counters = event_loop.run()?;
    if options.stats || options.log_level.is_debugging() {
        say(&format!("{counters}\nlog lines dropped: {}\n", text_log::dropped()));
    }
    Ok(())
}

/// The path of the served directory, after the process has been confined.
fn root_after<'start>(confinement: &Confinement, options: &'start Options) -> &'start Path {
    if confinement.is_chrooted() {
        Path::new("/")
    } else {
        &options.directory
    }
}

/// What `--max-sessions` and the descriptor limit allow.
fn most_sessions(options: &Options, prepared: &Preparation) -> usize {
    let room = prepared.descriptors.free().saturating_sub(SESSION_WORST_CASE - 1);
    let most_sessions = room.min(options.max_sessions);
    if options.max_sessions_is_chosen && most_sessions < options.max_sessions {
        log::warn!(
            "--max-sessions {}: only {most_sessions} have room within the limit of {} open files; raise it with \
             `ulimit -n` or LimitNOFILE=",
            options.max_sessions,
            prepared.process_limit
        );
    }
    most_sessions
}

/// If no client may change files, neither can the storage.
fn storage(root: &Path, options: &Options, descriptors: &Descriptors) -> Result<Rc<dyn Storage>, Box<dyn Error>> {
    let mut disk = DiskRoot::open(root, descriptors.clone())?;
    if options.allows_changes() {
        disk = disk.writable(options.uploads, Random::from_kernel()?);
    }
    Ok(if options.synthetic {
        Rc::new(Synthetic::new(disk, wall_clock()))
    } else {
        Rc::new(disk)
    })
}

/// Prints to standard output; errors are ignored, because the reader may be gone.
fn say(text: &str) {
    let mut output = io::stdout().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}

/// Prints to standard error; errors are ignored.
fn print_stderr(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}
