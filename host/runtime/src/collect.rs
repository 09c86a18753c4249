//! Attachments of a durable message, fetched one by one into the media store. Each is durable before the next, so a
//! restart fetches only what is missing.

use std::sync::Arc;

use creel_engine::channel;
use creel_policy::limits::COLLECT_TRIES_MAX;
use creel_policy::media::{Area, MediaRef};
use creel_store::turn::{AttachmentState, InboundRecord};

use crate::channel_task::Task;
use crate::conversation::Waiting;
use crate::core::{Core, StoreFailed};
use crate::pause::growing;
use crate::step::{Step, StoredMedia};

/// Fetches what is missing and gives the message with the state of each attachment.
pub(crate) async fn attachments(core: &Arc<Core>, mut inbound: InboundRecord) -> Result<InboundRecord, StoreFailed> {
    for index in 0..inbound.attachments.len() {
        let attachment = &inbound.attachments[index];
        if attachment.state != AttachmentState::Pending {
            continue;
        }
        let fetched = match serde_json::from_str::<Waiting>(&attachment.json) {
            Ok(waiting) => fetch(core, &inbound, &waiting.into()).await,
            Err(error) => Err(format!("what the channel said of it cannot be read: {error}")),
        };
        let (id, kept) = (inbound.id, fetched.clone());
        core.store(move |store| match &kept {
            Ok(media) => store.inbound_attachment_stored(id, index, media),
            Err(reason) => store.inbound_attachment_failed(id, index, reason),
        })
        .await?;
        inbound.attachments[index].state = match fetched {
            Ok(media) => AttachmentState::Stored(media),
            Err(reason) => AttachmentState::Failed(reason),
        };
        observe(core, &inbound, &inbound.attachments[index].state).await?;
    }
    Ok(inbound)
}

async fn observe(core: &Core, inbound: &InboundRecord, state: &AttachmentState) -> Result<(), StoreFailed> {
    let session = inbound.message.session.clone();
    match state {
        AttachmentState::Pending => {}
        AttachmentState::Failed(reason) => core.observe(&Step::MediaMissing { session, reason: reason.clone() }),
        AttachmentState::Stored(media) => {
            let named = media.clone();
            let medium = core.store(move |store| store.medium(&named)).await?;
            let media = StoredMedia {
                uri: medium.media,
                content_type: medium.content_type,
                size: medium.size,
                sha256: medium.sha256,
            };
            core.observe(&Step::MediaStored { session, media });
        }
    }
    Ok(())
}

/// Fetches one attachment, trying again while that can help.
async fn fetch(core: &Arc<Core>, inbound: &InboundRecord, wanted: &channel::Attachment) -> Result<MediaRef, String> {
    let mut tries = 0;
    loop {
        tries += 1;
        let task = Task {
            channel: &inbound.message.channel,
            name: format!("{}:{}:collect", inbound.message.channel, inbound.id),
            job: channel::Job::Collect(wanted.clone()),
            media: Vec::new(),
            area: Area::Inbound,
        };
        let collected = task.run(core, |output| match output {
            channel::Output::Collected(media) => Some(media.uri),
            channel::Output::Received(_)
            | channel::Output::Delivered(_)
            | channel::Output::Cursor(_)
            | channel::Output::Status(_) => None,
        });
        match collected.await {
            Ok(uri) => return MediaRef::parse(&uri).map_err(|refusal| refusal.to_string()),
            Err(failure) if failure.may_pass && tries < COLLECT_TRIES_MAX => {
                tokio::time::sleep(failure.retry_after.unwrap_or_else(|| growing(tries, 1_000, 30_000))).await;
            }
            Err(failure) => return Err(failure.reason),
        }
    }
}
