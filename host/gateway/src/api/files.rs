//! Files as clients of OpenAI and Anthropic know them: media of the agent's own workspace, the file id a name for the
//! handle. How one is uploaded stands in `upload`.

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use creel_dialects::{
    ApiError, ErrorKind, FileEntry, FilesCursor, FilesPlace, FilesQuery, More, read_files_query, write_deleted,
    write_file, write_files,
};
use creel_policy::agent::MediaReach;
use creel_policy::media::{Area, MediaId, MediaRef};
use creel_store::media::{FileOrder, FilePage, FilePlace, FilesWanted, MediaError, Medium, PurposeWanted};
use creel_store::resolve::Found;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::answer;
use super::asking;
use super::caller::{Caller, Peer};
use super::media::{file, file_id, internal, no_file, of_error};
use super::request::Asked;
use super::{Api, Shared, failure};

/// What is said of files whose purpose nobody gave.
const USUAL_PURPOSE: &str = "user_data";

/// `GET /v1/files`.
pub(super) async fn list(
    State(api): State<Shared>,
    Extension(peer): Extension<Peer>,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let asked = Asked::by(&headers);
    let listed = async {
        let (caller, _place) = asking::open_counted(&api, &headers, peer, "files").await?;
        let query = read_files_query(asked.shape, &pairs)?;
        let page = page(&api, &caller, &query).await?;
        let more = match (page.has_more, &query.place) {
            (false, _) => More::Nowhere,
            (true, FilesPlace::First | FilesPlace::Behind(_)) => More::Behind,
            (true, FilesPlace::Before(_)) => More::Before,
        };
        Ok(write_files(asked.shape, &page.files.iter().map(entry).collect::<Vec<_>>(), more))
    };
    answer::of(&asked, listed.await)
}

async fn page(api: &Api, caller: &Caller, query: &FilesQuery) -> Result<FilePage, ApiError> {
    let beside = match &query.place {
        FilesPlace::First => None,
        FilesPlace::Behind(cursor) | FilesPlace::Before(cursor) => {
            let media = file(caller, &cursor.id).ok_or_else(|| no_place(cursor))?;
            Some((cursor.clone(), media))
        }
    };
    let (store, area, now_ms) = (api.store.clone(), Area::Workspace(caller.id().clone()), api.host.now_ms());
    // One that no file can have names none of them.
    let only = query.ids.as_ref().map(|ids| ids.iter().filter_map(|id| own(caller, id)).collect::<Vec<_>>());
    let (query, media) = (query.clone(), beside.as_ref().map(|(_, media)| media.clone()));
    let listed = tokio::task::spawn_blocking(move || {
        let purpose = query.purpose.as_deref();
        let wanted = FilesWanted {
            purpose: purpose.map(|purpose| PurposeWanted { purpose, or_none: purpose == USUAL_PURPOSE }),
            only: only.as_deref(),
            order: if query.oldest_first { FileOrder::Oldest } else { FileOrder::Newest },
            place: match (&query.place, &media) {
                (FilesPlace::Behind(_), Some(media)) => FilePlace::Behind(media),
                (FilesPlace::Before(_), Some(media)) => FilePlace::Before(media),
                (FilesPlace::First, _) | (_, None) => FilePlace::First,
            },
            count: query.limit,
        };
        store.files(&area, &wanted, now_ms)
    });
    let page = listed.await.map_err(|error| internal(&error))?.map_err(|error| internal(&error))?;
    match (page, beside) {
        (Some(page), _) => Ok(page),
        (None, Some((cursor, _))) => Err(no_place(&cursor)),
        (None, None) => Ok(FilePage::default()),
    }
}

/// The medium of the agent's own that an id names.
fn own(caller: &Caller, id: &str) -> Option<MediaId> {
    let media = file(caller, id)?;
    (media.area == Area::Workspace(caller.id().clone())).then_some(media.id)
}

/// A page lies beside no file that the agent has or had; of others' it learns nothing.
fn no_place(cursor: &FilesCursor) -> ApiError {
    let error = no_file(&cursor.id);
    ApiError { message: format!("`{}` names no file of this agent: {}", cursor.param, error.message), ..error }
        .about(cursor.param)
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
    let (store, now_ms) = (api.store.clone(), api.host.now_ms());
    let removed = blocking(move || store.media_remove(&medium.media, true, now_ms));
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

/// A medium as the dialects write it.
pub(super) fn entry(medium: &Medium) -> FileEntry {
    FileEntry {
        id: id_of(&medium.media),
        bytes: medium.size,
        content_type: medium.content_type.clone(),
        created_s: medium.created_ms / 1_000,
        expires_s: medium.ends_ms.map(|ends_ms| ends_ms / 1_000),
        filename: medium.name.clone().unwrap_or_else(|| medium.media.id.to_string()),
        purpose: medium.purpose.clone().unwrap_or_else(|| USUAL_PURPOSE.to_owned()),
    }
}

fn id_of(media: &MediaRef) -> String {
    match media.area {
        Area::Workspace(_) => file_id(media),
        Area::Inbound | Area::Outbound => media.to_string(),
    }
}

/// Works with the disk where it may be waited for.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MediaError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| internal(&error))?;
    done.map_err(|error| of_error(&error, "file"))
}
