//! The limits of a quota.

/// How much may be stored under a root; `None`: no limit of that kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaLimits {
    pub bytes: Option<u64>,
    /// Files, directories and links.
    pub entries: Option<u64>,
}

impl QuotaLimits {
    /// Whether there is any limit.
    pub fn is_any(self) -> bool {
        self.bytes.is_some() || self.entries.is_some()
    }

    /// The larger limit of each kind.
    pub fn largest(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.max(other.bytes),
            entries: self.entries.max(other.entries),
        }
    }
}
