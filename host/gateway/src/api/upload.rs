//! `POST /v1/files`: a form becomes a medium of the agent's own workspace, the whole of it or nothing. Which fields a form
//! has is the dialect's to say.

use axum::Extension;
use axum::extract::multipart::{Field, Multipart};
use axum::extract::{FromRequest as _, Request, State};
use axum::response::Response;
use creel_dialects::{ApiError, ErrorKind, FORM_TEXT_BYTES_MAX, FileForm, FileTold, FormField, Shape, write_file};
use creel_policy::limits::MEDIUM_BYTES_MAX;
use creel_policy::media::Area;
use creel_store::media::{Medium, NewMedium};
use http::HeaderMap;

use super::answer;
use super::asking;
use super::caller::{Caller, Peer};
use super::files::{blocking, entry};
use super::request::{Asked, read_out_form};
use super::{Api, Shared};

/// Answers it.
pub(super) async fn upload(
    State(api): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let asked = Asked::by(&headers);
    let medium = uploaded(&api, asked.shape, (&headers, peer), request).await;
    answer::of(&asked, medium.map(|medium| write_file(asked.shape, &entry(&medium))))
}

async fn uploaded(
    api: &Api,
    shape: Shape,
    (headers, peer): (&HeaderMap, Peer),
    request: Request,
) -> Result<Medium, ApiError> {
    let (parts, body) = request.into_parts();
    let (caller, body) = asking::open_sending(api, headers, peer, "files", body).await?;
    let (_place, body) = asking::count_sending(api, &caller, "files", (headers, body)).await?;
    let request = Request::from_parts(parts, body);
    let multipart = Multipart::from_request(request, &()).await;
    let mut multipart = multipart.map_err(|error| {
        malformed(format!("the body is no `multipart/form-data` with a `file`: {}", error.body_text()))
    })?;
    match read(api, &caller, shape, &mut multipart).await {
        Ok((new, told)) => finish(api, new, told).await,
        Err(error) => {
            read_out_form(multipart).await;
            Err(error)
        }
    }
}

/// Reads a form to its end. The file is not a medium yet: what stands behind it may still say that it shall not be one.
async fn read(
    api: &Api,
    caller: &Caller,
    shape: Shape,
    multipart: &mut Multipart,
) -> Result<(NewMedium, FileTold), ApiError> {
    let mut form = FileForm::new(shape);
    let mut stored = None;
    while let Some(field) = multipart.next_field().await.map_err(|error| malformed(error.body_text()))? {
        let Some(name) = field.name() else {
            return Err(malformed("a field of the form has no name".to_owned()));
        };
        match form.begin(name)? {
            FormField::File => stored = Some(store(api, caller, field).await?),
            known => form.take(known, &text(known, field).await?)?,
        }
    }
    let told = form.end()?;
    let new = stored.ok_or_else(|| malformed("the form has no field `file`".to_owned()).about("file"))?;
    Ok((new, told))
}

/// What a field says that is no file.
async fn text(known: FormField, mut field: Field<'_>) -> Result<String, ApiError> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|error| malformed(error.body_text()))? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > FORM_TEXT_BYTES_MAX {
            let message = format!("`{}` has more than {FORM_TEXT_BYTES_MAX} bytes", known.name());
            return Err(malformed(message).about(known.name()));
        }
    }
    // What is no text is no value that is known, either.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Streams a field into the agent's own workspace.
async fn store(api: &Api, caller: &Caller, mut field: Field<'_>) -> Result<NewMedium, ApiError> {
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
    while let Some(piece) = field.chunk().await.map_err(|error| malformed(error.body_text()))? {
        new = blocking(move || {
            new.write(&piece)?;
            Ok(new)
        })
        .await?;
    }
    Ok(new)
}

async fn finish(api: &Api, mut new: NewMedium, told: FileTold) -> Result<Medium, ApiError> {
    if let Some(purpose) = &told.purpose {
        new.purpose(purpose);
    }
    if let Some(lasts_s) = told.lasts_s {
        new.lasts(lasts_s.saturating_mul(1_000));
    }
    let now_ms = api.host.now_ms();
    blocking(move || new.finish(now_ms)).await
}

fn malformed(what: String) -> ApiError {
    ApiError::new(ErrorKind::InvalidRequest, what)
}
