//! Everything the server says: codes, texts and their form on the wire (RFC 959 §4.2).
//!
//! Texts are chosen for the clients that parse them (a few compare whole lines), and no text carries a client's bytes,
//! except for the quoted path of 257 and the path of MLST. Words that make clients try again stand in 4xx texts only.

use super::command::{
    CommandError, DeflateLevel, Digest, Representation, SERVED_SITE_WORDS, SERVED_VERBS, Transmission,
};
use super::listing::{Fact, Facts};
use super::path::VirtualPath;
use super::timestamp::Timestamp;
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddrV4};
use std::time::Duration;

/// A code and its text. Lines of a multi-line text are separated by LF here and indented on the wire, so that none can
/// be taken for the last line (threat A13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    form: Form,
    text: Cow<'static, [u8]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Whole,
    /// The first line of a reply whose body is streamed (STAT with a path).
    Opening,
}

const fn constant(code: u16, text: &'static str) -> Reply {
    Reply {
        code,
        form: Form::Whole,
        text: Cow::Borrowed(text.as_bytes()),
    }
}

const fn opening(code: u16, text: &'static str) -> Reply {
    Reply {
        code,
        form: Form::Opening,
        text: Cow::Borrowed(text.as_bytes()),
    }
}

/// Defines the constant replies and the list of them all, so that tests miss none.
macro_rules! replies {
    ($($name:ident = $make:ident($code:literal, $text:literal);)*) => {
        $(pub const $name: Reply = $make($code, $text);)*
        /// Every constant reply.
        pub const ALL: &[Reply] = &[$($name),*];
    };
}

