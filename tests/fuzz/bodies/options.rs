//! The command line: an error names the option or the operand that is wrong; what is accepted fits together.

use loopftpd::options::{Invocation, parse};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// An argument a line.
pub fn check(input: &[u8]) {
    let argument = |line: &[u8]| OsString::from_vec(line.iter().copied().filter(|byte| *byte != 0).collect());
    let arguments: Vec<OsString> = input.split(|byte| *byte == b'\n').map(argument).collect();
    let shown: Vec<String> = arguments
        .iter()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    match parse(arguments.iter().cloned()) {
        Err(error) => {
            let text = error.to_string();
            assert!(text.ends_with(" (see --help)"), "{text}");
            // One of the arguments, without its value and its dashes; a group of letters by one of them.
            let is_named = |argument: &String| {
                let name = argument.split('=').next().unwrap_or_default().trim_start_matches('-');
                text.contains(name) || name.chars().any(|letter| text.contains(&format!("'{letter}'")))
            };
            assert!(shown.iter().any(is_named) || text.contains("--"), "{shown:?}: {text}");
        }
        Ok(Invocation::Print(text)) => {
            assert!(text.contains("loopftpd"), "{text}");
            assert!(
                shown.iter().any(|argument| argument.starts_with('-')),
                "it was asked for: {shown:?}"
            );
        }
        Ok(Invocation::HashPassword) => assert!(shown.iter().any(|argument| argument.starts_with("--hash"))),
        Ok(Invocation::Serve(options) | Invocation::CheckSandbox(options)) => {
            assert!(options.directory.is_dir());
            assert!(!options.listen.is_empty());
            assert!(options.passive_ports.start() <= options.passive_ports.end() && *options.passive_ports.start() > 0);
            assert!(
                options
                    .listen
                    .iter()
                    .all(|address| !options.passive_ports.contains(&address.port()))
            );
            assert!(options.max_sessions > 0);
            assert!(!options.banner.chars().any(char::is_control), "{:?}", options.banner);
            assert!(options.umask.is_none_or(|mask| mask <= 0o077));
            assert!(options.rate_limit.is_none_or(|rate| rate > 0));
            let timeouts = [
                options.timeouts.login,
                options.timeouts.idle,
                options.timeouts.connect,
                options.timeouts.stall,
            ];
            assert!(timeouts.iter().all(|timeout| !timeout.is_zero()));
            // Deadlines are computed by adding them to the time.
            assert!(
                timeouts
                    .iter()
                    .all(|timeout| std::time::Instant::now().checked_add(*timeout).is_some())
            );
            let mut files: Vec<_> = options.files().map(|(_, file)| file).collect();
            files.sort();
            files.dedup();
            assert_eq!(files.len(), options.files().count(), "different files");
        }
    }
}
