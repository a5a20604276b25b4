//! Real clients over TLS 1.2 and 1.3, explicit and implicit, with every byte compared, on a server that requires data
//! connections to resume the session where the client can do that.

use harness::programs::{Workplace, run_python};
use harness::server::Setup;
use harness::tree::contents;
use harness::{Server, trials};
use libtest_mimic::Trial;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

pub fn trials() -> Vec<Trial> {
    trials! {
        "curl":
            curl_downloads_and_uploads_over_tls,
            curl_may_not_return_to_clear_text;
        "lftp":
            lftp_mirrors_both_ways_over_tls;
        "python3":
            python_ftplib_transfers_over_tls;
        "rclone":
            rclone_copies_over_tls;
        "openssl":
            e15_openssl_agrees_on_tls_1_2_and_1_3_only,
            e13_openssl_offers_another_protocol_and_is_refused;
    }
}

/// A writable server with a certificate, and what a client needs.
struct Secured {
    server: Server,
    workplace: Workplace,
    _certificate: TempDir,
}

impl Secured {
    fn with(arguments: &[&str]) -> Self {
        let certificate = TempDir::new().expect("a directory");
        let path = certificate.path().to_str().expect("UTF-8").to_owned();
        let server = Setup::new()
            .writable()
            .ports(50)
            .arguments(&["--tls-self-signed", &path, "--tls", "require-data"])
            .arguments(&["--listen-tls", "127.0.0.1:0"])
            .arguments(arguments)
            .start();
        Self {
            server,
            workplace: Workplace::new(),
            _certificate: certificate,
        }
    }

    fn port(&self) -> String {
        self.server.address.port().to_string()
    }

    /// The URL of implicit TLS.
    fn implicit(&self) -> String {
        let output = self.server.output();
        let line = output.lines().find_map(|line| line.strip_prefix("open     "));
        let url = output.lines().find_map(|line| line.strip_prefix("open     ftps://"));
        format!("ftps://{}", url.unwrap_or_else(|| panic!("no URL of TLS: {line:?}")))
    }

    fn assert_same(&self, name: &str, copy: &Path) {
        assert_eq!(self.server.content(name), fs::read(copy).ok(), "{name}");
    }
}

/// Bytes that differ everywhere.
fn content(length: u32) -> Vec<u8> {
    (0..length)
        .map(|number| (number ^ (number >> 8) ^ (number >> 16)) as u8)
        .collect()
}

fn curl_downloads_and_uploads_over_tls() {
    let secured = Secured::with(&["--tls-resume", "require"]);
    secured.server.write("file", &content(3_000_000));
    for (number, version) in ["--tlsv1.3", "--tls-max"].iter().enumerate() {
        let version: &[&str] = if *version == "--tls-max" {
            &["--tls-max", "1.2"]
        } else {
            &["--tlsv1.3"]
        };
        let explicit = format!("ftp://127.0.0.1:{}/", secured.port());
        for (url, security) in [(explicit, &["--ssl-reqd"][..]), (secured.implicit(), &[])] {
            let common = [&["-sS", "-k"], version, security].concat();
            let curl = |arguments: &[&str]| {
                secured
                    .workplace
                    .run_well("curl", &[&common[..], arguments].concat(), "")
            };
            assert!(curl(&[&url]).contains(" file"));
            curl(&["-o", "copy", &format!("{url}file")]);
            secured.assert_same("file", &secured.workplace.path().join("copy"));
            let name = format!("upload{number}{}", security.len());
            curl(&["-T", "copy", &format!("{url}{name}")]);
            secured.assert_same(&name, &secured.workplace.path().join("copy"));
            // Several files on one control connection.
            let many = format!("{url}file");
            curl(&["-o", "one", &many, "-o", "two", &many, "-o", "three", &many]);
            for copy in ["one", "two", "three"] {
                secured.assert_same("file", &secured.workplace.path().join(copy));
            }
        }
    }
}

fn curl_may_not_return_to_clear_text() {
    let secured = Secured::with(&[]);
    let url = format!("ftp://127.0.0.1:{}/", secured.port());
    let refused = secured
        .workplace
        .run("curl", &["-sS", "-k", "--ssl-reqd", "--ftp-ssl-ccc", "-v", &url], "");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("533 "), "{said}");
    let clear = secured.workplace.run("curl", &["-sS", &url], "");
    assert!(!clear.status.success(), "a login in clear");
}

fn lftp_mirrors_both_ways_over_tls() {
    // Some of lftp's uploads end without close_notify.
    let secured = Secured::with(&["--tls-lenient-eof", "--tls-resume", "require"]);
    for directory in 0..10 {
        for file in 0..20 {
            secured
                .server
                .write(&format!("tree/{directory}/{file}"), &content(file * 997));
        }
    }
    for priorities in ["NORMAL:-VERS-TLS-ALL:+VERS-TLS1.3", "NORMAL:-VERS-TLS-ALL:+VERS-TLS1.2"] {
        let script = format!(
            "set net:timeout 10; set net:max-retries 1; set cmd:fail-exit on; set ssl:verify-certificate no; \
             set ftp:ssl-force yes; set ftp:ssl-allow-anonymous yes; set ftp:ssl-protect-data yes; \
             set ssl:priority {priorities}; \
             open ftp://127.0.0.1:{}; mirror -P 4 /tree copy; mirror -R -P 4 copy /back; mirror /back again",
            secured.port()
        );
        secured.workplace.run_well("lftp", &["-c", &script], "");
        let served = contents(&secured.server.directory().join("tree"));
        assert!(served.len() >= 200, "{} files", served.len());
        for copy in [
            secured.workplace.path().join("copy"),
            secured.server.directory().join("back"),
        ] {
            assert!(contents(&copy) == served, "{priorities}: {}", copy.display());
        }
        assert!(
            contents(&secured.workplace.path().join("again")) == served,
            "{priorities}: read back"
        );
        for copy in ["copy", "again"] {
            fs::remove_dir_all(secured.workplace.path().join(copy)).expect("ours");
        }
        fs::remove_dir_all(secured.server.directory().join("back")).expect("ours");
    }
}

