//! FEAT: the extensions of RFC 959, one per line (RFC 2389 §3).
//!
//! Clients compare these lines word by word and use every feature that they find. So only what this server does with
//! its options is listed, and nothing that slows down clients which always use it.

use super::command::Digest;
use super::listing::Facts;
use super::reply::Reply;

/// The features that depend on the server's options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// Times and modes can be set, and files stored.
    pub changes: bool,
    /// MODE Z is announced; it is accepted in any case.
    pub deflate: bool,
    /// AUTH TLS is offered.
    pub tls: bool,
}

/// Verbs, and TVFS (RFC 3659 §6) and UTF8 (RFC 2640).
const ALWAYS: [&str; 13] = [
    "CLNT", "EPRT", "EPSV", "HOST", "MDTM", "SIZE", "TVFS", "UTF8", "XCRC", "XMD5", "XSHA1", "XSHA256", "XSHA512",
];

impl Features {
    /// 211: `*` marks the facts that are on (RFC 3659 §7.8) and the digest in use (draft-bryan-ftpext-hash §3.1).
    pub fn reply(self, facts: Facts, digest: Digest) -> Reply {
        let mark = |is_on| if is_on { "*" } else { "" };
        let digests = Digest::ALL.map(|one| format!("{}{}", one.name(), mark(one == digest)));
        let mlst: String = Facts::NAMES
            .iter()
            .map(|(fact, name)| format!("{name}{};", mark(facts.contains(*fact))))
            .collect();
        let mut features = vec![format!("HASH {}", digests.join(";")), format!("MLST {mlst}")];
        let mut add = |names: &[&str]| features.extend(names.iter().copied().map(str::to_owned));
        add(&ALWAYS);
        add(&["RANG STREAM", "REST STREAM"]);
        if self.changes {
            add(&["AVBL", "MFF modify;UNIX.mode;", "MFMT"]);
        }
        if self.deflate {
            add(&["MODE Z"]);
        }
        if self.tls {
            add(&["AUTH TLS", "PBSZ", "PROT"]);
        }
        features.sort_unstable();
        Reply::features(&features)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ftp::command::served_verbs;

    fn lines(features: Features) -> Vec<String> {
        let mut wire = Vec::new();
        features
            .reply(Facts::TYPE | Facts::SIZE, Digest::Sha1)
            .write_to(&mut wire);
        let text = String::from_utf8(wire).expect("ASCII");
        let inner = text
            .strip_prefix("211-Features:\r\n")
            .and_then(|rest| rest.strip_suffix("211 End\r\n"));
        inner.expect("the form").lines().map(str::to_owned).collect()
    }

    #[test]
    fn each_feature_has_its_line_and_mlst_lists_its_facts() {
        assert_eq!(
            lines(Features::default()).join(","),
            " CLNT, EPRT, EPSV, HASH SHA-256;SHA-512;SHA-1*;MD5;CRC32, HOST, MDTM, \
             MLST type*;size*;modify;perm;unique;UNIX.mode;, RANG STREAM, REST STREAM, SIZE, TVFS, UTF8, XCRC, XMD5, \
             XSHA1, XSHA256, XSHA512",
            "no MLSD, which clients infer from MLST, and no PRET, which they would use"
        );
        let more = |changes, deflate, tls| {
            let mut lines = lines(Features { changes, deflate, tls });
            lines.retain(|line| !self::lines(Features::default()).contains(line));
            lines
        };
        let with_changes = [" AVBL", " MFF modify;UNIX.mode;", " MFMT"];
        assert_eq!(more(true, false, false), with_changes, "where files can be changed");
        assert_eq!(more(false, true, false), [" MODE Z"], "only when asked for");
        let with_tls = [" AUTH TLS", " PBSZ", " PROT"];
        assert_eq!(more(false, false, true), with_tls, "with a certificate");
    }

    #[test]
    fn every_feature_that_is_a_verb_is_served() {
        let all = Features {
            changes: true,
            deflate: true,
            tls: true,
        };
        for line in lines(all) {
            let feature = line.split_whitespace().next().expect("a word");
            let is_a_verb = !["TVFS", "UTF8"].contains(&feature);
            assert_eq!(served_verbs().contains(&feature), is_a_verb, "{line}");
        }
    }
}
