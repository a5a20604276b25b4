//! Answer 04: bytes after the last `\n` are kept. A real server also limits how many; see `src/ftp/line.rs`.

/// The lines of one client.
#[derive(Default)]
pub struct Lines {
    incomplete: Vec<u8>,
}

impl Lines {
    /// The lines that are complete with these bytes, without their ends. `\n` and `\r\n` end a line.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        self.incomplete.extend_from_slice(bytes);
        let mut lines = Vec::new();
        while let Some(end) = self.incomplete.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.incomplete.drain(..=end).collect();
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            lines.push(String::from_utf8_lossy(line).into_owned());
        }
        lines
    }
}
