//! Fetches one attachment: from the daemon's directory, which the host reads, else from the daemon itself.

use creel_sdk::channel::{Attachment, ChannelError, Fault};
use creel_sdk::{Context, Io, IoError, Media, Refusal, Request, log};
use serde_json::{Map, json};

use crate::attachment::Token;
use crate::base64_stream::BadBase64;
use crate::limits::RPC_ATTACHMENT_BYTES_MAX;
use crate::payload::{BadPayload, Payload};
use crate::rpc::{self, Code, RpcError};
use crate::settings::Settings;

/// The directory of the manifest.
const ROOT: &str = "attachments";

/// Makes an attachment a medium.
pub(crate) async fn collect(cx: Context, io: Io, attachment: Attachment) -> Result<Media, ChannelError> {
    let settings = Settings::read(&cx)?;
    let Some(token) = Token::parse(&attachment.token) else {
        return Err(ChannelError::new(Fault::Gone, "this plugin made no such attachment token"));
    };
    match io.ingest_file(ROOT, &token.id).await {
        Ok(media) => return Ok(named(media, attachment.name)),
        // No directory is granted, or another than the daemon's, or the file was swept away: the daemon may still know.
        Err(IoError::Refused((Refusal::NoGrant | Refusal::UnknownFile, reason))) => {
            log::debug(&format!("asking the daemon for an attachment: {reason}"));
        }
        Err(IoError::Refused((Refusal::TooLarge, reason))) => {
            return Err(ChannelError::new(Fault::Rejected, reason));
        }
        Err(error) => return Err(error.into()),
    }
    let bytes = fetch(&io, request(&settings, token), attachment.size, cx.now_ms).await?;
    Ok(io.store_media(bytes, attachment.name).await?)
}

/// The name that the sender gave, where the host knows only the name of the file.
fn named(media: Media, name: Option<String>) -> Media {
    Media { name: name.or(media.name), ..media }
}

fn request(settings: &Settings, token: Token) -> Request {
    let mut params = Map::new();
    let known = [
        ("account", settings.account.clone()),
        ("id", Some(token.id)),
        ("recipient", token.recipient),
        ("groupId", token.group_id),
    ];
    for (key, value) in known {
        if let Some(value) = value {
            params.insert(key.to_owned(), json!(value));
        }
    }
    rpc::call("getAttachment", params, None)
}

/// The bytes of an attachment that claims to have `size`; `now_ms` is the time of the call.
async fn fetch(io: &Io, request: Request, size: Option<u64>, now_ms: u64) -> Result<Vec<u8>, ChannelError> {
    let bytes_max = RPC_ATTACHMENT_BYTES_MAX;
    if size.is_some_and(|size| usize::try_from(size).is_ok_and(|size| size > bytes_max)) {
        return Err(bad_payload(BadPayload::Base64(BadBase64::TooLarge)));
    }
    let mut response = io.send(request).await?;
    if response.status() != 200 {
        return Err(rpc::status_error(response.status(), response.retry_after_ms(now_ms)));
    }
    let mut payload = Payload::new(bytes_max, size);
    while let Some(chunk) = response.chunk().await? {
        payload.push(&chunk).map_err(bad_payload)?;
    }
    let (reply, bytes) = payload.finish().map_err(bad_payload)?;
    match (reply.error, bytes) {
        (Some(error), _) => Err(failure(&error)),
        (None, Some(bytes)) => Ok(bytes),
        (None, None) => Err(bad_payload(BadPayload::NotAReply)),
    }
}

/// A daemon that knows the method and the account, and yet has nothing, has it no more.
fn failure(error: &RpcError) -> ChannelError {
    let other = error.to_channel_error();
    let has_none = match error.code() {
        Code::User => true,
        // Older daemons let Java speak.
        Code::Internal => ["NoSuchFile", "FileNotFound", "No such file", "reading attachment"]
            .iter()
            .any(|words| error.message.contains(words)),
        Code::BadCall
        | Code::UnknownMethod
        | Code::BadParams
        | Code::Network
        | Code::UntrustedKey
        | Code::RateLimit
        | Code::Captcha => false,
    };
    if has_none { ChannelError { fault: Fault::Gone, ..other } } else { other }
}

fn bad_payload(bad: BadPayload) -> ChannelError {
    match bad {
        BadPayload::Base64(BadBase64::TooLarge) => ChannelError::new(
            Fault::Rejected,
            format!(
                "an attachment of more than {} MiB cannot be taken through the daemon; with the setting \
                 `attachmentsDir` it can be taken from its directory",
                RPC_ATTACHMENT_BYTES_MAX / (1024 * 1024)
            ),
        ),
        BadPayload::Base64(BadBase64::NotBase64) => {
            ChannelError::new(Fault::MalformedResponse, "the daemon's attachment is not base64")
        }
        BadPayload::NotAReply => ChannelError::new(Fault::MalformedResponse, "the daemon's answer is not JSON-RPC"),
    }
}
