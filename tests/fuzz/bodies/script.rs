//! Reading numbers and strings from the bytes of an input.

/// What is left of an input. Missing bytes are zeros, so that every input means something.
pub struct Numbers<'input>(&'input [u8]);

impl<'input> Numbers<'input> {
    pub fn of(input: &'input [u8]) -> Self {
        Self(input)
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    pub fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    pub fn long(&mut self) -> u64 {
        u64::from_be_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// At most `count` bytes.
    pub fn bytes(&mut self, count: usize) -> &'input [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub fn rest(self) -> &'input [u8] {
        self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
