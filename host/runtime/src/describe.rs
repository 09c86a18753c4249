//! Pictures described by the models of `tools.media.image.models[]`, for a primary that cannot see. A description is
//! durable beside its picture, so that a replay does not pay twice.

use std::sync::Arc;

use creel_engine::types;
use creel_policy::limits::MODEL_CALL_MS_MAX;
use creel_policy::route::{DescribeTerms, ModelTarget};
use creel_store::media::Medium;

use crate::chain::{ChainFailure, ask_chain};
use crate::core::{Core, StoreFailed};
use crate::model::{Ask, request};
use crate::step::Step;
use crate::transcript::{Transcript, wit_media};

/// What is asked about a picture where the operator says nothing.
const USUAL_PROMPT: &str = "Describe this picture for someone who cannot see it: what it shows, any text in it word for word, and what stands out. Be concise.";

/// Describes every picture of the conversation that has no description yet, the new ones first of all. A picture that
/// no model can describe ends the turn only if it is new.
pub(crate) async fn pictures(
    core: &Arc<Core>,
    session: &str,
    describers: &[ModelTarget],
    transcript: &mut Transcript,
) -> Result<Result<(), ChainFailure>, StoreFailed> {
    for picture in transcript.new_pictures() {
        match describe(core, session, describers, &picture).await? {
            Ok(text) => transcript.describe(picture.media, text),
            Err(failure) => return Ok(Err(failure)),
        }
    }
    Ok(Ok(()))
}

/// Recalls what was said about the pictures of earlier turns.
pub(crate) async fn recall(core: &Core, transcript: &mut Transcript) -> Result<(), StoreFailed> {
    let describers = core.knowledge().describers();
    for picture in transcript.pictures() {
        if let Some(text) = known(core, &describers, &picture).await? {
            transcript.describe(picture.media, text);
        }
    }
    Ok(())
}

/// What one of the describers has said about a picture before.
async fn known(core: &Core, describers: &[ModelTarget], picture: &Medium) -> Result<Option<String>, StoreFailed> {
    for target in describers {
        let (medium, model, hash) = (picture.clone(), target.model.clone(), prompt_hash(target));
        let kept = core.store(move |store| store.description_get(&medium, &model, &hash)).await?;
        if kept.is_some() {
            return Ok(kept);
        }
    }
    Ok(None)
}

pub(crate) async fn describe(
    core: &Arc<Core>,
    session: &str,
    describers: &[ModelTarget],
    picture: &Medium,
) -> Result<Result<String, ChainFailure>, StoreFailed> {
    if let Some(text) = known(core, describers, picture).await? {
        return Ok(Ok(text));
    }
    let fitting: Vec<ModelTarget> = describers
        .iter()
        .filter(|target| target.describe.as_ref().is_none_or(|terms| picture.size <= terms.bytes_max))
        .cloned()
        .collect();
    if fitting.is_empty() {
        let reason = format!(
            "{} has {} bytes, more than every entry of `tools.media.image.models` takes",
            picture.media, picture.size
        );
        return Ok(Err(ChainFailure::unfit(reason)));
    }
    let answered = ask_chain(core, session, &fitting, |target| ask(target, picture)).await;
    let answer = match answered {
        Ok(answer) => answer,
        Err(failure) => return Ok(Err(failure)),
    };
    let target = fitting.iter().find(|target| target.model == answer.model);
    let terms = target.and_then(|target| target.describe.as_ref());
    let text = cut(&answer.text, terms.map_or(u64::MAX, |terms| terms.chars_max));
    let hash = target.map(prompt_hash).unwrap_or_default();
    let (medium, model, kept, now_ms) = (picture.clone(), answer.model.clone(), text.clone(), core.now_ms());
    core.store(move |store| store.description_put(&medium, &model, (&hash, &kept), now_ms)).await?;
    core.observe(&Step::Described {
        media: picture.media.clone(),
        model: answer.model.to_string(),
        text: text.clone(),
    });
    Ok(Ok(text))
}

fn ask(target: &ModelTarget, picture: &Medium) -> Ask {
    let message = types::Message {
        role: types::Role::User,
        parts: vec![types::Part::Media(wit_media(picture.clone())), types::Part::Text(prompt(target).to_owned())],
    };
    let total_ms =
        target.describe.as_ref().map_or(MODEL_CALL_MS_MAX, |terms: &DescribeTerms| terms.timeout_seconds * 1_000);
    let request = request(target, vec![message], None);
    Ask { request, media: vec![picture.media.clone()], native: None, total_ms: total_ms.min(MODEL_CALL_MS_MAX) }
}

/// What is asked about a picture.
fn prompt(target: &ModelTarget) -> &str {
    target.describe.as_ref().and_then(|terms| terms.prompt.as_deref()).unwrap_or(USUAL_PROMPT)
}

/// Names what was asked, so that another prompt is another description.
fn prompt_hash(target: &ModelTarget) -> String {
    use sha2::Digest as _;
    use std::fmt::Write as _;
    let digest = sha2::Sha256::digest(prompt(target).as_bytes());
    digest[..8].iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
        hex
    })
}

fn cut(text: &str, chars_max: u64) -> String {
    text.chars().take(usize::try_from(chars_max).unwrap_or(usize::MAX)).collect()
}
