//! The table of commands: one row per verb, sorted by name.
//!
//! A new command is one row here and one variant of [`Command`]. Unless its row says otherwise, it needs a login and no
//! log records it; its cost has to be given.

use super::arguments::{
    ListArgument, allocation, extended_passive, host, number, optional_path, options_utf8, password, required_path,
    structure, user_name,
};
use super::cost::Cost;
use super::definition::Command;
use super::digests::{Digest, DigestRequest, checksum, options_hash, range};
use super::error::CommandError;
use super::path_argument::PathArgument;
use super::times_and_modes::{set_facts, set_modified, site_chmod, site_utime, time_before_path};
use super::type_and_mode::{options_mode, representation, transmission};
use super::verb::Verb;
use crate::ftp::host_port::{EprtError, parse_eprt, parse_port};
use crate::ftp::listing::Facts;

const CDUP: Verb = Verb::new("CDUP", Cost::Lookup, |_| Ok(Command::Cdup));
const CWD: Verb = Verb::new("CWD", Cost::Lookup, |path| {
    Ok(Command::Cwd(PathArgument(path.to_vec())))
});
const MKD: Verb = Verb::new("MKD", Cost::Change, |path| Ok(Command::Mkd(required_path(path)?))).recorded();
const PWD: Verb = Verb::new("PWD", Cost::Nothing, |_| Ok(Command::Pwd));
const RMD: Verb = Verb::new("RMD", Cost::Change, |path| Ok(Command::Rmd(required_path(path)?))).recorded();
const XSHA: Verb = Verb::new("XSHA", Cost::Opening, |argument| {
    checksum(Digest::Sha1, argument).map(Command::Digest)
});

static VERBS: [Verb; 59] = [
    Verb::new("ABOR", Cost::Nothing, |_| Ok(Command::Abor)),
    Verb::new("ACCT", Cost::Nothing, |_| Ok(Command::Acct)).before_login(),
    Verb::new("ALLO", Cost::Nothing, |sizes| allocation(sizes).map(|()| Command::Allo)),
    Verb::new("APPE", Cost::Change, |path| Ok(Command::Appe(required_path(path)?))).recorded(),
    Verb::new("AVBL", Cost::Lookup, |path| Ok(Command::Avbl(optional_path(path)))),
    CDUP,
    Verb::new("CLNT", Cost::Nothing, |_| Ok(Command::Clnt)).before_login(),
    CWD,
    Verb::new("DELE", Cost::Change, |path| Ok(Command::Dele(required_path(path)?))).recorded(),
    Verb::new("EPRT", Cost::Nothing, |address| match parse_eprt(address) {
        Ok(address) => Ok(Command::Eprt(address)),
        Err(EprtError::Syntax) => Err(CommandError::BadAddress),
        Err(EprtError::Protocol) => Err(CommandError::UnsupportedProtocol),
    })
    .disarming(),
    Verb::new("EPSV", Cost::Lookup, |protocol| {
        extended_passive(protocol).map(Command::Epsv)
    }),
    Verb::new("FEAT", Cost::Nothing, |_| Ok(Command::Feat)).before_login(),
    Verb::new("HASH", Cost::Opening, |path| {
        Ok(Command::Digest(DigestRequest::Hash(required_path(path)?)))
    }),
    Verb::new("HELP", Cost::Nothing, |_| Ok(Command::Help)).before_login(),
    Verb::new("HOST", Cost::Nothing, |name| host(name).map(|()| Command::Host)).before_login(),
    Verb::new("LIST", Cost::Opening, |argument| {
        Ok(Command::List(ListArgument::parse(argument)))
    }),
    Verb::new("MDTM", Cost::Lookup, |argument| {
        let literal = required_path(argument)?;
        Ok(match time_before_path(argument) {
            Some((time, path)) => Command::MdtmOrSet { literal, time, path },
            None => Command::Mdtm(literal),
        })
    })
    .recorded(),
    Verb::new("MFF", Cost::Change, |argument| {
        set_facts(argument).map(|(changes, path)| Command::SetFacts(changes, path))
    })
    .recorded(),
    Verb::new("MFMT", Cost::Change, |argument| {
        set_modified(argument).map(|(time, path)| Command::SetModified(time, path))
    })
    .recorded(),
    MKD,
    Verb::new("MLSD", Cost::Opening, |path| Ok(Command::Mlsd(optional_path(path)))),
    Verb::new("MLST", Cost::Lookup, |path| Ok(Command::Mlst(optional_path(path)))),
    Verb::new("MODE", Cost::Nothing, |mode| transmission(mode).map(Command::Mode)),
    Verb::new("NLST", Cost::Opening, |argument| {
        Ok(Command::Nlst(ListArgument::parse(argument)))
    }),
    Verb::new("NOOP", Cost::Nothing, |_| Ok(Command::Noop)).before_login(),
    // Some clients take any 4xx here for "restart not allowed" (RFC 2389 §4).
    Verb::with_words("OPTS", &OPTS_WORDS, CommandError::BadArgument),
    Verb::new("PASS", Cost::Nothing, |word| password(word).map(Command::Pass)).before_login(),
    Verb::new("PASV", Cost::Lookup, |_| Ok(Command::Pasv)),
    Verb::new("PORT", Cost::Nothing, |address| {
        parse_port(address).map(Command::Port).ok_or(CommandError::BadAddress)
    })
    .disarming(),
    Verb::new("PRET", Cost::Nothing, |_| Ok(Command::Pret)),
    PWD,
    Verb::new("QUIT", Cost::Nothing, |_| Ok(Command::Quit)).before_login(),
    Verb::new("RANG", Cost::Nothing, |bytes| range(bytes).map(Command::Range)),
    Verb::new("REIN", Cost::Nothing, |_| Ok(Command::Rein)).before_login(),
    Verb::new("REST", Cost::Nothing, |offset| number(offset).map(Command::Rest)),
    Verb::new("RETR", Cost::Opening, |path| Ok(Command::Retr(required_path(path)?))).recorded(),
    RMD,
    Verb::new("RNFR", Cost::Lookup, |path| Ok(Command::Rnfr(required_path(path)?))).recorded(),
    Verb::new("RNTO", Cost::Change, |path| Ok(Command::Rnto(required_path(path)?))).recorded(),
    Verb::with_words("SITE", &SITE_WORDS, CommandError::NotImplemented),
    Verb::new("SIZE", Cost::Lookup, |path| Ok(Command::Size(required_path(path)?))),
    Verb::new("STAT", Cost::Opening, |path| {
        Ok(optional_path(path).map_or(Command::StatSession, Command::StatPath))
    }),
    Verb::new("STOR", Cost::Change, |path| Ok(Command::Stor(required_path(path)?))).recorded(),
    Verb::new("STOU", Cost::Change, |path| Ok(Command::Stou(optional_path(path)))).recorded(),
    Verb::new("STRU", Cost::Nothing, |code| {
        structure(code).map(|()| Command::Structure)
    }),
    Verb::new("SYST", Cost::Nothing, |_| Ok(Command::Syst)).before_login(),
    Verb::new("TYPE", Cost::Nothing, |code| representation(code).map(Command::Type)),
    Verb::new("USER", Cost::Nothing, |name| user_name(name).map(Command::User)).before_login(),
    Verb::new("XCRC", Cost::Opening, |argument| {
        checksum(Digest::Crc32, argument).map(Command::Digest)
    }),
    CDUP.also("XCUP"),
    CWD.also("XCWD"),
    Verb::new("XMD5", Cost::Opening, |argument| {
        checksum(Digest::Md5, argument).map(Command::Digest)
    }),
    MKD.also("XMKD"),
    PWD.also("XPWD"),
    RMD.also("XRMD"),
    XSHA,
    XSHA.also("XSHA1"),
    Verb::new("XSHA256", Cost::Opening, |argument| {
        checksum(Digest::Sha256, argument).map(Command::Digest)
    }),
    Verb::new("XSHA512", Cost::Opening, |argument| {
        checksum(Digest::Sha512, argument).map(Command::Digest)
    }),
];

