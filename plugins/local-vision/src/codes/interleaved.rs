//! Reads Interleaved 2 of 5 (ITF) from the runs of a line, by ISO/IEC 16390.

use super::line::is_quiet;
use super::{Code, Kind};

/// Which of the five runs of a digit are wide, the first in the highest bit.
const DIGITS: [u8; 10] = [0b00110, 0b10001, 0b01001, 0b11000, 0b00101, 0b10100, 0b01100, 0b00011, 0b10010, 0b01010];
/// Fewer digits are found in any fence.
const DIGITS_MIN: usize = 6;
const DIGITS_MAX: usize = 80;

/// Reads a code that begins with the first of these runs, which is dark.
pub(super) fn read(runs: &[u32], margin: u32) -> Option<Code> {
    let start = runs.first_chunk::<4>()?;
    let module = f64::from(start.iter().sum::<u32>()) / 4.0;
    let is_narrow = |run: &u32| (0.5..1.6).contains(&(f64::from(*run) / module));
    if module < 1.0 || !start.iter().all(is_narrow) || !is_quiet(margin, 6.0, module) {
        return None;
    }
    let mut content = String::new();
    let mut rest = &runs[4..];
    while content.len() < DIGITS_MAX {
        if let Some((pair, behind)) = rest.split_first_chunk::<10>()
            && let (Some(dark), Some(light)) = (digit(pair, 0, module), digit(pair, 1, module))
        {
            content.extend([dark, light]);
            rest = behind;
            continue;
        }
        break;
    }
    let [wide, light, dark, behind, ..] = rest else {
        return None;
    };
    let ends = is_wide(*wide, module)? && !is_wide(*light, module)? && !is_wide(*dark, module)?;
    let is_sound = ends && is_quiet(*behind, 6.0, module) && content.len() >= DIGITS_MIN;
    is_sound.then_some(Code { kind: Kind::Interleaved, content })
}

/// The digit in the dark runs of a pair, which are the even ones, or in the light ones.
fn digit(pair: &[u32; 10], first: usize, module: f64) -> Option<char> {
    let mut bits = 0;
    for run in pair.iter().skip(first).step_by(2) {
        bits = bits << 1 | u8::from(is_wide(*run, module)?);
    }
    let digit = DIGITS.iter().position(|digit| *digit == bits)?;
    char::from_digit(u32::try_from(digit).ok()?, 10)
}

/// A wide run is two to three times as wide as a narrow one; what is far from both is neither.
fn is_wide(run: u32, module: f64) -> Option<bool> {
    match f64::from(run) / module {
        0.4..1.7 => Some(false),
        1.7..4.0 => Some(true),
        _ => None,
    }
}
