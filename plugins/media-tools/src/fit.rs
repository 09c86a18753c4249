//! Makes a picture fulfil wishes by the least that does it: nothing, or fewer words, or other pixels. Works on bytes;
//! it knows no files and no host.

use std::borrow::Cow;

use creel_sdk::picture::{Bounds, Wishes};
use image::DynamicImage;
use image::metadata::Orientation;

use crate::container::{self, Cleaning, Survey};
use crate::decode;
use crate::edit;
use crate::encode::{self, Form};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::limits::{QUALITIES, SIDE_MIN};
use crate::scale;

/// What was made.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) kind: Kind,
    pub(crate) bytes: Vec<u8>,
    /// What was done, for people.
    pub(crate) changes: Vec<String>,
}

/// Makes the picture fulfil the wishes. Nothing where it does already.
pub(crate) fn fit(bytes: &[u8], content_type: &str, wishes: &Wishes) -> Result<Option<Made>, Fault> {
    let bounds = &wishes.bounds;
    if bounds.bytes_max == Some(0) || bounds.side_max == Some(0) || bounds.pixels_max == Some(0) {
        return Err(Fault::Nothing);
    }
    let kind =
        Kind::sniff(bytes).ok_or_else(|| Fault::Unknown { content_type: content_type.chars().take(80).collect() })?;
    let survey = container::survey(kind, bytes)?;
    let is_asked = bounds.content_types.is_empty() || bounds.content_types.iter().any(|text| kind.is_named(text));
    let size = (survey.width, survey.height);
    let target = scale::size_within(size, bounds.side_max, bounds.pixels_max);
    let is_turned = wishes.upright && survey.orientation != 1;
    let mut keeps_pixels = is_asked && target == size && !is_turned;
    let cleaning = match (wishes.remove_location, container::cleaning(kind, bytes)) {
        (false, _) => Cleaning::default(),
        (true, Ok(cleaning)) => cleaning,
        // It cannot be taken out of this file, but a new one will not have it.
        (true, Err(Fault::Sort { .. })) => {
            keeps_pixels = false;
            Cleaning { tells_place: true, ..Cleaning::default() }
        }
        (true, Err(fault)) => return Err(fault),
    };
    let is_small = |length: usize| bounds.bytes_max.is_none_or(|bytes_max| length as u64 <= bytes_max);
    let mut changes = changes_of(&cleaning);
    if keeps_pixels && is_small(edit::length(bytes.len(), &cleaning.edits)) {
        if cleaning.edits.is_empty() {
            return Ok(None);
        }
        let cleaned = edit::apply(bytes, cleaning.edits);
        let bytes = cleaned.ok_or_else(|| Fault::broken(kind, "its notes lie one within another"))?;
        return Ok(Some(Made { kind, bytes, changes }));
    }
    drop(cleaning);
    let mut made = remake(&survey, bytes, target, bounds)?;
    made.changes.append(&mut changes);
    Ok(Some(made))
}

fn changes_of(cleaning: &Cleaning) -> Vec<String> {
    let all = [
        (cleaning.tells_place, "location removed"),
        (cleaning.is_unreadable, "unreadable notes of the camera removed"),
        (cleaning.has_more, "data behind the picture removed"),
    ];
    all.into_iter().filter(|(is_done, _)| *is_done).map(|(_, change)| change.to_owned()).collect()
}

/// Makes a new file of the pixels.
fn remake(survey: &Survey, bytes: &[u8], target: (u32, u32), bounds: &Bounds) -> Result<Made, Fault> {
    // What cannot be written anyway is not decoded.
    let forms = forms(bounds)?;
    let decoded = decode::decode(survey, bytes, target)?;
    let profile = decoded.profile().map(<[u8]>::to_vec);
    let decoded_size = (decoded.image.width(), decoded.image.height());
    let target = (target.0.min(decoded_size.0), target.1.min(decoded_size.1));
    let mut image = scale::scale(decoded.image, target)?;
    if let Some(orientation) = Orientation::from_exif(survey.orientation) {
        image.apply_orientation(orientation);
    }
    let is_transparent = encode::is_transparent(&image);
    let form = choose(&forms, survey.kind, is_transparent, bounds.content_types.is_empty());
    if form == Form::Jpeg || !is_transparent {
        image = encode::opaque(image);
    }
    // Profiles are for the pixels that were decoded; greys that became colours, or the reverse, have none.
    let has_colour = image.color().has_color();
    let profile = profile.filter(|profile| (profile.get(16..20) == Some(b"RGB ")) == has_colour);
    let may_be_jpeg = form != Form::Jpeg && !is_transparent && forms.contains(&Form::Jpeg);
    let (outcome, form) = match within_bytes(&image, form, bounds.bytes_max, profile.as_deref(), may_be_jpeg)? {
        Some(outcome) => (outcome, form),
        None => match within_bytes(&image, Form::Jpeg, bounds.bytes_max, profile.as_deref(), false)? {
            Some(outcome) => (outcome, Form::Jpeg),
            None => return Err(Fault::Nothing),
        },
    };
    let mut changes = Vec::new();
    if form.kind() != survey.kind {
        changes.push(format!("converted from {} to {}", survey.kind.content_type(), form.kind().content_type()));
    }
    if survey.is_animated {
        changes.push("reduced to the first picture of its animation".to_owned());
    }
    if is_transparent && form == Form::Jpeg {
        changes.push("laid on white".to_owned());
    }
    if survey.orientation != 1 {
        changes.push("turned upright".to_owned());
    }
    let (from, to) = (survey.upright(), outcome.size);
    if from != to {
        changes.push(format!("scaled from {}x{} to {}x{}", from.0, from.1, to.0, to.1));
    }
    if form == Form::Jpeg {
        changes.push(format!("compressed at quality {}", outcome.quality));
    }
    Ok(Made { kind: form.kind(), bytes: outcome.file, changes })
}

