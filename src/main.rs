//! The program: options → prepare → confine → run → exit code.
//!
//! Exit codes: 0 after a shutdown, 1 if the server cannot start or its poll fails, 2 for a wrong command line, an
//! invalid file that it names, or a password that cannot be hashed.

mod introduction;
mod preparation;
mod start_checks;

use introduction::Introduction;
use loopftpd::accounts::UsersFileError;
use loopftpd::clock::wall_clock;
use loopftpd::confine::{self, ConfineError, Confinement};
use loopftpd::connection::shared::{Equipment, Settings};
use loopftpd::descriptors::{Descriptors, SESSION_WORST_CASE};
use loopftpd::event_loop::EventLoop;
use loopftpd::ftp::features::Features;
use loopftpd::hash_password;
use loopftpd::options::{self, Invocation, Options};
use loopftpd::ports::{ListenError, StartError};
use loopftpd::random::Random;
use loopftpd::records::text_log;
use loopftpd::storage::{DiskRoot, Storage, Synthetic, UploadPolicy};
use preparation::{Preparation, prepare};
use start_checks::WrongChoice;
use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;

fn main() -> ExitCode {
    confine::close_inherited();
    match options::parse(std::env::args_os().skip(1)) {
        Ok(Invocation::Serve(options)) => match serve(*options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                print_error(&error.to_string());
                exit_code(&*error)
            }
        },
        Ok(Invocation::Help(text) | Invocation::Version(text)) => {
            say(&text);
            ExitCode::SUCCESS
        }
        Ok(Invocation::HashPassword) => match hash_password::read_and_hash() {
            Ok(hash) => {
                say(&format!("{hash}\n"));
                ExitCode::SUCCESS
            }
            Err(error) => {
                print_error(&error.to_string());
                ExitCode::from(2)
            }
        },
        Err(error) => {
            print_error(&error.to_string());
            ExitCode::from(2)
        }
    }
}

/// 2 for wrong options: an unknown user, an address of another machine, or an invalid file.
fn exit_code(error: &(dyn Error + 'static)) -> ExitCode {
    let is_wrong_option = matches!(
        error.downcast_ref(),
        Some(ConfineError::UnknownUser(_) | ConfineError::NotRoot(_))
    ) || matches!(
        error.downcast_ref(),
        Some(StartError::Control(ListenError::NotLocal(_)))
    ) || error.is::<UsersFileError>()
        || error.is::<WrongChoice>();
    if is_wrong_option {
        ExitCode::from(2)
    } else {
        ExitCode::FAILURE
    }
}

fn serve(options: Options) -> Result<(), Box<dyn Error>> {
    confine::detach_standard_streams()?;
    text_log::start(&options.log_level)?;
    let Preparation {
        process_limit,
        descriptors,
        identity,
        signals,
        mut users_file,
        accounts,
        transfer_log,
        event_log,
        listeners,
        urls,
    } = prepare(&options)?;

    let confinement = confine::confine(&options.directory, identity, options.chroot)?;
    let root = if confinement.is_chrooted() {
        Path::new("/")
    } else {
        &options.directory
    };
    if let Some(file) = users_file.as_mut().filter(|_| confinement != Confinement::NotRoot) {
        file.forget_path();
    }
    start_checks::directory_can_be_served(root, &options, &accounts, &confinement)?;
    start_checks::warn_if_exposed(&options, &listeners);
    for log in [&transfer_log, &event_log].into_iter().flatten() {
        start_checks::note_if_rotation_needs_help(log);
    }
    let storage = storage(root, &options, &descriptors)?;
    let most_sessions = most_sessions(&options, &descriptors, process_limit);
    let introduction = Introduction {
        options: &options,
        accounts: accounts.len(),
        confinement: &confinement,
        urls: &urls,
        passive_ports: listeners.passive_ports(),
        most_sessions,
        process_limit,
    }
    .text();

    let equipment = Equipment {
        settings: settings(&options, most_sessions),
        storage,
        accounts,
        users_file,
        descriptors,
        random: Random::from_kernel()?,
        transfer_log,
        event_log,
        trace: options.trace,
    };
    let event_loop = EventLoop::new(listeners, equipment, signals)?;
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

/// What `--max-sessions` and the descriptor limit allow.
fn most_sessions(options: &Options, descriptors: &Descriptors, process_limit: u64) -> usize {
    let most_sessions = descriptors
        .free()
        .saturating_sub(SESSION_WORST_CASE - 1)
        .min(options.max_sessions);
    if options.max_sessions_is_chosen && most_sessions < options.max_sessions {
        log::warn!(
            "--max-sessions {}: only {most_sessions} have room within the limit of {process_limit} open files; raise \
             it with `ulimit -n` or LimitNOFILE=",
            options.max_sessions
        );
    }
    most_sessions
}

/// If no client may change files, neither can the storage.
fn storage(root: &Path, options: &Options, descriptors: &Descriptors) -> Result<Rc<dyn Storage>, Box<dyn Error>> {
    let disk = DiskRoot::open(root, descriptors.clone())?;
    let disk = if options.allows_changes() {
        let policy = UploadPolicy {
            durable: options.durable,
            keeps_part: options.keeps_part,
        };
        disk.writable(policy, Random::from_kernel()?)
    } else {
        disk
    };
    Ok(if options.synthetic {
        Rc::new(Synthetic::new(disk, wall_clock()))
    } else {
        Rc::new(disk)
    })
}

fn settings(options: &Options, most_sessions: usize) -> Settings {
    Settings {
        banner: options.banner.clone(),
        active: options.active,
        features: Features {
            changes: options.allows_changes(),
            deflate: options.announces_deflate,
        },
        anonymous: options.anonymous.rights(),
        allows_changes: options.allows_changes(),
        public_addresses: options.public_addresses.clone(),
        max_sessions: most_sessions,
        max_sessions_per_ip: options.max_sessions_per_ip,
        timeouts: options.timeouts,
        rate_limit: options.rate_limit,
        techniques: options.techniques.clone(),
    }
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

fn print_error(text: &str) {
    print_stderr(&format!("loopftpd: {}\n", text.trim_end()));
}
