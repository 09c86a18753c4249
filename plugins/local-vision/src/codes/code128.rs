//! Reads Code 128 from the runs of a line, by ISO/IEC 15417.

use super::line::{is_quiet, nearest};
use super::{Code, Kind};

/// The runs of every symbol but the stop.
const SYMBOLS: [[u8; 6]; 106] = symbols(
    b"212222222122222221121223121322131222122213122312132212221213221312231212112232\
122132122231113222123122123221223211221132221231213212223112312131311222321122321221312212322112322211212123212321\
232121111323131123131321112313132113132311211313231113231311112133112331132131113123113321133121313121211331231131\
213113213311213131311123311321331121312113312311332111314111221411431111111224111422121124121421141122141221112214\
112412122114122411142112142211241211221114413111241112134111111242121142121241114212124112124211411212421112421211\
212141214121412121111143111341131141114113114311411113411311113141114131311141411131211412211214211232",
);
/// The runs of the stop, which has one more than the others.
const STOP: [[u8; 7]; 1] = [[2, 3, 3, 1, 1, 1, 2]];
const SYMBOLS_MAX: usize = 120;

/// The first symbol says in which set the others are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    /// Upper case and control characters.
    A,
    /// Upper and lower case.
    B,
    /// Pairs of digits.
    C,
}

const fn symbols(widths: &[u8; 636]) -> [[u8; 6]; 106] {
    let mut symbols = [[0; 6]; 106];
    let mut index = 0;
    while index < widths.len() {
        symbols[index / 6][index % 6] = widths[index] - b'0';
        index += 1;
    }
    symbols
}

/// Reads a code that begins with the first of these runs, which is dark.
pub(super) fn read(runs: &[u32], margin: u32) -> Option<Code> {
    let first = runs.first_chunk::<6>()?;
    let start = nearest(first, &SYMBOLS).filter(|symbol| (103..=105).contains(symbol))?;
    let module = f64::from(first.iter().sum::<u32>()) / 11.0;
    if !is_quiet(margin, 5.0, module) {
        return None;
    }
    let mut symbols = vec![start];
    let mut rest = &runs[6..];
    loop {
        let stop = rest.first_chunk::<7>().and_then(|runs| nearest(runs, &STOP));
        if stop.is_some() && rest.get(7).is_some_and(|behind| is_quiet(*behind, 5.0, module)) {
            break;
        }
        let (next, behind) = rest.split_first_chunk::<6>()?;
        let ratio = f64::from(next.iter().sum::<u32>()) / 11.0 / module;
        if !(0.7..1.4).contains(&ratio) || symbols.len() >= SYMBOLS_MAX {
            return None;
        }
        symbols.push(nearest(next, &SYMBOLS).filter(|symbol| *symbol < 103)?);
        rest = behind;
    }
    let (check, symbols) = symbols.split_last()?;
    let sum: usize = symbols.iter().enumerate().map(|(index, symbol)| index.max(1) * symbol).sum();
    let content = if sum % 103 == *check { text(symbols)? } else { return None };
    (!content.is_empty()).then_some(Code { kind: Kind::Code128, content })
}

/// What the symbols between the ends say. The four function characters stand for nothing that is printed.
fn text(symbols: &[usize]) -> Option<String> {
    let (start, symbols) = symbols.split_first()?;
    let mut set = match start {
        103 => Set::A,
        104 => Set::B,
        _ => Set::C,
    };
    let mut shifted = None;
    let mut text = String::new();
    for symbol in symbols {
        let symbol = u8::try_from(*symbol).ok()?;
        match (shifted.take().unwrap_or(set), symbol) {
            (Set::C, 0..=99) => text.push_str(&format!("{symbol:02}")),
            (Set::A, 64..=95) => text.push(char::from(symbol - 64)),
            (Set::A | Set::B, 0..=95) => text.push(char::from(symbol + 32)),
            (Set::A, 98) => shifted = Some(Set::B),
            (Set::B, 98) => shifted = Some(Set::A),
            (Set::A | Set::B, 99) => set = Set::C,
            (Set::A | Set::C, 100) => set = Set::B,
            (Set::B | Set::C, 101) => set = Set::A,
            (Set::A | Set::B | Set::C, 96..=u8::MAX) => {}
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_symbol_is_eleven_modules_wide_and_its_own() {
        for (index, symbol) in SYMBOLS.iter().enumerate() {
            assert_eq!(symbol.iter().sum::<u8>(), 11, "{index}");
            assert_eq!(SYMBOLS.iter().filter(|other| *other == symbol).count(), 1, "{index}");
            // Dark modules are even in number: the standard's own check.
            assert_eq!(symbol.iter().step_by(2).sum::<u8>() % 2, 0, "{index}");
        }
    }
}
