//! Replies in, and the bytes of transfers.

use super::active_operation::{ActiveOperation, ReplyEffect, Waits, unsolicited};
use super::{CONTROL_CLOSED, ScriptedClient, Tools};
use crate::data_connection::DataProgress;
use crate::failure::Failure;
use crate::polled_socket::PolledSocket;
use crate::reply_reader::ServerReply;
use crate::script::ScriptStep;
use mio::event::Event;

impl ScriptedClient {
    /// Reads the replies that have arrived; each may take the script further.
    pub(super) fn receive(&mut self, event: &Event, tools: &mut Tools) -> Result<(), Failure> {
        let is_flooding = self.flood_bytes().is_some();
        let Some(control) = &mut self.control else {
            return Ok(());
        };
        if event.is_writable() {
            control.flush()?;
        }
        if is_flooding {
            // What the server sends stays unread.
            self.queue(tools);
            return Ok(());
        }
        let is_open = control.receive(&mut tools.scratch, event.is_read_closed())?;
        while let Some(control) = &mut self.control
            && let Some(reply) = control.next_reply()?
        {
            self.take_reply(&reply, tools)?;
        }
        if is_open || self.control.is_none() {
            return Ok(());
        }
        match self.active.as_ref().map(|active| &active.waits) {
            Some(Waits::Trickle { .. } | Waits::IgnoredReplies { .. } | Waits::Stall { .. }) => {
                self.misbehaviour_ended(tools)
            }
            _ => Err(CONTROL_CLOSED),
        }
    }

    fn take_reply(&mut self, reply: &ServerReply, tools: &mut Tools) -> Result<(), Failure> {
        let Some(active) = &mut self.active else {
            return Err(unsolicited(reply));
        };
        let upload = |active: &ActiveOperation| active.step().and_then(ScriptStep::upload).map(Into::into);
        match active.take_reply(reply, tools.target.ip())? {
            ReplyEffect::Nothing => Ok(()),
            ReplyEffect::StepDone => self.next_step(tools),
            ReplyEffect::PassiveAddress(address) => {
                tools.measurements.ports.insert(address.port());
                if let Some(squatter) = &mut tools.squatter {
                    squatter.remember(address.port());
                }
                self.passive_address = Some(address);
                self.next_step(tools)
            }
            ReplyEffect::TransferBegins => {
                if let Some(path) = upload(active) {
                    tools.uploads.entry(path).or_default();
                }
                self.queue(tools);
                Ok(())
            }
            ReplyEffect::TransferCompleted => {
                if let Some(path) = upload(active) {
                    tools.uploads.insert(path, true);
                }
                self.settle_transfer(tools)
            }
            ReplyEffect::DownloadStalled => {
                tools.measurements.attack.effects += 1;
                Ok(())
            }
            ReplyEffect::DownloadNotStalled => {
                let effects = &mut tools.measurements.attack.effects;
                *effects = effects.saturating_sub(1);
                Ok(())
            }
        }
    }

    /// Moves the bytes that can be moved now, at most a turn's share.
    pub(super) fn move_data(&mut self, tools: &mut Tools) -> Result<(), Failure> {
        let Some(data) = &mut self.data else {
            return Ok(());
        };
        let before = data.moved;
        let progress = data.pump(&mut tools.scratch);
        let total = data.moved;
        let mut must_equal_others = false;
        if let Some(active) = &mut self.active {
            tools.measurements.moved(active.operation.class, total - before);
            if total > before {
                active.progressed = tools.now;
            }
            must_equal_others = active.compares_sizes();
        }
        let progress = progress?;
        match progress {
            DataProgress::WouldBlock => data.await_event(PolledSocket::Data(self.slot), &tools.registry)?,
            DataProgress::BudgetSpent => self.queue(tools),
            DataProgress::Ended | DataProgress::Reset => {
                self.data = None;
                if progress == DataProgress::Reset {
                    tools.measurements.attack.effects += 1;
                }
                if must_equal_others && !tools.measurements.downloaded(total) {
                    return Err(Failure::SizesDiffer);
                }
                if let Some(active) = &mut self.active {
                    active.data_ended();
                }
            }
        }
        Ok(())
    }

    /// Goes on with the script when the transfer is over.
    pub(super) fn settle_transfer(&mut self, tools: &mut Tools) -> Result<(), Failure> {
        if self.active.as_ref().is_some_and(ActiveOperation::is_transfer_complete) {
            return self.next_step(tools);
        }
        Ok(())
    }
}
