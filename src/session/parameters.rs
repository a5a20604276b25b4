//! Transfer parameters: TYPE, MODE, OPTS MLST, STAT (RFC 959 §4.1.2, RFC 2389, RFC 3659 §7.9).

use super::state::Visit;
use crate::ftp::command::{DeflateLevel, Representation, Transmission};
use crate::ftp::listing::Facts;
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

    pub(super) fn set_transmission(&mut self, transmission: Transmission) -> Reply {
        self.transmission = transmission;
        match transmission {
            Transmission::Stream => reply::MODE_STREAM,
            Transmission::Deflate => reply::MODE_DEFLATE,
        }
    }

    pub(super) fn set_deflate_level(&mut self, level: DeflateLevel) -> Reply {
        self.deflate_level = level;
        Reply::deflate_level(level)
    }

    pub(super) fn set_facts(&mut self, facts: Facts) -> Reply {
        self.facts = facts;
        Reply::mlst_options(self.facts)
    }

    pub(super) fn session_status(&self, peer: IpAddr) -> Reply {
        Reply::session_status(
            peer,
            self.representation,
            self.transmission,
            !self.rights.allows_changes(),
        )
    }
}
