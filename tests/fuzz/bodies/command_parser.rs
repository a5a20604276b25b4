//! Lines into commands: the case of a verb does not matter, a command written in its canonical form is read as the same
//! command, and no argument exceeds its limit.

use loopftpd::ftp::command::{
    Command, CommandError, CommandLine, Digest, DigestRequest, EpsvArgument, FactChange, PathArgument, ProtectionLevel,
    Representation, SecurityMechanism, Transmission, USER_NAME_MAX,
};
use loopftpd::ftp::listing::Facts;
use loopftpd::ftp::password::{Password, without_password};
use loopftpd::ftp::timestamp::Timestamp;

/// A line, as the line reader gives it out.
pub fn check(line: &[u8]) {
    let line: Vec<u8> = line.iter().copied().filter(|byte| *byte != b'\n').collect();
    let parsed = CommandLine::parse(&line);
    for other in [
        with_verb(&line, u8::to_ascii_uppercase),
        with_verb(&line, u8::to_ascii_lowercase),
    ] {
        let folded = CommandLine::parse(&other);
        assert_eq!(folded.command, parsed.command, "letters of any case");
        assert_eq!(folded.needs_login(), parsed.needs_login());
        assert_eq!(folded.cost(0), parsed.cost(0));
    }
    assert!(parsed.cost(4096) >= parsed.cost(0));
    let argument = line
        .iter()
        .position(|byte| *byte == b' ')
        .map_or(&b""[..], |space| &line[space + 1..]);
    let command = match parsed.command {
        Ok(command) => command,
        Err(CommandError::Blank) => {
            assert!(line.iter().all(|byte| *byte == b' '));
            return;
        }
        Err(_) => return,
    };
    assert!(
        !argument.iter().any(u8::is_ascii_control),
        "no control byte is in an argument"
    );
    match &command {
        Command::User(name) => {
            assert!((1..=USER_NAME_MAX).contains(&name.len()) && name.trim_ascii() == name);
        }
        Command::Pass(password) => {
            assert!(password.as_bytes().len() <= Password::LONGEST);
            assert_eq!(without_password(&line), b"PASS ****");
            assert_eq!(format!("{command:?}"), "Pass(****)", "it is not shown");
        }
        _ => {}
    }
    if let Some((verb, path)) = command.recorded_as() {
        assert!(verb.bytes().all(|letter| letter.is_ascii_uppercase() || letter == b' '));
        assert!(!path.iter().any(u8::is_ascii_control));
    }
    let canonical = canonical(&command);
    let again = CommandLine::parse(&canonical);
    assert_eq!(
        again.command.as_ref(),
        Ok(&command),
        "{}",
        String::from_utf8_lossy(&canonical)
    );
    // What the line may cost and whether it needs a login goes by the verb, not by its spelling.
    assert_eq!(again.needs_login(), CommandLine::parse(&line).needs_login());
}

/// The line with the letters up to its first space changed.
fn with_verb(line: &[u8], change: fn(&u8) -> u8) -> Vec<u8> {
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let (verb, rest) = line.split_at(end);
    verb.iter().map(change).chain(rest.iter().copied()).collect()
}

