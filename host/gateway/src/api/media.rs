//! The media that a request names, each made a stored medium by the one resolver, on behalf of the agent that asks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use creel_dialects::{ApiError, ErrorKind, MediaSource, NamedMedia};
use creel_engine::types;
use creel_policy::media::{Area, MediaId, MediaRef};
use creel_store::media::{MediaError, Medium};
use creel_store::resolve::Found;

use super::caller::Caller;
use super::{Api, failure};
use crate::clock;

/// What stands before the id of a medium where a dialect has file ids.
const FILE_PREFIX: &str = "file-";

/// Makes stored media of all that a request names, in its order.
pub(super) async fn take_all(
    api: &Api,
    caller: &Caller,
    named: Vec<NamedMedia>,
) -> Result<Vec<types::Media>, ApiError> {
    let mut taken = Vec::with_capacity(named.len());
    for one in named {
        let medium = take(api, caller, one.source, &one.param).await?;
        taken.push(types::Media {
            uri: medium.media.to_string(),
            content_type: medium.content_type,
            size: medium.size,
            name: one.name.or(medium.name),
        });
    }
    Ok(taken)
}

async fn take(api: &Api, caller: &Caller, source: MediaSource, param: &str) -> Result<Medium, ApiError> {
    match source {
        MediaSource::Inline { content_type, base64 } => inline(api, caller, (content_type, base64), param).await,
        MediaSource::File(id) => {
            let media = file(caller, &id).ok_or_else(|| no_file(&id).about(param))?;
            resolve(api, caller, &media.to_string(), param).await
        }
        // Some clients put the id of a file where a URL belongs.
        MediaSource::Reference(id) if id.starts_with(FILE_PREFIX) && !id.contains('/') => {
            let media = file(caller, &id).ok_or_else(|| no_file(&id).about(param))?;
            resolve(api, caller, &media.to_string(), param).await
        }
        MediaSource::Reference(text) => resolve(api, caller, &text, param).await,
    }
}

async fn inline(
    api: &Api,
    caller: &Caller,
    (content_type, base64): (String, String),
    param: &str,
) -> Result<Medium, ApiError> {
    let (store, area, now_ms) = (api.store.clone(), Area::Workspace(caller.id().clone()), clock::now_ms());
    let taken = tokio::task::spawn_blocking(move || {
        // Some clients break lines, which the standard alphabet does not have.
        let bytes = if base64.bytes().any(|byte| byte.is_ascii_whitespace()) {
            STANDARD.decode(base64.split_ascii_whitespace().collect::<String>())
        } else {
            STANDARD.decode(base64)
        };
        let bytes = bytes.map_err(|error| error.to_string())?;
        Ok::<_, String>(store.take_bytes(&bytes, &content_type, (&area, now_ms)))
    });
    let bad = |error: String| ApiError::new(ErrorKind::InvalidRequest, format!("the base64 is malformed: {error}"));
    let taken = taken.await.map_err(|error| internal(&error))?;
    match taken.map_err(|error| bad(error).about(param))? {
        Ok(medium) => Ok(medium),
        Err(error) => Err(of_error(&error, param)),
    }
}

/// The medium that a client names outside a chat: by file id, or by any spelling that the resolver knows.
pub(super) async fn named(api: &Api, caller: &Caller, name: &str, param: &str) -> Result<Medium, ApiError> {
    match file(caller, name) {
        Some(media) => resolve(api, caller, &media.to_string(), param).await,
        None => resolve(api, caller, name, param).await,
    }
}

async fn resolve(api: &Api, caller: &Caller, reference: &str, param: &str) -> Result<Medium, ApiError> {
    let asker = (caller.id(), caller.grant());
    let resolution = api.host.take_media(reference, asker).await.map_err(|error| of_error(&error, param))?;
    match resolution.outcome {
        Ok(Found::Medium(medium)) => Ok(*medium),
        Ok(Found::Url(_)) => Err(ApiError::new(ErrorKind::Internal, "the URL was not fetched").about(param)),
        Err(refusal) => Err(failure::no_medium(&refusal, param)),
    }
}

/// The medium that a file id names: one of the agent's own, or any by its handle.
pub(super) fn file(caller: &Caller, id: &str) -> Option<MediaRef> {
    match id.strip_prefix(FILE_PREFIX) {
        Some(own) => Some(MediaRef { area: Area::Workspace(caller.id().clone()), id: MediaId::parse(own).ok()? }),
        None => MediaRef::parse(id).ok(),
    }
}

/// The file id of a medium of the agent's own.
pub(super) fn file_id(media: &MediaRef) -> String {
    format!("{FILE_PREFIX}{}", media.id)
}

/// There is no such file, or it is somebody else's: the same words.
pub(super) fn no_file(id: &str) -> ApiError {
    let shown: String = id.chars().filter(|c| !c.is_control()).take(200).collect();
    ApiError::new(ErrorKind::NotFound, format!("there is no file `{shown}`"))
}

/// A surprise or a refusal, without the paths that it names.
pub(super) fn of_error(error: &MediaError, param: &str) -> ApiError {
    match error {
        MediaError::Refused(refusal) => failure::no_medium(refusal, param),
        MediaError::Full { .. } => {
            ApiError::new(ErrorKind::TooLarge, "the media store has no room for it").about(param)
        }
        MediaError::Store(_) | MediaError::Io { .. } => internal(error),
    }
}

/// The gateway failed; the operator's log has the reason.
pub(super) fn internal(error: &dyn std::error::Error) -> ApiError {
    tracing::error!(error = %creel_engine::chain(error), "a request of a client failed");
    ApiError::new(ErrorKind::Internal, "the gateway failed; its log says why")
}
