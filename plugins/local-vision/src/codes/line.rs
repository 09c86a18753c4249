//! Turns one straight line across a picture into the widths of its light and dark runs. Knows nothing of codes.

use image::GrayImage;

/// Pixels of a stretch whose darkest and lightest are taken together.
const STRETCH: usize = 16;
/// Stretches to each side that say what is light and what is dark around a pixel.
const REACH: usize = 3;
/// Least difference between the two where there is anything to tell apart.
const CONTRAST_MIN: u8 = 40;

/// A straight line: where it begins, and its step to the next point, in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) start: (f64, f64),
    pub(super) step: (f64, f64),
}

/// The pixels along a line, from its beginning to the edge of the picture.
pub(super) fn pixels(picture: &GrayImage, line: Line) -> Vec<u8> {
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let (mut x, mut y) = line.start;
    let mut pixels = Vec::new();
    while x >= 0.0 && y >= 0.0 && x < width && y < height {
        // Both are within the picture, whose sides fit.
        pixels.push(picture.get_pixel(x as u32, y as u32).0[0]);
        x += line.step.0;
        y += line.step.1;
    }
    pixels
}

/// The widths of its runs in pixels. The first is light, perhaps of width zero; then dark and light take turns, and the
/// last is light again.
pub(super) fn runs(pixels: &[u8]) -> Vec<u32> {
    let extremes =
        |pixels: &[u8]| pixels.iter().fold((u8::MAX, 0), |(least, most), pixel| (least.min(*pixel), most.max(*pixel)));
    let stretches: Vec<(u8, u8)> = pixels.chunks(STRETCH).map(extremes).collect();
    let mut runs = vec![0];
    let mut is_dark = false;
    for (index, stretch) in pixels.chunks(STRETCH).enumerate() {
        let around = &stretches[index.saturating_sub(REACH)..(index + REACH + 1).min(stretches.len())];
        let (least, most) = around.iter().fold((u8::MAX, 0), |(a, b), (c, d)| (a.min(*c), b.max(*d)));
        let is_plain = most.saturating_sub(least) < CONTRAST_MIN;
        let middle = least.midpoint(most);
        for pixel in stretch {
            let now_dark = !is_plain && *pixel < middle;
            if now_dark != is_dark {
                runs.push(0);
                is_dark = now_dark;
            }
            if let Some(last) = runs.last_mut() {
                *last += 1;
            }
        }
    }
    if is_dark {
        runs.push(0);
    }
    runs
}

/// The pattern nearest to these runs, and none where all are far off. A pattern's widths are in modules and add up to
/// the same sum in all of them.
pub(super) fn nearest<const WIDTH: usize>(runs: &[u32], patterns: &[[u8; WIDTH]]) -> Option<usize> {
    let runs: &[u32; WIDTH] = runs.try_into().ok()?;
    let pixels: u32 = runs.iter().sum();
    let modules: u32 = patterns.first()?.iter().map(|width| u32::from(*width)).sum();
    if pixels < modules {
        return None;
    }
    let module = f64::from(pixels) / f64::from(modules);
    let distance = |pattern: &[u8; WIDTH]| {
        let off = |(run, width): (&u32, &u8)| (f64::from(*run) / module - f64::from(*width)).abs();
        let (worst, sum) = runs.iter().zip(pattern).map(off).fold((0.0, 0.0), |(worst, sum), off| {
            let worst: f64 = worst;
            (worst.max(off), sum + off)
        });
        // More than this is nearer to another width than to this one, or is no code at all.
        (worst < 0.8 && sum < 0.45 * WIDTH as f64).then_some(sum)
    };
    let distances = patterns.iter().enumerate().filter_map(|(index, pattern)| Some((index, distance(pattern)?)));
    distances.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(index, _)| index)
}

/// Whether the light run beside a code is as wide as so many of its modules, as each code demands in some measure.
pub(super) fn is_quiet(margin: u32, modules: f64, module: f64) -> bool {
    f64::from(margin) >= modules * module
}
