//! Replies: codes, texts and their form on the wire (RFC 959 §4.2).

mod composed;
mod fixed;
mod wire;

pub use fixed::*;
pub use wire::Reply;

#[cfg(test)]
mod tests;
