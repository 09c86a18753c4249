//! A strict fake of a web server that holds files: it gives each path the answer that the test wrote down, as often as it
//! is asked, and refuses whoever comes with a credential, a cookie or anything but a `GET`.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use http::{Method, header};

use crate::answer::Answer;
use crate::exchange::Recorded;
use crate::running::{self, Running};
use crate::wire::{Service, Verdict};

/// Makes an answer each time.
type Make = Box<dyn Fn() -> Answer + Send + Sync>;

/// The headers that a fetch of a medium has, and no others: nothing of them says who asks.
const HEADERS: [header::HeaderName; 3] = [header::ACCEPT, header::ACCEPT_ENCODING, header::HOST];

/// What lies on the server.
#[derive(Default)]
pub struct Files {
    answers: BTreeMap<String, Make>,
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.answers.keys()).finish()
    }
}

impl Files {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives this answer at this path, whatever the query.
    #[must_use]
    pub fn at(mut self, path: &str, answer: impl Fn() -> Answer + Send + Sync + 'static) -> Self {
        self.answers.insert(path.to_owned(), Box::new(answer));
        self
    }

    /// Leads from a path to another place.
    #[must_use]
    pub fn redirect(self, path: &str, status: u16, location: &str) -> Self {
        let location = location.to_owned();
        self.at(path, move || Answer::status(status).header("location", &location))
    }

    /// Starts the server on a port of its own.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start(self) -> io::Result<Running<Self>> {
        running::start(self).await
    }
}

impl Service for Files {
    fn answer(&self, request: &Recorded) -> Verdict {
        let refused = |status, why: String| Verdict::refused(Answer::status(status), why);
        if request.method != Method::GET {
            return refused(405, format!("a file is asked for by `{}`", request.method));
        }
        if let Some(name) = request.headers.keys().find(|name| !HEADERS.contains(name)) {
            return refused(400, format!("`{name}` does not belong here"));
        }
        if !request.body.is_empty() {
            return refused(400, "a request for a file has a body".to_owned());
        }
        match self.answers.get(&request.path) {
            Some(make) => Verdict::good(make()),
            None => Verdict::good(Answer::text(404, "text/plain", "there is no such file")),
        }
    }
}
