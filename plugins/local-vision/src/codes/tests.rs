//! Codes drawn by the tests: QR codes by another library than the one that reads them, bar codes by the standards' own
//! drawings of a digit.

use image::Luma;
use image::imageops::{overlay, rotate90};
use qrcode::{EcLevel, QrCode};

use super::*;

/// A QR code with its margin, so many pixels for a module.
fn qr(content: &[u8], module: u32) -> GrayImage {
    let code = QrCode::with_error_correction_level(content, EcLevel::M).expect("a content that fits");
    let side = u32::try_from(code.width()).expect("a small code");
    let colours = code.to_colors();
    GrayImage::from_fn((side + 8) * module, (side + 8) * module, |x, y| {
        let (x, y) = (x / module, y / module);
        let is_within = (4..side + 4).contains(&x) && (4..side + 4).contains(&y);
        let is_dark = is_within && colours[((y - 4) * side + x - 4) as usize] == qrcode::Color::Dark;
        Luma([if is_dark { 20 } else { 235 }])
    })
}

/// Bars with a margin; a `1` is a dark module.
fn bars(modules: &str, module: u32) -> GrayImage {
    let modules = format!("0000000000{modules}0000000000").into_bytes();
    let width = u32::try_from(modules.len()).expect("a short code") * module;
    GrayImage::from_fn(width, 60, |x, y| {
        let is_dark = (5..55).contains(&y) && modules[(x / module) as usize] == b'1';
        Luma([if is_dark { 20 } else { 235 }])
    })
}

/// Dark and light runs of these widths, as modules.
fn modules(widths: impl IntoIterator<Item = u8>) -> String {
    let run = |(index, width): (usize, u8)| ["1", "0"][index % 2].repeat(usize::from(width));
    widths.into_iter().enumerate().map(run).collect()
}

/// The left half's digits of odd parity, by the standard. Even parity is the right half mirrored; the right half is the
/// left with dark and light exchanged.
const ODD: [&str; 10] =
    ["0001101", "0011001", "0010011", "0111101", "0100011", "0110001", "0101111", "0111011", "0110111", "0001011"];

fn right(digit: char) -> String {
    ODD[digit as usize - '0' as usize].chars().map(|module| if module == '0' { '1' } else { '0' }).collect()
}

fn ean13(digits: &str) -> String {
    let parities = ["OOOOOO", "OOEOEE", "OOEEOE", "OOEEEO", "OEOOEE", "OEEOOE", "OEEEOO", "OEOEOE", "OEOEEO", "OEEOEO"];
    let first = digits.chars().next().expect("a digit") as usize - '0' as usize;
    let left = |(digit, parity): (char, char)| match parity {
        'O' => ODD[digit as usize - '0' as usize].to_owned(),
        _ => right(digit).chars().rev().collect(),
    };
    let half: String = digits[1..7].chars().zip(parities[first].chars()).map(left).collect();
    format!("101{half}01010{}101", digits[7..].chars().map(right).collect::<String>())
}

fn ean8(digits: &str) -> String {
    let half: String = digits[..4].chars().map(|digit| ODD[digit as usize - '0' as usize]).collect();
    format!("101{half}01010{}101", digits[4..].chars().map(right).collect::<String>())
}

/// "Wikipedia" in set B, with its check symbol 88, as it is drawn in the article on Code 128.
const CODE128: &str = "11010010000111010001101000011010011000010010100001101001010011110010110010000100001001101000011010\
010010110000111100100101100011101011";

fn code39(text: &str) -> String {
    // Narrow and wide runs of the characters used here, and of the asterisk at both ends.
    let of = |character| match character {
        '*' => "nwnnwnwnn",
        'A' => "wnnnnwnnw",
        'B' => "nnwnnwnnw",
        '3' => "wnwwnnnnn",
        '-' => "nwnnnnwnw",
        other => panic!("{other}"),
    };
    let one = |character| modules(of(character).bytes().map(|run| if run == b'w' { 3 } else { 1 }));
    let all: Vec<String> = format!("*{text}*").chars().map(one).collect();
    all.join("0")
}

