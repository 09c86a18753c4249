//! Signs a request as its manifest says, when everything else is on it. The body is read once for the signature and
//! once more to be sent, so that a large medium is never held. What is signed is said by `creel_policy::manifest`.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use creel_policy::judge::{Refusal, Refused};
use creel_policy::manifest::{Encoding, KeyText, Signed};
use creel_store::secrets::{Secret, Unfit};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};
use url::{Position, Url};
use zeroize::Zeroizing;

use crate::body::Body;
use crate::egress::NoResponse;
use crate::placing::{AwsKey, HmacKey, Outbound};

/// The service that takes a path as it is written, and wants to be told the hash of the body.
const S3: &str = "s3";

/// What a request is signed with.
pub(crate) enum Signer<'k> {
    Hmac(&'k HmacKey),
    Aws(&'k AwsKey),
}

impl Signer<'_> {
    /// Signs a request that goes out now. Each redirect is a request of its own, and signed anew.
    ///
    /// # Errors
    ///
    /// [`NoResponse`] where the body cannot be read, or the request lacks what is to be signed.
    pub(crate) async fn sign(&self, out: &mut Outbound, body: Option<&Body>, now_ms: u64) -> Result<(), NoResponse> {
        match self {
            Self::Hmac(key) => hmac(key, out, body, now_ms).await,
            Self::Aws(key) => aws(key, out, body, now_ms).await,
        }
    }
}

/// The bytes of a signing key.
///
/// # Errors
///
/// [`Unfit::KeyText`] where the secret is not written so.
pub(crate) fn key_bytes(secret: &Secret, text: KeyText) -> Result<Zeroizing<Vec<u8>>, Unfit> {
    let value = secret.with_prefix("");
    let bytes = match text {
        KeyText::Text => Some(value.as_bytes().to_vec()),
        KeyText::Base64 => STANDARD.decode(value.as_bytes()).ok(),
        KeyText::Hex => hex_bytes(value.as_bytes()),
    };
    bytes.filter(|bytes| !bytes.is_empty()).map(Zeroizing::new).ok_or(Unfit::KeyText)
}

fn hex_bytes(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.chunks(2).map(|pair| match pair {
        [high, low] => Some((digit(*high)? << 4) | digit(*low)?),
        _ => None,
    });
    pairs.collect()
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let two = |b: &u8| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]];
    bytes.iter().flat_map(two).map(char::from).collect()
}

fn unreadable(error: std::io::Error) -> NoResponse {
    NoResponse::CutOff(format!("the body could not be read to be signed: {error}"))
}

fn malformed(what: &str) -> NoResponse {
    Refused { refusal: Refusal::BadRequest, rule: format!("the request cannot be signed: {what}") }.into()
}

async fn sha256(body: Option<&Body>) -> Result<String, NoResponse> {
    let mut hash = Sha256::new();
    if let Some(body) = body {
        body.feed(|part| hash.update(part)).await.map_err(unreadable)?;
    }
    Ok(hex(&hash.finalize()))
}

async fn hmac(key: &HmacKey, out: &mut Outbound, body: Option<&Body>, now_ms: u64) -> Result<(), NoResponse> {
    let rule = &key.rule;
    let time = rule.timestamp.as_ref().map(|timestamp| {
        let time = if timestamp.in_milliseconds { now_ms } else { now_ms / 1_000 };
        (timestamp.header.as_str(), time.to_string())
    });
    let id = rule.id.as_deref().zip(key.id.as_ref().map(|id| id.to_string()));
    for (name, value) in time.iter().chain(&id) {
        put(&mut out.headers, name, value)?;
    }
    let mut mac = {
        let bytes = key_bytes(key.key.secret(), rule.key).map_err(|unfit| malformed(&unfit.to_string()))?;
        Hmac::<Sha256>::new_from_slice(&bytes).map_err(|_| malformed("the key has no usable length"))?
    };
    for (at, part) in rule.over.iter().enumerate() {
        if at > 0 {
            mac.update(rule.separator.as_bytes());
        }
        match part {
            Signed::Body => {
                if let Some(body) = body {
                    body.feed(|part| mac.update(part)).await.map_err(unreadable)?;
                }
            }
            Signed::BodySha256 => mac.update(sha256(body).await?.as_bytes()),
            Signed::Timestamp => mac.update(time.as_ref().map_or("", |(_, time)| time).as_bytes()),
            Signed::Id => mac.update(id.as_ref().map_or("", |(_, id)| id).as_bytes()),
            Signed::Method => mac.update(out.method.as_str().as_bytes()),
            Signed::Host => mac.update(out.url[Position::BeforeHost..Position::AfterPort].as_bytes()),
            Signed::Path => mac.update(out.url.path().as_bytes()),
            Signed::Query => mac.update(out.url.query().unwrap_or_default().as_bytes()),
            Signed::PathAndQuery => mac.update(out.url[Position::BeforePath..Position::AfterQuery].as_bytes()),
            Signed::Header(name) => mac.update(the_only(&out.headers, name)?.as_bytes()),
            Signed::Text(text) => mac.update(text.as_bytes()),
        }
    }
    let code = mac.finalize().into_bytes();
    let signature = match rule.encoding {
        Encoding::Hex => hex(&code),
        Encoding::Base64 => STANDARD.encode(code),
        Encoding::Base64url => URL_SAFE_NO_PAD.encode(code),
    };
    put(&mut out.headers, &rule.header, &format!("{}{signature}", rule.prefix))
}

