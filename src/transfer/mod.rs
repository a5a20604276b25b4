//! The pumps: each moves the bytes of one transfer, a budget at a time.
//!
//! A [`Pump`] owns the open file or directory of its transfer from the moment the command was accepted, so that no
//! later command can change what is sent or where it is stored (threat B06). `pump` moves bytes until the socket would
//! block, the budget is spent, or the transfer is complete; it never waits, and never exceeds its budget.

mod data_stream;
mod digest_file;
mod inflater;
mod listing_lines;
mod mode_z_places;
mod outgoing;
mod progress;
mod pump;
mod receive_file;
mod send_deflated;
mod send_file;
mod send_text;
mod socket_stream;
mod splice_pipe;
mod unsent;

pub use data_stream::{DataSink, DataSource, KernelCopyError};
pub use digest_file::DigestFile;
pub use inflater::Inflater;
pub use listing_lines::{LineFormat, ListingLines, SendListing};
pub use mode_z_places::{ModeZPlace, ModeZPlaces};
pub use outgoing::Outgoing;
pub use progress::{Budget, Progress, TransferError};
pub use pump::{Direction, Pump};
pub use receive_file::ReceiveFile;
pub use send_deflated::SendDeflated;
pub use send_file::SendFile;
pub use send_text::{SeekProgress, SendText};
pub use socket_stream::SocketStream;
pub use splice_pipe::SplicePipe;

#[cfg(test)]
mod tests;
