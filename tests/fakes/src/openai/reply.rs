//! What the fake model says, whichever API carries it. How it goes over the wire stands in `chat_wire` and
//! `responses_wire`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::request::{Request, ToolCall};
use crate::answer::{Answer, Body, Piece};
use crate::schema;

/// How a seal begins, as those of the service do.
const SEAL: &str = "gAAAAABo";
/// Bytes of the sum at the end of a seal.
const SUM_BYTES: usize = 32;
/// Words in one piece of text.
const WORDS_PER_DELTA: usize = 2;
/// Characters in one piece of arguments; small, so that no fragment is JSON by itself.
const ARGUMENT_CHARS_PER_DELTA: usize = 7;

/// What the model answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// What it thought before.
    pub reasoning: String,
    /// The text.
    pub text: String,
    /// Why it does not answer, in place of a text.
    pub refusal: Option<String>,
    /// What it calls, in parallel.
    pub tool_calls: Vec<ToolCall>,
    /// Annotations of the text, in the form of the API that is called.
    pub annotations: Vec<Value>,
    /// `stop`, `length`, `tool_calls` or `content_filter`; by itself, what fits the rest.
    pub finish_reason: Option<String>,
}

impl Reply {
    /// Says a text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// Refuses in words.
    #[must_use]
    pub fn refusal(why: &str) -> Self {
        Self { refusal: Some(why.to_owned()), ..Self::default() }
    }

    /// Calls a function.
    #[must_use]
    pub fn tool_call(id: &str, name: &str, arguments: &Value) -> Self {
        Self::default().and_tool_call(id, name, arguments)
    }

    /// Calls one more function, in parallel.
    #[must_use]
    pub fn and_tool_call(mut self, id: &str, name: &str, arguments: &Value) -> Self {
        let (id, name) = (id.to_owned(), name.to_owned());
        self.tool_calls.push(ToolCall { id, name, arguments: arguments.to_string() });
        self
    }

    /// Thinks first.
    #[must_use]
    pub fn after_reasoning(mut self, thought: &str) -> Self {
        thought.clone_into(&mut self.reasoning);
        self
    }

    /// Annotates the text, in the form of the API that is called.
    #[must_use]
    pub fn annotated(mut self, annotation: Value) -> Self {
        self.annotations.push(annotation);
        self
    }

    /// Ends for another reason, such as `content_filter`.
    #[must_use]
    pub fn finished_by(mut self, reason: &str) -> Self {
        self.finish_reason = Some(reason.to_owned());
        self
    }

    /// Why the answer ended.
    pub(super) fn reason(&self) -> &str {
        let usual = if self.tool_calls.is_empty() { "stop" } else { "tool_calls" };
        self.finish_reason.as_deref().unwrap_or(usual)
    }

    /// Cuts a text that has more words than the caller allows tokens: a token is a word here.
    pub(super) fn cut_to(mut self, tokens_max: Option<u64>) -> Self {
        let most = tokens_max.map_or(usize::MAX, |tokens| usize::try_from(tokens).unwrap_or(usize::MAX));
        if words(&self.text).len() <= most {
            return self;
        }
        self.text = words(&self.text)[..most].concat();
        self.tool_calls.clear();
        self.finished_by("length")
    }
}

/// Says what the form demands; calls a function where the caller insists on one; otherwise describes the pictures of
/// the last message and repeats its text.
#[must_use]
pub fn describe_and_echo(request: &Request) -> Reply {
    if let Some(tool) = demanded_tool(request) {
        return Reply::tool_call("call_FakeFakeFakeFakeFakeFake", &tool, &json!({}));
    }
    let mut sentences = Vec::new();
    if let Some(message) = request.messages.last().filter(|message| message.role == "tool") {
        sentences.push(format!("The tool said: {}", message.text));
    }
    let last = request.last_user_message();
    sentences.extend(last.into_iter().flat_map(|message| &message.images).map(|image| format!("I see {image}.")));
    match last.map(|message| message.text.as_str()).filter(|text| !text.is_empty()) {
        Some(text) => sentences.push(format!("You said: {text}")),
        None if sentences.is_empty() => sentences.push("You said nothing.".to_owned()),
        None => {}
    }
    let text = sentences.join(" ");
    match &request.schema {
        Some(schema) => Reply::text(&schema::instance(schema, &text).to_string()),
        None => Reply::text(&text),
    }
}

fn demanded_tool(request: &Request) -> Option<String> {
    let choice = request.body.get("tool_choice")?;
    if choice == "required" {
        return request.tools.first().cloned();
    }
    let function = choice.get("function").unwrap_or(choice);
    function.get("name").and_then(Value::as_str).map(str::to_owned)
}

/// The text in the pieces of a stream.
pub(super) fn pieces(text: &str) -> Vec<String> {
    words(text).chunks(WORDS_PER_DELTA).map(<[&str]>::concat).collect()
}

/// Arguments in the pieces of a stream.
pub(super) fn fragments(arguments: &str) -> Vec<String> {
    let chars: Vec<char> = arguments.chars().collect();
    chars.chunks(ARGUMENT_CHARS_PER_DELTA).map(|chars| chars.iter().collect()).collect()
}

/// The words of a text, each with the spaces behind it.
pub(super) fn words(text: &str) -> Vec<&str> {
    text.split_inclusive(' ').collect()
}

/// Random letters that hide how long a piece is; here they follow from its number.
pub(super) fn obfuscation(number: usize) -> String {
    "q7Zr0XkLmW2vB9sT"[..number * 5 % 15 + 1].to_owned()
}

/// Tokens of the prompt, of the answer, and of what was thought: a rough count that grows with each.
pub(super) fn tokens(request: &Request, reply: &Reply) -> (usize, usize, usize) {
    let pixels = |image: &crate::pictures::Description| image.width as usize * image.height as usize / 750 + 1;
    let prompt: usize = request
        .messages
        .iter()
        .map(|message| message.text.len() / 4 + 4 + message.images.iter().map(pixels).sum::<usize>())
        .sum();
    let reasoning = words(&reply.reasoning).len();
    let calls: usize = reply.tool_calls.iter().map(|call| call.arguments.len() / 4 + 8).sum();
    let refusal = reply.refusal.as_deref().map_or(0, |refusal| words(refusal).len());
    (prompt, reasoning + words(&reply.text).len() + refusal + calls, reasoning)
}

/// A thought as it goes out when the caller keeps it: closed, and of a form that only this fake gives.
pub(super) fn sealed(thought: &str) -> String {
    format!("{SEAL}{}", STANDARD.encode([thought.as_bytes(), &sum(thought)].concat()))
}

/// The thought of a seal that was not changed.
pub(super) fn unsealed(seal: &str) -> Option<String> {
    let bytes = STANDARD.decode(seal.strip_prefix(SEAL)?).ok()?;
    let (thought, found) = bytes.split_at_checked(bytes.len().checked_sub(SUM_BYTES)?)?;
    let thought = String::from_utf8(thought.to_vec()).ok()?;
    (found == sum(&thought)).then_some(thought)
}

fn sum(thought: &str) -> [u8; SUM_BYTES] {
    Sha256::digest(format!("a thought of the fake: {thought}")).into()
}

/// Puts comment lines before the events of a stream, as `OpenRouter` does while it waits for a provider.
#[must_use]
pub fn with_comments(answer: Answer, comment: &str, count: usize) -> Answer {
    let mut answer = answer;
    if let Body::Pieces(pieces) = &mut answer.body {
        let comment = || Piece::Bytes(format!(": {comment}\n\n").into());
        pieces.splice(0..0, std::iter::repeat_with(comment).take(count));
    }
    answer
}
