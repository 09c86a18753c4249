//! Looks for bar codes along straight lines across a picture, in several directions. Only what several lines agree on
//! counts, since a fence or a page of text looks like bars to a single line.

use image::GrayImage;

use super::line::{Line, pixels, runs};
use super::{Code, Kind, code39, code128, ean, interleaved};
use crate::limits::{BAR_LINES, CODES_MAX};

/// Directions of the lines in degrees. A line may cross bars aslant, so that these leave out no direction.
const DEGREES: [f64; 6] = [0.0, 90.0, 30.0, 60.0, 120.0, 150.0];

/// The bar codes of a picture, those that most lines agree on first.
pub(super) fn find(picture: &GrayImage) -> Vec<Code> {
    let mut found: Vec<(Code, usize)> = Vec::new();
    for degrees in DEGREES {
        for line in lines(picture.dimensions(), degrees) {
            let mut runs = runs(&pixels(picture, line));
            let mut here = Vec::new();
            read(&runs, &mut here);
            runs.reverse();
            read(&runs, &mut here);
            here.dedup();
            for code in here {
                match found.iter_mut().find(|(other, _)| *other == code) {
                    Some((_, times)) => *times += 1,
                    None => found.push((code, 1)),
                }
            }
        }
        // Other directions would say the same again.
        if found.iter().any(is_agreed) {
            break;
        }
    }
    found.retain(is_agreed);
    found.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    found.into_iter().map(|(code, _)| code).take(CODES_MAX).collect()
}

/// Codes with a strong check need few lines, those without one more.
fn is_agreed((code, times): &(Code, usize)) -> bool {
    let needed = match code.kind {
        Kind::Qr | Kind::Ean13 | Kind::UpcA | Kind::Code128 => 2,
        Kind::Ean8 | Kind::Code39 => 3,
        Kind::Interleaved => 4,
    };
    *times >= needed
}

/// Reads every code of a line in this direction.
fn read(runs: &[u32], found: &mut Vec<Code>) {
    // The odd runs are dark.
    for start in (1..runs.len()).step_by(2) {
        let (margin, rest) = (runs[start - 1], &runs[start..]);
        let readers = [code128::read, ean::read, code39::read, interleaved::read];
        found.extend(readers.iter().find_map(|read| read(rest, margin)));
    }
}

/// Parallel lines across a picture of this size, evenly apart.
fn lines((width, height): (u32, u32), degrees: f64) -> impl Iterator<Item = Line> {
    let (width, height) = (f64::from(width), f64::from(height));
    let (sine, cosine) = degrees.to_radians().sin_cos();
    // Where the lines begin is measured across their direction, from the centre of the picture.
    let reach = (width * sine.abs() + height * cosine.abs()) / 2.0;
    (0..BAR_LINES).filter_map(move |index| {
        let across = ((f64::from(index) + 0.5) / f64::from(BAR_LINES) * 2.0 - 1.0) * reach;
        let centre = (width / 2.0 - across * sine, height / 2.0 + across * cosine);
        // Back to the edge: the farthest point that lies within both sides.
        let back = |centre: f64, step: f64, side: f64| match step {
            step if step.abs() < 1e-9 => (f64::NEG_INFINITY, f64::INFINITY),
            step if step > 0.0 => (-centre / step, (side - centre) / step),
            step => ((side - centre) / step, -centre / step),
        };
        let (x, y) = (back(centre.0, cosine, width), back(centre.1, sine, height));
        let (from, to) = (x.0.max(y.0) + 1e-6, x.1.min(y.1));
        let start = (centre.0 + from * cosine, centre.1 + from * sine);
        let is_within = (0.0..width).contains(&start.0) && (0.0..height).contains(&start.1);
        (from < to && is_within).then_some(Line { start, step: (cosine, sine) })
    })
}
