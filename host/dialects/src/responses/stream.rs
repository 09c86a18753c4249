//! Writes an answer as the events of OpenAI's responses. Whole answers are written in `whole`.

use super::answer::{Echo, Failure, Head, Item, Kind, Part, Status, SummaryPart, Tokens, ending};
use super::events::{Event, Of};
use super::medium_text;
use crate::{ApiError, ChatCall, Finish, Output, Usage, sse};

/// The events of one answer.
pub(crate) struct Stream {
    id: String,
    created_at: u64,
    echo: Echo,
    progress: Progress,
    events: u64,
    items: Vec<Item>,
    usage: Option<Usage>,
    finish: Option<Finish>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Silent,
    Started,
    /// The events are the provider's own.
    Native,
    Over,
}

impl Stream {
    /// The events of an answer to a call, by the id that it shall have and the second in which it is made.
    pub(crate) fn new(call: &ChatCall, id: String, created_at: u64) -> Self {
        Self {
            id,
            created_at,
            echo: Echo::of(call),
            progress: Progress::Silent,
            events: 0,
            items: Vec::new(),
            usage: None,
            finish: None,
        }
    }

    /// Writes what comes of an output.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::UpstreamFailed`] where the output cannot follow the ones before it.
    pub(crate) fn event(&mut self, output: &Output, out: &mut String) -> Result<(), ApiError> {
        match output {
            Output::Native(data) => {
                self.progress = Progress::Native;
                self.events += 1;
                sse::native(out, data);
            }
            Output::Usage(usage) => self.usage = Some(*usage),
            Output::Finished(finish) => self.finish = Some(*finish),
            Output::Text(text) => self.text(text, out),
            Output::Media { content_type, base64, .. } if content_type.starts_with("image/") => {
                self.settle(out);
                let picture = self.begin(Kind::Picture { base64: base64.clone() }, out);
                self.done(picture, Status::Completed, out);
            }
            Output::Media { uri, content_type, .. } => self.text(&medium_text(uri, content_type), out),
            Output::Reasoning { text, signature } => self.thought(text, signature.as_deref(), out),
            Output::ToolCallStart { index, id, name } => {
                self.settle(out);
                let (call_id, name) = (id.clone(), name.clone());
                self.begin(Kind::Call { index: *index, call_id, name, arguments: String::new() }, out);
            }
            Output::ToolCallArguments { index, json } => self.arguments(*index, json, out)?,
        }
        Ok(())
    }

    /// Writes the end of the answer.
    pub(crate) fn finish(&mut self, out: &mut String) {
        if matches!(self.progress, Progress::Native | Progress::Over) {
            return;
        }
        self.start(out);
        let (status, _) = ending(self.finish);
        let last = self.items.len().saturating_sub(1);
        for position in 0..self.items.len() {
            let ended = self.items.get(position).map(|item| item.ended(position == last, status));
            self.done(position, ended.unwrap_or(status), out);
        }
        let name = if status == Status::Completed { "response.completed" } else { "response.incomplete" };
        self.milestone(name, status, None, out);
        self.progress = Progress::Over;
    }

    /// Writes that the answer breaks off: some clients wait for the one event, some for the other.
    pub(crate) fn error(&mut self, error: &ApiError, out: &mut String) {
        if self.progress == Progress::Over {
            return;
        }
        let Failure { code, message } = Failure::of(error);
        let code = error.code.unwrap_or(code);
        let event = Event::Error { code, message, param: error.param.as_deref() };
        write(out, &mut self.events, &event);
        self.milestone("response.failed", Status::Failed, Some(error), out);
        self.progress = Progress::Over;
    }

    /// Writes a sign of life: a comment, for the dialect has no event for it.
    pub(crate) fn keep_alive(&self, out: &mut String) {
        if self.progress != Progress::Over {
            out.push_str(": keep-alive\n\n");
        }
    }

    fn start(&mut self, out: &mut String) {
        if self.progress == Progress::Silent {
            self.progress = Progress::Started;
            self.milestone("response.created", Status::InProgress, None, out);
            self.milestone("response.in_progress", Status::InProgress, None, out);
        }
    }

    /// Writes an event that carries the answer as far as it is.
    fn milestone(&mut self, name: &'static str, status: Status, error: Option<&ApiError>, out: &mut String) {
        let (_, incomplete_details) = ending(self.finish);
        let head = Head {
            id: &self.id,
            created_at: self.created_at,
            status,
            error: error.map(Failure::of),
            incomplete_details: incomplete_details.filter(|_| status == Status::Incomplete),
            output: self.items.iter().map(Item::body).collect(),
            usage: self.usage.filter(|_| status != Status::InProgress).map(Tokens::of),
        };
        let number = self.events;
        out.push_str(&format!("event: {name}\ndata: {{\"type\":\"{name}\",\"sequence_number\":{number},\"response\":"));
        self.echo.write(out, head);
        out.push_str("}\n\n");
        self.events += 1;
    }

