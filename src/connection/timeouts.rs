//! When each wait ends, and what happens then: the one place that knows every deadline of a connection.

use super::{Connection, Life, data_channel::DataChannel, logins::Verification, shared::Shared};
use crate::ftp::reply;
use crate::session::{Ending, Outcome};
use crate::trace::{self, Kind};
use std::time::{Duration, Instant};

/// How long a closing connection may take to read its last reply.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a session waits for a passive port.
const PORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the slow-work thread may take for a password.
const VERIFICATION_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the slow-work thread may take for an upload.
const DISK_TIMEOUT: Duration = Duration::from_secs(600);

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Close,
    /// The TLS handshake of the control connection or of a data connection.
    Handshake,
    /// The client reads its replies.
    ReplyRead,
    Login,
    Command,
    /// Its long answer is in the ready queue.
    Turn,
    /// The password is being verified.
    Verification,
    /// The reply to PASS is delayed.
    LoginAnswer,
    PassivePort,
    /// A transfer command for what is armed; without one it is disarmed.
    TransferCommand,
    DataConnection,
    Progress,
    /// The end of throttling.
    Pace,
    /// The client's close of a data connection on which everything was sent.
    DataEnd,
    /// The end of an upload that was refused.
    DiscardEnd,
    /// The disk.
    Disk,
}

impl Connection {
    /// The next deadline of this connection.
    pub fn due(&self, shared: &Shared) -> Instant {
        self.wait(shared).1
    }

    /// What the connection waits for, for logs and traces.
    pub fn waits_for(&self, shared: &Shared) -> &'static str {
        match self.wait(shared).0 {
            Wait::Close => "the client's end",
            Wait::Handshake => "its TLS handshake",
            Wait::ReplyRead => "its replies to be read",
            Wait::Login => "its login",
            Wait::Command => "a command",
            Wait::Turn => "its turn",
            Wait::Verification => "its password to be verified",
            Wait::LoginAnswer => "the answer to its login",
            Wait::PassivePort => "a passive port",
            Wait::TransferCommand => "a transfer command",
            Wait::DataConnection => "its data connection",
            Wait::Progress => "progress",
            Wait::Pace => "its rate to allow more",
            Wait::DataEnd | Wait::DiscardEnd => "the end of its data connection",
            Wait::Disk => "the disk",
        }
    }

    /// The wait with the nearest deadline.
    fn wait(&self, shared: &Shared) -> (Wait, Instant) {
        let timeouts = shared.options.timeouts;
        match self.life {
            Life::Closing { since } | Life::Lingering { since } => return (Wait::Close, since + CLOSE_TIMEOUT),
            Life::Gone => return (Wait::Close, self.active),
            Life::Securing { since, .. } => return (Wait::Handshake, since + HANDSHAKE_TIMEOUT),
            Life::Serving => {}
        }
        let session = &self.session;
        // Transfers and ports have deadlines of their own.
        let conversation = session.is_ready().then(|| {
            if session.is_logging_in() {
                (Wait::Login, self.login_since + timeouts.login)
            } else {
                (Wait::Command, self.active + timeouts.idle)
            }
        });
        let turn = session
            .is_answering()
            .then(|| (Wait::Turn, self.active + timeouts.idle));
        let port = session
            .is_awaiting_port()
            .then(|| (Wait::PassivePort, self.active + PORT_TIMEOUT));
        let data = match &self.channel {
            DataChannel::Unarmed | DataChannel::ToConnect(_) => None,
            // The transfer command has come: its restart marker is being searched for.
            DataChannel::Announced { .. } if session.is_answering() => None,
            DataChannel::Announced { since, .. } => Some((Wait::TransferCommand, *since + timeouts.connect)),
            DataChannel::AwaitingClient { since, .. } | DataChannel::Connecting { since, .. } => {
                Some((Wait::DataConnection, *since + timeouts.connect))
            }
            DataChannel::Securing { since, .. } => Some((Wait::Handshake, *since + HANDSHAKE_TIMEOUT)),
            DataChannel::Transferring {
                throttled_until: Some(until),
                ..
            } => Some((Wait::Pace, *until)),
            DataChannel::Transferring { progress, .. } => Some((Wait::Progress, *progress + timeouts.stall)),
            DataChannel::AwaitingClose { until, .. } => Some((Wait::DataEnd, *until)),
            DataChannel::Discarding { until, .. } => Some((Wait::DiscardEnd, *until)),
            DataChannel::Storing { since, .. } => Some((Wait::Disk, *since + DISK_TIMEOUT)),
        };
        let verification = session.is_verifying().then(|| shared.logins.of(self.slot)).flatten();
        let login = verification.map(|verification| match verification {
            Verification::Waiting { since, .. } => (Wait::Verification, since + timeouts.login),
            Verification::Running { since } => (Wait::Verification, since + VERIFICATION_TIMEOUT),
            Verification::Delayed { until, .. } => (Wait::LoginAnswer, until),
        });
        let replies = self
            .output
            .blocked
            .map(|since| (Wait::ReplyRead, since + timeouts.stall));
        [conversation, turn, port, data, login, replies]
            .into_iter()
            .flatten()
            .min_by_key(|(_, due)| *due)
            .unwrap_or((Wait::Command, self.active + timeouts.idle))
    }

    /// The deadline has passed.
    pub fn time_is_up(&mut self, shared: &mut Shared) {
        let (wait, due) = self.wait(shared);
        if due > shared.now {
            return;
        }
        let number = self.session.number();
        let what = self.waits_for(shared);
        trace::line(Kind::Change, || format!("timed out waiting for {what}"));
        log::debug!("session {number}: timed out waiting for {what}");
        match wait {
            Wait::Close | Wait::ReplyRead => self.drop_client(Ending::RepliesNotRead, shared),
            Wait::Handshake if matches!(self.life, Life::Securing { .. }) => {
                self.drop_client(Ending::HandshakeFailed, shared);
            }
            Wait::Handshake => self.end_transfer(Outcome::HandshakeFailed, shared),
            Wait::Verification => self.dismiss(reply::LOGIN_BUSY, Ending::LoginBusy, shared),
            Wait::LoginAnswer => self.answer_delayed_password(shared),
            Wait::Login => self.dismiss(reply::TIMED_OUT, Ending::LoginTimeout, shared),
            Wait::Command => self.dismiss(reply::TIMED_OUT, Ending::IdleTimeout, shared),
            // The client waits for the server, so it is not idle; and lines of the answer may have been sent already.
            Wait::Turn => self.active = shared.now,
            Wait::PassivePort => {
                self.stop_waiting_for_port(shared);
                let step = self.session.passive_refused();
                let _ = self.take(step, shared);
            }
            Wait::TransferCommand | Wait::DiscardEnd => self.disarm(shared),
            Wait::DataConnection => self.end_transfer(Outcome::NoDataConnection, shared),
            Wait::Progress => self.end_transfer(Outcome::Stalled, shared),
            Wait::Pace => self.throttling_ends(shared),
            Wait::DataEnd => self.end_transfer(Outcome::Complete, shared),
            Wait::Disk => {
                // The outcome on disk is unknown, so the session cannot continue.
                self.end_transfer(Outcome::StoredUnknown, shared);
                self.dismiss(reply::TIMED_OUT, Ending::DiskTimeout, shared);
            }
        }
    }
}
