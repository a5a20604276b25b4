//! Exercise 07: serve one client in one turn, with a limit for its replies and a budget for the turn.

use super::checks::{AfterTurn, LineClient};

/// From so many bytes of replies on that the client has not taken, none of its lines is read.
pub const QUEUE_LIMIT: usize = 8192;

/// Lines of one client in a turn.
pub const LINES_PER_TURN: usize = 16;

/// Answers lines of a client; returns what the loop has to do with it next.
pub fn serve(client: &mut dyn LineClient) -> AfterTurn {
    while client.read_line() {
        client.queue_reply();
    }
    client.flush();
    AfterTurn::AwaitEvent
}
