//! Text that the tests draw themselves, with letters of five by seven dots.

use image::imageops::{FilterType, resize, rotate180};
use image::{GrayImage, Luma};

use super::*;
use crate::limits::TEXT_LINES_MAX;

/// The rows of a letter, a bit for each dot.
fn letter(letter: char) -> [u8; 7] {
    match letter {
        'A' => [0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001],
        'D' => [0b11100, 0b10010, 0b10001, 0b10001, 0b10001, 0b10010, 0b11100],
        'E' => [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b11111],
        'H' => [0b10001, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001],
        'L' => [0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b11111],
        'O' => [0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110],
        'R' => [0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001],
        'T' => [0b11111, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100],
        'W' => [0b10001, 0b10001, 0b10001, 0b10101, 0b10101, 0b10101, 0b01010],
        '2' => [0b01110, 0b10001, 0b00001, 0b00010, 0b00100, 0b01000, 0b11111],
        '4' => [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010],
        ' ' => [0; 7],
        other => panic!("no letter is drawn for {other}"),
    }
}

/// Lines of text, so many pixels for a dot, in ink on paper.
fn drawn(lines: &[&str], dot: u32, (ink, paper): (u8, u8)) -> GrayImage {
    let longest = lines.iter().map(|line| line.len()).max().unwrap_or_default() as u32;
    let (width, height) = (longest * 6 + 8, lines.len() as u32 * 11 + 8);
    let is_ink = |x: u32, y: u32| {
        let (x, y) = (x.checked_sub(4)?, y.checked_sub(4)?);
        let sign = lines.get((y / 11) as usize)?.chars().nth((x / 6) as usize)?;
        let row = letter(sign).get((y % 11) as usize).copied()?;
        (x % 6 < 5 && row >> (4 - x % 6) & 1 == 1).then_some(())
    };
    let small = GrayImage::from_fn(width, height, |x, y| Luma([if is_ink(x, y).is_some() { ink } else { paper }]));
    resize(&small, width * dot, height * dot, FilterType::Triangle)
}

const DARK: (u8, u8) = (20, 235);

fn check(picture: &GrayImage, expect: &[&str]) {
    assert_eq!(all(picture), expect);
}

#[test]
fn text_is_read_in_several_sizes() {
    for dot in [3, 5, 9] {
        check(&drawn(&["HELLO WORLD", "HOTEL 42 24"], dot, DARK), &["HELLO WORLD", "HOTEL 42 24"]);
    }
}

#[test]
fn light_text_on_dark_is_read_and_faint_text_too() {
    check(&drawn(&["HELLO WORLD"], 4, (235, 20)), &["HELLO WORLD"]);
    check(&drawn(&["HELLO WORLD"], 4, (150, 235)), &["HELLO WORLD"]);
    check(&drawn(&["HELLO WORLD"], 4, (225, 235)), &[]);
}

#[test]
fn text_aslant_is_straightened() {
    let straight = drawn(&["HELLO WORLD HELLO"], 6, DARK);
    let aslant = GrayImage::from_fn(straight.width(), straight.height() + 80, |x, y| {
        let y = y.checked_sub(x / 9).filter(|y| *y < straight.height());
        y.map_or(Luma([235]), |y| *straight.get_pixel(x, y))
    });
    check(&aslant, &["HELLO WORLD HELLO"]);
}

#[test]
fn text_in_a_large_picture_is_read_in_full_detail() {
    let mut picture = GrayImage::from_pixel(4000, 3000, Luma([235]));
    image::imageops::overlay(&mut picture, &drawn(&["HOTEL 42"], 5, DARK), 2100, 1700);
    check(&picture, &["HOTEL 42"]);
}

#[test]
fn what_is_no_text_is_none() {
    check(&drawn(&["HO"], 6, DARK), &[]);
    check(&rotate180(&drawn(&["HELLO WORLD"], 5, DARK)), &[]);
    let mut state = 7u32;
    let noise = GrayImage::from_fn(640, 480, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Luma([(state >> 24) as u8])
    });
    check(&noise, &[]);
    check(&GrayImage::from_fn(640, 480, |x, _| Luma([if x / 4 % 2 == 0 { 20 } else { 230 }])), &[]);
    check(&GrayImage::from_fn(640, 480, |x, y| Luma([if (x / 9 + y / 9) % 2 == 0 { 20 } else { 230 }])), &[]);
    for (width, height) in [(0, 0), (1, 1), (1, 500), (500, 1), (9, 9)] {
        check(&GrayImage::from_fn(width, height, |x, _| Luma([x as u8 * 80])), &[]);
    }
}

#[test]
fn lines_are_bounded() {
    let picture = drawn(&["HELLO"; TEXT_LINES_MAX + 6], 2, DARK);
    assert_eq!(find(&picture).len(), TEXT_LINES_MAX);
}

#[test]
fn lines_are_read_a_few_at_once() {
    let line = |width| Line { width, pixels: Vec::new() };
    let step = network::STEP;
    let widths = |widths: &[usize]| {
        let lines: Vec<Line> = widths.iter().map(|width| line(*width)).collect();
        groups(&lines).iter().map(|group| group.len()).collect::<Vec<_>>()
    };
    assert_eq!(widths(&[]), [0; 0]);
    assert_eq!(widths(&[300, 300, 300]), [3]);
    let half = TEXT_STEPS_AT_ONCE / 2 * step;
    assert_eq!(widths(&[half, half, half]), [2, 1]);
    assert_eq!(widths(&[half, half + step, half]), [1, 1, 1]);
    assert_eq!(widths(&[2 * half + step, 300]), [1, 1]);
}

#[test]
fn a_model_that_is_cut_short_is_none() {
    let layers = load().expect("the model is whole");
    assert_eq!(network::run(&layers, &[1.0; 36 * 3], 3)[0].len(), 111);
    // Behind the network stand words on how it was trained.
    for length in (0..MODEL.len() - 81).step_by(997) {
        assert!(model::parse(&MODEL[..length]).is_none(), "{length}");
    }
}
