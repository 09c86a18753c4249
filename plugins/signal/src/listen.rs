//! Hears the daemon's event stream for as long as the host lets it, and comes back after every loss. What an event means
//! is decided in `inbound`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::pin::pin;

use creel_sdk::channel::{ChannelError, ChannelOutput};
use creel_sdk::sse::SseReader;
use creel_sdk::{Context, Either, Io, IoError, Request, Response, log, race};

use crate::backoff::Backoff;
use crate::inbound::{self, Heard};
use crate::limits::SILENCE_MS_MAX;
use crate::rpc::{self, ENDPOINT};
use crate::settings::Settings;

/// Listens until it is dropped, or until the host refuses what it cannot do without.
pub(crate) async fn listen(cx: Context, io: Io, out: ChannelOutput) -> Result<(), ChannelError> {
    let settings = Settings::read(&cx)?;
    let mut backoff = Backoff::new(cx.entropy);
    let mut said: Option<String> = None;
    let mentioned = RefCell::default();
    loop {
        let mut connection = Connection {
            io: &io,
            out: &out,
            settings: &settings,
            mentioned: &mentioned,
            was_made: false,
            was_good: false,
        };
        let reason = connection.hear().await?;
        if connection.was_good {
            backoff.reset();
        }
        if connection.was_made {
            said = None;
        }
        if said.as_ref() != Some(&reason) {
            out.lost(&reason);
            said = Some(reason);
        }
        io.wait(backoff.next_ms()).await?;
    }
}

/// One connection to the event stream.
struct Connection<'a> {
    io: &'a Io,
    out: &'a ChannelOutput,
    settings: &'a Settings,
    /// The kinds of what was passed over that the log already knows: somebody who types all day would otherwise use up
    /// the lines that the host gives one listener.
    mentioned: &'a RefCell<BTreeSet<&'static str>>,
    /// The daemon accepted it, and the host was told.
    was_made: bool,
    /// Something came over it.
    was_good: bool,
}

impl Connection<'_> {
    /// Hears until the connection is lost, and says how.
    ///
    /// # Errors
    ///
    /// What the host refuses: it would refuse again.
    async fn hear(&mut self) -> Result<String, ChannelError> {
        let request = Request::get(ENDPOINT, events_path(self.settings)).header("accept", "text/event-stream");
        let response = match self.io.send(request).await {
            Ok(response) => response,
            Err(error) => return lost(error),
        };
        if response.status() != 200 {
            return Ok(rpc::status_error(response.status(), None).message);
        }
        self.out.connected();
        self.was_made = true;
        match self.stream(response).await {
            Ok(reason) => Ok(reason),
            Err(error) => lost(error),
        }
    }

    /// Takes the stream until it ends, breaks or falls silent. Bytes are watched rather than events: the comments by
    /// which the daemon keeps the connection alive are no events.
    async fn stream(&mut self, mut response: Response) -> Result<String, IoError> {
        let mut reader = SseReader::new();
        let mut alarm = pin!(self.io.wait(SILENCE_MS_MAX));
        let mut is_silent = true;
        loop {
            match race(response.chunk(), alarm.as_mut()).await {
                Either::First(chunk) => {
                    let Some(chunk) = chunk? else {
                        return Ok("the daemon closed the event stream".to_owned());
                    };
                    is_silent = false;
                    self.was_good = true;
                    reader.push(&chunk);
                    if let Err(reason) = self.take_events(&mut reader) {
                        return Ok(reason);
                    }
                }
                Either::Second(elapsed) => {
                    elapsed?;
                    if is_silent {
                        return self.why_silent().await;
                    }
                    is_silent = true;
                    alarm.set(self.io.wait(SILENCE_MS_MAX));
                }
            }
        }
    }

    fn take_events(&self, reader: &mut SseReader) -> Result<(), String> {
        loop {
            match reader.next_event() {
                Ok(Some(event)) if matches!(event.name.as_str(), "receive" | "" | "message") => self.take(&event.data),
                Ok(Some(_)) => self.mention("an event of a kind that this plugin does not know"),
                Ok(None) => return Ok(()),
                Err(error) => return Err(format!("the event stream is malformed: {error}")),
            }
        }
    }

    fn take(&self, data: &str) {
        match inbound::read(data, self.settings) {
            Heard::Message(message, missing) => {
                if missing > 0 {
                    log::warn(&format!("{missing} attachments of message {} cannot be taken", message.id));
                }
                self.out.received(*message);
            }
            Heard::Ignored(what) => self.mention(what),
            Heard::Trouble(why) => log::warn(&why),
        }
    }

    fn mention(&self, what: &'static str) {
        if self.mentioned.borrow_mut().insert(what) {
            log::debug(&format!("passed over {what}, and will do so without a word from now on"));
        }
    }

    /// Asks the daemon whether it is there at all, for the operator's sake: the stream is given up either way.
    async fn why_silent(&self) -> Result<String, IoError> {
        let seconds = SILENCE_MS_MAX / 1_000;
        let alive = match self.io.send(Request::get(ENDPOINT, "/api/v1/check")).await {
            Ok(response) if response.is_success() => "though the daemon is there".to_owned(),
            Ok(response) => format!("and its check answers status {}", response.status()),
            Err(error @ IoError::Refused(_)) => return Err(error),
            Err(error) => format!("and its check fails: {error}"),
        };
        Ok(format!("nothing came over the event stream for {seconds} s, {alive}"))
    }
}

/// A loss, or an error where the host would refuse again.
fn lost(error: IoError) -> Result<String, ChannelError> {
    match error {
        IoError::Refused(_) => Err(error.into()),
        IoError::Unreachable(_) | IoError::TimedOut | IoError::CutOff(_) | IoError::Status(_) => Ok(error.to_string()),
    }
}

fn events_path(settings: &Settings) -> String {
    match settings.account.as_deref().and_then(|account| account.strip_prefix('+')) {
        Some(digits) => format!("/api/v1/events?account=%2B{digits}"),
        None => "/api/v1/events".to_owned(),
    }
}
