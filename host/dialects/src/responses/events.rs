//! The events of OpenAI's responses that stand between those of the whole answer. When which of them is written is
//! known to `stream`.

use serde::Serialize;

use super::answer::{ItemBody, Part, SummaryPart};

/// `data` of an event without its number.
pub(super) enum Event<'a> {
    ItemAdded { output_index: usize, item: ItemBody<'a> },
    ItemDone { output_index: usize, item: ItemBody<'a> },
    PartAdded { of: Of<'a>, part: Part<'a> },
    PartDone { of: Of<'a>, part: Part<'a> },
    TextDelta { of: Of<'a>, delta: &'a str },
    TextDone { of: Of<'a>, text: &'a str },
    SummaryPartAdded { of: Of<'a>, part: SummaryPart<'a> },
    SummaryPartDone { of: Of<'a>, part: SummaryPart<'a> },
    SummaryDelta { of: Of<'a>, delta: &'a str },
    SummaryDone { of: Of<'a>, text: &'a str },
    ArgumentsDelta { of: Of<'a>, delta: &'a str },
    ArgumentsDone { of: Of<'a>, name: &'a str, arguments: &'a str },
    Error { code: &'a str, message: &'a str, param: Option<&'a str> },
}

/// The item that an event is about.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) item_id: &'a str,
    pub(super) output_index: usize,
}

/// All fields that any event has, in the order in which they are written.
#[derive(Default, Serialize)]
struct Wire<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    sequence_number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<&'a ItemBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<AnyPart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<[(); 0]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<Option<&'a str>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum AnyPart<'a> {
    Text(&'a Part<'a>),
    Summary(&'a SummaryPart<'a>),
}

/// The only part that a message, or a summary, has here.
const FIRST: Option<usize> = Some(0);

impl Event<'_> {
    /// Its name, the same as its `type`.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::ItemAdded { .. } => "response.output_item.added",
            Self::ItemDone { .. } => "response.output_item.done",
            Self::PartAdded { .. } => "response.content_part.added",
            Self::PartDone { .. } => "response.content_part.done",
            Self::TextDelta { .. } => "response.output_text.delta",
            Self::TextDone { .. } => "response.output_text.done",
            Self::SummaryPartAdded { .. } => "response.reasoning_summary_part.added",
            Self::SummaryPartDone { .. } => "response.reasoning_summary_part.done",
            Self::SummaryDelta { .. } => "response.reasoning_summary_text.delta",
            Self::SummaryDone { .. } => "response.reasoning_summary_text.done",
            Self::ArgumentsDelta { .. } => "response.function_call_arguments.delta",
            Self::ArgumentsDone { .. } => "response.function_call_arguments.done",
            Self::Error { .. } => "error",
        }
    }

    /// What is written of it.
    pub(super) fn numbered(&self, sequence_number: u64) -> impl Serialize + '_ {
        let wire = Wire { kind: self.name(), sequence_number, ..Wire::default() };
        match self {
            Self::ItemAdded { output_index, item } | Self::ItemDone { output_index, item } => {
                Wire { output_index: Some(*output_index), item: Some(item), ..wire }
            }
            Self::PartAdded { of, part } | Self::PartDone { of, part } => {
                Wire { content_index: FIRST, part: Some(AnyPart::Text(part)), ..wire.of(*of) }
            }
            Self::TextDelta { of, delta } => {
                Wire { content_index: FIRST, delta: Some(delta), logprobs: Some([]), ..wire.of(*of) }
            }
            Self::TextDone { of, text } => {
                Wire { content_index: FIRST, text: Some(text), logprobs: Some([]), ..wire.of(*of) }
            }
            Self::SummaryPartAdded { of, part } | Self::SummaryPartDone { of, part } => {
                Wire { summary_index: FIRST, part: Some(AnyPart::Summary(part)), ..wire.of(*of) }
            }
            Self::SummaryDelta { of, delta } => Wire { summary_index: FIRST, delta: Some(delta), ..wire.of(*of) },
            Self::SummaryDone { of, text } => Wire { summary_index: FIRST, text: Some(text), ..wire.of(*of) },
            Self::ArgumentsDelta { of, delta } => Wire { delta: Some(delta), ..wire.of(*of) },
            Self::ArgumentsDone { of, name, arguments } => {
                Wire { name: Some(name), arguments: Some(arguments), ..wire.of(*of) }
            }
            Self::Error { code, message, param } => {
                Wire { code: Some(code), message: Some(message), param: Some(*param), ..wire }
            }
        }
    }
}

impl<'a> Wire<'a> {
    fn of(self, of: Of<'a>) -> Self {
        Self { item_id: Some(of.item_id), output_index: Some(of.output_index), ..self }
    }
}
