//! Finds what may be lines of text: pieces of like height side by side. Straightens each and brings it to the height that
//! the network reads. Whether it is text is for the network to say.

use image::imageops::{FilterType, resize, thumbnail};
use image::{GrayImage, Luma};

use super::components::{self, Ink, Piece};
use super::network::HEIGHT;
use crate::limits::{TEXT_LINE_WIDTH_MAX, TEXT_LINES_MAX, TEXT_SIDE_MAX};

/// Pixels of a letter's height, in the copy in which letters are looked for.
const LETTER_HEIGHTS: std::ops::Range<u32> = 7..160;
/// Fewer letters in a row are no line.
const LETTERS_MIN: usize = 3;
/// A line that climbs more steeply is none.
const SLOPE_MAX: f64 = 0.2;

/// A line as the network reads it: [`HEIGHT`] rows of `width` pixels, from -1 for ink to 1 for paper.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) width: usize,
    pub(crate) pixels: Vec<f32>,
}

/// Letters in a row.
#[derive(Clone, Debug)]
struct Row {
    ink: Ink,
    letters: Vec<Piece>,
    /// Where the last letter, dot or dash ends.
    right: u32,
}

/// What may be lines of text in an upright picture, from the top down, at most [`TEXT_LINES_MAX`].
pub(crate) fn find(picture: &GrayImage) -> Vec<Line> {
    let (width, height) = picture.dimensions();
    let longer = width.max(height);
    if width.min(height) < LETTER_HEIGHTS.start {
        return Vec::new();
    }
    let scale = (f64::from(TEXT_SIDE_MAX) / f64::from(longer)).min(1.0);
    let scaled = |side: u32| ((f64::from(side) * scale) as u32).max(1);
    let rows = if scale < 1.0 { rows(&thumbnail(picture, scaled(width), scaled(height))) } else { rows(picture) };
    rows.iter().filter_map(|row| line(picture, row, 1.0 / scale)).collect()
}

/// The rows of both inks. Within dark letters there are light pieces, which are no letters.
fn rows(picture: &GrayImage) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for ink in [Ink::Dark, Ink::Light] {
        let found = in_rows(components::find(picture, ink), ink);
        let is_new = |row: &Row| !rows.iter().any(|other| other.covers(row));
        let new: Vec<Row> = found.into_iter().filter(is_new).collect();
        rows.extend(new);
    }
    // The longest are the likeliest to be text.
    rows.sort_by_key(|row| std::cmp::Reverse(row.letters.len()));
    rows.truncate(TEXT_LINES_MAX);
    rows.sort_by_key(|row| (row.around().top, row.around().left));
    rows
}

/// Puts pieces of like height beside each other.
fn in_rows(mut pieces: Vec<Piece>, ink: Ink) -> Vec<Row> {
    pieces.retain(|piece| piece.height() < LETTER_HEIGHTS.end && piece.width() <= LETTER_HEIGHTS.end * 2);
    pieces.sort_by_key(|piece| (piece.left, piece.top));
    let mut rows: Vec<Row> = Vec::new();
    // Rows whose last letter is too far left for any that follow.
    let mut done = Vec::new();
    for piece in pieces {
        let (behind, open): (Vec<Row>, Vec<Row>) =
            rows.into_iter().partition(|row| row.right + row.height() * 3 < piece.left);
        done.extend(behind);
        rows = open;
        let nearest = |rows: &mut Vec<Row>, fits: &dyn Fn(&Row) -> bool| {
            let fitting = rows.iter().enumerate().filter(|(_, row)| fits(row));
            fitting.min_by_key(|(_, row)| piece.left.abs_diff(row.right)).map(|(index, _)| index)
        };
        if let Some(index) = nearest(&mut rows, &|row| row.continues_with(piece)) {
            rows[index].letters.push(piece);
            rows[index].right = rows[index].right.max(piece.right);
        } else if let Some(index) = nearest(&mut rows, &|row| row.is_marked_by(piece)) {
            rows[index].right = rows[index].right.max(piece.right);
        } else if LETTER_HEIGHTS.contains(&piece.height()) && piece.width() <= piece.height() * 8 {
            rows.push(Row { ink, letters: vec![piece], right: piece.right });
        }
    }
    done.extend(rows);
    done.retain(|row| row.letters.len() >= LETTERS_MIN);
    done
}

impl Row {
    fn last(&self) -> Piece {
        // There is one from the beginning.
        self.letters.last().copied().unwrap_or(Piece { left: 0, top: 0, right: 1, bottom: 1 })
    }

    /// The height of the highest of its last letters.
    fn height(&self) -> u32 {
        self.letters.iter().rev().take(5).map(|letter| letter.height()).max().unwrap_or_default()
    }

    /// Whether this piece may be its next letter: beside one of the last, and about as high.
    fn continues_with(&self, piece: Piece) -> bool {
        let recent = self.letters.iter().rev().take(3);
        let beside = |last: &Piece| {
            let (low, high) = (last.height().min(piece.height()), last.height().max(piece.height()));
            let overlap = last.bottom.min(piece.bottom).saturating_sub(last.top.max(piece.top));
            let is_alike = LETTER_HEIGHTS.contains(&low) && high <= low * 3 && piece.width() <= piece.height() * 8;
            overlap * 2 >= low && is_alike && self.is_near(piece)
        };
        recent.into_iter().any(beside)
    }

