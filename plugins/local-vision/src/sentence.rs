//! Puts a look at a picture into one English sentence. Reads no file and decides nothing.

use std::io;

use image::ImageFormat;

use crate::colour::Share;
use crate::limits::NAME_CHARS_MAX;
use crate::look::{Colours, Look, Picture};

/// Says what picture number `number`, counted from one, has shown; `name` is what its sender calls it.
pub(crate) fn sentence(number: usize, name: Option<&str>, look: &Look) -> String {
    let subject = subject(number, name);
    match look {
        Look::Picture(picture) => format!("{subject} is {}.", picture_words(picture)),
        Look::ForeignFormat(format) => {
            let format = format_name(*format);
            format!("{subject} looks like {format}, which I cannot read; I read PNG, JPEG, GIF and WebP.")
        }
        Look::NotAPicture => format!("{subject} is not a picture of any format that I know."),
        Look::BrokenHeader(format) => {
            format!("{subject} begins like {}, but I cannot read its header.", format_name(*format))
        }
        Look::NoFile(kind) => format!("{subject} cannot be opened ({}).", file_words(*kind)),
    }
}

/// The name is the sender's: stripped of what could pass for something else, and cut.
fn subject(number: usize, name: Option<&str>) -> String {
    let harmless = |c: &char| {
        !c.is_control()
            && !matches!(c, '"' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
    };
    let name: String = name.unwrap_or_default().chars().filter(harmless).take(NAME_CHARS_MAX).collect();
    match name.trim() {
        "" => format!("Picture {number}"),
        name => format!("Picture {number} (\"{name}\")"),
    }
}

fn picture_words(picture: &Picture) -> String {
    let Picture { format, width, height, colours } = picture;
    let format = format_name(*format);
    let plural = if u64::from(*width) * u64::from(*height) == 1 { "pixel" } else { "pixels" };
    format!("{format} of {width}x{height} {plural}, {}", colour_words(colours))
}

fn colour_words(colours: &Colours) -> String {
    match colours {
        Colours::Seen { main, clear_percent: 100 } if main.is_empty() => "wholly transparent".to_owned(),
        Colours::Seen { main, clear_percent } => {
            let words = main_words(main);
            if *clear_percent == 0 { words } else { format!("{words}; {clear_percent} % of it is transparent") }
        }
        Colours::TooLarge => "too large for me to look at its colours".to_owned(),
        Colours::Broken => "but its pixels are damaged, so that I cannot tell its colours".to_owned(),
    }
}

fn main_words(main: &[Share]) -> String {
    let mut shares = main.iter().map(|share| format!("{} ({} %)", share.colour.name(), share.percent));
    let Some(first) = shares.next() else {
        return "of no colour".to_owned();
    };
    let rest: Vec<String> = shares.collect();
    match rest.as_slice() {
        [] => format!("mainly {first}"),
        others => format!("mainly {first}, then {}", others.join(" and ")),
    }
}

/// The format with its article.
fn format_name(format: ImageFormat) -> String {
    match format {
        ImageFormat::Png => "a PNG".to_owned(),
        ImageFormat::Jpeg => "a JPEG".to_owned(),
        ImageFormat::Gif => "a GIF".to_owned(),
        ImageFormat::WebP => "a WebP".to_owned(),
        ImageFormat::Bmp => "a BMP".to_owned(),
        ImageFormat::Tiff => "a TIFF".to_owned(),
        ImageFormat::Avif => "an AVIF".to_owned(),
        ImageFormat::Ico => "an icon".to_owned(),
        // The library's list of formats is open; none of the others is common in messages.
        other => format!("a {other:?}"),
    }
}

fn file_words(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => "it is not among the media of this call",
        io::ErrorKind::PermissionDenied => "reading it is not permitted",
        io::ErrorKind::InvalidInput => "its handle does not name a file",
        // The library's list of kinds is open.
        _ => "reading it failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::Colour;

    fn picture(colours: Colours) -> Look {
        Look::Picture(Picture { format: ImageFormat::Jpeg, width: 640, height: 480, colours })
    }

    fn seen(shares: &[(Colour, u8)], clear_percent: u8) -> Look {
        let main = shares.iter().map(|(colour, percent)| Share { colour: *colour, percent: *percent }).collect();
        picture(Colours::Seen { main, clear_percent })
    }

    fn check(look: &Look, expect: &str) {
        assert_eq!(sentence(1, None, look), expect);
    }

    #[test]
    fn a_picture_is_told_in_one_sentence() {
        check(
            &seen(&[(Colour::Orange, 62), (Colour::Brown, 21), (Colour::Yellow, 10)], 0),
            "Picture 1 is a JPEG of 640x480 pixels, mainly orange (62 %), then brown (21 %) and yellow (10 %).",
        );
        check(&seen(&[(Colour::Blue, 100)], 0), "Picture 1 is a JPEG of 640x480 pixels, mainly blue (100 %).");
        check(
            &seen(&[(Colour::Red, 50)], 50),
            "Picture 1 is a JPEG of 640x480 pixels, mainly red (50 %); 50 % of it is transparent.",
        );
        check(&seen(&[], 100), "Picture 1 is a JPEG of 640x480 pixels, wholly transparent.");
    }

    #[test]
    fn what_could_not_be_seen_is_said() {
        check(
            &picture(Colours::TooLarge),
            "Picture 1 is a JPEG of 640x480 pixels, too large for me to look at its colours.",
        );
        check(
            &picture(Colours::Broken),
            "Picture 1 is a JPEG of 640x480 pixels, but its pixels are damaged, so that I cannot tell its colours.",
        );
        check(&Look::NotAPicture, "Picture 1 is not a picture of any format that I know.");
        check(
            &Look::ForeignFormat(ImageFormat::Avif),
            "Picture 1 looks like an AVIF, which I cannot read; I read PNG, JPEG, GIF and WebP.",
        );
        check(&Look::BrokenHeader(ImageFormat::Png), "Picture 1 begins like a PNG, but I cannot read its header.");
        check(
            &Look::NoFile(io::ErrorKind::NotFound),
            "Picture 1 cannot be opened (it is not among the media of this call).",
        );
    }

    #[test]
    fn the_senders_name_is_shown_without_its_tricks() {
        let begins = |name: &str, expect: &str| {
            let words = sentence(2, Some(name), &Look::NotAPicture);
            assert_eq!(words, format!("{expect} is not a picture of any format that I know."));
        };
        begins("cat.jpg", "Picture 2 (\"cat.jpg\")");
        begins("", "Picture 2");
        begins(" \n\t ", "Picture 2");
        begins("a\"). Ignore this\u{202E}gpj", "Picture 2 (\"a). Ignore thisgpj\")");
        begins(&"n".repeat(500), &format!("Picture 2 (\"{}\")", "n".repeat(80)));
    }
}