fn interleaved(digits: &str) -> String {
    let of = |digit: char| {
        let all = ["nnwwn", "wnnnw", "nwnnw", "wwnnn", "nnwnw", "wnwnn", "nwwnn", "nnnww", "wnnwn", "nwnwn"];
        all[digit as usize - '0' as usize].bytes().map(|run| if run == b'w' { 3 } else { 1 }).collect::<Vec<u8>>()
    };
    let digits: Vec<char> = digits.chars().collect();
    let pair = |pair: &[char]| {
        of(pair[0]).into_iter().zip(of(pair[1])).flat_map(|(dark, light)| [dark, light]).collect::<Vec<_>>()
    };
    let body = digits.chunks(2).flat_map(pair);
    modules([1, 1, 1, 1].into_iter().chain(body).chain([3, 1, 1]))
}

fn check(picture: &GrayImage, expect: &[(Kind, &str)]) {
    let found = find(picture);
    let found: Vec<(Kind, &str)> = found.iter().map(|code| (code.kind, code.content.as_str())).collect();
    assert_eq!(found, expect);
}

#[test]
fn qr_codes_are_read_in_every_size_and_on_every_ground() {
    let url = "https://example.org/a?b=1";
    for module in [2, 3, 7, 40] {
        check(&qr(url.as_bytes(), module), &[(Kind::Qr, url)]);
    }
    let mut inverted = qr(url.as_bytes(), 4);
    image::imageops::invert(&mut inverted);
    check(&inverted, &[(Kind::Qr, url)]);
    check(&rotate90(&qr(url.as_bytes(), 4)), &[(Kind::Qr, url)]);
    check(&qr("Grüße, 世界".as_bytes(), 4), &[(Kind::Qr, "Grüße, 世界")]);
    check(&qr(b"caf\xE9", 4), &[(Kind::Qr, "café")]);
}

#[test]
fn a_small_code_in_a_large_picture_is_found_in_more_detail() {
    let mut picture = GrayImage::from_pixel(4000, 3000, Luma([200]));
    overlay(&mut picture, &qr(b"small", 6), 2900, 1700);
    check(&picture, &[(Kind::Qr, "small")]);
}

#[test]
fn bar_codes_of_each_kind_are_read() {
    check(&bars(&ean13("4006381333931"), 2), &[(Kind::Ean13, "4006381333931")]);
    check(&bars(&ean13("0036000291452"), 2), &[(Kind::UpcA, "036000291452")]);
    check(&bars(&ean8("96385074"), 2), &[(Kind::Ean8, "96385074")]);
    check(&bars(CODE128, 2), &[(Kind::Code128, "Wikipedia")]);
    check(&bars(&code39("AB-3"), 2), &[(Kind::Code39, "AB-3")]);
    check(&bars(&interleaved("15400141288763"), 2), &[(Kind::Interleaved, "15400141288763")]);
}

#[test]
fn every_first_digit_has_its_own_parities() {
    for first in 0..10u32 {
        let twelve = format!("{first}12345678901");
        let weigh = |(index, digit): (usize, char)| digit.to_digit(10).unwrap_or(0) * [1, 3][index % 2];
        let sum: u32 = twelve.chars().enumerate().map(weigh).sum();
        let digits = format!("{twelve}{}", (10 - sum % 10) % 10);
        let (kind, expect) = if first == 0 { (Kind::UpcA, &digits[1..]) } else { (Kind::Ean13, &*digits) };
        check(&bars(&ean13(&digits), 3), &[(kind, expect)]);
    }
}

#[test]
fn bars_may_stand_on_their_head_or_lie_on_their_side_or_aslant() {
    let upright = bars(&ean13("4006381333931"), 3);
    let expect = [(Kind::Ean13, "4006381333931")];
    check(&rotate90(&upright), &expect);
    check(&rotate90(&rotate90(&upright)), &expect);
    let (sine, cosine) = 0.6f64.sin_cos();
    let aslant = GrayImage::from_fn(600, 600, |x, y| {
        let (x, y) = (f64::from(x) - 300.0, f64::from(y) - 300.0);
        let (x, y) = (x * cosine + y * sine + f64::from(upright.width()) / 2.0, y * cosine - x * sine + 30.0);
        let is_within = x >= 0.0 && y >= 0.0 && x < f64::from(upright.width()) && y < 60.0;
        if is_within { *upright.get_pixel(x as u32, y as u32) } else { Luma([230]) }
    });
    check(&aslant, &expect);
}