/// What may be written, the wish for the first one first.
fn forms(bounds: &Bounds) -> Result<Vec<Form>, Fault> {
    if bounds.content_types.is_empty() {
        return Ok(vec![Form::Jpeg, Form::Png]);
    }
    let mut forms = Vec::new();
    for text in &bounds.content_types {
        forms.extend(Form::ALL.into_iter().filter(|form| form.kind().is_named(text)));
    }
    if forms.is_empty() {
        let asked: String = bounds.content_types.join(", ").chars().take(200).collect();
        return Err(Fault::NoEncoder { asked });
    }
    Ok(forms)
}

/// Which of these forms the picture gets.
fn choose(forms: &[Form], kind: Kind, is_transparent: bool, is_free: bool) -> Form {
    let keeps = |form: &&Form| **form != Form::Jpeg;
    let first = forms.first().copied().unwrap_or(Form::Jpeg);
    if is_transparent {
        return forms.iter().find(keeps).copied().unwrap_or(first);
    }
    match kind {
        // Drawings and screens: every pixel is meant.
        Kind::Png if forms.contains(&Form::Png) => Form::Png,
        Kind::Gif if is_free => Form::Png,
        Kind::Jpeg if forms.contains(&Form::Jpeg) => Form::Jpeg,
        _ => first,
    }
}

struct Encoded {
    file: Vec<u8>,
    size: (u32, u32),
    quality: u8,
}

/// Encodes the picture within so many bytes: as it is, then at lower qualities, then smaller. Nothing where the picture
/// as it is has too many of them and somebody wants to try another form first.
fn within_bytes(
    image: &DynamicImage,
    form: Form,
    bytes_max: Option<u64>,
    profile: Option<&[u8]>,
    gives_up: bool,
) -> Result<Option<Encoded>, Fault> {
    let bytes_max = bytes_max.unwrap_or(u64::MAX);
    let mut qualities: &[u8] = if form == Form::Jpeg { &QUALITIES } else { &QUALITIES[..1] };
    let mut image = Cow::Borrowed(image);
    loop {
        let Some((&quality, rest)) = qualities.split_first() else { return Ok(None) };
        let file = encode::encode(&image, form, quality, profile)?;
        let (size, bytes) = ((image.width(), image.height()), file.len() as u64);
        if bytes <= bytes_max {
            return Ok(Some(Encoded { file, size, quality }));
        }
        if gives_up {
            return Ok(None);
        }
        // The lowest quality halves a file, or takes two thirds of it: what is far too large needs no steps between.
        if !rest.is_empty() {
            qualities = if bytes / 4 > bytes_max { &rest[rest.len() - 1..] } else { rest };
            continue;
        }
        let smaller = smaller(size, bytes, bytes_max);
        if smaller.0.max(smaller.1) < SIDE_MIN {
            return Err(Fault::TooManyBytes { width: size.0, height: size.1, bytes, bytes_max });
        }
        image = Cow::Owned(scale::scale(image.into_owned(), smaller)?);
    }
}

/// Three quarters of a size, as often as the bytes are likely to need; but not past the smallest that is tried.
fn smaller((width, height): (u32, u32), bytes: u64, bytes_max: u64) -> (u32, u32) {
    let mut ratio = 0.75;
    let mut likely = bytes / 16 * 9;
    while likely > bytes_max && f64::from(width.max(height)) * ratio * 0.75 >= f64::from(SIDE_MIN) {
        ratio *= 0.75;
        likely = likely / 16 * 9;
    }
    (scale::times(width, ratio), scale::times(height, ratio))
}

#[cfg(test)]
mod tests;
