//! How work that a command started has ended, or how far it is: passive ports, transfers, long answers.
//!
//! The connection calls these; each returns what is to be done next, or the reply.

use super::Session;
use super::long_answer::{AnswerProgress, LongAnswer};
use super::outcome::{Outcome, Transfer};
use super::state::{Activity, PassiveForm, State};
use super::step::{PassiveAddress, Step};
use crate::ftp::reply::{self, Reply};
use crate::transfer::{Budget, Outgoing};
use std::mem;
use std::time::Instant;

impl Session {
    /// A passive port has been dealt: 227 or 229 with its address.
    pub fn passive_armed(&mut self, address: PassiveAddress) -> Step {
        let reply = match (self.take_port_request(), address) {
            (None, _) => return Step::Ignore,
            (Some(PassiveForm::Passive), PassiveAddress::V4(address)) => Reply::passive(address),
            (Some(PassiveForm::Passive), PassiveAddress::PortOnly(_)) => reply::USE_EPSV,
            (Some(PassiveForm::Extended), PassiveAddress::V4(address)) => Reply::extended_passive(address.port()),
            (Some(PassiveForm::Extended), PassiveAddress::PortOnly(port)) => Reply::extended_passive(port),
        };
        reply.into()
    }

    /// No passive port became free in time.
    pub fn passive_refused(&mut self) -> Step {
        self.take_port_request()
            .map_or(Step::Ignore, |_| reply::PASSIVE_BUSY.into())
    }

    /// Ends the wait for a port. `None`: the session was not waiting for one.
    fn take_port_request(&mut self) -> Option<PassiveForm> {
        let State::Visit(_, activity) = &mut self.state else {
            return None;
        };
        let Activity::AwaitingPort(form) = *activity else {
            return None;
        };
        *activity = Activity::Idle;
        Some(form)
    }

    /// Ends the running transfer; returns its description and its last reply. The next command can be answered.
    pub fn transfer_ended(&mut self, outcome: Outcome) -> Option<(Transfer, Reply)> {
        let State::Visit(_, activity @ Activity::Transferring(_)) = &mut self.state else {
            return None;
        };
        let Activity::Transferring(transfer) = mem::replace(activity, Activity::Idle) else {
            return None;
        };
        if let Outcome::NotStored(error) = outcome {
            self.client.log_unexpected(error);
        }
        Some((*transfer, outcome.reply()))
    }

    /// Continues a long answer within `budget` and appends its lines to `out`. `buffer` is for reading files.
    /// [`Step::Answer`]: the answer is not finished.
    pub fn advance_answer(&mut self, out: &mut Vec<u8>, buffer: &mut [u8], budget: &mut Budget, now: Instant) -> Step {
        let State::Visit(visit, activity) = &mut self.state else {
            return Step::Ignore;
        };
        let Activity::Answering(answer) = activity else {
            return Step::Ignore;
        };
        let progress = answer.advance(out, buffer, budget, now);
        if progress == AnswerProgress::MoreToCome {
            return Step::Answer;
        }
        let finished = mem::replace(activity, Activity::Idle);
        if progress == AnswerProgress::MarkerFound
            && let Activity::Answering(answer) = finished
            && let LongAnswer::Restart { text, transfer } = *answer
        {
            let (transferring, step) = visit.send(transfer, Outgoing::Text(text));
            *activity = transferring;
            return step;
        }
        Step::Ignore
    }
}
