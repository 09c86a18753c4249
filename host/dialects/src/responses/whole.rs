//! Writes an answer of OpenAI's responses in one piece. Events are written in `stream`.

use super::answer::{Echo, Head, Item, Kind, Tokens, ending};
use super::medium_text;
use crate::{ApiError, ChatCall, Finish, Output, Usage};

/// An answer that is put together.
pub(crate) struct Whole {
    id: String,
    created_at: u64,
    echo: Echo,
    native: Option<String>,
    items: Vec<Item>,
    usage: Option<Usage>,
    finish: Option<Finish>,
}

impl Whole {
    /// An answer to a call, by the id that it shall have and the second in which it is made.
    pub(crate) fn new(call: &ChatCall, id: String, created_at: u64) -> Self {
        Self { id, created_at, echo: Echo::of(call), native: None, items: Vec::new(), usage: None, finish: None }
    }

    /// Adds an output.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::UpstreamFailed`] where the output cannot follow the ones before it.
    pub(crate) fn take(&mut self, output: Output) -> Result<(), ApiError> {
        match output {
            Output::Native(answer) => self.native = Some(answer),
            Output::Usage(usage) => self.usage = Some(usage),
            Output::Finished(finish) => self.finish = Some(finish),
            Output::Text(text) => self.text(text),
            Output::Media { content_type, base64, .. } if content_type.starts_with("image/") => {
                self.begin(Kind::Picture { base64 });
            }
            Output::Media { uri, content_type, .. } => self.text(medium_text(&uri, &content_type)),
            Output::Reasoning { text, signature } => self.thought(text, signature),
            Output::ToolCallStart { index, id, name } => {
                self.begin(Kind::Call { index, call_id: id, name, arguments: String::new() });
            }
            Output::ToolCallArguments { index, json } => {
                let call = self.items.iter_mut().rev().find_map(|item| match &mut item.kind {
                    Kind::Call { index: of, arguments, .. } if *of == index => Some(arguments),
                    Kind::Call { .. } | Kind::Message { .. } | Kind::Reasoning { .. } | Kind::Picture { .. } => None,
                });
                match call {
                    Some(arguments) => arguments.push_str(&json),
                    None => return Err(super::broken(&format!("call {index} has arguments and was never started"))),
                }
            }
        }
        Ok(())
    }

    /// Writes the answer. Arguments are text in this dialect, and the client sees them as the model wrote them.
    pub(crate) fn finish(mut self, out: &mut String) {
        if let Some(native) = self.native {
            out.push_str(&native);
            return;
        }
        let (status, incomplete_details) = ending(self.finish);
        let last = self.items.len().saturating_sub(1);
        for (position, item) in self.items.iter_mut().enumerate() {
            item.status = item.ended(position == last, status);
        }
        let head = Head {
            id: &self.id,
            created_at: self.created_at,
            status,
            error: None,
            incomplete_details,
            output: self.items.iter().map(Item::body).collect(),
            usage: self.usage.map(Tokens::of),
        };
        self.echo.write(out, head);
    }

    fn text(&mut self, more: String) {
        match self.items.last_mut().map(|item| &mut item.kind) {
            _ if more.is_empty() => {}
            Some(Kind::Message { text }) => text.push_str(&more),
            Some(Kind::Reasoning { .. } | Kind::Call { .. } | Kind::Picture { .. }) | None => {
                self.begin(Kind::Message { text: more });
            }
        }
    }

    /// A signature ends a thought.
    fn thought(&mut self, more: String, signature: Option<String>) {
        match self.items.last_mut().map(|item| &mut item.kind) {
            _ if more.is_empty() && signature.is_none() => {}
            Some(Kind::Reasoning { summary, signature: seal @ None }) => {
                summary.push_str(&more);
                *seal = signature;
            }
            Some(Kind::Message { .. } | Kind::Reasoning { .. } | Kind::Call { .. } | Kind::Picture { .. }) | None => {
                self.begin(Kind::Reasoning { summary: more, signature });
            }
        }
    }

    fn begin(&mut self, kind: Kind) {
        self.items.push(Item::begun(&self.id, self.items.len(), kind));
    }
}
