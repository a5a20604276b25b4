//! The bodies of the fuzz targets: each takes any bytes, and fails by panicking when something that must always hold
//! does not. `tests/fuzz/targets` runs them under libFuzzer, `tests/it/fuzz_corpus.rs` with the inputs of the corpora.

pub mod command_parser;
pub mod connection;
pub mod inflater;
pub mod line_reader;
pub mod listing;
pub mod options;
pub mod path;
pub mod port_addresses;
pub mod script;
pub mod users_file;

pub type Body = fn(&[u8]);

/// Each target's name, which is also that of its corpus, and its body.
pub const ALL: [(&str, Body); 9] = [
    ("command_parser", command_parser::check),
    ("connection", connection::check),
    ("inflater", inflater::check),
    ("line_reader", line_reader::check),
    ("listing", listing::check),
    ("options", options::check),
    ("path", path::check),
    ("port_addresses", port_addresses::check),
    ("users_file", users_file::check),
];
