//! Reads EAN-13, EAN-8 and UPC-A from the runs of a line, by ISO/IEC 15420.

use super::line::{is_quiet, nearest};
use super::{Code, Kind};

/// Widths of a digit's runs as they stand in the right half, and, beginning with a light run, in the left half.
const DIGITS: [[u8; 4]; 10] = [
    [3, 2, 1, 1],
    [2, 2, 2, 1],
    [2, 1, 2, 2],
    [1, 4, 1, 1],
    [1, 1, 3, 2],
    [1, 2, 3, 1],
    [1, 1, 1, 4],
    [1, 3, 1, 2],
    [1, 2, 1, 3],
    [3, 1, 1, 2],
];

/// Which of the six digits of the left half are mirrored, a bit each, for every first digit.
const FIRST: [u8; 10] =
    [0b00_0000, 0b00_1011, 0b00_1101, 0b00_1110, 0b01_0011, 0b01_1001, 0b01_1100, 0b01_0101, 0b01_0110, 0b01_1010];

/// Reads a code that begins with the first of these runs, which is dark, and ends before the end of them.
pub(super) fn read(runs: &[u32], margin: u32) -> Option<Code> {
    ean13(runs, margin).or_else(|| ean8(runs, margin))
}

fn ean13(runs: &[u32], margin: u32) -> Option<Code> {
    let (body, module) = body::<59>(runs, margin, 95)?;
    let left = digits(&body[3..27], true)?;
    let right = digits(&body[32..56], false)?;
    let mirrored = left.iter().fold(0, |bits, (_, is_mirrored)| bits << 1 | u8::from(*is_mirrored));
    let first = FIRST.iter().position(|bits| *bits == mirrored)?;
    are_guards([&body[..3], &body[27..32], &body[56..59]], module)?;
    let first = u8::try_from(first).ok()?;
    let digits: Vec<u8> = [first].into_iter().chain(left.into_iter().chain(right).map(|(digit, _)| digit)).collect();
    let content = checked(&digits)?;
    Some(match content.strip_prefix('0') {
        Some(twelve) => Code { kind: Kind::UpcA, content: twelve.to_owned() },
        None => Code { kind: Kind::Ean13, content },
    })
}

fn ean8(runs: &[u32], margin: u32) -> Option<Code> {
    let (body, module) = body::<43>(runs, margin, 67)?;
    let left = digits(&body[3..19], false)?;
    let right = digits(&body[24..40], false)?;
    are_guards([&body[..3], &body[19..24], &body[40..43]], module)?;
    let digits: Vec<u8> = left.into_iter().chain(right).map(|(digit, _)| digit).collect();
    Some(Code { kind: Kind::Ean8, content: checked(&digits)? })
}

/// The runs of the whole code and the width of a module, where there is room around it.
fn body<const RUNS: usize>(runs: &[u32], margin: u32, modules: u32) -> Option<(&[u32; RUNS], f64)> {
    let body = runs.first_chunk::<RUNS>()?;
    let module = f64::from(body.iter().sum::<u32>()) / f64::from(modules);
    let behind = *runs.get(RUNS)?;
    let fits = module >= 1.0 && is_quiet(margin, 4.0, module) && is_quiet(behind, 4.0, module);
    fits.then_some((body, module))
}

/// Each run of a guard is one module wide.
fn are_guards(guards: [&[u32]; 3], module: f64) -> Option<()> {
    let is_one = |run: &u32| (0.4..1.9).contains(&(f64::from(*run) / module));
    guards.into_iter().flatten().all(is_one).then_some(())
}

/// The digits, and which of them are mirrored.
fn digits(runs: &[u32], may_mirror: bool) -> Option<Vec<(u8, bool)>> {
    let mut patterns = DIGITS.to_vec();
    if may_mirror {
        let mirrored = |[a, b, c, d]: [u8; 4]| [d, c, b, a];
        patterns.extend(DIGITS.map(mirrored));
    }
    let digit = |runs: &[u32]| {
        let index = u8::try_from(nearest(runs, &patterns)?).ok()?;
        Some((index % 10, index >= 10))
    };
    runs.chunks(4).map(digit).collect()
}

/// The digits as text, where the last one is the check digit of the others.
fn checked(digits: &[u8]) -> Option<String> {
    let weighted = digits.iter().rev().enumerate().map(|(index, digit)| {
        let weight = if index % 2 == 0 { 1 } else { 3 };
        u32::from(*digit) * weight
    });
    let is_sound = weighted.sum::<u32>().is_multiple_of(10) && digits.iter().any(|digit| *digit != 0);
    is_sound.then(|| digits.iter().map(|digit| char::from(b'0' + digit)).collect())
}
