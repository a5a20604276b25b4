//! The wall clock, for dates in replies, listings and logs. Deadlines use [`Instant`](std::time::Instant).

use crate::ftp::timestamp::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in whole seconds.
pub fn wall_clock() -> Timestamp {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    Timestamp::from_unix(seconds)
}
