//! Files as clients of OpenAI and Anthropic know them: media of the agent's own workspace, the file id a name for the handle.

use axum::Extension;
use axum::body::Body;
use axum::extract::{FromRequest as _, Multipart, Path, Request, State};
use axum::response::Response;
use creel_dialects::{ApiError, ErrorKind, FileEntry, write_deleted, write_file, write_files};
use creel_policy::agent::MediaReach;
use creel_policy::limits::MEDIUM_BYTES_MAX;
use creel_policy::media::{Area, MediaRef};
use creel_store::media::{MediaError, Medium};
use creel_store::resolve::Found;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::answer;
use super::asking;
use super::caller::{Caller, Peer};
use super::media::{file, file_id, internal, no_file, of_error};
use super::request::Asked;
use super::{Api, Shared, failure};
use crate::clock;

/// What is said of files whose purpose nobody gave.
const USUAL_PURPOSE: &str = "user_data";
/// Files of one list.
const LIST_MAX: usize = 10_000;

/// `POST /v1/files`.
pub(super) async fn upload(
    State(api): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let asked = Asked::by(&headers);
    let medium = uploaded(&api, (&headers, peer), request).await;
    answer::of(&asked, medium.map(|medium| write_file(asked.shape, &entry(&medium))))
}

async fn uploaded(api: &Api, (headers, peer): (&HeaderMap, Peer), request: Request) -> Result<Medium, ApiError> {
    let (parts, body) = request.into_parts();
    let (caller, body) = asking::open_sending(api, headers, peer, "files", body).await?;
    let (_place, body) = asking::count_sending(api, &caller, "files", (headers, body)).await?;
    let request = Request::from_parts(parts, body);
    let malformed = |what: String| ApiError::new(ErrorKind::InvalidRequest, what);
    let multipart = Multipart::from_request(request, &()).await;
    let mut multipart = multipart.map_err(|error| {
        malformed(format!("the body is no `multipart/form-data` with a `file`: {}", error.body_text()))
    })?;
    let mut stored = None;
    // To the end of the form, also behind the file: a client that still sends while it is answered loses the connection.
    while let Some(field) = multipart.next_field().await.map_err(|error| malformed(error.body_text()))? {
        if field.name() == Some("file") && stored.is_none() {
            stored = Some(store(api, &caller, field).await?);
        }
    }
    stored.ok_or_else(|| malformed("the form has no field `file`".to_owned()).about("file"))
}

/// Streams a field into the agent's own workspace.
async fn store(api: &Api, caller: &Caller, mut field: axum::extract::multipart::Field<'_>) -> Result<Medium, ApiError> {
    let (name, declared) = (field.file_name().map(str::to_owned), field.content_type().map(str::to_owned));
    let (store, area) = (api.store.clone(), Area::Workspace(caller.id().clone()));
    let begun = blocking(move || {
        let mut new = store.media_begin(area, name.as_deref(), MEDIUM_BYTES_MAX)?;
        // No message names it: it is the agent's until it deletes it, or its time is over.
        new.keep();
        if let Some(declared) = &declared {
            new.declare(declared);
        }
        Ok(new)
    });
    let mut new = begun.await?;
    loop {
        let piece = field.chunk().await;
        let piece = piece.map_err(|error| ApiError::new(ErrorKind::InvalidRequest, error.body_text()))?;
        let Some(piece) = piece else { break };
        new = blocking(move || {
            new.write(&piece)?;
            Ok(new)
        })
        .await?;
    }
    blocking(move || new.finish(clock::now_ms())).await
}

/// `GET /v1/files`.
pub(super) async fn list(State(api): State<Shared>, Extension(peer): Extension<Peer>, headers: HeaderMap) -> Response {
    let asked = Asked::by(&headers);
    let media = listed(&api, (&headers, peer)).await;
    answer::of(&asked, media.map(|media| write_files(asked.shape, &media.iter().map(entry).collect::<Vec<_>>())))
}

