//! stub until the accounts module lands
mod rights;
pub use rights::{Right, Rights};