static OPTS_WORDS: [Verb; 5] = [
    Verb::word("HASH", "OPTS HASH", Cost::Nothing, |name| {
        options_hash(name).map(Command::OptsHash)
    }),
    Verb::word("MLST", "OPTS MLST", Cost::Nothing, |facts| {
        Ok(Command::OptsMlst(Facts::from_names(facts.trim_ascii())))
    }),
    Verb::word("MODE", "OPTS MODE", Cost::Nothing, |level| {
        options_mode(level).map(Command::OptsDeflate)
    }),
    Verb::word("UTF-8", "OPTS UTF8", Cost::Nothing, |on| {
        options_utf8(on).map(|()| Command::OptsUtf8)
    })
    .before_login(),
    Verb::word("UTF8", "OPTS UTF8", Cost::Nothing, |on| {
        options_utf8(on).map(|()| Command::OptsUtf8)
    })
    .before_login(),
];

/// Nothing here executes or copies anything (threat A18).
static SITE_WORDS: [Verb; 3] = [
    Verb::word("CHMOD", "SITE CHMOD", Cost::Change, |argument| {
        site_chmod(argument).map(|(mode, path)| Command::SiteChmod(mode, path))
    })
    .recorded(),
    Verb::word("HELP", "SITE HELP", Cost::Nothing, |_| Ok(Command::SiteHelp)),
    Verb::word("UTIME", "SITE UTIME", Cost::Change, |argument| {
        site_utime(argument).map(|(time, path)| Command::SiteUtime(time, path))
    })
    .recorded(),
];

/// The row of the verb `name`, in any case; `None`: it is not served.
pub(super) fn served(name: &[u8]) -> Option<&'static Verb> {
    Verb::find(&VERBS, name)
}

/// The name of every verb that is served.
pub const SERVED_VERBS: [&str; VERBS.len()] = names(&VERBS);

