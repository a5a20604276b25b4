//! The conversations of the sweep: each by its name, with what the directory may look like afterwards.

use super::client::{Client, Said};
use super::conversations::*;
use super::faulty_server::Tree;
use super::wholeness::*;
use crate::storage::UploadPolicy;

pub struct Scenario {
    pub name: &'static str,
    pub policy: UploadPolicy,
    pub user: &'static str,
    /// Whether faults begin before the client connects, instead of after its login.
    pub includes_login: bool,
    pub converse: fn(&mut Client, &Tree) -> Said<()>,
    /// Whether nothing is torn, whatever the replies were.
    pub is_whole: fn(&Tree) -> bool,
}

const PLAIN: Scenario = Scenario {
    name: "",
    policy: UploadPolicy {
        durable: false,
        keeps_part: false,
    },
    user: "anonymous",
    includes_login: false,
    converse: |_, _| Ok(()),
    is_whole: is_unchanged,
};
const DURABLE: UploadPolicy = UploadPolicy {
    durable: true,
    keeps_part: false,
};
const KEEPING: UploadPolicy = UploadPolicy {
    durable: false,
    keeps_part: true,
};

pub const SCENARIOS: [Scenario; 37] = [
    Scenario {
        name: "login",
        includes_login: true,
        converse: |client, _| client.ask("QUIT", &[221]).map(drop),
        ..PLAIN
    },
    Scenario {
        name: "login to an account",
        user: "bob",
        includes_login: true,
        converse: |client, _| client.ask("SIZE entry-00", &[213]).map(drop),
        ..PLAIN
    },
    Scenario {
        name: "LIST",
        converse: |client, _| lists(client, "LIST d"),
        ..PLAIN
    },
    Scenario {
        name: "NLST",
        converse: |client, _| lists(client, "NLST d"),
        ..PLAIN
    },
    Scenario {
        name: "MLSD",
        converse: |client, _| lists(client, "MLSD d"),
        ..PLAIN
    },
    Scenario {
        name: "STAT d",
        converse: shows_status,
        ..PLAIN
    },
    Scenario {
        name: "RETR",
        converse: |client, _| retrieves(client, Client::passive),
        ..PLAIN
    },
    Scenario {
        name: "RETR, active",
        converse: |client, _| retrieves(client, Client::active),
        ..PLAIN
    },
    Scenario {
        name: "RETR, through a link",
        converse: retrieves_a_link,
        ..PLAIN
    },
    Scenario {
        name: "RETR, restarted",
        converse: retrieves_the_end,
        ..PLAIN
    },
    Scenario {
        name: "RETR, TYPE A",
        converse: retrieves_text,
        ..PLAIN
    },
    Scenario {
        name: "RETR, MODE Z",
        converse: retrieves_deflated,
        ..PLAIN
    },
    Scenario {
        name: "RETR, ABOR",
        converse: aborts,
        ..PLAIN
    },
    Scenario {
        name: "STOR, new",
        converse: |client, tree| stores(client, tree, "new", Client::passive),
        is_whole: is_created,
        ..PLAIN
    },
    Scenario {
        name: "STOR, replacing",
        converse: |client, tree| stores(client, tree, "target", Client::passive),
        is_whole: is_replaced,
        ..PLAIN
    },
    Scenario {
        name: "STOR, replacing, with a quota",
        user: "alice",
        converse: |client, tree| stores(client, tree, "target", Client::passive),
        is_whole: is_replaced,
        ..PLAIN
    },
    Scenario {
        name: "APPE, with a quota",
        user: "alice",
        converse: appends,
        is_whole: is_appended,
        ..PLAIN
    },
    Scenario {
        name: "DELE, with a quota",
        user: "alice",
        converse: deletes,
        is_whole: is_deleted,
        ..PLAIN
    },
    Scenario {
        name: "STOR, active",
        converse: |client, tree| stores(client, tree, "target", Client::active),
        is_whole: is_replaced,
        ..PLAIN
    },
    Scenario {
        name: "STOR, durable",
        policy: DURABLE,
        converse: |client, tree| stores(client, tree, "target", Client::passive),
        is_whole: is_replaced,
        ..PLAIN
    },
    Scenario {
        name: "STOR, keeping parts",
        policy: KEEPING,
        converse: |client, tree| stores(client, tree, "new", Client::passive),
        is_whole: is_part_created,
        ..PLAIN
    },
    Scenario {
        name: "STOR, TYPE A",
        converse: stores_text,
        is_whole: is_replaced,
        ..PLAIN
    },
    Scenario {
        name: "STOR, MODE Z",
        converse: stores_deflated,
        is_whole: is_replaced,
        ..PLAIN
    },
    Scenario {
        name: "STOR, reset",
        converse: breaks_off,
        ..PLAIN
    },
    Scenario {
        name: "STOR, reset, keeping parts",
        policy: KEEPING,
        converse: breaks_off_new,
        is_whole: is_part_created,
        ..PLAIN
    },
    Scenario {
        name: "STOR, restarted",
        converse: stores_the_end,
        is_whole: is_restarted,
        ..PLAIN
    },
    Scenario {
        name: "APPE",
        converse: appends,
        is_whole: is_appended,
        ..PLAIN
    },
    Scenario {
        name: "APPE, durable",
        policy: DURABLE,
        converse: appends,
        is_whole: is_appended,
        ..PLAIN
    },
    Scenario {
        name: "APPE, new",
        converse: appends_new,
        is_whole: is_created,
        ..PLAIN
    },
    Scenario {
        name: "STOU",
        converse: stores_unique,
        is_whole: is_unique_created,
        ..PLAIN
    },
    Scenario {
        name: "RNFR, RNTO",
        converse: renames,
        is_whole: is_renamed,
        ..PLAIN
    },
    Scenario {
        name: "MKD, RMD",
        converse: makes_and_removes,
        ..PLAIN
    },
    Scenario {
        name: "DELE",
        converse: deletes,
        is_whole: is_deleted,
        ..PLAIN
    },
    Scenario {
        name: "MFMT, SITE CHMOD",
        converse: sets_attributes,
        ..PLAIN
    },
    Scenario {
        name: "SIZE, MDTM, MLST, CWD, AVBL",
        converse: asks,
        ..PLAIN
    },
    Scenario {
        name: "HASH",
        converse: hashes,
        ..PLAIN
    },
    Scenario {
        name: "PASV, PORT, EPSV",
        converse: arms,
        ..PLAIN
    },
];