replies! {
    OPENING_ASCII = constant(150, "Opening ASCII mode data connection");
    OPENING_DEFLATED = constant(150, "Opening data connection, what it carries is deflated");
    OPENING_LISTING = constant(150, "Here comes the directory listing");
    OPENING_UPLOAD = constant(150, "Ready for the data");
    TYPE_ASCII = constant(200, "Type is ASCII");
    TYPE_IMAGE = constant(200, "Type is binary");
    MODE_STREAM = constant(200, "Mode is stream");
    MODE_DEFLATE = constant(200, "Mode is deflate, each transfer is a zlib stream");
    STRUCTURE_OK = constant(200, "Structure is file");
    NOOP_OK = constant(200, "NOOP ok");
    UTF8_ON = constant(200, "Names are bytes, UTF-8 by agreement");
    CLIENT_NOTED = constant(200, "Noted");
    PRET_OK = constant(200, "PRET ok");
    ACTIVE_OK = constant(200, "Active address noted");
    EPSV_ALL_OK = constant(200, "EPSV ALL ok");
    ACCOUNT_NOT_NEEDED = constant(202, "No account is needed");
    ALLO_NOT_NEEDED = constant(202, "No allocation is needed");
    STATUS_LISTING_BEGINS = opening(213, "Status of the path:");
    STATUS_LISTING_ENDS = constant(213, "End of status");
    STATUS_LISTING_TRUNCATED = constant(213, "End of status: the rest is left out, use LIST");
    STATUS_LISTING_FAILED = constant(213, "End of status: the directory could not be read to its end");
    STATUS_LISTING_ABORTED = constant(213, "End of status: aborted");
    SYSTEM_TYPE = constant(215, "UNIX Type: L8");
    READY_FOR_NEW_USER = constant(220, "Ready for a new user");
    HOST_OK = constant(220, "Host accepted");
    GOODBYE = constant(221, "Goodbye");
    RESTART_NEEDS_IMAGE = constant(504, "An upload can be restarted in TYPE I only");
    TRANSFER_COMPLETE = constant(226, "Transfer complete");
    NOTHING_TO_ABORT = constant(226, "Nothing left to abort");
    LOGGED_IN = constant(230, "Logged in");
    LOGGED_IN_READ_ONLY = constant(230, "Logged in, read-only");
    DIRECTORY_CHANGED = constant(250, "Directory changed");
    FILE_REMOVED = constant(250, "File removed");
    DIRECTORY_REMOVED = constant(250, "Directory removed");
    RENAMED = constant(250, "Renamed");
    TIME_SET = constant(200, "Time set");
    USER_OK = constant(331, "Please give the password");
    RANGE_FORGOTTEN = constant(350, "The next command is about the whole file");
    RENAME_TO_WHAT = constant(350, "Ready for the new name");
    TOO_MANY_CONNECTIONS = constant(421, "Too many connections");
    TIMED_OUT = constant(421, "Timed out");
    SHUTTING_DOWN = constant(421, "The server is shutting down");
    TOO_MANY_BAD_COMMANDS = constant(421, "Too many bad commands");
    TOO_MANY_OF_ACCOUNT = constant(421, "Too many connections of this user");
    LOGIN_BUSY = constant(421, "Busy with other logins, try again");
    ACCOUNT_CHANGED = constant(421, "This account has changed, log in again");
    TOO_MANY_FAILED_LOGINS = constant(421, "Too many failed logins");
    NO_DATA_CONNECTION = constant(425, "No data connection: use PASV, EPSV, PORT or EPRT first");
    PASSIVE_BUSY = constant(425, "All passive ports are busy for this address");
    USE_EPSV = constant(425, "PASV is for IPv4 connections: use EPSV");
    DATA_CONNECTION_LOST = constant(426, "The data connection was lost");
    TRANSFER_STALLED = constant(426, "Nothing moved for too long, transfer ended");
    TRANSFER_ABORTED = constant(426, "Transfer aborted");
    DIGEST_ABORTED = constant(426, "Aborted, there is no digest");
    TRY_AGAIN = constant(450, "Busy, try again");
    MODE_Z_BUSY = constant(450, "Too many transfers in MODE Z: try again later or use MODE S");
    STORAGE_FAILED = constant(451, "Input/output error on the server");
    READING_FAILED = constant(451, "Reading failed, transfer ended");
    QUOTA_NOT_MEASURED = constant(450, "Your quota is still being measured, try again in a moment");
    FILE_CHANGED = constant(451, "The file became shorter while it was sent");
    BROKEN_STREAM = constant(451, "What was sent is not a whole zlib stream, transfer failed");
    DIGEST_FAILED = constant(451, "Reading failed, there is no digest");
    DIGEST_OF_CHANGED = constant(451, "The file became shorter while it was read, there is no digest");
    STORED_UNKNOWN = constant(451, "The disk has not confirmed it, whether the file is stored is not known");
    DISK_FULL = constant(452, "No space left on the server");
    UNKNOWN_COMMAND = constant(500, "Unknown command");
    LINE_TOO_LONG = constant(500, "Line too long");
    ADDRESS_REFUSED = constant(500, "Only your own address and ports from 1024 are connected to");
    BAD_ARGUMENT = constant(501, "Bad argument");
    MLSD_OF_A_FILE = constant(501, "Not a directory");
    EPSV_ALL_IN_FORCE = constant(501, "EPSV ALL is in force: only EPSV is allowed");
    NOT_IMPLEMENTED = constant(502, "Not implemented");
    ACTIVE_DISABLED = constant(502, "Active mode is off: use PASV or EPSV");
    BAD_SEQUENCE = constant(503, "Bad sequence of commands");
    BAD_PARAMETER = constant(504, "Not implemented for that parameter");
    SIZE_NOT_COUNTED = constant(504, "The translated size is not counted for large files: use TYPE I");
    RANGE_NEEDS_IMAGE = constant(504, "A range is sent in TYPE I only");
    RANGE_IS_NOT_FOR_UPLOADS = constant(504, "A range cannot be stored: use REST, or store the whole file");
    UNSUPPORTED_PROTOCOL = constant(522, "Network protocol not supported, use (1,2)");
    ONLY_IPV4 = constant(522, "Network protocol not supported here, use (1)");
    ONLY_IPV6 = constant(522, "Network protocol not supported here, use (2)");
    LOGIN_INCORRECT = constant(530, "Login incorrect.");
    ROOT_MISSING = constant(530, "This user's directory is not there");
    NOT_LOGGED_IN = constant(530, "Please log in with USER and PASS");
    FILE_NOT_FOUND = constant(550, "File not found");
    PERMISSION_DENIED = constant(550, "Permission denied");
    READ_ONLY_FILE_SYSTEM = constant(550, "Read-only file system");
    NOT_A_DIRECTORY = constant(550, "Not a directory");
    IS_A_DIRECTORY = constant(550, "Is a directory");
    NAME_TOO_LONG = constant(550, "File name too long");
    LINK_LOOP = constant(550, "Symbolic links lead to each other");
    OTHER_FILE_SYSTEM = constant(550, "Cannot be moved to another file system");
    INTO_ITSELF = constant(550, "A directory cannot be moved into itself");
    IN_USE = constant(550, "Device or resource busy");
    READ_ONLY = constant(550, "This server is read-only");
    NOT_ALLOWED = constant(550, "You are not allowed to do that");
    DIRECTORY_EXISTS = constant(550, "Directory already exists");
    NOT_EMPTY = constant(550, "Directory is not empty");
    QUOTA_EXCEEDED = constant(552, "Quota exceeded");
    FILE_TOO_LARGE = constant(552, "File too large");
    NEW_NAME_TOO_LONG = constant(553, "File name too long");
    TOO_MANY_ENTRIES = constant(552, "Your quota of files and directories is used up, delete some first");
    NAME_REFUSED = constant(553, "No file can have that name here");
    NAME_OF_DIRECTORY = constant(553, "There is a directory of that name");
    NAME_TAKEN = constant(553, "There is a file of that name, and it may not be replaced");
    BAD_RESTART = constant(554, "The restart marker is beyond the end of the file");
    BAD_RANGE = constant(554, "The range begins beyond the end of the file");
}

