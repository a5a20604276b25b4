//! A path as an argument.

/// A path as the client wrote it, free of control bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathArgument(pub Vec<u8>);

impl PathArgument {
    /// Whether only a directory can have this path, by its end.
    pub fn names_directory(&self) -> bool {
        names_directory(&self.0)
    }
}

/// Whether only a directory can have this path, by its end.
pub fn names_directory(path: &[u8]) -> bool {
    [&b"/"[..], b"/.", b"/.."].iter().any(|end| path.ends_with(end))
}