    /// Whether this piece may be a dot or a dash of it: small, and not far above or below its last letter.
    fn is_marked_by(&self, piece: Piece) -> bool {
        let last = self.last();
        let height = self.height();
        let is_small = piece.height() * 2 <= height && piece.width() <= height * 2;
        let is_level = piece.top + height / 3 >= last.top && piece.bottom <= last.bottom + height / 3;
        is_small && is_level && self.is_near(piece)
    }

    /// Words stand apart by less than this.
    fn is_near(&self, piece: Piece) -> bool {
        piece.left.saturating_sub(self.right) * 5 <= self.height().max(piece.height()) * 7
    }

    fn around(&self) -> Piece {
        let first = self.last();
        self.letters.iter().fold(first, |all, piece| Piece {
            left: all.left.min(piece.left),
            top: all.top.min(piece.top),
            right: all.right.max(piece.right).max(self.right),
            bottom: all.bottom.max(piece.bottom),
        })
    }

    /// Whether it lies over most of the other.
    fn covers(&self, other: &Self) -> bool {
        let (own, other) = (self.around(), other.around());
        let across = own.right.min(other.right).saturating_sub(own.left.max(other.left));
        let down = own.bottom.min(other.bottom).saturating_sub(own.top.max(other.top));
        across * 2 >= other.width() && down * 2 >= other.height()
    }

    /// How far it climbs down for each pixel to the right, by least squares over the middles of its letters.
    fn slope(&self) -> f64 {
        let middle = |piece: &Piece| (f64::from(piece.left + piece.right) / 2.0, f64::from(piece.bottom));
        let count = self.letters.len() as f64;
        let (x, y) = self.letters.iter().map(middle).fold((0.0, 0.0), |(a, b), (x, y)| (a + x / count, b + y / count));
        let (above, below) = self
            .letters
            .iter()
            .map(middle)
            .fold((0.0, 0.0), |(above, below), (a, b)| (above + (a - x) * (b - y), below + (a - x) * (a - x)));
        // The feet of few letters tell little: a comma would tilt the line.
        if self.letters.len() < 8 || below == 0.0 { 0.0 } else { above / below }
    }
}

/// Cuts a row out of the picture, which is larger by `scale` than the copy in which it was found.
fn line(picture: &GrayImage, row: &Row, scale: f64) -> Option<Line> {
    let slope = row.slope();
    if slope.abs() > SLOPE_MAX {
        return None;
    }
    let around = row.around();
    let level = |piece: &Piece, y: u32| f64::from(y) - slope * f64::from(piece.left - around.left);
    let top = row.letters.iter().map(|piece| level(piece, piece.top)).fold(f64::INFINITY, f64::min);
    let bottom = row.letters.iter().map(|piece| level(piece, piece.bottom)).fold(0.0, f64::max);
    let height = (bottom - top) * scale;
    let margin = height * 0.12 + 1.0;
    let (top, height) = (top * scale - margin, height + 2.0 * margin);
    let left = f64::from(around.left) * scale - margin;
    let width = f64::from(around.width()) * scale + 2.0 * margin;
    let edge = |side: u32| f64::from(side) - 1.0;
    let cut = GrayImage::from_fn(width as u32, height as u32, |x, y| {
        let (x, down) = (left + f64::from(x), slope * f64::from(x));
        let y = top + f64::from(y) + down;
        *picture.get_pixel(x.clamp(0.0, edge(picture.width())) as u32, y.clamp(0.0, edge(picture.height())) as u32)
    });
    let width = width * HEIGHT as f64 / height;
    if cut.width() == 0 || cut.height() == 0 || !(HEIGHT as f64..=f64::from(TEXT_LINE_WIDTH_MAX)).contains(&width) {
        return None;
    }
    let small = resize(&cut, width as u32, HEIGHT as u32, FilterType::Triangle);
    Some(Line { width: width as usize, pixels: even(&small, row.ink) })
}

/// Brings ink to -1 and paper to 1. Most of a line is paper.
fn even(line: &GrayImage, ink: Ink) -> Vec<f32> {
    let dark_on_light = |Luma([pixel]): &Luma<u8>| match ink {
        Ink::Dark => *pixel,
        Ink::Light => u8::MAX - *pixel,
    };
    let pixels: Vec<u8> = line.pixels().map(dark_on_light).collect();
    let mut sorted = pixels.clone();
    sorted.sort_unstable();
    let part = |percent: usize| f32::from(sorted.get(sorted.len() * percent / 100).copied().unwrap_or_default());
    let (black, white) = (part(3), part(50));
    let half = ((white - black) / 2.0).max(1.0);
    pixels.iter().map(|pixel| ((f32::from(*pixel) - black) / half - 1.0).clamp(-1.0, 1.0)).collect()
}
