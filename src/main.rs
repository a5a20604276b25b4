//! The program: options → prepare → run → exit code.
//!
//! Exit codes: 0 after a shutdown, 1 if the server cannot start or its poll fails, 2 for a wrong command line, an
//! invalid file that it names, or a password that cannot be hashed.

mod introduction;
mod start_checks;

use introduction::{Introduction, distinct_urls};
use loopftpd::accounts::{Accounts, AnonymousAccess, Rights, UsersFile, UsersFileError};
use loopftpd::clock::wall_clock;
use loopftpd::confine::{self, ConfineError, Confinement};
use loopftpd::connection::shared::{Equipment, Settings};
use loopftpd::descriptors::{Descriptors, SESSION_WORST_CASE};
use loopftpd::event_loop::{EventLoop, Signals};
use loopftpd::ftp::features::Features;
use loopftpd::hash_password;
use loopftpd::options::{self, Invocation, Options};
use loopftpd::ports::{ListenError, Listeners, StartError};
use loopftpd::random::Random;
use loopftpd::records::log_file::{LogFile, LogKind};
use loopftpd::records::text_log;
use loopftpd::served_tree::ServedTree;
use loopftpd::storage::{DiskRoot, Storage, Synthetic, UploadPolicy};
use start_checks::WrongChoice;
use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
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
    let process_limit = confine::prepare_process(options.umask)?;
    let descriptors = Descriptors::for_process(process_limit);
    let identity = confine::identity(&options.directory, options.user.as_deref())?;

    let signals = Signals::take_over()?;
    let mut served = ServedTree::of(&options.directory)?;
    let mut users_file = options
        .users
        .as_deref()
        .map(|path| UsersFile::open(path, options.users_privacy)?.outside(&served))
        .transpose()?;
    let accounts = users_file
        .as_mut()
        .map_or_else(|| Ok(Accounts::none()), UsersFile::read)?;
    start_checks::somebody_can_log_in(&options, &accounts)?;
    start_checks::add_account_roots(&accounts, &mut served);
    start_checks::files_are_apart(&options, &served)?;
    // Logs that are created now, as root, are given to the user that the server becomes, so that it can reopen them.
    let owner = identity.as_ref().map(|identity| (identity.uid, identity.gid));
    let open_log = |kind: LogKind, path: &Option<PathBuf>| {
        let open = |path| {
            LogFile::open(path, kind, owner).map_err(|error| start_checks::unusable(kind.option(), path, &error))
        };
        path.as_deref().map(open).transpose()
    };
    let transfer_log = open_log(LogKind::Transfers, &options.transfer_log)?;
    let event_log = open_log(LogKind::Events, &options.events)?;
    let range = options.passive_ports.low..=options.passive_ports.high;
    let listeners = Listeners::open(&options.listen, &range, &descriptors, &options.techniques)?;
    // Interfaces are listed before chroot and the loss of privileges.
    let urls = distinct_urls(listeners.addresses());

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
    for log in [&transfer_log, &event_log].into_iter().flatten() {
        if !log.can_be_recreated() {
            log::info!(
                "{}: after a rotation the server could not create the file, since its user may not write in the \
                 directory; let the rotation create it for that user, or copy and truncate",
                log.option()
            );
        }
    }
    warn_if_exposed(&options, &listeners);
    let storage = storage(root, &options, &descriptors)?;
    let most_sessions = descriptors
        .free()
        .saturating_sub(SESSION_WORST_CASE - 1)
        .min(options.max_sessions);
    if options.max_sessions_is_chosen && most_sessions < options.max_sessions {
        log::warn!(
            "--max-sessions {}: only {most_sessions} have room within the limit of {process_limit} open files; raise it \
             with `ulimit -n` or LimitNOFILE=",
            options.max_sessions
        );
    }
    let introduction = Introduction {
        options: &options,
        accounts: accounts.len(),
        confinement: &confinement,
        urls: &urls,
        passive_ports: listeners.passive_ports(),
        most_sessions,
        process_limit,
    };
    // `--events -` reserves standard output for events.
    let say = if options.events_to_standard_output() {
        print_stderr
    } else {
        say
    };
    let introduction = introduction.text();
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
    // The introduction ends in "ready", so it is printed last.
    say(&introduction);
    let counters = event_loop.run()?;
    if options.stats || options.log_level.is_debugging() {
        say(&format!("{counters}\nlog lines dropped: {}\n", text_log::dropped()));
    }
    Ok(())
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

/// `most_sessions`: what the option and the descriptor limit allow.
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

/// Logs a warning if other machines can reach the server without a password, or passwords cross the network.
fn warn_if_exposed(options: &Options, listeners: &Listeners) {
    let is_reachable = listeners
        .addresses()
        .any(|address| !address.ip().to_canonical().is_loopback());
    if is_reachable && options.anonymous.rights().is_some_and(Rights::allows_changes) {
        let may = match options.anonymous {
            AnonymousAccess::Off | AnonymousAccess::Read => return,
            AnonymousAccess::Upload => "put files here",
            AnonymousAccess::Write => "change, replace and remove every file here",
        };
        log::warn!("anyone who reaches this address may {may}, without a password");
    }
    if is_reachable && options.users.is_some() {
        log::warn!("passwords cross the network in clear text: anyone on the path can read them");
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
