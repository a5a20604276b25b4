//! The lines that are printed at the start: what is served, to whom, on which addresses, with which limits. Warnings go
//! to the log instead.

use crate::preparation::Preparation;
use loopftpd::accounts::AnonymousAccess;
use loopftpd::confine::Confinement;
use loopftpd::options::Options;

/// One line per fact; the last is `ready`.
pub fn text(options: &Options, prepared: &Preparation, confinement: &Confinement, most_sessions: usize) -> String {
    let to_whom = to_whom(options, prepared.accounts.len());
    let mut text = format!("serving  {}, {to_whom}\n", options.directory.display());
    for url in &prepared.urls {
        text += &format!("open     {url}\n");
    }
    for fingerprint in &prepared.fingerprints {
        text += &format!("tls      certificate SHA-256 {fingerprint}\n");
    }
    if let Some(address) = prepared.listeners.status_address() {
        text += &format!("status   http://{address}/\n");
    }
    let (bound, wanted) = prepared.listeners.passive_ports();
    let (low, high) = (options.passive_ports.start(), options.passive_ports.end());
    text += &format!("passive  ports {low}-{high}, {bound} of {wanted} bound\n");
    let limit = prepared.process_limit;
    text += &format!("sessions at most {most_sessions} (descriptor limit {limit})\n");
    let without = options.techniques.to_string();
    if !without.is_empty() {
        text += &format!("without  {without}: for measurements only\n");
    }
    text += &match confinement {
        Confinement::NotRoot => String::new(),
        Confinement::Confined(user) => format!("confined to the directory, as user {} ({})\n", user.name, user.uid),
        Confinement::OnlyUser(user) => format!("running  as user {} ({}), without chroot\n", user.name, user.uid),
        Confinement::StayingRoot { is_chrooted: true } => "confined to the directory, but still root\n".to_owned(),
        Confinement::StayingRoot { is_chrooted: false } => "running  as root, without chroot\n".to_owned(),
    };
    text + "ready\n"
}

fn to_whom(options: &Options, accounts: usize) -> String {
    let anonymous = match options.anonymous {
        AnonymousAccess::Off => None,
        AnonymousAccess::Read => Some("read-only, to anonymous clients".to_owned()),
        AnonymousAccess::Upload => Some("as a drop box, to anonymous clients".to_owned()),
        AnonymousAccess::Write => Some("for reading and writing, to anonymous clients".to_owned()),
    };
    let users = options.users.as_ref();
    let with_account = users.map(|file| format!("to {accounts} accounts of {}", file.display()));
    let both: Vec<String> = anonymous.into_iter().chain(with_account).collect();
    both.join(", and ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use loopftpd::options::{Invocation, parse};

    #[test]
    fn the_first_line_says_who_can_log_in() {
        for (arguments, expected) in [
            ("--anonymous read", "read-only, to anonymous clients"),
            ("--write", "for reading and writing, to anonymous clients"),
            ("--anonymous off --users f", "to 3 accounts of f"),
            (
                "--anonymous upload --users f",
                "as a drop box, to anonymous clients, and to 3 accounts of f",
            ),
        ] {
            match parse(arguments.split(' ').map(Into::into)) {
                Ok(Invocation::Serve(options)) => assert_eq!(to_whom(&options, 3), expected),
                other => panic!("{arguments}: {other:?}"),
            }
        }
    }
}
