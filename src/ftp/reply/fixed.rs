//! Replies whose text never changes, sorted by code.
//!
//! Texts are chosen for the clients that parse them: a few compare whole lines. Words that make clients try again are
//! in 4xx texts only.

use super::{Form, Reply};
use std::borrow::Cow;

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
    OPENING_DEFLATED = constant(150, "Opening data connection (deflated)");
    OPENING_LISTING = constant(150, "Here comes the directory listing");
    OPENING_UPLOAD = constant(150, "Ready for the data");
    TYPE_ASCII = constant(200, "Type is ASCII");
    TYPE_IMAGE = constant(200, "Type is binary");
    MODE_STREAM = constant(200, "Mode is stream");
    MODE_DEFLATE = constant(200, "Mode is deflate, each transfer is a zlib stream");
    STRUCTURE_OK = constant(200, "Structure is file");
    NOOP_OK = constant(200, "NOOP ok");
    UTF8_ON = constant(200, "UTF-8 names accepted");
    CLIENT_NOTED = constant(200, "Noted");
    PRET_OK = constant(200, "PRET ok");
    ACTIVE_OK = constant(200, "Active address noted");
    EPSV_ALL_OK = constant(200, "EPSV ALL ok");
    TIME_SET = constant(200, "Time set");
    PBSZ_OK = constant(200, "PBSZ=0");
    PROTECTION_PRIVATE = constant(200, "Data connections are encrypted");
    PROTECTION_CLEAR = constant(200, "Data connections are clear");
    ACCOUNT_NOT_NEEDED = constant(202, "No account is needed");
    ALLO_NOT_NEEDED = constant(202, "No allocation is needed");
    STATUS_LISTING_BEGINS = opening(213, "Status of the path:");
    STATUS_LISTING_ENDS = constant(213, "End of status");
    STATUS_LISTING_TRUNCATED = constant(213, "End of status: truncated, use LIST");
    STATUS_LISTING_FAILED = constant(213, "End of status: reading the directory failed");
    STATUS_LISTING_ABORTED = constant(213, "End of status: aborted");
    SYSTEM_TYPE = constant(215, "UNIX Type: L8");
    READY_FOR_NEW_USER = constant(220, "Ready for a new user");
    HOST_OK = constant(220, "Host accepted");
    GOODBYE = constant(221, "Goodbye");
    TRANSFER_COMPLETE = constant(226, "Transfer complete");
    NOTHING_TO_ABORT = constant(226, "Nothing left to abort");
    LOGGED_IN = constant(230, "Logged in");
    LOGGED_IN_READ_ONLY = constant(230, "Logged in, read-only");
    TLS_BEGINS = constant(234, "Begin the TLS handshake");
    DIRECTORY_CHANGED = constant(250, "Directory changed");
    FILE_REMOVED = constant(250, "File removed");
    DIRECTORY_REMOVED = constant(250, "Directory removed");
    RENAMED = constant(250, "Renamed");
    USER_OK = constant(331, "Please give the password");
    RANGE_FORGOTTEN = constant(350, "Range reset to the whole file");
    RENAME_TO_WHAT = constant(350, "Ready for the new name");
    TOO_MANY_CONNECTIONS = constant(421, "Too many connections");
    TIMED_OUT = constant(421, "Timed out");
    SHUTTING_DOWN = constant(421, "The server is shutting down");
    TOO_MANY_BAD_COMMANDS = constant(421, "Too many bad commands");
    TOO_MANY_OF_ACCOUNT = constant(421, "Too many connections for this user");
    LOGIN_BUSY = constant(421, "Busy with other logins, try again");
    ACCOUNT_CHANGED = constant(421, "This account has changed, log in again");
    TOO_MANY_FAILED_LOGINS = constant(421, "Too many failed logins");
    DATA_BEHIND_AUTH = constant(421, "Data after AUTH and before the TLS handshake; closing");
    NO_DATA_CONNECTION = constant(425, "No data connection: use PASV, EPSV, PORT or EPRT first");
    PASSIVE_BUSY = constant(425, "All passive ports are busy for this address");
    USE_EPSV = constant(425, "PASV is for IPv4 connections: use EPSV");
    TLS_FAILED = constant(425, "TLS handshake on the data connection failed");
    DATA_CONNECTION_LOST = constant(426, "The data connection was lost");
    TRANSFER_STALLED = constant(426, "No data moved for too long, transfer aborted");
    TRANSFER_ABORTED = constant(426, "Transfer aborted");
    DIGEST_ABORTED = constant(426, "Aborted, no digest");
    UPLOAD_TRUNCATED = constant(426,
        "Upload ended without TLS close_notify, so it may be cut off; not stored (--tls-lenient-eof)");
    TRY_AGAIN = constant(450, "Busy, try again");
    MODE_Z_BUSY = constant(450, "Too many transfers in MODE Z: try again later or use MODE S");
    QUOTA_NOT_MEASURED = constant(450, "Your quota is still being measured, try again in a moment");
    STORAGE_FAILED = constant(451, "Input/output error on the server");
    READING_FAILED = constant(451, "Reading failed, transfer aborted");
    FILE_CHANGED = constant(451, "The file became shorter while it was sent");
    BROKEN_STREAM = constant(451, "Not a complete zlib stream, transfer failed");
    DIGEST_FAILED = constant(451, "Reading failed, no digest");
    DIGEST_OF_CHANGED = constant(451, "The file became shorter while it was read, no digest");
    STORED_UNKNOWN = constant(451, "Sync not confirmed; the file may not be stored");
    DISK_FULL = constant(452, "No space left on the server");
    UNKNOWN_COMMAND = constant(500, "Unknown command");
    LINE_TOO_LONG = constant(500, "Line too long");
    ADDRESS_REFUSED = constant(500, "Use your own address and a port >= 1024");
    BAD_ARGUMENT = constant(501, "Bad argument");
    MLSD_OF_A_FILE = constant(501, "Not a directory");
    EPSV_ALL_IN_FORCE = constant(501, "EPSV ALL is in force: only EPSV is allowed");
    NOT_IMPLEMENTED = constant(502, "Not implemented");
    ACTIVE_DISABLED = constant(502, "Active mode is off: use PASV or EPSV");
    BAD_SEQUENCE = constant(503, "Bad sequence of commands");
    ALREADY_ENCRYPTED = constant(503, "The control connection is encrypted already");
    PBSZ_FIRST = constant(503, "Send PBSZ 0 first");
    AUTH_FIRST = constant(503, "Send AUTH TLS first");
    RESTART_NEEDS_IMAGE = constant(504, "An upload can be restarted in TYPE I only");
    BAD_PARAMETER = constant(504, "Not implemented for that parameter");
    SIZE_NOT_COUNTED = constant(504, "The translated size is not counted for large files: use TYPE I");
    RANGE_NEEDS_IMAGE = constant(504, "A range is sent in TYPE I only");
    RANGE_IS_NOT_FOR_UPLOADS = constant(504, "A range cannot be stored: use REST, or store the whole file");
    USE_AUTH_TLS = constant(504, "Only TLS is supported: AUTH TLS");
    UNSUPPORTED_PROTOCOL = constant(522, "Network protocol not supported, use (1,2)");
    ONLY_IPV4 = constant(522, "Network protocol not supported here, use (1)");
    ONLY_IPV6 = constant(522, "Network protocol not supported here, use (2)");
    ENCRYPT_DATA = constant(522, "Data connections must be encrypted: PBSZ 0, PROT P");
    TLS_SESSION_MISMATCH = constant(522,
        "The data connection did not resume the TLS session of its control connection; closed");
    LOGIN_INCORRECT = constant(530, "Login incorrect.");
    ROOT_MISSING = constant(530, "This user's directory does not exist");
    NOT_LOGGED_IN = constant(530, "Please log in with USER and PASS");
    ENCRYPT_FIRST = constant(530, "Encrypt the connection first: AUTH TLS");
    CCC_REFUSED = constant(533, "The control connection stays encrypted");
    PROTECTION_REQUIRED = constant(534, "This server requires PROT P");
    PROTECTION_UNSUPPORTED = constant(536, "TLS has no such level: use PROT P or PROT C");
    FILE_NOT_FOUND = constant(550, "File not found");
    PERMISSION_DENIED = constant(550, "Permission denied");
    READ_ONLY_FILE_SYSTEM = constant(550, "Read-only file system");
    NOT_A_DIRECTORY = constant(550, "Not a directory");
    IS_A_DIRECTORY = constant(550, "Is a directory");
    NAME_TOO_LONG = constant(550, "File name too long");
    LINK_LOOP = constant(550, "Symbolic link loop");
    OTHER_FILE_SYSTEM = constant(550, "Cannot be moved to another file system");
    INTO_ITSELF = constant(550, "A directory cannot be moved into itself");
    IN_USE = constant(550, "Device or resource busy");
    READ_ONLY = constant(550, "This server is read-only");
    NOT_ALLOWED = constant(550, "You are not allowed to do that");
    DIRECTORY_EXISTS = constant(550, "Directory already exists");
    NOT_EMPTY = constant(550, "Directory is not empty");
    QUOTA_EXCEEDED = constant(552, "Quota exceeded");
    FILE_TOO_LARGE = constant(552, "File too large");
    TOO_MANY_ENTRIES = constant(552, "Your quota of files and directories is used up, delete some first");
    NEW_NAME_TOO_LONG = constant(553, "File name too long");
    NAME_REFUSED = constant(553, "No file can have that name here");
    NAME_OF_DIRECTORY = constant(553, "There is a directory of that name");
    NAME_TAKEN = constant(553, "There is a file of that name, and it may not be replaced");
    BAD_RESTART = constant(554, "The restart marker is beyond the end of the file");
    BAD_RANGE = constant(554, "The range begins beyond the end of the file");
}
