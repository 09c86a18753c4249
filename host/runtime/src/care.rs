//! Pictures on their way out to a provider: without the place where they were taken, the right way up, and of a size and
//! type that the provider takes. How that is done is a plugin's business; here it is only asked, and remembered.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use creel_engine::{Fault, FaultKind, FitEnd, Fitted, Plugin, fit_picture, pictures, types};
use creel_policy::config::PictureCare;
use creel_policy::fallback::CallFault;
use creel_policy::grant::{EntrySettings, grant};
use creel_policy::limits::MEDIUM_BYTES_MAX;
use creel_policy::manifest::{ImageBounds, Input};
use creel_policy::media::{Area, MediaRef, kind_of};
use creel_store::fitted::KnownFit;
use creel_store::media::Medium;

use crate::core::{CallParts, Core, Generation};
use crate::model::{Ask, Failed};
use crate::step::Step;
use crate::transcript::wit_media;

/// Puts what may be sent in the place of each picture of a request. A picture that cannot be made fit is told in words:
/// what cannot be read is not sent either.
///
/// # Errors
///
/// [`Failed`] when care is configured and there is no plugin that takes it, or the store failed.
pub(crate) async fn of_pictures(
    core: &Arc<Core>,
    now: &Generation,
    receiver: &Plugin,
    mut ask: Ask,
) -> Result<Ask, Failed> {
    let care = &now.knowledge.config.media.pictures;
    // Where nothing leaves the machine there is nothing to take care of.
    let leaves = !receiver.manifest().endpoints.is_empty();
    let Some(wishes) = wishes(care, &receiver.manifest().images).filter(|_| leaves) else { return Ok(ask) };
    let mut fits: HashMap<String, Result<Medium, String>> = HashMap::new();
    for part in ask.request.messages.iter_mut().flat_map(|message| &mut message.parts) {
        match part {
            types::Part::Media(media) => {
                if let Some(words) = replaced(core, now, (media, &wishes), &mut fits).await? {
                    *part = types::Part::Text(words);
                }
            }
            types::Part::ToolResult(result) => {
                for part in &mut result.parts {
                    let types::ResultPart::Media(media) = part else { continue };
                    if let Some(words) = replaced(core, now, (media, &wishes), &mut fits).await? {
                        *part = types::ResultPart::Text(words);
                    }
                }
            }
            types::Part::Text(_) | types::Part::Reasoning(_) | types::Part::ToolCall(_) => {}
        }
    }
    if let Some(native) = &mut ask.native {
        for media in &mut native.media {
            match fits.get(&media.uri) {
                Some(Ok(medium)) => *media = wit_media(medium.clone()),
                // The client's own words cannot be changed: what it says is sent whole, or not at all.
                Some(Err(why)) => {
                    let message = format!("the picture {} cannot be sent: {why}", media.uri);
                    return Err(Failed { was_asked: false, ..Failed::new(CallFault::UnsupportedInput, message) });
                }
                None => {}
            }
        }
    }
    // The call may name what it is shown, and no more: not the original of a picture that another stands for.
    ask.media = shown(&ask.request.messages);
    Ok(ask)
}

/// Puts what may be sent in the place of a picture; gives the words that stand for one of which nothing may.
async fn replaced(
    core: &Arc<Core>,
    now: &Generation,
    (media, wishes): (&mut types::Media, &pictures::Wishes),
    fits: &mut HashMap<String, Result<Medium, String>>,
) -> Result<Option<String>, Failed> {
    if kind_of(&media.content_type).input() != Some(Input::Image) {
        return Ok(None);
    }
    if !fits.contains_key(&media.uri) {
        let fit = fit(core, now, &media.uri, wishes).await?;
        fits.insert(media.uri.clone(), fit);
    }
    match &fits[&media.uri] {
        Ok(medium) => {
            *media = wit_media(medium.clone());
            Ok(None)
        }
        Err(why) => Ok(Some(format!("[The picture {} cannot be shown: {why}]", media.uri))),
    }
}

/// The media that stand in messages, also in the results of tools, each once.
pub(crate) fn shown(messages: &[types::Message]) -> Vec<MediaRef> {
    let mut shown = Vec::new();
    let mut add = |media: &types::Media| {
        if let Ok(media) = MediaRef::parse(&media.uri)
            && !shown.contains(&media)
        {
            shown.push(media);
        }
    };
    for part in messages.iter().flat_map(|message| &message.parts) {
        match part {
            types::Part::Media(media) => add(media),
            types::Part::ToolResult(result) => result.parts.iter().for_each(|part| match part {
                types::ResultPart::Media(media) => add(media),
                types::ResultPart::Text(_) => {}
            }),
            types::Part::Text(_) | types::Part::Reasoning(_) | types::Part::ToolCall(_) => {}
        }
    }
    shown
}

/// What is wished for pictures that go there; `None` where nothing is.
fn wishes(care: &PictureCare, images: &ImageBounds) -> Option<pictures::Wishes> {
    let bounds = if care.fit { images.clone() } else { ImageBounds::default() };
    let is_bounded = bounds != ImageBounds::default();
    let wishes = pictures::Wishes {
        bounds: pictures::Bounds {
            content_types: bounds.content_types,
            bytes_max: bounds.bytes_max,
            side_max: bounds.side_max,
            pixels_max: bounds.pixels_max,
        },
        upright: care.upright,
        remove_location: care.remove_location,
    };
    (is_bounded || care.upright || care.remove_location).then_some(wishes)
}

