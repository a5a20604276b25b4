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
}

const ALWAYS: [&str; 15] = [
    "CLNT",
    "EPRT",
    "EPSV",
    "HOST",
    "MDTM",
    "RANG STREAM",
    "REST STREAM",
    "SIZE",
    "TVFS",
    "UTF8",
    "XCRC",
    "XMD5",
    "XSHA1",
    "XSHA256",
    "XSHA512",
];
const WITH_CHANGES: [&str; 3] = ["AVBL", "MFF modify;UNIX.mode;", "MFMT"];

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
        features.extend(ALWAYS.map(str::to_owned));
        if self.changes {
            features.extend(WITH_CHANGES.map(str::to_owned));
        }
        if self.deflate {
            features.push("MODE Z".to_owned());
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
            lines(Features::default()),
            [
                " CLNT",
                " EPRT",
                " EPSV",
                " HASH SHA-256;SHA-512;SHA-1*;MD5;CRC32",
                " HOST",
                " MDTM",
                " MLST type*;size*;modify;perm;unique;UNIX.mode;",
                " RANG STREAM",
                " REST STREAM",
                " SIZE",
                " TVFS",
                " UTF8",
                " XCRC",
                " XMD5",
                " XSHA1",
                " XSHA256",
                " XSHA512",
            ],
            "no MLSD, which clients infer from MLST, and no PRET, which they would use"
        );
    }

    #[test]
    fn commands_that_change_files_are_announced_where_files_can_be_changed() {
        let more: Vec<String> = lines(Features {
            changes: true,
            deflate: false,
        })
        .into_iter()
        .filter(|line| !lines(Features::default()).contains(line))
        .collect();
        assert_eq!(more, [" AVBL", " MFF modify;UNIX.mode;", " MFMT"]);
    }

    #[test]
    fn every_feature_that_is_a_verb_is_served() {
        let all = Features {
            changes: true,
            deflate: true,
        };
        for line in lines(all) {
            let feature = line.split_whitespace().next().expect("a word");
            let is_a_verb = !["TVFS", "UTF8"].contains(&feature);
            assert_eq!(served_verbs().contains(&feature), is_a_verb, "{line}");
        }
    }

    #[test]
    fn mode_z_is_announced_only_when_asked_for() {
        let announced = lines(Features {
            changes: false,
            deflate: true,
        });
        assert!(announced.contains(&" MODE Z".to_owned()), "{announced:?}");
    }
}