impl Reply {
    fn text(code: u16, text: impl Into<Vec<u8>>) -> Self {
        Self {
            code,
            form: Form::Whole,
            text: Cow::Owned(text.into()),
        }
    }

    /// The three digits.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The same text under another code.
    pub fn with_code(self, code: u16) -> Self {
        Self { code, ..self }
    }

    /// Appends the reply as it goes over the wire.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let code = [
            b'0' + (self.code / 100 % 10) as u8,
            b'0' + (self.code / 10 % 10) as u8,
            b'0' + (self.code % 10) as u8,
        ];
        let mut lines = self.text.split(|byte| *byte == b'\n').peekable();
        let mut is_first = true;
        while let Some(line) = lines.next() {
            let is_last = lines.peek().is_none() && self.form == Form::Whole;
            match (is_first, is_last) {
                (_, true) => out.extend_from_slice(&[&code[..], b" "].concat()),
                (true, false) => out.extend_from_slice(&[&code[..], b"-"].concat()),
                (false, false) => out.push(b' '),
            }
            out.extend_from_slice(line);
            out.extend_from_slice(b"\r\n");
            is_first = false;
        }
    }

    /// What is said to a line that is no command; nothing to a blank one.
    pub fn to_refused(error: CommandError) -> Option<Self> {
        match error {
            CommandError::Blank => None,
            CommandError::Unknown | CommandError::ForeignProtocol => Some(UNKNOWN_COMMAND),
            CommandError::BadArgument | CommandError::BadAddress => Some(BAD_ARGUMENT),
            CommandError::NotImplemented => Some(NOT_IMPLEMENTED),
            CommandError::BadParameter => Some(BAD_PARAMETER),
            CommandError::UnsupportedProtocol => Some(UNSUPPORTED_PROTOCOL),
        }
    }

    /// 220: the greeting.
    pub fn banner(text: &str) -> Self {
        Self::text(220, text)
    }

    /// 200 for SITE CHMOD: the mode that is set, which may be more than what was asked for.
    pub fn mode_set(mode: u32) -> Self {
        Self::text(200, format!("Mode set to {mode:04o}"))
    }

    /// 550 for what the system refused in a way that is not expected; `reason` is the name of its error number.
    pub fn action_failed(reason: &str) -> Self {
        Self::text(550, format!("Action failed ({reason})"))
    }

    /// 257 for PWD: the path in quotes, quotes within doubled, 0xFF doubled because it is Telnet's.
    pub fn working_directory(path: &VirtualPath) -> Self {
        Self::quoted_path(path, b" is the current directory")
    }

    fn quoted_path(path: &VirtualPath, rest: &[u8]) -> Self {
        let mut text = Vec::new();
        push_path(&mut text, &path.quoted());
        text.extend_from_slice(rest);
        Self::text(257, text)
    }

    /// 227: exactly this form, since clients look for the six numbers (RFC 959 §4.2.2).
    pub fn passive(address: SocketAddrV4) -> Self {
        let [a, b, c, d] = address.ip().octets();
        let [high, low] = address.port().to_be_bytes();
        Self::text(227, format!("Entering Passive Mode ({a},{b},{c},{d},{high},{low})"))
    }

    /// 229: exactly this form (RFC 2428 §3).
    pub fn extended_passive(port: u16) -> Self {
        Self::text(229, format!("Entering Extended Passive Mode (|||{port}|)"))
    }

    /// 150 for a binary download: the size is read by clients, so the name, which may contain numbers, stays out.
    pub fn opening_binary(bytes: u64) -> Self {
        Self::text(150, format!("Opening BINARY mode data connection ({bytes} bytes)"))
    }

    /// 350 for REST.
    pub fn restarting_at(offset: u64) -> Self {
        Self::text(350, format!("Restarting at {offset}"))
    }

    /// 350 for RANG (draft-bryan-ftp-range §4.4).
    pub fn restricted_to(first: u64, last: u64) -> Self {
        Self::text(350, format!("Restarting at {first}, ending at {last}"))
    }

    /// 213 for HASH: name, first and last octet, digest in small digits, path (draft-bryan-ftpext-hash §3).
    pub fn hash(digest: Digest, first: u64, last: u64, bytes: &[u8], path: &VirtualPath) -> Self {
        let mut text = format!("{} {first}-{last} ", digest.name()).into_bytes();
        text.extend(bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()));
        text.push(b' ');
        push_path(&mut text, path.as_bytes());
        Self::text(213, text)
    }

    /// A first or inner line of a reply that ends with a digest: all of them begin with its code.
    pub fn still_reading(code: u16, bytes_left: u64) -> Self {
        Self {
            form: Form::Opening,
            ..Self::text(code, format!("Still reading, {bytes_left} bytes left"))
        }
    }

    /// 250 for XCRC and its like: the digest alone, in capital digits, as the servers that had them first say it.
    pub fn checksum(bytes: &[u8]) -> Self {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        Self::text(250, digits)
    }

    /// 200 for OPTS HASH: the name alone (draft-bryan-ftpext-hash §3.2).
    pub fn digest_in_use(digest: Digest) -> Self {
        Self::text(200, digest.name())
    }

    /// 213 for SIZE: digits only (RFC 3659 §4).
    pub fn size(bytes: u64) -> Self {
        Self::text(213, bytes.to_string())
    }

    /// 213 for MDTM: fourteen digits (RFC 3659 §3).
    pub fn modification_time(time: Timestamp) -> Self {
        let mut text = Vec::new();
        time.write_compact(&mut text);
        Self::text(213, text)
    }

    /// 213 for STAT during a transfer: clients read the first number.
    pub fn transfer_status(moved: u64) -> Self {
        Self::text(213, format!("Status: {moved} bytes transferred"))
    }

    /// 150 for STOU: the name that was chosen (RFC 1123 §4.1.2.9).
    pub fn opening_unique(name: &[u8]) -> Self {
        let mut text = b"FILE: ".to_vec();
        push_path(&mut text, name);
        Self::text(150, text)
    }

    /// 226 for an upload that was counted and forgotten.
    pub fn swallowed(bytes: u64, crc32: u32, took: Duration) -> Self {
        let rate = bytes as f64 / took.as_secs_f64().max(1e-6) / f64::from(1 << 20);
        Self::text(
            226,
            format!("{bytes} bytes swallowed, {rate:.1} MiB/s, CRC-32 {crc32:08x}"),
        )
    }

    /// 257 for MKD (RFC 959 appendix II).
    pub fn directory_made(path: &VirtualPath) -> Self {
        Self::quoted_path(path, b" created")
    }

    /// 213 for MFMT and MFF: the facts as they are now (draft-somers-ftp-mfxx §3).
    pub fn facts_set(facts: &[u8], path: &VirtualPath) -> Self {
        let mut text = facts.to_vec();
        text.push(b' ');
        push_path(&mut text, path.as_bytes());
        Self::text(213, text)
    }

    /// 213 for AVBL: digits only (draft-peterson-streamlined-ftp-command-extensions §4).
    pub fn space_available(bytes: u64) -> Self {
        Self::text(213, bytes.to_string())
    }

    /// 211 for FEAT: a feature a line (RFC 2389 §3).
    pub fn features(features: &[String]) -> Self {
        Self::text(211, format!("Features:\n{}\nEnd", features.join("\n")))
    }

    /// 200 for OPTS MLST: the facts that are on now (RFC 3659 §7.9).
    pub fn mlst_options(facts: Facts) -> Self {
        let on: String = Fact::ALL
            .iter()
            .filter(|fact| facts.contains(**fact))
            .map(|fact| format!("{};", fact.name()))
            .collect();
        Self::text(200, format!("MLST OPTS {on}"))
    }

    /// 250 for MLST: exactly three lines (RFC 3659 §7.2).
    pub fn facts(facts: &[u8], path: &VirtualPath) -> Self {
        let mut text = b"Listing path\n".to_vec();
        text.extend_from_slice(facts);
        text.push(b' ');
        push_path(&mut text, path.as_bytes());
        text.extend_from_slice(b"\nEnd");
        Self::text(250, text)
    }

    /// 200 for OPTS MODE Z LEVEL: the level that is used, which may be lower than what was asked for.
    pub fn deflate_level(level: DeflateLevel) -> Self {
        Self::text(200, format!("MODE Z LEVEL set to {}", level.number()))
    }

    /// 211 for STAT: where the session stands; nothing of the server.
    pub fn session_status(
        peer: IpAddr,
        representation: Representation,
        transmission: Transmission,
        is_read_only: bool,
    ) -> Self {
        let transmission = match transmission {
            Transmission::Stream => "stream",
            Transmission::Deflate => "deflate",
        };
        let representation = match representation {
            Representation::Ascii => "ASCII",
            Representation::Image => "binary",
        };
        let rights = if is_read_only { ", read-only" } else { "" };
        Self::text(
            211,
            format!(
                "Status of the session\nConnected from {peer}\nLogged in{rights}\n\
                 Type {representation}, mode {transmission}\nEnd"
            ),
        )
    }

    /// 214 for HELP: the verbs.
    pub fn help() -> Self {
        let rows: Vec<String> = SERVED_VERBS.chunks(10).map(|row| row.join(" ")).collect();
        Self::text(214, format!("These commands are understood:\n{}\nEnd", rows.join("\n")))
    }

    /// 214 for SITE HELP.
    pub fn site_help() -> Self {
        let words = SERVED_SITE_WORDS.join(" ");
        Self::text(214, format!("These SITE commands are understood:\n{words}\nEnd"))
    }
}

