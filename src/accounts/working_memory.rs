//! The memory that argon2 works in: one block for all hashes, returned to the system when it is released.
//!
//! A default hash needs 19 MiB. If it were allocated for each hash, the allocator would keep it: the first free of such
//! a block raises the size from which the C library maps pages (up to 32 MiB, `M_MMAP_THRESHOLD` in mallopt(3)), so
//! later blocks come from its heap and stay there, often one for each hash. A request above 32 MiB is always mapped,
//! and freeing it unmaps it. So more is reserved than needed; what is not touched costs nothing.

use argon2::Block;

/// Enough blocks to exceed the allocator's highest threshold.
const BLOCKS_MIN: usize = (33 << 20) / Block::SIZE;

/// Memory for one hash at a time; the next hash uses the same.
#[derive(Debug, Default)]
pub struct WorkingMemory {
    blocks: Vec<Block>,
}

impl WorkingMemory {
    /// `count` blocks, with arbitrary content; `None`: memory is short.
    pub(super) fn blocks(&mut self, count: usize) -> Option<&mut [Block]> {
        if count > self.blocks.capacity() {
            // A new vector, because growing this one would copy content that is not needed.
            self.blocks = Vec::new();
            self.blocks.try_reserve_exact(count.max(BLOCKS_MIN)).ok()?;
        }
        if count > self.blocks.len() {
            self.blocks.resize(count, Block::new());
        }
        let (blocks, _) = self.blocks.split_at_mut(count);
        Some(blocks)
    }

    /// Whether no memory is held.
    pub fn is_empty(&self) -> bool {
        self.blocks.capacity() == 0
    }

    /// Returns the memory to the system.
    pub fn release(&mut self) {
        self.blocks = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_allocated_once_for_all_usual_hashes() {
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
    fn an_impossible_amount_is_refused_without_a_panic() {
        assert!(WorkingMemory::default().blocks(usize::MAX / Block::SIZE / 2).is_none());
    }
}
