//! stub
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    List,
    Read,
    Create,
    Overwrite,
    Append,
    Delete,
    MakeDirectory,
    Rename,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights(u8);
impl Rights {
    pub const READ_ONLY: Rights = Rights(3);
    pub const ALL: Rights = Rights(255);
    pub fn allows(self, right: Right) -> bool {
        self.0 & (1 << right as u8) != 0
    }
    pub fn allows_changes(self) -> bool {
        self.0 & !3 != 0
    }
}
