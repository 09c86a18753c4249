//! `list_media` and `describe_media`: what is known of media, without their bytes. Which an agent may name is asked of its
//! grant by the store.

use creel_dialects::{ApiError, ErrorKind};
use creel_policy::agent::{MediaReach, SharedArea};
use creel_policy::media::Area;
use creel_policy::moment::rfc3339;
use creel_store::media::{MediaCursor, MediaHolder, MediaWanted, Medium};
use serde::Serialize;

use super::arguments::{AreaName, DescribeMedia, ListMedia};
use super::said::Said;
use super::{count, stored};
use crate::api::caller::Caller;
use crate::api::{Api, media};
use crate::clock;

/// What is known of a medium.
#[derive(Serialize)]
struct Facts {
    media: String,
    content_type: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
    stored: String,
}

#[derive(Serialize)]
struct Page {
    media: Vec<Facts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    areas: Vec<&'static str>,
}

#[derive(Serialize)]
struct Described {
    #[serde(flatten)]
    facts: Facts,
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    declared_type: Option<String>,
    holders: Vec<MediaHolder>,
}

impl Facts {
    fn of(medium: Medium) -> Self {
        Self {
            media: medium.media.to_string(),
            content_type: medium.content_type,
            size: medium.size,
            name: medium.name,
            width: medium.width,
            height: medium.height,
            stored: rfc3339(medium.created_ms),
        }
    }
}

/// Lists the media that a caller may name.
pub(super) async fn list(api: &Api, caller: &Caller, wanted: ListMedia) -> Result<Said, ApiError> {
    let count = count(wanted.limit)?;
    let after = wanted.cursor.as_deref().map(MediaCursor::parse).transpose();
    let after = after
        .map_err(|_| ApiError::new(ErrorKind::InvalidRequest, "it is not the `next` of a page").about("cursor"))?;
    let area = wanted.area.map(|area| match area {
        AreaName::Workspace => Area::Workspace(caller.id().clone()),
        AreaName::Inbound => Area::Inbound,
        AreaName::Outbound => Area::Outbound,
    });
    if let Some(area) =
        area.as_ref().filter(|area| caller.grant().media_reach(caller.id(), area) == MediaReach::Nothing)
    {
        let message = format!("`media` of the agent's grant does not name `{area}`");
        return Err(ApiError::new(ErrorKind::NotFound, message).about("area"));
    }
    if let Some(session) = wanted.session.as_deref().filter(|session| !caller.grant().may_read(session)) {
        return Err(super::sessions::no_session(session));
    }
    let (agent, grant, session) = (caller.id().clone(), caller.grant().clone(), wanted.session);
    let now_ms = api.host.now_ms();
    let page = stored(api, move |store| {
        let wanted = MediaWanted { area: area.as_ref(), session: session.as_deref(), now_ms };
        store.media_of_agent((&agent, &grant), wanted, after.as_ref(), count)
    });
    let page = page.await?;
    Said::value(&Page {
        media: page.media.into_iter().map(Facts::of).collect(),
        next: page.next.as_ref().map(ToString::to_string),
        areas: areas(caller),
    })
}

fn areas(caller: &Caller) -> Vec<&'static str> {
    let shared = SharedArea::ALL.into_iter().filter(|(_, area)| caller.grant().media.contains(area));
    ["workspace"].into_iter().chain(shared.map(|(word, _)| word)).collect()
}

/// Says what is known of one medium.
pub(super) async fn describe(api: &Api, caller: &Caller, wanted: DescribeMedia) -> Result<Said, ApiError> {
    let medium = media::named(api, caller, &wanted.media, "media").await?;
    let named = medium.media.clone();
    let holders = stored(api, move |store| store.media_holders(&named, clock::now_ms())).await?;
    let holders = holders.into_iter().filter(|holder| caller.grant().may_read(&holder.session)).collect();
    let (sha256, declared_type) = (medium.sha256.clone(), medium.declared_type.clone());
    Said::value(&Described { facts: Facts::of(medium), sha256, declared_type, holders })
}
