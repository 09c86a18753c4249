//! Reads Code 39 from the runs of a line, by ISO/IEC 16388.

use super::line::is_quiet;
use super::{Code, Kind};

/// The characters, each with its nine runs: a bit for each, set where it is wide, the first run in the highest bit.
const CHARACTERS: [(char, u16); 44] = [
    ('0', 0x034),
    ('1', 0x121),
    ('2', 0x061),
    ('3', 0x160),
    ('4', 0x031),
    ('5', 0x130),
    ('6', 0x070),
    ('7', 0x025),
    ('8', 0x124),
    ('9', 0x064),
    ('A', 0x109),
    ('B', 0x049),
    ('C', 0x148),
    ('D', 0x019),
    ('E', 0x118),
    ('F', 0x058),
    ('G', 0x00D),
    ('H', 0x10C),
    ('I', 0x04C),
    ('J', 0x01C),
    ('K', 0x103),
    ('L', 0x043),
    ('M', 0x142),
    ('N', 0x013),
    ('O', 0x112),
    ('P', 0x052),
    ('Q', 0x007),
    ('R', 0x106),
    ('S', 0x046),
    ('T', 0x016),
    ('U', 0x181),
    ('V', 0x0C1),
    ('W', 0x1C0),
    ('X', 0x091),
    ('Y', 0x190),
    ('Z', 0x0D0),
    ('-', 0x085),
    ('.', 0x184),
    (' ', 0x0C4),
    ('$', 0x0A8),
    ('/', 0x0A2),
    ('+', 0x08A),
    ('%', 0x02A),
    (EDGE, 0x094),
];
/// Begins and ends every code, and stands nowhere within it.
const EDGE: char = '*';
/// Fewer characters are found in any fence.
const CHARACTERS_MIN: usize = 3;
const CHARACTERS_MAX: usize = 80;

/// Reads a code that begins with the first of these runs, which is dark.
pub(super) fn read(runs: &[u32], margin: u32) -> Option<Code> {
    let (first, mut rest) = runs.split_first_chunk::<9>()?;
    if character(first)? != EDGE || !is_quiet(margin, 6.0, narrow(first)) {
        return None;
    }
    let mut content = String::new();
    while content.len() < CHARACTERS_MAX {
        // A light run stands between two characters, about as wide as a narrow one.
        let (gap, behind) = rest.split_first()?;
        let (next, behind) = behind.split_first_chunk::<9>()?;
        if f64::from(*gap) > 4.0 * narrow(next) {
            return None;
        }
        match character(next)? {
            EDGE => {
                let is_sound = content.len() >= CHARACTERS_MIN && is_quiet(*behind.first()?, 6.0, narrow(next));
                return is_sound.then_some(Code { kind: Kind::Code39, content });
            }
            other => content.push(other),
        }
        rest = behind;
    }
    None
}

/// The width of a narrow run: six of the nine are narrow.
fn narrow(runs: &[u32; 9]) -> f64 {
    let mut sorted = *runs;
    sorted.sort_unstable();
    f64::from(sorted[..6].iter().sum::<u32>()) / 6.0
}

/// The character whose three wide runs these are.
fn character(runs: &[u32; 9]) -> Option<char> {
    let mut sorted = *runs;
    sorted.sort_unstable();
    let [_, _, _, _, _, narrow, wide, _, widest] = sorted;
    // A wide run is at least twice as wide as a narrow one, less what the edges of a picture blur.
    let is_told_apart = wide * 10 >= narrow * 14 && widest <= wide * 2 && sorted[0] > 0;
    let bits = runs.iter().fold(0, |bits, run| bits << 1 | u16::from(*run >= wide));
    let found = CHARACTERS.iter().find(|(_, runs)| *runs == bits).filter(|_| is_told_apart);
    found.map(|(character, _)| *character)
}
