//! What a command leads to: a reply, a request to the loop, or both.

use super::request::Request;
use super::storage_reply::reply_to;
use crate::ftp::reply::Reply;
use crate::storage::StorageError;

/// The whole effect of one command beyond the session's own state.
#[derive(Debug)]
pub(super) enum Answer {
    Reply(Reply),
    /// The storage refused.
    Failed(StorageError),
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
            Answer::Failed(error) => {
                reply_to(error).write_to(out);
                None
            }
            Answer::Request(request) => Some(request),
            Answer::ReplyAndRequest(reply, request) => {
                reply.write_to(out);
                Some(request)
            }
        }
    }

    /// The code of the reply that is the whole answer; `None` where the loop has still to do something.
    pub(super) fn final_code(&self) -> Option<u16> {
        match self {
            Answer::Reply(reply) => Some(reply.code()),
            Answer::Failed(error) => Some(reply_to(*error).code()),
            Answer::Request(_) | Answer::ReplyAndRequest(..) => None,
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
        Answer::Failed(error)
    }
}

/// Commands fail with the answer that tells the client why.
pub(super) type Answered = Result<Answer, Answer>;
