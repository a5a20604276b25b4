//! How data connections are to be made: PASV, EPSV, PORT, EPRT (RFC 959 §4.1.2, RFC 2428, RFC 2577).
//!
//! A session only decides whether it may; ports and sockets are the loop's. An active connection goes to the client's
//! own address and to ports from 1024 on, or it is refused: otherwise the server would attack others on a client's
//! behalf (threats D12, D13).

use super::answer::{Answer, Answered};
use super::request::{PassiveForm, Request};
use super::state::Visit;
use super::visit::Step;
use super::{Context, Session};
use crate::ftp::command::EpsvArgument;
use crate::ftp::reply::{self, Reply};
use std::net::SocketAddr;

/// Ports below are other services' (RFC 2577 §3).
const LOWEST_ACTIVE_PORT: u16 = 1024;

impl Session {
    pub(super) fn passive(&self, visit: &Visit) -> Step {
        if visit.extended_only {
            reply::EPSV_ALL_IN_FORCE.into()
        } else if self.peer().is_ipv6() {
            // 227 has room for an IPv4 address only.
            reply::USE_EPSV.into()
        } else {
            Step::Passive(PassiveForm::Passive)
        }
    }

    pub(super) fn extended_passive(&self, argument: EpsvArgument) -> Step {
        let served = match argument {
            EpsvArgument::Any | EpsvArgument::All => true,
            EpsvArgument::Ipv4 => self.peer().is_ipv4(),
            EpsvArgument::Ipv6 => self.peer().is_ipv6(),
        };
        if served {
            Step::Passive(PassiveForm::Extended)
        } else if self.peer().is_ipv4() {
            reply::ONLY_IPV4.into()
        } else {
            reply::ONLY_IPV6.into()
        }
    }

    pub(super) fn active(&self, visit: &Visit, address: SocketAddr, context: &Context<'_>) -> Answered {
        if visit.extended_only {
            return Err(reply::EPSV_ALL_IN_FORCE.into());
        }
        if !context.active {
            return Err(Answer::ReplyAndRequest(reply::ACTIVE_DISABLED, Request::Disarm));
        }
        let own = address.ip().to_canonical() == self.peer();
        if !own || address.port() < LOWEST_ACTIVE_PORT {
            // What was armed before is forgotten too: a refused PORT must not leave an older address standing (B10).
            return Err(Answer::ReplyAndRequest(reply::ADDRESS_REFUSED, Request::Disarm));
        }
        Ok(Answer::ReplyAndRequest(
            reply::ACTIVE_OK,
            Request::ArmActive(SocketAddr::new(self.peer(), address.port())),
        ))
    }
}

impl Visit {
    pub(super) fn only_extended(&mut self) -> Reply {
        self.extended_only = true;
        reply::EPSV_ALL_OK
    }
}
