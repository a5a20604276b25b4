//! How things are to be sent and shown: TYPE, OPTS MLST, STAT (RFC 959 §4.1.2, RFC 2389, RFC 3659 §7.9).

use super::state::Visit;
use crate::ftp::command::Representation;
use crate::ftp::listing::{Fact, Facts};
use crate::ftp::reply::{self, Reply};
use std::net::IpAddr;

impl Visit {
    pub(super) fn set_representation(&mut self, representation: Representation) -> Reply {
        self.representation = representation;
        match representation {
            Representation::Ascii => reply::TYPE_ASCII,
            Representation::Image => reply::TYPE_IMAGE,
        }
    }

    pub(super) fn set_facts(&mut self, facts: &[Fact]) -> Reply {
        self.facts = Facts::from_list(facts);
        Reply::mlst_options(self.facts)
    }

    pub(super) fn session_status(&self, peer: IpAddr) -> Reply {
        Reply::session_status(peer, self.representation, !self.rights.allows_changes())
    }
}
