//! Names as values of labels, bounded in number: whoever scrapes pays for every one of them. Which names are given is not
//! known here.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

/// What stands for every name beyond the bound.
const OTHER: &str = "other";

/// The first names that came, up to a bound.
#[derive(Debug)]
pub(crate) struct Names {
    known: RwLock<BTreeSet<Arc<str>>>,
    max: usize,
    other: Arc<str>,
}

impl Names {
    pub(crate) fn new(max: usize) -> Self {
        Self { known: RwLock::default(), max, other: OTHER.into() }
    }

    /// The name as a label; `other` where there are too many. One that is known costs a look and no memory.
    pub(crate) fn of(&self, name: &str) -> Arc<str> {
        if let Some(known) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Arc::clone(known);
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(name) {
            return Arc::clone(known);
        }
        if known.len() >= self.max {
            return Arc::clone(&self.other);
        }
        let name: Arc<str> = name.into();
        known.insert(Arc::clone(&name));
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_bound_are_one() {
        let names = Names::new(2);
        let check = |name, expect| assert_eq!(&*names.of(name), expect, "{name}");
        check("a", "a");
        check("b", "b");
        check("c", "other");
        check("d", "other");
        check("a", "a");
        check("b", "b");
    }

    #[test]
    fn a_name_that_is_known_is_not_made_again() {
        let names = Names::new(2);
        assert!(Arc::ptr_eq(&names.of("a"), &names.of("a")));
        assert!(Arc::ptr_eq(&names.of("a"), &names.of("a")), "a third look finds the same");
    }
}
