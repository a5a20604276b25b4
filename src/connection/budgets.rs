//! How much one turn of the loop does for one connection, and for all of them.

/// File bytes that one slot moves in one turn.
pub const BYTES_PER_TURN: usize = 256 * 1024;
/// File bytes that one slot receives in one turn. Giving a client room again means waking it, so room is given in
/// larger parts than what is sent; a turn of it still takes less than a millisecond.
pub const RECEIVED_PER_TURN: usize = 1024 * 1024;
/// Directory entries that one slot looks at in one turn.
pub const ENTRIES_PER_TURN: usize = 256;
/// What looking at an entry costs of a turn's bulk, in bytes: a full share of entries is a quarter of the turn.
pub const BYTES_PER_ENTRY: usize = 256;
/// Bulk bytes of all slots together in one turn: the most that a NOOP has to wait for.
pub const BULK_PER_TURN: usize = BYTES_PER_TURN;
