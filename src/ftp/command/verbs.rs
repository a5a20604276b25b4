//! The table of commands: one row per verb, sorted by name.
//!
//! A new command is one row here and one variant of [`Command`]. Unless its row says otherwise, it needs a login.

use super::arguments::{
    allocation, checksum, extended_passive, host, list_argument, number, optional_path, options_hash, options_mlst,
    options_mode, options_utf8, password, protection_buffer_size, protection_level, range, representation,
    required_path, security_mechanism, structure, transmission, user_name,
};
use super::times_and_modes::{modification_time, set_facts, set_modified, site_chmod, site_utime};
use super::verb::{Cost, Verb};
use super::{Command, CommandError, Digest, DigestRequest, PathArgument};
use crate::ftp::host_port::{parse_eprt, parse_port};

const CDUP: Verb = Verb::new("CDUP", Cost::Lookup, |_| Ok(Command::Cdup));
const CWD: Verb = Verb::new("CWD", Cost::Lookup, |path| {
    Ok(Command::Cwd(PathArgument(path.to_vec())))
});
const MKD: Verb = Verb::new("MKD", Cost::Change, |path| Ok(Command::Mkd(required_path(path)?)));
const PWD: Verb = Verb::new("PWD", Cost::Nothing, |_| Ok(Command::Pwd));
const RMD: Verb = Verb::new("RMD", Cost::Change, |path| Ok(Command::Rmd(required_path(path)?)));
const XSHA: Verb = Verb::new("XSHA", Cost::Opening, |path| checksum(Digest::Sha1, path));

static VERBS: [Verb; 63] = [
    Verb::new("ABOR", Cost::Nothing, |_| Ok(Command::Abor)),
    Verb::new("ACCT", Cost::Nothing, |_| Ok(Command::Acct)).before_login(),
    Verb::new("ALLO", Cost::Nothing, allocation),
    Verb::new("APPE", Cost::Change, |path| Ok(Command::Appe(required_path(path)?))),
    Verb::new("AUTH", Cost::Nothing, security_mechanism).before_login(),
    Verb::new("AVBL", Cost::Lookup, |path| Ok(Command::Avbl(optional_path(path)))),
    Verb::new("CCC", Cost::Nothing, |_| Ok(Command::Ccc)).before_login(),
    CDUP,
    Verb::new("CLNT", Cost::Nothing, |_| Ok(Command::Clnt)).before_login(),
    CWD,
    Verb::new("DELE", Cost::Change, |path| Ok(Command::Dele(required_path(path)?))),
    Verb::new("EPRT", Cost::Nothing, |address| parse_eprt(address).map(Command::Eprt)).disarming(),
    Verb::new("EPSV", Cost::Lookup, extended_passive),
    Verb::new("FEAT", Cost::Nothing, |_| Ok(Command::Feat)).before_login(),
    Verb::new("HASH", Cost::Opening, |path| {
        Ok(Command::Digest(DigestRequest::Hash(required_path(path)?)))
    }),
    Verb::new("HELP", Cost::Nothing, |_| Ok(Command::Help)).before_login(),
    Verb::new("HOST", Cost::Nothing, host).before_login(),
    Verb::new("LIST", Cost::Opening, |text| Ok(Command::List(list_argument(text)))),
    Verb::new("MDTM", Cost::Lookup, modification_time),
    Verb::new("MFF", Cost::Change, set_facts),
    Verb::new("MFMT", Cost::Change, set_modified),
    MKD,
    Verb::new("MLSD", Cost::Opening, |path| Ok(Command::Mlsd(optional_path(path)))),
    Verb::new("MLST", Cost::Lookup, |path| Ok(Command::Mlst(optional_path(path)))),
    Verb::new("MODE", Cost::Nothing, transmission),
    Verb::new("NLST", Cost::Opening, |text| Ok(Command::Nlst(list_argument(text)))),
    Verb::new("NOOP", Cost::Nothing, |_| Ok(Command::Noop)).before_login(),
    // Some clients take any 4xx here for "restart not allowed" (RFC 2389 §4).
    Verb::with_words("OPTS", &OPTS_WORDS, CommandError::BadArgument),
    Verb::new("PASS", Cost::Nothing, password).before_login(),
    Verb::new("PASV", Cost::Lookup, |_| Ok(Command::Pasv)),
    Verb::new("PBSZ", Cost::Nothing, protection_buffer_size).before_login(),
    Verb::new("PORT", Cost::Nothing, |address| parse_port(address).map(Command::Port)).disarming(),
    Verb::new("PRET", Cost::Nothing, |_| Ok(Command::Pret)),
    Verb::new("PROT", Cost::Nothing, protection_level).before_login(),
    PWD,
    Verb::new("QUIT", Cost::Nothing, |_| Ok(Command::Quit)).before_login(),
    Verb::new("RANG", Cost::Nothing, range),
    Verb::new("REIN", Cost::Nothing, |_| Ok(Command::Rein)).before_login(),
    Verb::new("REST", Cost::Nothing, |offset| number(offset).map(Command::Rest)),
    Verb::new("RETR", Cost::Opening, |path| Ok(Command::Retr(required_path(path)?))),
    RMD,
    Verb::new("RNFR", Cost::Lookup, |path| Ok(Command::Rnfr(required_path(path)?))),
    Verb::new("RNTO", Cost::Change, |path| Ok(Command::Rnto(required_path(path)?))),
    Verb::with_words("SITE", &SITE_WORDS, CommandError::NotImplemented),
    Verb::new("SIZE", Cost::Lookup, |path| Ok(Command::Size(required_path(path)?))),
    Verb::new("STAT", Cost::Opening, |path| {
        Ok(optional_path(path).map_or(Command::StatSession, Command::StatPath))
    }),
    Verb::new("STOR", Cost::Change, |path| Ok(Command::Stor(required_path(path)?))),
    Verb::new("STOU", Cost::Change, |path| Ok(Command::Stou(optional_path(path)))),
    Verb::new("STRU", Cost::Nothing, structure),
    Verb::new("SYST", Cost::Nothing, |_| Ok(Command::Syst)).before_login(),
    Verb::new("TYPE", Cost::Nothing, representation),
    Verb::new("USER", Cost::Nothing, user_name).before_login(),
    Verb::new("XCRC", Cost::Opening, |path| checksum(Digest::Crc32, path)),
    CDUP.also("XCUP"),
    CWD.also("XCWD"),
    Verb::new("XMD5", Cost::Opening, |path| checksum(Digest::Md5, path)),
    MKD.also("XMKD"),
    PWD.also("XPWD"),
    RMD.also("XRMD"),
    XSHA,
    XSHA.also("XSHA1"),
    Verb::new("XSHA256", Cost::Opening, |path| checksum(Digest::Sha256, path)),
    Verb::new("XSHA512", Cost::Opening, |path| checksum(Digest::Sha512, path)),
];