/// Every word that SITE serves.
pub const SERVED_SITE_WORDS: [&str; SITE_WORDS.len()] = names(&SITE_WORDS);

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which has no iterators there"
)]
const fn names<const ROWS: usize>(table: &[Verb; ROWS]) -> [&'static str; ROWS] {
    let mut names = [""; ROWS];
    let mut row = 0;
    while row < ROWS {
        names[row] = table[row].name;
        row += 1;
    }
    names
}

/// First words of other protocols' clients.
const FOREIGN: [&[u8]; 11] = [
    b"GET", b"POST", b"PUT", b"HEAD", b"DELETE", b"OPTIONS", b"CONNECT", b"TRACE", b"PATCH", b"EHLO", b"HELO",
];

/// Verbs that are recognised and refused.
const NOT_IMPLEMENTED: [&[u8]; 20] = [
    b"SMNT", b"LANG", b"AUTH", b"ADAT", b"PBSZ", b"PROT", b"CCC", b"CONF", b"ENC", b"MIC", b"MD5", b"MMD5", b"COMB",
    b"THMB", b"DSIZ", b"RMDA", b"CSID", b"LPRT", b"LPSV", b"MFCT",
];

/// Why a line whose verb has no row is refused.
pub(super) fn unserved(name: &[u8], argument: &[u8]) -> CommandError {
    let is_one_of = |names: &[&[u8]]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let is_ssh = name
        .first_chunk::<4>()
        .is_some_and(|start| start.eq_ignore_ascii_case(b"SSH-"));
    if is_one_of(&FOREIGN) || is_ssh {
        CommandError::ForeignProtocol
    } else if !is_one_of(&NOT_IMPLEMENTED) {
        CommandError::Unknown
    } else if argument.iter().any(u8::is_ascii_control) {
        CommandError::BadArgument
    } else {
        CommandError::NotImplemented
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_found_in_any_case() {
        for table in [&VERBS[..], &OPTS_WORDS, &SITE_WORDS] {
            assert!(table.is_sorted_by(|one, next| one.name < next.name));
            for verb in table {
                for name in [verb.name.to_owned(), verb.name.to_ascii_lowercase()] {
                    let found = Verb::find(table, name.as_bytes()).expect("a row");
                    assert_eq!(found.name, verb.name);
                }
            }
        }
        for name in [
            "",
            "RET",
            "RETRX",
            "XSHA2567",
            "A VERB THAT IS MUCH TOO LONG",
            "CWD\0",
            "\0CWD",
        ] {
            assert!(served(name.as_bytes()).is_none(), "{name}");
        }
    }

    #[test]
    fn no_verb_is_both_served_and_refused() {
        for name in SERVED_VERBS {
            assert_eq!(unserved(name.as_bytes(), b""), CommandError::Unknown, "{name}");
        }
    }

    #[test]
    fn only_these_are_answered_before_login() {
        let open: Vec<&str> = VERBS
            .iter()
            .chain(&OPTS_WORDS)
            .chain(&SITE_WORDS)
            .filter(|verb| !verb.needs_login)
            .map(|verb| verb.name)
            .collect();
        let expected = [
            "ACCT", "CLNT", "FEAT", "HELP", "HOST", "NOOP", "PASS", "QUIT", "REIN", "SYST", "USER", "UTF-8", "UTF8",
        ];
        assert_eq!(open, expected);
    }

    #[test]
    fn transfers_and_changes_are_recorded_under_one_name_each() {
        let mut recorded: Vec<&str> = VERBS.iter().chain(&SITE_WORDS).filter_map(Verb::recorded_as).collect();
        recorded.dedup();
        let expected = [
            "APPE",
            "DELE",
            "MDTM",
            "MFF",
            "MFMT",
            "MKD",
            "RETR",
            "RMD",
            "RNFR",
            "RNTO",
            "STOR",
            "STOU",
            "MKD",
            "RMD",
            "SITE CHMOD",
            "SITE UTIME",
        ];
        assert_eq!(recorded, expected);
        let unrecorded = |verb: &Verb| verb.cost == Cost::Change && verb.recorded_as().is_none();
        assert!(!VERBS.iter().chain(&SITE_WORDS).any(unrecorded), "every change is");
    }

    /// Verbs that are answered from memory. OPTS and SITE are charged by their words.
    const FREE_VERBS: [&str; 25] = [
        "ABOR", "ACCT", "ALLO", "CLNT", "EPRT", "FEAT", "HELP", "HOST", "MODE", "NOOP", "OPTS", "PASS", "PORT", "PRET",
        "PWD", "QUIT", "RANG", "REIN", "REST", "SITE", "STRU", "SYST", "TYPE", "USER", "XPWD",
    ];

    #[test]
    fn g16_every_verb_that_is_served_is_either_free_or_charged() {
        for verb in &VERBS {
            let is_charged = verb.cost > Cost::Nothing;
            assert_ne!(is_charged, FREE_VERBS.contains(&verb.name), "{verb:?}");
        }
    }
}
