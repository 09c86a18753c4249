//! Media that somebody names by a URL, fetched by the host itself: no plugin, no credential, no cookie. Which URLs may be
//! asked is `creel_policy::media::url`'s to say; every redirect is judged like the first address, and every name's
//! addresses are vetted before a connection is opened.

use std::time::Duration;

use creel_policy::limits::{IDLE_MS_MAX, URL_FETCH_MS_MAX};
use creel_policy::media::url::{MediaUrl, UrlAccess};
use creel_policy::media::{Area, MediaRefusal, MediaRefusalCode};
use creel_store::Store;
use creel_store::media::{MediaError, Medium, NewMedium};
use http::header;
use percent_encoding::percent_decode_str;
use tokio::time::timeout;

use crate::egress::{Egress, NoResponse, chain, no_response, redirect_target};

/// Bytes that are gathered before they are written.
const WRITE_BYTES: usize = 1 << 20;

/// What a fetch works with.
#[derive(Clone, Debug)]
pub struct UrlFetch<'a> {
    /// Which URLs may be asked, also by way of a redirect.
    pub access: &'a UrlAccess,
    /// Where the medium goes.
    pub store: &'a Store,
    /// And into which area of it.
    pub area: Area,
    /// Bytes that it may have.
    pub bytes_max: u64,
    /// Milliseconds since the Unix epoch.
    pub now_ms: u64,
}

impl Egress {
    /// Fetches what a URL leads to, and stores it as a medium that came in.
    ///
    /// # Errors
    ///
    /// `url-not-allowed` for a redirect or an address that is not to be asked, `too-large`, `not-fetched` with what the
    /// server or the network said; of the URL no more than its origin is repeated (case P16). [`MediaError`] otherwise.
    pub async fn fetch_media(&self, url: &MediaUrl, fetch: &UrlFetch<'_>) -> Result<Medium, MediaError> {
        let bound = Duration::from_millis(URL_FETCH_MS_MAX);
        let late = || not_fetched(format!("{} gave no whole answer within {URL_FETCH_MS_MAX} ms", url.origin));
        timeout(bound, self.fetch_whole(url, fetch)).await.unwrap_or_else(|_| Err(late()))
    }

    async fn fetch_whole(&self, first: &MediaUrl, fetch: &UrlFetch<'_>) -> Result<Medium, MediaError> {
        let mut url = first.clone();
        let mut hops = 0;
        let response = loop {
            let response = self.ask(&url).await?;
            let Some(location) = redirect_target(&response) else { break response };
            url = fetch.access.redirect(&url, &location, hops)?;
            hops += 1;
        };
        let status = response.status();
        if !status.is_success() {
            return Err(not_fetched(format!("HTTP {} downloading media from {}", status.as_u16(), url.origin)));
        }
        receive(response, &url, fetch).await
    }

    async fn ask(&self, url: &MediaUrl) -> Result<reqwest::Response, MediaError> {
        let client = if url.may_be_private { &self.granted } else { &self.public };
        let sending =
            client.get(url.url.clone()).header(header::ACCEPT, "*/*").header(header::ACCEPT_ENCODING, "identity");
        match timeout(Duration::from_millis(IDLE_MS_MAX), sending.send()).await {
            Ok(sent) => sent.map_err(|error| refusal(no_response(error), url)),
            Err(_) => Err(refusal(NoResponse::TimedOut, url)),
        }
    }
}

async fn receive(mut response: reqwest::Response, url: &MediaUrl, fetch: &UrlFetch<'_>) -> Result<Medium, MediaError> {
    let too_large = || {
        let rule = format!("the answer of {} exceeds {} bytes", url.origin, fetch.bytes_max);
        MediaError::from(MediaRefusal::new(MediaRefusalCode::TooLarge, rule))
    };
    if response.content_length().is_some_and(|length| length > fetch.bytes_max) {
        return Err(too_large());
    }
    let encoding = response.headers().get(header::CONTENT_ENCODING);
    if let Some(encoding) = encoding.filter(|encoding| encoding.as_bytes() != b"identity") {
        // Stored as it came it would be no picture, and unpacked it could be any size (attack 137).
        let encoding = String::from_utf8_lossy(encoding.as_bytes()).into_owned();
        let rule = format!("{} sent `content-encoding: {encoding}` though none was asked for", url.origin);
        return Err(not_fetched(rule));
    }
    let text = |name: header::HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
    let name = text(header::CONTENT_DISPOSITION).and_then(file_name).or_else(|| last_segment(url));
    let declared = text(header::CONTENT_TYPE).map(str::to_owned);
    let (area, length) = (fetch.area.clone(), response.content_length());
    let (store, bytes_max) = (fetch.store.clone(), fetch.bytes_max);
    let mut writer = blocking(move || {
        let mut writer = store.media_begin(area, name.as_deref(), bytes_max)?;
        // Whoever asked for it is told of it, and no message may ever name it.
        writer.keep();
        if let Some(declared) = &declared {
            writer.declare(declared);
        }
        length.map_or(Ok(()), |bytes| writer.expect(bytes))?;
        Ok(writer)
    })
    .await?;
    let mut received = 0_u64;
    let mut gathered = Vec::new();
    loop {
        let chunk = timeout(Duration::from_millis(IDLE_MS_MAX), response.chunk()).await;
        let chunk = chunk.map_err(|_| refusal(NoResponse::TimedOut, url))?;
        let chunk = chunk.map_err(|error| refusal(NoResponse::CutOff(chain(&error.without_url())), url))?;
        let is_last = chunk.is_none();
        if let Some(chunk) = chunk {
            received = received.saturating_add(chunk.len() as u64);
            if received > fetch.bytes_max {
                return Err(too_large());
            }
            gathered.extend_from_slice(&chunk);
        }
        if is_last || gathered.len() >= WRITE_BYTES {
            writer = write(writer, std::mem::take(&mut gathered)).await?;
        }
        if is_last {
            let now_ms = fetch.now_ms;
            return blocking(move || writer.finish(now_ms)).await;
        }
    }
}

