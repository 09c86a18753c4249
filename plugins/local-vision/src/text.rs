//! Reads printed Latin text: finds what looks like lines of it, and has a small network spell them. The network is that of
//! Tesseract's fast model for English, which comes with this crate. What a text says is data of strangers.

mod components;
mod lines;
mod model;
mod network;
mod signs;

use crate::limits::TEXT_STEPS_AT_ONCE;
pub(crate) use lines::{Line, find};
pub(crate) use model::Layers;

/// The weights, with their origin and licence in the file beside them.
const MODEL: &[u8] = include_bytes!("../model/eng.lstm");

/// Least certainty of a line that is told. Texture and script that the network does not know come out below.
const CERTAINTY_MIN: f32 = 0.9;
/// Fewer letters and digits are found in any texture.
const SIGNS_MIN: usize = 3;

/// Sets up the network.
pub(crate) fn load() -> Option<Layers> {
    model::parse(MODEL)
}

/// Reads one line, where there is one that can be read.
pub(crate) fn read(layers: &Layers, line: &Line) -> Option<String> {
    let reading = signs::spell(&network::run(layers, &line.pixels, line.width));
    let plain = reading.text.chars().filter(|sign| sign.is_alphanumeric()).count();
    let all = reading.text.chars().filter(|sign| !sign.is_whitespace()).count();
    let is_text = reading.certainty >= CERTAINTY_MIN && plain >= SIGNS_MIN && plain * 3 >= all * 2;
    is_text.then_some(reading.text)
}

/// Divides lines into groups that are each read at once, in the time of one step.
pub(crate) fn groups(lines: &[Line]) -> Vec<&[Line]> {
    let mut groups = Vec::new();
    let (mut start, mut steps) = (0, 0);
    for (index, line) in lines.iter().enumerate() {
        let next = line.width / network::STEP;
        if index > start && steps + next > TEXT_STEPS_AT_ONCE {
            groups.push(&lines[start..index]);
            (start, steps) = (index, 0);
        }
        steps += next;
    }
    if start < lines.len() {
        groups.push(&lines[start..]);
    }
    groups
}

/// The text of a picture in one go, for what has no steps.
#[cfg(test)]
fn all(picture: &image::GrayImage) -> Vec<String> {
    let layers = load().expect("the model is whole");
    find(picture).iter().filter_map(|line| read(&layers, line)).collect()
}

#[cfg(test)]
mod tests;