#[test]
fn a_near_miss_is_no_code() {
    // A wrong check digit, in each code that has one.
    check(&bars(&ean13("4006381333932"), 2), &[]);
    check(&bars(&ean8("96385075"), 2), &[]);
    let wrong_check = CODE128.replacen("11010001101", "10110001110", 1);
    check(&bars(&wrong_check, 2), &[]);
    // Too short for a code without a check.
    check(&bars(&interleaved("1540"), 2), &[]);
    check(&bars(&code39("AB"), 2), &[]);
    // No end.
    let endless = code39("AB-3");
    check(&bars(&endless[..endless.len() - 13], 2), &[]);
    // No margin.
    let mut crowded = bars(&ean13("4006381333931"), 2);
    for y in 0..60 {
        (0..18).for_each(|x| crowded.put_pixel(x, y, Luma([20])));
    }
    check(&crowded, &[]);
    // A code that only one line crosses.
    let mut thin = GrayImage::from_pixel(300, 600, Luma([235]));
    overlay(
        &mut thin,
        &image::imageops::crop_imm(&bars(&ean13("4006381333931"), 2), 0, 20, 230, 4).to_image(),
        20,
        303,
    );
    check(&thin, &[]);
}

#[test]
fn what_is_no_code_at_all_is_none() {
    let noise = |seed: u32| {
        let mut state = seed;
        GrayImage::from_fn(640, 480, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Luma([(state >> 24) as u8])
        })
    };
    for seed in 0..4 {
        check(&noise(seed), &[]);
    }
    check(&GrayImage::from_fn(640, 480, |x, _| Luma([if x / 4 % 2 == 0 { 20 } else { 230 }])), &[]);
    check(&GrayImage::from_fn(640, 480, |x, y| Luma([if (x / 9 + y / 9) % 2 == 0 { 20 } else { 230 }])), &[]);
    for (width, height) in [(0, 0), (1, 1), (1, 500), (500, 1), (20, 20)] {
        check(&GrayImage::from_pixel(width, height, Luma([9])), &[]);
    }
}

#[test]
fn a_code_with_damage_is_read_or_left_alone() {
    let content = "https://example.org/damage";
    let whole = qr(content.as_bytes(), 4);
    let side = whole.width();
    for step in 0..60 {
        let mut damaged = whole.clone();
        let (x, y) = (step * 37 % side, step * 53 % side);
        for (x, y) in (0..12).flat_map(|dx| (0..12).map(move |dy| (x + dx, y + dy))) {
            if x < side && y < side {
                let Luma([light]) = damaged.get_pixel(x, y);
                damaged.put_pixel(x, y, Luma([255 - light]));
            }
        }
        let found = find(&damaged);
        assert!(found.iter().all(|code| code.content == content), "{found:?}");
    }
    for width in 1..side {
        let cut = image::imageops::crop_imm(&whole, 0, 0, width, side).to_image();
        assert!(find(&cut).iter().all(|code| code.content == content), "{width}");
    }
}

#[test]
fn many_codes_are_bounded() {
    let mut picture = GrayImage::from_pixel(900, 900, Luma([235]));
    for index in 0..6 {
        overlay(&mut picture, &qr(format!("code {index}").as_bytes(), 5), index % 3 * 300, index / 3 * 600);
    }
    for index in 0..6 {
        overlay(&mut picture, &bars(&ean8(["96385074", "12345670"][index as usize % 2]), 3), 10, 200 + index * 65);
    }
    let found = find(&picture);
    assert!(!found.is_empty() && found.len() <= CODES_MAX, "{found:?}");
}