async fn write(mut writer: NewMedium, bytes: Vec<u8>) -> Result<NewMedium, MediaError> {
    blocking(move || writer.write(&bytes).map(|()| writer)).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MediaError> + Send + 'static,
) -> Result<T, MediaError> {
    let lost = |error: tokio::task::JoinError| MediaError::Io { deed: "store a medium", source: error.into() };
    tokio::task::spawn_blocking(work).await.map_err(lost)?
}

fn refusal(none: NoResponse, url: &MediaUrl) -> MediaError {
    let origin = &url.origin;
    match none {
        NoResponse::Refused(refused) => MediaRefusal::new(MediaRefusalCode::UrlNotAllowed, refused.rule).into(),
        NoResponse::Unreachable(why) => not_fetched(format!("{origin} cannot be reached: {why}")),
        NoResponse::TimedOut => not_fetched(format!("{origin} said nothing for {IDLE_MS_MAX} ms")),
        NoResponse::CutOff(why) => not_fetched(format!("the answer of {origin} broke off: {why}")),
    }
}

fn not_fetched(rule: String) -> MediaError {
    MediaRefusal::new(MediaRefusalCode::NotFetched, rule).into()
}

fn last_segment(url: &MediaUrl) -> Option<String> {
    let last = url.url.path_segments()?.next_back().filter(|last| !last.is_empty())?;
    percent_decode_str(last).decode_utf8().ok().map(|name| name.into_owned())
}

/// The name in a `content-disposition` header (RFC 6266): `filename*` first, then `filename`, quoted or not. Of a path
/// only the last segment is a name, whichever separator it has (case P21).
fn file_name(disposition: &str) -> Option<String> {
    let extended = parameter(disposition, "filename*").and_then(|value| {
        let (charset, rest) = value.split_once('\'')?;
        let (_language, encoded) = rest.split_once('\'')?;
        let is_utf8 = charset.eq_ignore_ascii_case("utf-8");
        percent_decode_str(encoded).decode_utf8().ok().filter(|_| is_utf8).map(|name| name.into_owned())
    });
    let name = extended.or_else(|| parameter(disposition, "filename"))?;
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default().trim().to_owned();
    (!last.is_empty() && last != "." && last != "..").then_some(last)
}

/// The value of a parameter of a header, unquoted.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => after
                .split_once(';')
                .map_or((after.trim().to_owned(), ""), |(value, next)| (value.trim().to_owned(), next)),
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = next.trim_start().strip_prefix(';').unwrap_or(next);
    }
}

/// Reads a quoted string behind its first quote; gives what stands behind the last.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            // Windows programs write paths here without escaping them: `\` before a letter is a separator.
            '\\' => match chars.next()? {
                (_, escaped @ ('"' | '\\')) => value.push(escaped),
                (_, other) => value.extend(['\\', other]),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn p21_the_name_of_a_download_is_one_segment() {
        for (header, name) in [
            (r"attachment; filename=photo.png", Some("photo.png")),
            (r#"attachment; filename="my photo.png"; size=3"#, Some("my photo.png")),
            (r#"attachment; filename="..\\..\\secret.pdf""#, Some("secret.pdf")),
            (r#"attachment; filename="..\..\secret.pdf""#, Some("secret.pdf")),
            (r#"attachment; filename="/etc/passwd""#, Some("passwd")),
            ("attachment; filename=\"a\\\"b.txt\"", Some("a\"b.txt")),
            (r"attachment; filename*=UTF-8''%e2%82%ac%20rates.pdf; filename=x.pdf", Some("€ rates.pdf")),
            (r"attachment; filename=x.pdf; filename*=utf-8'en'a%2F..%2Fb.pdf", Some("b.pdf")),
            (r"attachment; filename*=UTF-8''a%5Cb.pdf", Some("b.pdf")),
            (r"attachment; filename*=latin1''%E4.pdf; filename=x.pdf", Some("x.pdf")),
            (r#"attachment; filename="unfinished"#, None),
            (r#"attachment; filename="..""#, None),
            (r#"attachment; filename="""#, None),
            ("inline", None),
        ] {
            assert_eq!(file_name(header).as_deref(), name, "{header}");
        }
    }
}
