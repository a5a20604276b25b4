//! Setting up data connections: PASV, EPSV, PORT, EPRT (RFC 959 §4.1.2, RFC 2428, RFC 2577).
//!
//! A session only decides whether a request is allowed. An active data connection must go to the client's own address
//! and to a port from 1024 on; otherwise a client could make the server attack other hosts (threats D12, D13).

use super::effect::Effect;
use super::refusal::Refusal;
use super::state::{Activity, Client, PassiveForm, Visit};
use super::step::{Context, Step};
use crate::ftp::command::EpsvArgument;
use crate::ftp::reply;
use std::net::SocketAddr;

/// Ports below belong to well-known services (RFC 2577 §3).
const LOWEST_ACTIVE_PORT: u16 = 1024;

impl Visit {
    pub(super) fn passive(&self, client: &Client) -> Result<Effect, Refusal> {
        if self.extended_only {
            Err(reply::EPSV_ALL_IN_FORCE.into())
        } else if client.ip().is_ipv6() {
            // 227 can only express an IPv4 address.
            Err(reply::USE_EPSV.into())
        } else {
            Ok((Activity::AwaitingPort(PassiveForm::Passive), Step::ArmPassive))
        }
    }

    pub(super) fn extended_passive(&self, argument: EpsvArgument, client: &Client) -> Result<Effect, Refusal> {
        let is_ipv4 = client.ip().is_ipv4();
        match argument {
            EpsvArgument::Ipv6 if is_ipv4 => Err(reply::ONLY_IPV4.into()),
            EpsvArgument::Ipv4 if !is_ipv4 => Err(reply::ONLY_IPV6.into()),
            EpsvArgument::Any | EpsvArgument::All | EpsvArgument::Ipv4 | EpsvArgument::Ipv6 => {
                Ok((Activity::AwaitingPort(PassiveForm::Extended), Step::ArmPassive))
            }
        }
    }

    pub(super) fn active(
        &self,
        address: SocketAddr,
        client: &Client,
        context: &Context<'_>,
    ) -> Result<Effect, Refusal> {
        if self.extended_only {
            return Err(reply::EPSV_ALL_IN_FORCE.into());
        }
        let is_own = address.ip().to_canonical() == client.ip();
        let step = if !context.options.active {
            Step::Disarm(reply::ACTIVE_DISABLED)
        } else if !is_own || address.port() < LOWEST_ACTIVE_PORT {
            // Also discard the previous address: a refused PORT must not leave it usable (threat B10).
            Step::Disarm(reply::ADDRESS_REFUSED)
        } else {
            Step::ArmActive(SocketAddr::new(client.ip(), address.port()), reply::ACTIVE_OK)
        };
        Ok((Activity::Idle, step))
    }
}