/// A path on the control connection: 0xFF doubled, because it is Telnet's.
fn push_path(text: &mut Vec<u8>, path: &[u8]) {
    for byte in path {
        if *byte == 0xff {
            text.push(*byte);
        }
        text.push(*byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.write_to(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    fn path(bytes: &[u8]) -> VirtualPath {
        VirtualPath::ROOT.join(bytes).expect("short")
    }

    #[test]
    fn every_constant_is_one_line_of_printable_ascii() {
        for reply in ALL {
            let text = wire(reply);
            assert!((100..600).contains(&reply.code()), "{text}");
            let line = text.strip_suffix("\r\n").expect("a line end");
            assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text}");
        }
    }

    #[test]
    fn words_that_make_clients_try_again_stand_in_temporary_replies_only() {
        for reply in ALL.iter().filter(|reply| reply.code() >= 500) {
            let text = wire(reply).to_lowercase();
            for word in [
                "too many",
                "timed out",
                "broken pipe",
                "closed by the remote host",
                "try again",
            ] {
                assert!(!text.contains(word), "{text}");
            }
        }
    }

    #[test]
    fn no_reply_names_a_product_that_clients_know() {
        let made = [
            Reply::help(),
            Reply::site_help(),
            Reply::features(&["SIZE".to_owned(), "UTF8".to_owned()]),
        ];
        for reply in ALL.iter().chain(&made) {
            let text = wire(reply).to_lowercase();
            for product in [
                "filezilla",
                "proftpd",
                "vsftpd",
                "pure-ftpd",
                "serv-u",
                "microsoft",
                "ncftpd",
                "loopftpd",
            ] {
                assert!(!text.contains(product), "{text}");
            }
        }
    }

    #[test]
    fn texts_that_clients_compare_are_exact() {
        assert_eq!(wire(&SYSTEM_TYPE), "215 UNIX Type: L8\r\n");
        assert_eq!(wire(&FILE_NOT_FOUND), "550 File not found\r\n");
        assert_eq!(wire(&TOO_MANY_CONNECTIONS), "421 Too many connections\r\n");
        assert_eq!(wire(&LOGIN_INCORRECT), "530 Login incorrect.\r\n");
    }

    #[test]
    fn d27_passive_replies_have_the_form_that_clients_cut_up() {
        let address = SocketAddrV4::new([127, 0, 0, 1].into(), 0x7530);
        assert_eq!(
            wire(&Reply::passive(address)),
            "227 Entering Passive Mode (127,0,0,1,117,48)\r\n"
        );
        assert_eq!(
            wire(&Reply::extended_passive(30_000)),
            "229 Entering Extended Passive Mode (|||30000|)\r\n"
        );
    }

    #[test]
    fn sizes_and_times_are_digits_only() {
        assert_eq!(wire(&Reply::size(5_368_709_120)), "213 5368709120\r\n");
        assert_eq!(
            wire(&Reply::modification_time(Timestamp::from_unix(0))),
            "213 19700101000000\r\n"
        );
        assert_eq!(
            wire(&Reply::opening_binary(12)),
            "150 Opening BINARY mode data connection (12 bytes)\r\n"
        );
    }

    #[test]
    fn i04_a_quoted_path_doubles_what_has_a_meaning() {
        assert_eq!(
            wire(&Reply::working_directory(&path(b"a\"b"))),
            "257 \"/a\"\"b\" is the current directory\r\n"
        );
        let mut out = Vec::new();
        Reply::working_directory(&path(b"\xff")).write_to(&mut out);
        assert!(out.starts_with(b"257 \"/\xff\xff\" "));
    }

    #[test]
    fn a13_no_inner_line_can_be_taken_for_a_reply() {
        let facts = wire(&Reply::facts(
            b"type=file;",
            &path(b"227 Entering Passive Mode (1,2,3,4,5,6)"),
        ));
        assert_eq!(
            facts,
            "250-Listing path\r\n type=file; /227 Entering Passive Mode (1,2,3,4,5,6)\r\n250 End\r\n"
        );
        for reply in [
            Reply::help(),
            Reply::features(&["SIZE".to_owned(), "UTF8".to_owned()]),
            Reply::site_help(),
        ] {
            let text = wire(&reply);
            let lines: Vec<&str> = text.split_terminator("\r\n").collect();
            let (first, rest) = lines.split_first().expect("lines");
            let (last, inner) = rest.split_last().expect("lines");
            assert!(first.starts_with(&format!("{}-", reply.code())));
            assert!(last.starts_with(&format!("{} ", reply.code())));
            assert!(inner.iter().all(|line| line.starts_with(' ')));
        }
    }

    #[test]
    fn digests_have_the_forms_that_clients_cut_up() {
        assert_eq!(
            wire(&Reply::hash(Digest::Sha1, 5, 99, &[0x0a, 0xff], &path(b"a b\xff"))).as_bytes(),
            String::from_utf8_lossy(b"213 SHA-1 5-99 0aff /a b\xff\xff\r\n").as_bytes()
        );
        assert_eq!(wire(&Reply::checksum(&[0x0a, 0xff])), "250 0AFF\r\n");
        assert_eq!(wire(&Reply::digest_in_use(Digest::Crc32)), "200 CRC32\r\n");
    }

    #[test]
    fn a_streamed_reply_opens_like_a_multi_line_one() {
        assert_eq!(wire(&STATUS_LISTING_BEGINS), "213-Status of the path:\r\n");
        assert_eq!(wire(&STATUS_LISTING_ENDS), "213 End of status\r\n");
    }
}