static OPTS_WORDS: [Verb; 5] = [
    Verb::new("HASH", Cost::Nothing, options_hash),
    Verb::new("MLST", Cost::Nothing, options_mlst),
    Verb::new("MODE", Cost::Nothing, options_mode),
    Verb::new("UTF-8", Cost::Nothing, options_utf8).before_login(),
    Verb::new("UTF8", Cost::Nothing, options_utf8).before_login(),
];

/// Nothing here executes or copies anything (threat A18).
static SITE_WORDS: [Verb; 3] = [
    Verb::new("CHMOD", Cost::Change, site_chmod),
    Verb::new("HELP", Cost::Nothing, |_| Ok(Command::SiteHelp)),
    Verb::new("UTIME", Cost::Change, site_utime),
];

/// The row of the verb `name`, in any case; `None`: it is not served.
pub(super) fn served(name: &[u8]) -> Option<&'static Verb> {
    Verb::find(&VERBS, name)
}

/// The name of every verb that is served.
pub fn served_verbs() -> Vec<&'static str> {
    VERBS.iter().map(|verb| verb.name).collect()
}

/// Those of them that only a server with TLS serves.
pub const TLS_VERBS: [&str; 4] = ["AUTH", "CCC", "PBSZ", "PROT"];

/// Every word that SITE serves.
pub fn served_site_words() -> Vec<&'static str> {
    SITE_WORDS.iter().map(|verb| verb.name).collect()
}

/// First words of other protocols' clients.
const FOREIGN: [&[u8]; 11] = [
    b"GET", b"POST", b"PUT", b"HEAD", b"DELETE", b"OPTIONS", b"CONNECT", b"TRACE", b"PATCH", b"EHLO", b"HELO",
];

/// Verbs that are recognised and refused.
const NOT_IMPLEMENTED: [&[u8]; 16] = [
    b"SMNT", b"LANG", b"ADAT", b"CONF", b"ENC", b"MIC", b"MD5", b"MMD5", b"COMB", b"THMB", b"DSIZ", b"RMDA", b"CSID",
    b"LPRT", b"LPSV", b"MFCT",
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
    } else {
        not_implemented(argument)
    }
}

/// Why a line is refused whose verb is known and not served.
pub(super) fn not_implemented(argument: &[u8]) -> CommandError {
    if argument.iter().any(u8::is_ascii_control) {
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
        for name in served_verbs() {
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
            "ACCT", "AUTH", "CCC", "CLNT", "FEAT", "HELP", "HOST", "NOOP", "PASS", "PBSZ", "PROT", "QUIT", "REIN",
            "SYST", "USER", "UTF-8", "UTF8",
        ];
        assert_eq!(open, expected);
    }

    /// A verb that changes something needs a name in [`Command::recorded_as`].
    #[test]
    fn these_verbs_change_files_or_directories() {
        let rows = VERBS.iter().chain(&SITE_WORDS);
        let changing: Vec<&str> = rows
            .filter(|verb| verb.cost == Cost::Change)
            .map(|verb| verb.name)
            .collect();
        let expected = [
            "APPE", "DELE", "MFF", "MFMT", "MKD", "RMD", "RNTO", "STOR", "STOU", "XMKD", "XRMD", "CHMOD", "UTIME",
        ];
        assert_eq!(changing, expected);
    }

    /// Verbs that are answered from memory. OPTS and SITE are charged by their words.
    const FREE_VERBS: [&str; 29] = [
        "ABOR", "ACCT", "ALLO", "AUTH", "CCC", "PBSZ", "PROT", "CLNT", "EPRT", "FEAT", "HELP", "HOST", "MODE", "NOOP",
        "OPTS", "PASS", "PORT", "PRET", "PWD", "QUIT", "RANG", "REIN", "REST", "SITE", "STRU", "SYST", "TYPE", "USER",
        "XPWD",
    ];

    #[test]
    fn g16_every_verb_that_is_served_is_either_free_or_charged() {
        for verb in &VERBS {
            let is_charged = verb.cost > Cost::Nothing;
            assert_ne!(is_charged, FREE_VERBS.contains(&verb.name), "{}", verb.name);
        }
    }
}
