//! The rows of the server's options, and the rest of its `--help`.

use super::table::{HIDDEN, Row, Table};

/// What `--help` prints before the options.
pub(super) const INTRODUCTION: &str = "\
Serves a directory over FTP, read-only and to anonymous clients by default.

Usage: loopftpd [OPTIONS] [DIR]
       loopftpd --check-sandbox [OPTIONS] [DIR]
       loopftpd --hash-password

DIR is the directory to serve [default: the current directory].
";

/// What `--hash-password --help` prints.
pub(super) const HASH_PASSWORD_HELP: &str = "\
Reads a password and prints its argon2id hash, for a line of the users file.

Usage: loopftpd --hash-password

On a terminal the password is asked for twice and not shown. Otherwise it is
the first line of standard input. It has 1 to 256 bytes, without NUL and CR.
";

const NETWORK: &str = "Network";
const TLS: &str = "TLS (FTPS)";
const FILES: &str = "Files";
const ACCOUNTS: &str = "Accounts and rights";
const UPLOADS: &str = "Uploads";
const LIMITS: &str = "Limits";
const TIMES: &str = "Timeouts (30s, 5m, 2h; a bare number is seconds)";
const OUTPUT: &str = "Output";
const PROCESS: &str = "Process";

#[rustfmt::skip]
pub(super) static TABLE: Table = Table(&[
    Row { group: NETWORK, short: "l", long: "listen", value: "ADDR:PORT", default: "127.0.0.1:2121",
          is_repeatable: true,
          help: "address to listen on, IPv4 or [IPv6]; [::]:PORT accepts both; port 0 picks a free port; may be \
                 repeated" },
    Row { group: NETWORK, short: "p", long: "passive-ports", value: "LO-HI", default: "30000-30255",
          help: "ports for passive data connections, bound at the start", ..Row::BLANK },
    Row { group: NETWORK, long: "public-address", value: "[CLIENT-NET=]IP", is_repeatable: true,
          help: "address to announce in PASV replies, to all clients or to those of a network (10.0.0.0/8=10.0.0.5); \
                 may be repeated [default: the address that the client connected to]", ..Row::BLANK },
    Row { group: NETWORK, long: "no-active",
          help: "refuse active mode (PORT and EPRT)", ..Row::BLANK },
    Row { group: NETWORK, long: "announce-mode-z",
          help: "list MODE Z (deflate) in FEAT, for slow networks; some clients use it whenever it is \
                 listed", ..Row::BLANK },
    Row { group: TLS, long: "tls-self-signed", value: "DIR",
          help: "make a key and a certificate in DIR, or use those that were made there before, and print the \
                 fingerprint", ..Row::BLANK },
    Row { group: TLS, long: "tls-cert", value: "FILE", is_repeatable: true,
          help: "certificate chain in PEM; may be repeated, each with its --tls-key, and is chosen by the name that \
                 the client asks for; SIGHUP reloads the files", ..Row::BLANK },
    Row { group: TLS, long: "tls-key", value: "FILE", is_repeatable: true,
          help: "private key of the certificate, in PEM", ..Row::BLANK },
    Row { group: TLS, long: "tls", value: "off|allow|require|require-data", default: "allow",
          help: "with a certificate: offer AUTH TLS, require it before USER, or require it for data connections \
                 too", ..Row::BLANK },
    Row { group: TLS, long: "listen-tls", value: "ADDR:PORT", is_repeatable: true,
          help: "address to listen on for implicit TLS, usually port 990; may be repeated", ..Row::BLANK },
    Row { group: TLS, long: "tls-resume", value: "off|accept|require", default: "accept",
          help: "whether data connections have to resume the TLS session of their control connection, which proves \
                 who made them; accept counts those that do not", ..Row::BLANK },
    Row { group: TLS, long: "tls-lenient-eof",
          help: "store uploads that end without TLS close_notify, for old clients; their end may be missing",
          ..Row::BLANK },
    Row { group: TLS, long: "insecure-tls-key",
          help: "use a key that everybody can read", ..Row::BLANK },
    Row { group: FILES, long: "synthetic",
          help: "add computed files of any size, such as /gen/1G.zero, /gen/10M.pattern and \
                 /gen/5M.rand?seed=7", ..Row::BLANK },
    Row { group: ACCOUNTS, long: "anonymous", value: "off|read|upload|write", default: "read",
          help: "what clients without an account may do; upload stores new files and shows none", ..Row::BLANK },
    Row { group: ACCOUNTS, short: "w", long: "write",
          help: "same as --anonymous write, for networks that you trust", ..Row::BLANK },
    Row { group: ACCOUNTS, long: "users", value: "FILE",
          help: "accounts, one per line: name:hash:root:rights[:limits]; SIGHUP reloads the file", ..Row::BLANK },
    Row { group: ACCOUNTS, long: "insecure-users-file",
          help: "accept a users file that others than its owner can read or write", ..Row::BLANK },
    Row { group: ACCOUNTS, long: "hash-password",
          help: "read a password from the terminal or a pipe, print its hash and exit", ..Row::BLANK },
    Row { group: UPLOADS, long: "partial", value: "discard|keep", default: "discard",
          help: "discard or keep the partial file of an aborted upload; kept only if no file has its name",
          ..Row::BLANK },
    Row { group: UPLOADS, long: "umask", value: "OCTAL",
          help: "umask for new files and directories, such as 022 [default: the umask of the process]", ..Row::BLANK },
    Row { group: UPLOADS, long: "durable",
          help: "fsync before replying 226: a power cut loses no acknowledged upload", ..Row::BLANK },
    Row { group: LIMITS, long: "rate-limit", value: "SIZE",
          help: "bytes per second for the transfers of one session, such as 500K or 10M [default: no \
                 limit]", ..Row::BLANK },
    Row { group: LIMITS, short: "m", long: "max-sessions", value: "N", default: "10000",
          help: "concurrent sessions", ..Row::BLANK },
    Row { group: LIMITS, long: "max-sessions-per-ip", value: "N",
          help: "concurrent sessions per address, with an IPv6 /64 counted as one; 0 for no limit [default: 50, no \
                 limit for this machine's own addresses]", ..Row::BLANK },
    Row { group: TIMES, long: "idle-timeout", value: "TIME", default: "5m",
          help: "end sessions that send no command and have no transfer for this long", ..Row::BLANK },
    Row { group: TIMES, long: "login-timeout", value: "TIME", default: "1m",
          help: "close connections that have not logged in after this long", ..Row::BLANK },
    Row { group: TIMES, long: "connect-timeout", value: "TIME", default: "30s",
          help: "give up waiting for a data connection", ..Row::BLANK },
    Row { group: TIMES, long: "stall-timeout", value: "TIME", default: "1m",
          help: "abort transfers that make no progress for this long", ..Row::BLANK },
    Row { group: OUTPUT, long: "banner", value: "TEXT", default: "Welcome",
          help: "text of the greeting, one line of printable ASCII", ..Row::BLANK },
    Row { group: OUTPUT, long: "log-level", value: "LEVEL[,MODULE=LEVEL…]", default: "info",
          help: "off, error, warn, info, debug or trace; also per module, as in warn,event_loop=debug", ..Row::BLANK },
    Row { group: OUTPUT, long: "transfer-log", value: "FILE",
          help: "append a line in xferlog format for each file sent or received; SIGHUP reopens the \
                 file", ..Row::BLANK },
    Row { group: OUTPUT, long: "events", value: "FILE|-",
          help: "append a JSON line for each connection, login, transfer, change and refusal; - is standard \
                 output", ..Row::BLANK },
    Row { group: OUTPUT, long: "stats",
          help: "print the counters of the event loop at exit; implied by --log-level debug", ..Row::BLANK },
    Row { group: OUTPUT, short: "t", long: "trace", value: "[=SESSION|ADDR]",
          help: "print every iteration of the event loop: events, commands, replies, system calls, state changes, and \
                 what it waits for; of one session or client address only, if one is given", ..Row::BLANK },
    Row { group: OUTPUT, long: "status", value: "ADDR:PORT",
          help: "serve a web page that shows the running loop, and figures for Prometheus at /metrics; port 0 picks a \
                 free port", ..Row::BLANK },
    Row { group: OUTPUT, long: "status-host", value: "NAME", is_repeatable: true,
          help: "accept this host name in requests for --status, besides its address and localhost; may be \
                 repeated", ..Row::BLANK },
    Row { group: PROCESS, short: "u", long: "user", value: "NAME",
          help: "user to become when started as root, by name or number [default: the owner of DIR, or nobody if that \
                 is root]", ..Row::BLANK },
    Row { group: PROCESS, long: "no-chroot",
          help: "do not chroot into DIR when started as root, for containers without CAP_SYS_CHROOT", ..Row::BLANK },
    Row { group: PROCESS, long: "require-sandbox",
          help: "do not start unless Landlock (Linux 6.12) and seccomp enforce the whole sandbox", ..Row::BLANK },
    Row { group: PROCESS, long: "no-sandbox",
          help: "start without Landlock and seccomp, for debugging", ..Row::BLANK },
    Row { group: PROCESS, long: "on-violation", value: "refuse|kill", default: "refuse",
          help: "refuse system calls that the sandbox does not allow, or end the server at the first; for tests, and \
                 for those who prefer no server to a suspect one", ..Row::BLANK },
    Row { group: PROCESS, long: "check-sandbox",
          help: "set up the sandbox, try what it must prevent, print a table and exit", ..Row::BLANK },
    Row { group: PROCESS, short: "h", long: "help",
          help: "print this help", ..Row::BLANK },
    Row { group: PROCESS, short: "V", long: "version",
          help: "print the version", ..Row::BLANK },
    Row { group: HIDDEN, long: "without", value: "TECHNIQUE", is_repeatable: true,
          help: "leave out what makes the server fast: cork, nodelay, busy-poll", ..Row::BLANK },
]);
