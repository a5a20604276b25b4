//! The memory that argon2 works in: one block for all hashes, given back to the system when it is let go.
//!
//! A default hash needs 19 MiB. Allocated for each hash, the C library's allocator keeps such blocks: freeing the first
//! one raises the size from which it asks the system for pages of their own (up to 32 MiB, mallopt(3),
//! `M_MMAP_THRESHOLD`), the next ones come from its heap and stay there, often one for each hash. A request above 32
//! MiB always gets pages of its own, and freeing it returns them. So more is asked for than is needed; what is not used
//! is never touched and costs nothing.

use argon2::Block;

/// More blocks than the allocator keeps.
const BLOCKS_MIN: usize = (33 << 20) / Block::SIZE;

/// Memory for one hash at a time; the next hash uses the same.
#[derive(Debug, Default)]
pub struct WorkingMemory {
    blocks: Vec<Block>,
}

impl WorkingMemory {
    /// So many blocks, with whatever the last hash left in them; `None`: memory is short.
    pub(super) fn blocks(&mut self, count: usize) -> Option<&mut [Block]> {
        if count > self.blocks.capacity() {
            // What is there is no use to anybody, so it is not copied.
            self.blocks = Vec::new();
            self.blocks.try_reserve_exact(count.max(BLOCKS_MIN)).ok()?;
        }
        if count > self.blocks.len() {
            self.blocks.resize(count, Block::new());
        }
        self.blocks.get_mut(..count)
    }

    /// Whether it holds anything.
    pub fn is_empty(&self) -> bool {
        self.blocks.capacity() == 0
    }

    /// Gives the memory back.
    pub fn release(&mut self) {
        self.blocks = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_to_what_is_asked_for_and_is_not_allocated_again() {
        let mut memory = WorkingMemory::default();
        assert!(memory.is_empty());
        let place = memory.blocks(8).map(|blocks| (blocks.len(), blocks.as_ptr()));
        assert_eq!(place.map(|(count, _)| count), Some(8));
        let larger = memory.blocks(19_456).map(|blocks| (blocks.len(), blocks.as_ptr()));
        assert_eq!(larger.map(|(count, _)| count), Some(19_456));
        assert_eq!(larger.map(|(_, at)| at), place.map(|(_, at)| at), "the same memory");
        assert_eq!(memory.blocks(100_000).map(|blocks| blocks.len()), Some(100_000));
        memory.release();
        assert!(memory.is_empty());
    }

    #[test]
    fn what_cannot_be_had_is_no_panic() {
        assert!(WorkingMemory::default().blocks(usize::MAX / Block::SIZE / 2).is_none());
    }
}
