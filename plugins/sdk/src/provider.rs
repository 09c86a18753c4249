//! The author's view of a provider, and the export that drives it. Channels live in `channel`.

use std::cell::RefCell;
use std::future::Future;
use std::marker::PhantomData;
use std::mem;
use std::rc::Rc;

use crate::bindings::provider::exports::creel::plugin::chat_provider as wit;
use crate::bindings::words::creel::plugin::io::{Context, Event};
use crate::bindings::words::creel::plugin::types::{Media, Part, Reasoning, Role};
use crate::executor::{Driver, SharedMailbox, State};
use crate::io::Io;

pub use crate::bindings::words::creel::plugin::chat::{
    ChatRequest, NativeRequest, PlacedMedia, ResponseFormat, Tool, ToolChoice,
};
pub use crate::bindings::words::creel::plugin::types::{CallError, Fault};
pub use wit::{Finish, Usage};
/// One piece of output as the host sees it.
pub use wit::{Output as OutputEvent, Progress, Step};

/// A provider of chat completions. Export it with [`provider!`](crate::provider!).
pub trait Provider: 'static {
    /// Answers one request; dropped by the host to cancel. Write it as `async fn`.
    ///
    /// [`Output::finished`] is due exactly once before `Ok`.
    fn complete(
        cx: Context,
        request: ChatRequest,
        io: Io,
        out: Output,
    ) -> impl Future<Output = Result<(), CallError>> + 'static;
}

/// Where the answer goes. Clones share it.
#[derive(Clone, Default)]
pub struct Output(Rc<RefCell<Vec<OutputEvent>>>);

impl Output {
    /// More of the answer. What is said within one step arrives as one piece.
    pub fn text(&self, text: impl Into<String>) {
        let text = text.into();
        let mut pending = self.0.borrow_mut();
        if let Some(OutputEvent::Text(last)) = pending.last_mut() {
            last.push_str(&text);
        } else if !text.is_empty() {
            pending.push(OutputEvent::Text(text));
        }
    }

    /// More of what the model thought.
    pub fn reasoning(&self, text: impl Into<String>) {
        let text = text.into();
        let mut pending = self.0.borrow_mut();
        if let Some(OutputEvent::Reasoning(Reasoning { text: last, signature: None })) = pending.last_mut() {
            last.push_str(&text);
        } else if !text.is_empty() {
            pending.push(OutputEvent::Reasoning(Reasoning { text, signature: None }));
        }
    }

    /// Ends a block of reasoning with the provider's signature of it.
    pub fn reasoning_signature(&self, signature: impl Into<String>) {
        let signature = Some(signature.into());
        let mut pending = self.0.borrow_mut();
        if let Some(OutputEvent::Reasoning(Reasoning { signature: last @ None, .. })) = pending.last_mut() {
            *last = signature;
        } else {
            pending.push(OutputEvent::Reasoning(Reasoning { text: String::new(), signature }));
        }
    }

    /// A tool call begins; `index` counts the calls of this answer.
    pub fn tool_call_start(&self, index: u32, id: impl Into<String>, name: impl Into<String>) {
        self.push(OutputEvent::ToolCallStart((index, id.into(), name.into())));
    }

    /// More of the arguments of the call `index`.
    pub fn tool_call_arguments(&self, index: u32, json: impl Into<String>) {
        let json = json.into();
        let mut pending = self.0.borrow_mut();
        match pending.last_mut() {
            Some(OutputEvent::ToolCallArguments((last, arguments))) if *last == index => arguments.push_str(&json),
            Some(_) | None if json.is_empty() => {}
            Some(_) | None => pending.push(OutputEvent::ToolCallArguments((index, json))),
        }
    }

    /// A medium that the model made.
    pub fn media(&self, media: Media) {
        self.push(OutputEvent::Media(media));
    }

    /// One event of the answer to a native request, as the provider wrote it, or the whole answer.
    pub fn native(&self, data: impl Into<String>) {
        self.push(OutputEvent::Native(data.into()));
    }

    /// The totals of the call so far.
    pub fn usage(&self, usage: Usage) {
        self.push(OutputEvent::Usage(usage));
    }

    /// Why the model stopped: exactly once, before the end.
    pub fn finished(&self, finish: Finish) {
        self.push(OutputEvent::Finished(finish));
    }

    fn push(&self, event: OutputEvent) {
        self.0.borrow_mut().push(event);
    }
}

impl ChatRequest {
    /// The text of the last message of the user, or nothing.
    #[must_use]
    pub fn last_user_text(&self) -> String {
        let Some(message) = self.messages.iter().rev().find(|message| message.role == Role::User) else {
            return String::new();
        };
        let texts = message.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Media(_) | Part::Reasoning(_) | Part::ToolCall(_) | Part::ToolResult(_) => None,
        });
        texts.collect::<Vec<_>>().join("\n")
    }
}

/// One completion under way. Made by [`provider!`](crate::provider!) and by the test kit.
pub struct Completion<P> {
    inner: RefCell<Inner>,
    provider: PhantomData<P>,
}

struct Inner {
    driver: Driver<CallError>,
    out: Output,
}

impl<P: Provider> Completion<P> {
    /// Begins a completion and runs it until it waits.
    #[must_use]
    pub fn begin(context: Context, request: ChatRequest) -> (Self, Step) {
        let mailbox = SharedMailbox::default();
        let out = Output::default();
        let task = P::complete(context, request, Io::new(Rc::clone(&mailbox)), out.clone());
        let inner = RefCell::new(Inner { driver: Driver::new(mailbox, task), out });
        let completion = Self { inner, provider: PhantomData };
        let step = completion.proceed(Vec::new());
        (completion, step)
    }

    /// Goes on with what happened.
    pub fn proceed(&self, events: Vec<Event>) -> Step {
        let mut inner = self.inner.borrow_mut();
        let (commands, state) = inner.driver.resume(events);
        let output = mem::take(&mut *inner.out.0.borrow_mut());
        let state = match state {
            State::Running => Progress::Running,
            State::Done => Progress::Done,
            State::Failed(error) => Progress::Failed(error),
        };
        Step { commands, output, state }
    }
}

impl<P: Provider> wit::GuestCompletion for Completion<P> {
    fn start(context: Context, request: ChatRequest) -> (wit::Completion, Step) {
        let (completion, step) = Self::begin(context, request);
        (wit::Completion::new(completion), step)
    }

    fn resume(&self, events: Vec<Event>) -> Step {
        self.proceed(events)
    }
}

/// Lets the export macro check its argument on every target.
#[doc(hidden)]
pub fn assert_provider<T: Provider>() {}

/// Exports a [`Provider`] as the component's `chat-provider`.
#[macro_export]
macro_rules! provider {
    ($provider:ty) => {
        const _: fn() = $crate::provider::assert_provider::<$provider>;
        // A native library cannot hold the names of the exports.
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exported;
            impl $crate::bindings::provider::exports::creel::plugin::chat_provider::Guest for Exported {
                type Completion = $crate::provider::Completion<$provider>;
            }
    $crate::bindings::provider::export_provider!(Exported with_types_in $crate::bindings::provider);
        };
    };
}