/// A header that is signed stands there once: of two a server would believe one.
fn the_only<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h HeaderValue, NoResponse> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(malformed(&format!("its header `{name}` is missing"))),
        (Some(_), Some(_)) => Err(malformed(&format!("its header `{name}` stands there twice"))),
    }
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), NoResponse> {
    let bad = |_| malformed("a header of the signature");
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| malformed("a header of the signature"))?;
    let mut value = HeaderValue::from_str(value).map_err(bad)?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

async fn aws(key: &AwsKey, out: &mut Outbound, body: Option<&Body>, now_ms: u64) -> Result<(), NoResponse> {
    let hash = if key.unsigned_payload { None } else { Some(sha256(body).await?) };
    let signed: Vec<(&str, &str)> = out
        .headers
        .iter()
        .filter(|(name, _)| *name == http::header::CONTENT_TYPE || name.as_str().starts_with("x-amz-"))
        .map(|(name, value)| Ok((name.as_str(), value.to_str().map_err(|_| malformed("a header is no text"))?)))
        .collect::<Result<_, NoResponse>>()?;
    let headers = aws_headers(key, (out.method.as_str(), &out.url, &signed), hash, now_ms)?;
    for (name, value) in headers {
        put(&mut out.headers, name, &value)?;
    }
    Ok(())
}

type Header = (&'static str, Zeroizing<String>);

/// The headers that AWS Signature Version 4 adds to a request; `hash` is that of its body, where the body is signed.
fn aws_headers(
    key: &AwsKey,
    (method, url, signed): (&str, &Url, &[(&str, &str)]),
    hash: Option<String>,
    now_ms: u64,
) -> Result<Vec<Header>, NoResponse> {
    let bad = |what: &'static str| move |_| malformed(what);
    let text = |secret: &Secret| secret.with_prefix("").to_string();
    let token = key.token.as_ref().map(|token| text(token.secret()));
    let credentials = Credentials::new(key.id.as_str(), text(key.secret.secret()), token, None, "creel");
    let identity = credentials.into();
    let mut settings = SigningSettings::default();
    let is_s3 = key.service == S3;
    settings.percent_encoding_mode = if is_s3 { PercentEncodingMode::Single } else { PercentEncodingMode::Double };
    settings.uri_path_normalization_mode = UriPathNormalizationMode::from(!is_s3);
    let is_told = is_s3 || hash.is_none();
    settings.payload_checksum_kind =
        if is_told { PayloadChecksumKind::XAmzSha256 } else { PayloadChecksumKind::NoHeader };
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&key.region)
        .name(&key.service)
        .time(SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms))
        .settings(settings)
        .build()
        .map_err(|_| malformed("a parameter of the signature is missing"))?;
    let body = hash.map_or(SignableBody::UnsignedPayload, SignableBody::Precomputed);
    let request = SignableRequest::new(method, url.as_str(), signed.iter().copied(), body)
        .map_err(bad("AWS's rules do not take its URL or headers"))?;
    let signature = sign(request, &params.into()).map_err(bad("AWS's rules do not take its URL or headers"))?;
    let (headers, _) = signature.into_parts().0.into_parts();
    Ok(headers.iter().map(|header| (header.name(), Zeroizing::new(header.value().to_owned()))).collect())
}

#[cfg(test)]
mod tests;