    fn text(&mut self, text: &str, out: &mut String) {
        if text.is_empty() {
            return;
        }
        let position = match self.items.last() {
            Some(Item { status: Status::InProgress, kind: Kind::Message { .. }, .. }) => self.items.len() - 1,
            Some(_) | None => {
                self.settle(out);
                self.begin(Kind::Message { text: String::new() }, out)
            }
        };
        let Some(Item { id, kind: Kind::Message { text: all }, .. }) = self.items.get_mut(position) else {
            return;
        };
        all.push_str(text);
        let of = Of { item_id: id, output_index: position };
        write(out, &mut self.events, &Event::TextDelta { of, delta: text });
    }

    /// A signature ends a thought.
    fn thought(&mut self, text: &str, signature: Option<&str>, out: &mut String) {
        if text.is_empty() && signature.is_none() {
            return;
        }
        let position = match self.items.last() {
            Some(Item { status: Status::InProgress, kind: Kind::Reasoning { .. }, .. }) => self.items.len() - 1,
            Some(_) | None => {
                self.settle(out);
                self.begin(Kind::Reasoning { summary: String::new(), signature: None }, out)
            }
        };
        let Some(Item { id, kind: Kind::Reasoning { summary, signature: seal }, .. }) = self.items.get_mut(position)
        else {
            return;
        };
        let of = Of { item_id: id, output_index: position };
        if !text.is_empty() {
            if summary.is_empty() {
                write(out, &mut self.events, &Event::SummaryPartAdded { of, part: SummaryPart::text("") });
            }
            summary.push_str(text);
            write(out, &mut self.events, &Event::SummaryDelta { of, delta: text });
        }
        if signature.is_some() {
            *seal = signature.map(str::to_owned);
            self.done(position, Status::Completed, out);
        }
    }

    fn arguments(&mut self, index: u32, json: &str, out: &mut String) -> Result<(), ApiError> {
        let is_called = |item: &Item| matches!(&item.kind, Kind::Call { index: of, .. } if *of == index);
        let position = self.items.iter().rposition(is_called);
        let item = position.and_then(|position| Some((position, self.items.get_mut(position)?)));
        let Some((output_index, Item { id, status, kind: Kind::Call { arguments, .. } })) = item else {
            return Err(super::broken(&format!("call {index} has arguments and was never started")));
        };
        if *status == Status::InProgress && !json.is_empty() {
            arguments.push_str(json);
            let of = Of { item_id: id, output_index };
            write(out, &mut self.events, &Event::ArgumentsDelta { of, delta: json });
        } else if *status != Status::InProgress && !json.trim().is_empty() {
            return Err(super::broken(&format!("the arguments of call {index} go on after its end")));
        }
        Ok(())
    }

    /// Ends what is whole before another item begins.
    fn settle(&mut self, out: &mut String) {
        for position in 0..self.items.len() {
            if self.items.get(position).is_some_and(Item::is_whole) {
                self.done(position, Status::Completed, out);
            }
        }
    }

    fn begin(&mut self, kind: Kind, out: &mut String) -> usize {
        self.start(out);
        let output_index = self.items.len();
        let item = Item::begun(&self.id, output_index, kind);
        write(out, &mut self.events, &Event::ItemAdded { output_index, item: item.body() });
        if let Kind::Message { .. } = item.kind {
            let of = Of { item_id: &item.id, output_index };
            write(out, &mut self.events, &Event::PartAdded { of, part: Part::text("") });
        }
        self.items.push(item);
        output_index
    }

    fn done(&mut self, position: usize, ended: Status, out: &mut String) {
        let Some(item) = self.items.get_mut(position).filter(|item| item.status == Status::InProgress) else {
            return;
        };
        item.status = ended;
        let of = Of { item_id: &item.id, output_index: position };
        match &item.kind {
            Kind::Message { text } => {
                write(out, &mut self.events, &Event::TextDone { of, text });
                write(out, &mut self.events, &Event::PartDone { of, part: Part::text(text) });
            }
            Kind::Reasoning { summary, .. } if summary.is_empty() => {}
            Kind::Reasoning { summary, .. } => {
                write(out, &mut self.events, &Event::SummaryDone { of, text: summary });
                write(out, &mut self.events, &Event::SummaryPartDone { of, part: SummaryPart::text(summary) });
            }
            Kind::Call { name, arguments, .. } => {
                let arguments = super::answer::or_empty(arguments);
                write(out, &mut self.events, &Event::ArgumentsDone { of, name, arguments });
            }
            Kind::Picture { .. } => {}
        }
        write(out, &mut self.events, &Event::ItemDone { output_index: position, item: item.body() });
    }
}

fn write(out: &mut String, events: &mut u64, event: &Event<'_>) {
    sse::named(out, event.name(), &event.numbered(*events));
    *events += 1;
}
