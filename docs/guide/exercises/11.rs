//! Exercise 11: the argument of `REST`, which asks for a file from a position on.

/// The position at which a file of `size` bytes is to be sent, or `None` if there is none.
pub fn restart_at(argument: &str, size: u64) -> Option<u64> {
    let position = argument.parse::<i64>().ok()? as i32;
    (position as u64 <= size).then_some(position as u64)
}
