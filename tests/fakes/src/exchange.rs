//! What a fake remembers: each request as it came, each refusal, and how the exchanges ended. It answers nothing.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method};
use serde_json::Value;
use tokio::sync::watch;

use crate::sync::{Overdue, reach};

/// Headers that carry a credential; their values are marked sensitive, so that no test log shows them.
const CREDENTIAL_HEADERS: [HeaderName; 5] = [
    http::header::AUTHORIZATION,
    http::header::COOKIE,
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-goog-api-key"),
];

/// A request as it came over the wire.
#[derive(Clone)]
pub struct Recorded {
    /// The method.
    pub method: Method,
    /// The path, undecoded.
    pub path: String,
    /// What stood behind `?`, undecoded.
    pub query: Option<String>,
    /// The headers, with their order and their repetitions per name.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Recorded {
    /// The value of a header, where it stands exactly once and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            (Some(_), Some(_)) | (None, _) => None,
        }
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// Whatever makes it no JSON.
    pub fn json(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// Whether the text stands anywhere in the request: target, headers or body. Meant for secrets that must not.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        let found = |hay: &[u8]| memchr::memmem::find(hay, text.as_bytes()).is_some();
        found(self.path.as_bytes())
            || self.query.as_ref().is_some_and(|query| found(query.as_bytes()))
            || self.headers.values().any(|value| found(value.as_bytes()))
            || found(&self.body)
    }

    /// The media type without its parameters, in lower case.
    pub(crate) fn content_type(&self) -> Option<String> {
        let value = self.header("content-type")?;
        Some(value.split(';').next().unwrap_or(value).trim().to_ascii_lowercase())
    }

    /// What is wrong with the framing of a request that must carry its exact length.
    pub(crate) fn framing_fault(&self) -> Option<&'static str> {
        if self.headers.contains_key(http::header::TRANSFER_ENCODING) {
            return Some("the body was sent chunked, without a content-length");
        }
        match self.header("content-length").map(str::parse::<usize>) {
            Some(Ok(length)) if length == self.body.len() => None,
            Some(Ok(_) | Err(_)) => Some("the content-length is not that of the body"),
            None => Some("there is no content-length"),
        }
    }

    pub(crate) fn mark_credentials(&mut self) {
        for name in &CREDENTIAL_HEADERS {
            if let http::header::Entry::Occupied(mut entry) = self.headers.entry(name) {
                entry.iter_mut().for_each(|value| value.set_sensitive(true));
            }
        }
    }

    fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded")
            .field("request", &self.line())
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// A request that the fake found fault with, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Method and path.
    pub request: String,
    /// The status of the answer; none where the request never came to its end.
    pub status: Option<u16>,
    /// The reason, in the fake's words or in those of the service.
    pub reason: String,
}

/// The memory of one fake. It grows with every request: fakes live as long as a test or a demonstration.
#[derive(Debug)]
pub(crate) struct Journal {
    requests: Mutex<Vec<Recorded>>,
    refusals: Mutex<Vec<Refusal>>,
    received: watch::Sender<usize>,
    answered: watch::Sender<usize>,
    abandoned: watch::Sender<usize>,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self {
            requests: Mutex::default(),
            refusals: Mutex::default(),
            received: watch::Sender::new(0),
            answered: watch::Sender::new(0),
            abandoned: watch::Sender::new(0),
        }
    }

    pub(crate) fn record(&self, request: Recorded) {
        let count = {
            let mut requests = lock(&self.requests);
            requests.push(request);
            requests.len()
        };
        self.received.send_modify(|received| *received = count.max(*received));
    }

    pub(crate) fn refuse(&self, request: &str, status: Option<u16>, reason: String) {
        lock(&self.refusals).push(Refusal { request: request.to_owned(), status, reason });
    }

    pub(crate) fn requests(&self) -> Vec<Recorded> {
        lock(&self.requests).clone()
    }

    pub(crate) fn refusals(&self) -> Vec<Refusal> {
        lock(&self.refusals).clone()
    }

    pub(crate) fn end(&self, end: End) {
        let counter = match end {
            End::Answered => &self.answered,
            End::Abandoned => &self.abandoned,
        };
        counter.send_modify(|count| *count += 1);
    }

    pub(crate) async fn wait_for_requests(&self, count: usize) -> Result<Vec<Recorded>, Overdue> {
        reach(&mut self.received.subscribe(), count, "requests", || self.lines()).await?;
        Ok(self.requests())
    }

    pub(crate) async fn wait_for_end(&self, end: End, count: usize) -> Result<(), Overdue> {
        let (counter, what) = match end {
            End::Answered => (&self.answered, "exchanges answered to the end"),
            End::Abandoned => (&self.abandoned, "exchanges given up by the client"),
        };
        reach(&mut counter.subscribe(), count, what, || self.lines()).await
    }

    fn lines(&self) -> Vec<String> {
        let requests = lock(&self.requests);
        let refusals = lock(&self.refusals);
        let refused = refusals.iter().map(|refusal| format!("refused {}: {}", refusal.request, refusal.reason));
        requests.iter().map(Recorded::line).chain(refused).collect()
    }
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// The whole answer was handed to the connection.
    Answered,
    /// The client hung up before that.
    Abandoned,
}

/// Locks, also after a panic elsewhere: the panic is what the test will report.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(headers: &[(&'static str, &'static str)], body: &'static str) -> Recorded {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, http::HeaderValue::from_static(value));
        }
        let (method, path) = (Method::POST, "/v1/messages".to_owned());
        let mut request = Recorded { method, path, query: None, headers: map, body: body.into() };
        request.mark_credentials();
        request
    }

    #[test]
    fn a_repeated_header_has_no_value() {
        let request = recorded(&[("x-api-key", "a"), ("x-api-key", "b")], "");
        assert_eq!(request.header("x-api-key"), None);
        assert_eq!(request.header("absent"), None);
    }

    #[test]
    fn debug_shows_no_credential_and_no_body() {
        let request = recorded(
            &[("x-api-key", "sk-secret"), ("api-key", "secret"), ("authorization", "Bearer secret")],
            "private",
        );
        let text = format!("{request:?}");
        assert!(!text.contains("secret") && !text.contains("private"), "{text}");
        assert!(text.contains("Sensitive"), "{text}");
        assert!(request.contains("sk-secret"));
    }

    #[test]
    fn framing_is_exact() {
        let fault = |headers: &[(&'static str, &'static str)]| recorded(headers, "four").framing_fault();
        assert_eq!(fault(&[("content-length", "4")]), None);
        assert_eq!(fault(&[("content-length", "5")]), Some("the content-length is not that of the body"));
        assert_eq!(fault(&[]), Some("there is no content-length"));
        let chunked = Some("the body was sent chunked, without a content-length");
        assert_eq!(fault(&[("transfer-encoding", "chunked")]), chunked);
    }
}