async fn listed(api: &Api, (headers, peer): (&HeaderMap, Peer)) -> Result<Vec<Medium>, ApiError> {
    let (caller, _place) = asking::open_counted(api, headers, peer, "files").await?;
    let (store, area) = (api.store.clone(), Area::Workspace(caller.id().clone()));
    let listed = tokio::task::spawn_blocking(move || store.media_list(Some(&area), None, LIST_MAX));
    let page = listed.await.map_err(|error| internal(&error))?.map_err(|error| internal(&error))?;
    Ok(page.media)
}

/// `GET /v1/files/{id}`.
pub(super) async fn retrieve(
    State(api): State<Shared>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let asked = Asked::by(&headers);
    let found = found(&api, (&headers, peer), &id).await;
    answer::of(&asked, found.map(|(_, medium)| write_file(asked.shape, &entry(&medium))))
}

/// `GET /v1/files/{id}/content`.
pub(super) async fn content(
    State(api): State<Shared>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let asked = Asked::by(&headers);
    let opened = async {
        let (_, medium) = found(&api, (&headers, peer), &id).await?;
        let (store, media) = (api.store.clone(), medium.media.clone());
        let file = blocking(move || store.media_open(&media)).await?;
        Ok::<_, ApiError>((medium, file))
    };
    match opened.await {
        Ok((medium, file)) => {
            let stream = tokio_util::io::ReaderStream::new(tokio::fs::File::from_std(file));
            let body = Body::from_stream(stream);
            // What the bytes are is said, and that they are no page of this server.
            let mut response = answer::response(&asked, StatusCode::OK, "application/octet-stream", body);
            let headers = response.headers_mut();
            if let Ok(content_type) = HeaderValue::from_str(&medium.content_type) {
                headers.insert(header::CONTENT_TYPE, content_type);
            }
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(medium.size));
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
            response
        }
        Err(error) => answer::error(&asked, &error),
    }
}

/// `DELETE /v1/files/{id}`.
pub(super) async fn delete(
    State(api): State<Shared>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let asked = Asked::by(&headers);
    let deleted = deleted(&api, (&headers, peer), &id).await;
    answer::of(&asked, deleted.map(|()| write_deleted(asked.shape, &id)))
}

async fn deleted(api: &Api, (headers, peer): (&HeaderMap, Peer), id: &str) -> Result<(), ApiError> {
    let (caller, medium) = found(api, (headers, peer), id).await?;
    // What belongs to a conversation is the operator's.
    if caller.grant().media_reach(caller.id(), &medium.media.area) != MediaReach::All {
        let message = "a medium of a conversation is not the agent's to delete";
        return Err(ApiError::new(ErrorKind::Forbidden, message));
    }
    let store = api.store.clone();
    let removed = blocking(move || store.media_remove(&medium.media, true, clock::now_ms()));
    removed.await.map(|_| ())
}

async fn found(api: &Api, (headers, peer): (&HeaderMap, Peer), id: &str) -> Result<(Caller, Medium), ApiError> {
    let (caller, _place) = asking::open_counted(api, headers, peer, "files").await?;
    let media = file(&caller, id).ok_or_else(|| no_file(id))?;
    let asker = (caller.id(), caller.grant());
    let resolution = api.host.take_media(&media.to_string(), asker).await.map_err(|error| of_error(&error, "id"))?;
    match resolution.outcome {
        Ok(Found::Medium(medium)) => Ok((caller, *medium)),
        Ok(Found::Url(_)) => Err(no_file(id)),
        Err(refusal) => Err(failure::no_medium(&refusal, "id")),
    }
}

fn entry(medium: &Medium) -> FileEntry {
    FileEntry {
        id: id_of(&medium.media),
        bytes: medium.size,
        content_type: medium.content_type.clone(),
        created_s: medium.created_ms / 1_000,
        filename: medium.name.clone().unwrap_or_else(|| medium.media.id.to_string()),
        purpose: USUAL_PURPOSE.to_owned(),
    }
}

fn id_of(media: &MediaRef) -> String {
    match media.area {
        Area::Workspace(_) => file_id(media),
        Area::Inbound | Area::Outbound => media.to_string(),
    }
}

/// Works with the disk where it may be waited for.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MediaError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| internal(&error))?;
    done.map_err(|error| of_error(&error, "file"))
}