fn canonical(command: &Command) -> Vec<u8> {
    let with_path = |verb: &str, path: &PathArgument| [verb.as_bytes(), b" ", &path.0].concat();
    let with_optional = |verb: &str, path: &Option<PathArgument>| match path {
        Some(path) => with_path(verb, path),
        None => verb.into(),
    };
    match command {
        Command::User(name) => [b"USER ", &name[..]].concat(),
        Command::Pass(password) => [b"PASS ", password.as_bytes()].concat(),
        Command::Acct => b"ACCT".to_vec(),
        Command::Auth(SecurityMechanism::Tls) => b"AUTH TLS".to_vec(),
        Command::Auth(SecurityMechanism::Other) => b"AUTH SSL".to_vec(),
        Command::ProtectionBufferSize => b"PBSZ 0".to_vec(),
        Command::Prot(ProtectionLevel::Clear) => b"PROT C".to_vec(),
        Command::Prot(ProtectionLevel::Unsupported) => b"PROT S".to_vec(),
        Command::Prot(ProtectionLevel::Private) => b"PROT P".to_vec(),
        Command::Ccc => b"CCC".to_vec(),
        Command::Quit => b"QUIT".to_vec(),
        Command::Rein => b"REIN".to_vec(),
        Command::Noop => b"NOOP".to_vec(),
        Command::Syst => b"SYST".to_vec(),
        Command::Feat => b"FEAT".to_vec(),
        Command::Help => b"HELP".to_vec(),
        Command::StatSession => b"STAT".to_vec(),
        Command::StatPath(path) => with_path("STAT", path),
        Command::OptsUtf8 => b"OPTS UTF8 ON".to_vec(),
        Command::OptsMlst(facts) => {
            let names = Facts::NAMES.into_iter().filter(|(fact, _)| facts.contains(*fact));
            let names: String = names.map(|(_, name)| format!("{name};")).collect();
            format!("OPTS MLST {names}").into_bytes()
        }
        Command::Clnt => b"CLNT".to_vec(),
        Command::Host => b"HOST x".to_vec(),
        Command::Type(Representation::Ascii) => b"TYPE A".to_vec(),
        Command::Type(Representation::Image) => b"TYPE I".to_vec(),
        Command::Mode(Transmission::Stream) => b"MODE S".to_vec(),
        Command::Mode(Transmission::Deflate) => b"MODE Z".to_vec(),
        Command::OptsDeflate(level) => format!("OPTS MODE Z LEVEL {}", level.number()).into_bytes(),
        Command::Structure => b"STRU F".to_vec(),
        Command::Allo => b"ALLO 0".to_vec(),
        Command::Pwd => b"PWD".to_vec(),
        Command::Cwd(path) => with_path("CWD", path),
        Command::Cdup => b"CDUP".to_vec(),
        // What looks like options is kept whole.
        Command::List(list) => with_optional("LIST", list.literal.as_ref().map_or(&list.path, |_| &list.literal)),
        Command::Nlst(list) => with_optional("NLST", list.literal.as_ref().map_or(&list.path, |_| &list.literal)),
        Command::Mlst(path) => with_optional("MLST", path),
        Command::Mlsd(path) => with_optional("MLSD", path),
        Command::Size(path) => with_path("SIZE", path),
        Command::Mdtm(path) => with_path("MDTM", path),
        Command::MdtmOrSet { literal, time, path } => {
            assert!(literal.0.ends_with(&path.0));
            assert_eq!(Timestamp::parse_compact(&literal.0[..14]), *time);
            with_path("MDTM", literal)
        }
        Command::Rest(offset) => format!("REST {offset}").into_bytes(),
        Command::Retr(path) => with_path("RETR", path),
        Command::Abor => b"ABOR".to_vec(),
        Command::Pasv => b"PASV".to_vec(),
        Command::Epsv(EpsvArgument::Any) => b"EPSV".to_vec(),
        Command::Epsv(EpsvArgument::Ipv4) => b"EPSV 1".to_vec(),
        Command::Epsv(EpsvArgument::Ipv6) => b"EPSV 2".to_vec(),
        Command::Epsv(EpsvArgument::All) => b"EPSV ALL".to_vec(),
        Command::Port(address) => {
            let [high, low] = address.port().to_be_bytes();
            let host = address.ip().to_string().replace('.', ",");
            format!("PORT {host},{high},{low}").into_bytes()
        }
        Command::Eprt(address) => {
            let protocol = if address.is_ipv4() { 1 } else { 2 };
            format!("EPRT |{protocol}|{}|{}|", address.ip(), address.port()).into_bytes()
        }
        Command::SiteHelp => b"SITE HELP".to_vec(),
        Command::Pret => b"PRET".to_vec(),
        Command::Stor(path) => with_path("STOR", path),
        Command::Appe(path) => with_path("APPE", path),
        Command::Stou(path) => with_optional("STOU", path),
        Command::Dele(path) => with_path("DELE", path),
        Command::Mkd(path) => with_path("MKD", path),
        Command::Rmd(path) => with_path("RMD", path),
        Command::Rnfr(path) => with_path("RNFR", path),
        Command::Rnto(path) => with_path("RNTO", path),
        Command::SetModified(time, path) => with_path(&format!("MFMT {}", compact(*time)), path),
        Command::SetFacts(changes, path) => {
            assert!(changes.len() <= 2, "each fact once");
            let changes: String = changes
                .iter()
                .map(|change| match change {
                    FactChange::Modify(time) => format!("modify={};", compact(*time)),
                    FactChange::UnixMode(mode) => format!("UNIX.mode={mode:04o};"),
                })
                .collect();
            with_path(&format!("MFF {changes}"), path)
        }
        Command::SiteUtime(time, path) => with_path(&format!("SITE UTIME {}", compact(*time)), path),
        Command::SiteChmod(mode, path) => {
            assert!(*mode <= 0o777);
            with_path(&format!("SITE CHMOD {mode:03o}"), path)
        }
        Command::Digest(DigestRequest::Hash(path)) => with_path("HASH", path),
        Command::Digest(DigestRequest::Checksum {
            digest,
            path,
            first,
            past,
        }) => {
            let verb = match digest {
                Digest::Crc32 => "XCRC",
                Digest::Md5 => "XMD5",
                Digest::Sha1 => "XSHA",
                Digest::Sha256 => "XSHA256",
                Digest::Sha512 => "XSHA512",
            };
            let past = past.map_or_else(String::new, |past| format!(" {past}"));
            [
                verb.as_bytes(),
                b" \"",
                &path.0,
                b"\" ",
                format!("{first}{past}").as_bytes(),
            ]
            .concat()
        }
        Command::OptsHash(None) => b"OPTS HASH".to_vec(),
        Command::OptsHash(Some(digest)) => format!("OPTS HASH {}", digest.name()).into_bytes(),
        Command::Range(None) => b"RANG 1 0".to_vec(),
        Command::Range(Some((first, last))) => format!("RANG {first} {last}").into_bytes(),
        Command::Avbl(path) => with_optional("AVBL", path),
    }
}

fn compact(time: Timestamp) -> String {
    let mut out = Vec::new();
    time.write_compact(&mut out);
    String::from_utf8(out).expect("digits")
}
