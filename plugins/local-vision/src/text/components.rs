//! Finds what stands out from its surroundings in one piece, as letters do. Knows rectangles and no text.

use image::GrayImage;

/// Pixels to each side whose mean a pixel is compared with: wider than a stroke of any text that is looked for.
const REACH: u32 = 20;
/// How far from that mean ink is.
const CONTRAST: i32 = 22;
/// Pieces of one picture: a page of small print has some five thousand letters.
const PIECES_MAX: usize = 6_000;

/// Whether text is darker than its ground or lighter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Dark,
    Light,
}

/// The rectangle around a piece; its right and bottom edges lie outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) right: u32,
    pub(super) bottom: u32,
}

impl Piece {
    pub(super) fn width(self) -> u32 {
        self.right - self.left
    }

    pub(super) fn height(self) -> u32 {
        self.bottom - self.top
    }

    fn with(self, x: u32, y: u32) -> Self {
        Self {
            left: self.left.min(x),
            top: self.top.min(y),
            right: self.right.max(x + 1),
            bottom: self.bottom.max(y + 1),
        }
    }
}

/// The pieces of a picture, from the top down, at most [`PIECES_MAX`].
pub(super) fn find(picture: &GrayImage, ink: Ink) -> Vec<Piece> {
    let width = picture.width() as usize;
    let mut is_ink = inked(picture, ink);
    let mut pieces = Vec::new();
    let mut waiting = Vec::new();
    for start in 0..is_ink.len() {
        if !is_ink[start] || pieces.len() >= PIECES_MAX {
            continue;
        }
        let place = |index: usize| ((index % width) as u32, (index / width) as u32);
        let (x, y) = place(start);
        let mut piece = Piece { left: x, top: y, right: x + 1, bottom: y + 1 };
        is_ink[start] = false;
        waiting.push(start);
        while let Some(index) = waiting.pop() {
            let (x, y) = place(index);
            piece = piece.with(x, y);
            for (dx, dy) in [(0, 1), (1, 0), (1, 1), (1, 2), (2, 1), (0, 0), (0, 2), (2, 0), (2, 2)] {
                let (Some(x), Some(y)) = ((x + dx).checked_sub(1), (y + dy).checked_sub(1)) else {
                    continue;
                };
                let next = y as usize * width + x as usize;
                if (x as usize) < width && is_ink.get(next) == Some(&true) {
                    is_ink[next] = false;
                    waiting.push(next);
                }
            }
        }
        pieces.push(piece);
    }
    pieces
}

/// Which pixels differ from the mean around them as ink does. In dense text the ground differs from it as well, to the
/// other side; but ink, being less than half of all, lies farther off than most do.
fn inked(picture: &GrayImage, ink: Ink) -> Vec<bool> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let sums = Sums::of(picture, |pixel| pixel);
    let squares = Sums::of(picture, |pixel| pixel * pixel);
    let reach = REACH as usize;
    let mut is_ink = Vec::with_capacity(width * height);
    for (index, pixel) in picture.as_raw().iter().enumerate() {
        let (x, y) = (index % width, index / width);
        let across = (x.saturating_sub(reach), (x + reach + 1).min(width));
        let down = (y.saturating_sub(reach), (y + reach + 1).min(height));
        let count = ((across.1 - across.0) * (down.1 - down.0)) as i32;
        let mean = sums.within(across, down) as i32 / count;
        let variance = squares.within(across, down) as i32 / count - mean * mean;
        let off = match ink {
            Ink::Dark => mean - i32::from(*pixel),
            Ink::Light => i32::from(*pixel) - mean,
        };
        is_ink.push(off > CONTRAST && off * off * 5 > variance * 4);
    }
    is_ink
}

/// Sums over everything above and to the left, so that the sum over any rectangle takes four of them. They wrap round in
/// a large picture, and their differences do not: a rectangle of 41 by 41 squares of bytes is far below the limit.
struct Sums {
    stride: usize,
    sums: Vec<u32>,
}

impl Sums {
    fn of(picture: &GrayImage, value: impl Fn(u32) -> u32) -> Self {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let stride = width + 1;
        let mut sums = vec![0u32; stride * (height + 1)];
        for (y, row) in picture.as_raw().chunks_exact(width.max(1)).enumerate() {
            let mut sum = 0u32;
            for (x, pixel) in row.iter().enumerate() {
                sum = sum.wrapping_add(value(u32::from(*pixel)));
                sums[(y + 1) * stride + x + 1] = sums[y * stride + x + 1].wrapping_add(sum);
            }
        }
        Self { stride, sums }
    }

    fn within(&self, across: (usize, usize), down: (usize, usize)) -> u32 {
        let strip =
            |y: usize| self.sums[y * self.stride + across.1].wrapping_sub(self.sums[y * self.stride + across.0]);
        strip(down.1).wrapping_sub(strip(down.0))
    }
}
