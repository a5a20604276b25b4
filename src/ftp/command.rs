//! A line into a command, typed so that nothing is left to be parsed later.
//!
//! The verb is everything up to the first space, in ASCII in any case; the argument is everything after that one space.
//! What the verb alone decides is in the table of `verbs.rs`. Bytes that could end a line elsewhere are refused here,
//! before anything is looked up (threat A03).

mod arguments;
mod command_line;
mod cost;
mod definition;
mod digests;
mod error;
mod path_argument;
mod times_and_modes;
mod type_and_mode;
mod verb;
mod verbs;

pub use arguments::{EpsvArgument, ListArgument, USER_NAME_MAX};
pub use command_line::CommandLine;
pub use definition::Command;
pub use digests::{Digest, DigestRequest};
pub use error::CommandError;
pub use path_argument::{PathArgument, names_directory};
pub use times_and_modes::FactChange;
pub use type_and_mode::{DeflateLevel, Representation, Transmission};
pub use verbs::{SERVED_SITE_WORDS, SERVED_VERBS};

#[cfg(test)]
mod tests;
