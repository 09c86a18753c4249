//! Memory, tables and instances of one call, summed over all that its component makes. Nothing here measures time.

use creel_policy::limits::{CORE_INSTANCES_MAX, TABLE_ELEMENTS_MAX};
use wasmtime::ResourceLimiter;

/// What was asked for beyond the bound; kept so that the trap which follows can be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Memory,
    Table,
}

/// Counts what one call holds.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory_bytes_max: usize,
    memory_bytes: usize,
    table_elements: usize,
    refused: Option<Refused>,
}

impl Limiter {
    /// A call that may have so many bytes of memory.
    pub(crate) fn new(memory_bytes_max: usize) -> Self {
        Self { memory_bytes_max, memory_bytes: 0, table_elements: 0, refused: None }
    }

    /// Bytes of memory that the call may have.
    pub(crate) fn memory_bytes_max(&self) -> usize {
        self.memory_bytes_max
    }

    /// Forgets the last refusal, which the plugin has survived. What it holds stays counted.
    pub(crate) fn forget(&mut self) {
        self.refused = None;
    }

    /// The last growth that was refused, if any.
    pub(crate) fn refused(&self) -> Option<Refused> {
        self.refused
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        if total > self.memory_bytes_max || maximum.is_some_and(|maximum| desired > maximum) {
            self.refused = Some(Refused::Memory);
            return Ok(false);
        }
        self.memory_bytes = total;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.table_elements.saturating_add(desired.saturating_sub(current));
        if total > TABLE_ELEMENTS_MAX || maximum.is_some_and(|maximum| desired > maximum) {
            self.refused = Some(Refused::Table);
            return Ok(false);
        }
        self.table_elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES_MAX
    }
}

#[cfg(test)]
mod tests {
    use creel_policy::limits::MEMORY_BYTES_MAX;

    use super::*;

    #[test]
    fn the_bound_is_over_all_memories_together() {
        let mut limiter = Limiter::new(MEMORY_BYTES_MAX);
        let half = MEMORY_BYTES_MAX / 2;
        assert!(limiter.memory_growing(0, half, None).expect("no error"));
        assert!(limiter.memory_growing(0, half, None).expect("no error"));
        assert!(!limiter.memory_growing(half, half + 1, None).expect("no error"));
        assert_eq!(limiter.refused(), Some(Refused::Memory));
    }

    #[test]
    fn a_growth_within_the_bound_still_succeeds_after_one_that_failed() {
        // Attack 129.
        let mut limiter = Limiter::new(MEMORY_BYTES_MAX);
        assert!(!limiter.memory_growing(0, MEMORY_BYTES_MAX + 1, None).expect("no error"));
        assert!(limiter.memory_growing(0, MEMORY_BYTES_MAX, None).expect("no error"));
        assert!(!limiter.table_growing(0, TABLE_ELEMENTS_MAX + 1, None).expect("no error"));
        assert!(limiter.table_growing(0, TABLE_ELEMENTS_MAX, None).expect("no error"));
    }
}