/// The picture that may be sent instead of one, or why none may.
async fn fit(
    core: &Arc<Core>,
    now: &Generation,
    uri: &str,
    wishes: &pictures::Wishes,
) -> Result<Result<Medium, String>, Failed> {
    let failed = |message: String| Failed { was_asked: false, ..Failed::new(CallFault::Refused, message) };
    let id = &now.knowledge.config.media.pictures.plugin;
    let Some(tools) = now.plugins.get(id) else {
        let rule = format!("pictures are to be taken care of (`media.pictures`) and the plugin `{id}` is not loaded");
        return Err(failed(rule));
    };
    let key = key(tools, wishes);
    let media = MediaRef::parse(uri).map_err(|refusal| failed(refusal.to_string()))?;
    let asked = key.clone();
    let known = core.store(move |store| known(store, &media, &asked)).await;
    let (picture, known) = known.map_err(|error| failed(creel_engine::chain(&error)))?;
    if let Some(known) = known {
        return Ok(Ok(known));
    }
    let (outcome, made) = match ask(core, tools, &picture, wishes).await {
        Ok(Fitted::Unchanged) => (KnownFit::Unchanged, picture.clone()),
        Ok(Fitted::Made { medium, changes }) => {
            core.observe(&Step::Fitted { from: picture.media.clone(), to: medium.media.clone(), changes });
            (KnownFit::Made(medium.media.clone()), *medium)
        }
        Err(FitEnd::Failed(error)) => return Ok(Err(error.message)),
        // There was no place for the plugin: that says nothing about the picture, and passes.
        Err(FitEnd::Fault(fault @ Fault { kind: FaultKind::NoRoom { .. }, .. })) => {
            return Err(Failed { was_asked: false, ..Failed::new(CallFault::PluginFault, fault.to_string()) });
        }
        Err(FitEnd::Fault(fault)) => return Ok(Err(fault.to_string())),
    };
    let kept = core.store(move |store| store.fit_put(&picture, &key, &outcome)).await;
    kept.map_err(|error| failed(creel_engine::chain(&error)))?;
    Ok(Ok(made))
}

/// The picture itself, and what was made of it before, as far as that is still there.
fn known(
    store: &creel_store::Store,
    media: &MediaRef,
    key: &str,
) -> Result<(Medium, Option<Medium>), creel_store::media::MediaError> {
    let picture = store.medium(media)?;
    let known = match store.fit_get(&picture, key)? {
        Some(KnownFit::Unchanged) => Some(picture.clone()),
        Some(KnownFit::Made(made)) => store.medium(&made).ok(),
        None => None,
    };
    Ok((picture, known))
}

async fn ask(core: &Arc<Core>, tools: &Plugin, picture: &Medium, wishes: &pictures::Wishes) -> Result<Fitted, FitEnd> {
    let entry = EntrySettings { name: format!("plugins.entries.{}", tools.id()), values: Default::default() };
    let granted = grant(tools.manifest(), &entry).map_err(|problems| {
        let message = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        FitEnd::Failed(pictures::ToolError { fault: pictures::ToolFault::Unsupported, message })
    })?;
    let context = core.context(CallParts {
        name: format!("fit:{}", picture.media),
        grant: Arc::new(granted),
        settings_json: "{}".to_owned(),
        slots: creel_engine::Slots::new(),
        headers: creel_engine::AddedHeaders::default(),
        media: vec![picture.media.clone()],
        area: Area::Outbound,
        medium_bytes_max: MEDIUM_BYTES_MAX,
        roots: Arc::default(),
        total_ms_max: None,
    });
    fit_picture(tools, &core.store, context, picture, wishes.clone()).await
}

/// Names what was asked of whom: another plugin, or another wish, may make something else.
fn key(tools: &Plugin, wishes: &pictures::Wishes) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::new_with_prefix(tools.digest()).chain_update(format!("{wishes:?}")).finalize();
    digest[..16].iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_may_name_what_it_is_shown_and_no_more() {
        let media = |uri: &str| {
            let (uri, content_type) = (uri.to_owned(), "image/png".to_owned());
            types::Part::Media(types::Media { uri, content_type, size: 1, name: None })
        };
        let words = types::Part::Text("[The picture media://inbound/original.png cannot be shown: broken]".to_owned());
        let message = |parts| types::Message { role: types::Role::User, parts };
        let messages = [
            message(vec![words, media("media://outbound/fit.png")]),
            message(vec![media("media://outbound/fit.png"), media("media://inbound/as-it-is.png")]),
        ];
        let names: Vec<String> = shown(&messages).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["media://outbound/fit.png", "media://inbound/as-it-is.png"]);
    }

    #[test]
    fn what_a_tool_gave_is_shown_too() {
        let picture =
            |uri: &str| types::Media { uri: uri.to_owned(), content_type: "image/png".to_owned(), size: 1, name: None };
        let result = types::ToolResult {
            id: "call_1".to_owned(),
            parts: vec![
                types::ResultPart::Text("done".to_owned()),
                types::ResultPart::Media(picture("media://inbound/made.png")),
                types::ResultPart::Media(picture("media://inbound/made.png")),
            ],
            is_error: false,
        };
        let message = types::Message { role: types::Role::Tool, parts: vec![types::Part::ToolResult(result)] };
        let names: Vec<String> = shown(&[message]).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["media://inbound/made.png"]);
    }
}
