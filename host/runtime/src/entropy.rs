//! Random bits for names and chances. Nothing secret is made of them.

use std::cell::RefCell;

/// Words of 64 bits that are fetched at once: a request needs some five, and each fetch is a call of the kernel.
const WORDS: usize = 64;

/// Random bits of the kernel that this thread has not used yet.
struct Ahead {
    words: [u64; WORDS],
    used: usize,
}

impl Ahead {
    fn next(&mut self) -> u64 {
        if self.used == WORDS {
            let mut bytes = [0; WORDS * size_of::<u64>()];
            // Without a kernel that gives any, names repeat; that is no reason to answer nobody.
            if getrandom::fill(&mut bytes).is_err() {
                return std::process::id().into();
            }
            let (words, _) = bytes.as_chunks();
            for (word, bytes) in self.words.iter_mut().zip(words) {
                *word = u64::from_ne_bytes(*bytes);
            }
            self.used = 0;
        }
        let word = std::mem::take(&mut self.words[self.used]);
        self.used += 1;
        word
    }
}

thread_local! {
    static AHEAD: RefCell<Ahead> = const { RefCell::new(Ahead { words: [0; WORDS], used: WORDS }) };
}

/// Fresh random bits, good enough that nobody guesses them and too many to meet twice. Keys and tokens are not made of
/// them: they lie in memory for a while before they are used.
#[must_use]
pub fn entropy() -> u64 {
    AHEAD.with_borrow_mut(Ahead::next)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_bits_come_twice_on_any_thread() {
        let draw = || (0..3 * WORDS).map(|_| entropy()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(draw)).collect();
        let drawn: Vec<u64> = threads.into_iter().flat_map(|thread| thread.join().expect("it draws")).collect();
        assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), drawn.len());
        assert!(!drawn.contains(&0));
    }
}
