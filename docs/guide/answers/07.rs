//! Answer 07: no line is read without room for its reply, and a client that could go on is served again.

use super::checks::{AfterTurn, LineClient};

/// From so many bytes of replies on that the client has not taken, none of its lines is read.
pub const QUEUE_LIMIT: usize = 8192;

/// Lines of one client in a turn.
pub const LINES_PER_TURN: usize = 16;

/// Answers lines of a client; returns what the loop has to do with it next.
pub fn serve(client: &mut dyn LineClient) -> AfterTurn {
    for _ in 0..LINES_PER_TURN {
        if client.queued() >= QUEUE_LIMIT {
            client.flush();
        }
        // Without room, the event that reports room brings the client back.
        if client.queued() >= QUEUE_LIMIT || !client.read_line() {
            client.flush();
            return AfterTurn::AwaitEvent;
        }
        client.queue_reply();
    }
    client.flush();
    AfterTurn::ServeAgain
}
