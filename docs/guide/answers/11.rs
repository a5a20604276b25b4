//! Answer 11: a position is a `u64` from the beginning to the end, and no `as` is on its way.

/// The position at which a file of `size` bytes is to be sent, or `None` if there is none.
pub fn restart_at(argument: &str, size: u64) -> Option<u64> {
    // `parse` accepts a plus sign, and FTP does not.
    let is_plain = argument.bytes().all(|byte| byte.is_ascii_digit());
    let position = argument.parse().ok().filter(|_| is_plain)?;
    (position <= size).then_some(position)
}