fn python_ftplib_transfers_over_tls() {
    let script = r#"
import ftplib, hashlib, io, ssl, sys
class Resuming(ftplib.FTP_TLS):
    "Data connections resume the session of the control connection."
    def ntransfercmd(self, cmd, rest=None):
        conn, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self._prot_p:
            conn = self.context.wrap_socket(conn, server_hostname=self.host, session=self.sock.session)
        return conn, size
content = bytes(range(256)) * 10000
def run(kind, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    ftp = kind(context=context)
    ftp.connect('127.0.0.1', int(sys.argv[1]), timeout=20)
    ftp.login()
    ftp.prot_p()
    for number in range(5):
        assert ftp.storbinary('STOR file', io.BytesIO(content)).startswith('226')
        received = io.BytesIO()
        ftp.retrbinary('RETR file', received.write)
        assert received.getvalue() == content, len(received.getvalue())
        lines = []
        ftp.retrlines('LIST', lines.append)
        assert any(line.endswith(' file') for line in lines), lines
    ftp.quit()
for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
    for kind in KINDS:
        run(kind, version)
"#;
    let secured = Secured::with(&["--tls-resume", "require"]);
    run_python(&script.replace("KINDS", "[Resuming]"), &secured.server);
    let accepting = Secured::with(&[]);
    run_python(
        &script.replace("KINDS", "[ftplib.FTP_TLS, Resuming]"),
        &accepting.server,
    );
    assert!(accepting.server.stderr().contains("did not resume the TLS session"));
}

fn rclone_copies_over_tls() {
    let secured = Secured::with(&["--tls-lenient-eof"]);
    for file in 0..30 {
        secured.server.write(&format!("tree/{file}"), &content(file * 9_973));
    }
    let pass = secured.workplace.run_well("rclone", &["obscure", "x"], "");
    let implicit = secured.implicit();
    let implicit_port = implicit
        .trim_end_matches('/')
        .rsplit(':')
        .next()
        .expect("a port")
        .to_owned();
    for (port, kind) in [(secured.port(), "explicit_tls"), (implicit_port, "tls")] {
        let remote = format!(
            ":ftp,host=127.0.0.1,port={port},user=anonymous,pass={},{kind}=true,no_check_certificate=true:",
            pass.trim()
        );
        let copy = secured.workplace.path().join(kind);
        let copy = copy.to_str().expect("UTF-8");
        let rclone = |arguments: &[&str]| {
            let arguments = [&["--config", "/dev/null"], arguments].concat();
            secured.workplace.run_well("rclone", &arguments, "");
        };
        rclone(&["copy", &format!("{remote}/tree"), copy]);
        rclone(&["copy", copy, &format!("{remote}/{kind}")]);
        let served = contents(&secured.server.directory().join("tree"));
        assert!(contents(Path::new(copy)) == served, "{kind}");
        assert!(
            contents(&secured.server.directory().join(kind)) == served,
            "{kind}: uploaded"
        );
    }
}

/// What `openssl s_client -starttls ftp` says.
fn s_client(secured: &Secured, arguments: &[&str]) -> (bool, String) {
    let address = secured.server.address.to_string();
    let all = [&["s_client", "-starttls", "ftp", "-connect", &address], arguments].concat();
    let output = secured.workplace.run("openssl", &all, "QUIT\r\n");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

fn e15_openssl_agrees_on_tls_1_2_and_1_3_only() {
    let secured = Secured::with(&[]);
    for (version, name) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let (is_ok, text) = s_client(&secured, &[version]);
        assert!(is_ok && text.contains(&format!("New, {name}")), "{text}");
    }
    // Weak settings of the client, so that the server is what refuses.
    for version in ["-tls1_1", "-tls1"] {
        let (is_ok, text) = s_client(&secured, &[version, "-cipher", "ALL:@SECLEVEL=0"]);
        assert!(!is_ok && text.contains(" alert "), "{version}: {text}");
    }
    for cipher in [
        "AES128-SHA",
        "NULL-SHA256",
        "DHE-RSA-AES128-SHA",
        "ECDHE-ECDSA-AES128-SHA",
    ] {
        let (is_ok, text) = s_client(&secured, &["-tls1_2", "-cipher", &format!("{cipher}:@SECLEVEL=0")]);
        assert!(!is_ok, "{cipher}: {text}");
    }
}

fn e13_openssl_offers_another_protocol_and_is_refused() {
    let secured = Secured::with(&[]);
    for (protocol, is_accepted) in [("ftp", true), ("h2", false), ("http/1.1", false), ("smtp", false)] {
        let (is_ok, text) = s_client(&secured, &["-alpn", protocol]);
        assert_eq!(is_ok, is_accepted, "{protocol}: {text}");
        assert_eq!(
            text.contains("alert no application protocol"),
            !is_accepted,
            "{protocol}: {text}"
        );
    }
}
