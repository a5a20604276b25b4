//! What a command leads to: a reply, a request to the loop, or both.

use super::request::Request;
use crate::ftp::reply::{self, Reply};
use crate::storage::StorageError;

/// The whole effect of one command beyond the session's own state.
#[derive(Debug)]
pub(super) enum Answer {
    Reply(Reply),
    /// The reply comes when the loop has done what it was asked.
    Request(Request),
    ReplyAndRequest(Reply, Request),
}

impl Answer {
    /// Appends the reply to `out`; what is asked of the loop is left.
    pub(super) fn write_to(self, out: &mut Vec<u8>) -> Option<Request> {
        match self {
            Answer::Reply(reply) => {
                reply.write_to(out);
                None
            }
            Answer::Request(request) => Some(request),
            Answer::ReplyAndRequest(reply, request) => {
                reply.write_to(out);
                Some(request)
            }
        }
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Answer::Reply(reply)
    }
}

impl From<Request> for Answer {
    fn from(request: Request) -> Self {
        Answer::Request(request)
    }
}

impl From<StorageError> for Answer {
    fn from(error: StorageError) -> Self {
        Answer::Reply(match error {
            StorageError::NotFound => reply::FILE_NOT_FOUND,
            StorageError::Busy => reply::TRY_AGAIN,
            StorageError::Failed => reply::LOCAL_ERROR,
            StorageError::NoSpace => reply::DISK_FULL,
            StorageError::TooLarge => reply::TOO_LARGE,
            StorageError::NameRefused => reply::NAME_REFUSED,
            StorageError::Exists => reply::NAME_TAKEN,
            StorageError::NotEmpty => reply::NOT_EMPTY,
            StorageError::BeyondEnd => reply::BAD_RESTART,
        })
    }
}

/// Commands fail with the answer that tells the client why.
pub(super) type Answered = Result<Answer, Answer>;
