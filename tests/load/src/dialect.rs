//! The two dialects as far as load needs them: what is asked, what the fake upstream answers, and what a client reads
//! out of an event. How fast, and over which connection, is not here.

use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::pace::Pace;

/// What a client and a server speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// OpenAI's chat completions.
    Openai,
    /// Anthropic's messages.
    Anthropic,
}

/// What an event of a stream says to whoever reads along.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// A piece of the text.
    Text(String),
    /// The answer is complete.
    End,
    /// Something else, or something that this reader does not know.
    Other,
    /// The answer has failed.
    Error(String),
}

const OPENAI_MODEL: &str = "gpt-4o-mini";
const ANTHROPIC_MODEL: &str = "claude-haiku-4-5";

impl Dialect {
    /// The path of a call beneath the root of a server.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Openai => "/v1/chat/completions",
            Self::Anthropic => "/v1/messages",
        }
    }

    /// The model that the fake upstream has.
    pub(crate) fn model(self) -> &'static str {
        match self {
            Self::Openai => OPENAI_MODEL,
            Self::Anthropic => ANTHROPIC_MODEL,
        }
    }

    /// The body of a request.
    pub(crate) fn request(self, model: &str, pace: &Pace, is_stream: bool) -> String {
        let prompt = format!("Say hello. {pace}");
        let mut body = json!({ "model": model, "messages": [{ "role": "user", "content": prompt }] });
        match self {
            Self::Openai if is_stream => body["stream_options"] = json!({ "include_usage": true }),
            Self::Openai => {}
            Self::Anthropic => body["max_tokens"] = json!(256),
        }
        if is_stream {
            body["stream"] = json!(true);
        }
        body.to_string()
    }

    /// The whole answer as one JSON object.
    pub(crate) fn whole(self, pace: &Pace) -> Bytes {
        let text = pace.text();
        let length = pace.chunks;
        let answer = match self {
            Self::Openai => format!(
                concat!(
                    r#"{{"id":"chatcmpl-load","object":"chat.completion","created":1700000000,"model":"{model}","#,
                    r#""choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}","refusal":null,"#,
                    r#""annotations":[]}},"logprobs":null,"finish_reason":"stop"}}],"#,
                    r#""usage":{{"prompt_tokens":9,"completion_tokens":{length},"total_tokens":{total},"#,
                    r#""prompt_tokens_details":{{"cached_tokens":0,"audio_tokens":0}},"#,
                    r#""completion_tokens_details":{{"reasoning_tokens":0,"audio_tokens":0,"#,
                    r#""accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}},"#,
                    r#""service_tier":"default","system_fingerprint":"fp_load"}}"#,
                ),
                model = OPENAI_MODEL,
                text = text,
                length = length,
                total = length + 9,
            ),
            Self::Anthropic => format!(
                concat!(
                    r#"{{"id":"msg_load","type":"message","role":"assistant","model":"{model}","#,
                    r#""content":[{{"type":"text","text":"{text}"}}],"stop_reason":"end_turn","stop_sequence":null,"#,
                    r#""usage":{{"input_tokens":9,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"#,
                    r#""output_tokens":{length}}}}}"#,
                ),
                model = ANTHROPIC_MODEL,
                text = text,
                length = length,
            ),
        };
        answer.into()
    }

    /// The events of a streamed answer, each as it goes over the wire.
    pub(crate) fn events(self, pace: &Pace) -> Vec<Bytes> {
        match self {
            Self::Openai => openai_events(pace),
            Self::Anthropic => anthropic_events(pace),
        }
    }

    /// How many events of a stream come before its first piece of text. They belong to it: nobody waits in between.
    pub(crate) fn preface(self) -> usize {
        match self {
            Self::Openai => 1,
            Self::Anthropic => 3,
        }
    }

    /// What an event says, given what stands after `data:`.
    pub(crate) fn read(self, data: &str) -> Said {
        if data == "[DONE]" {
            return Said::End;
        }
        let Ok(event) = serde_json::from_str::<Value>(data) else { return Said::Other };
        if event.get("error").is_some_and(|error| !error.is_null()) {
            return Said::Error(data.to_owned());
        }
        let text = match self {
            Self::Openai => event.pointer("/choices/0/delta/content"),
            Self::Anthropic if event["type"] == "message_stop" => return Said::End,
            Self::Anthropic => event.pointer("/delta/text"),
        };
        text.and_then(Value::as_str).map_or(Said::Other, |text| Said::Text(text.to_owned()))
    }
}

fn openai_events(pace: &Pace) -> Vec<Bytes> {
    let event = |choices: &str, more: &str| {
        Bytes::from(format!(
            "data: {{\"id\":\"chatcmpl-load\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\
             \"model\":\"{OPENAI_MODEL}\",\"system_fingerprint\":\"fp_load\",\"choices\":[{choices}]{more}}}\n\n"
        ))
    };
    let choice = |delta: &str, finish: &str| {
        format!("{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish}}}")
    };
    let mut events = Vec::with_capacity(pace.chunks + 4);
    events.push(event(&choice(r#"{"role":"assistant","content":"","refusal":null}"#, "null"), ""));
    for index in 0..pace.chunks {
        let delta = format!("{{\"content\":\"{}\"}}", pace.piece(index));
        events.push(event(&choice(&delta, "null"), ""));
    }
    events.push(event(&choice("{}", "\"stop\""), ""));
    let (length, total) = (pace.chunks, pace.chunks + 9);
    let usage = format!(",\"usage\":{{\"prompt_tokens\":9,\"completion_tokens\":{length},\"total_tokens\":{total}}}");
    events.push(event("", &usage));
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events
}

fn anthropic_events(pace: &Pace) -> Vec<Bytes> {
    let event = |name: &str, fields: &str| {
        let mut text = String::with_capacity(64 + fields.len());
        // Writing to a `String` does not fail.
        write!(text, "event: {name}\ndata: {{\"type\":\"{name}\"{fields}}}\n\n").expect("a string takes all");
        Bytes::from(text)
    };
    let mut events = Vec::with_capacity(pace.chunks + 6);
    let start = format!(
        concat!(
            r#","message":{{"id":"msg_load","type":"message","role":"assistant","model":"{}","content":[],"#,
            r#""stop_reason":null,"stop_sequence":null,"usage":{{"input_tokens":9,"output_tokens":1}}}}"#,
        ),
        ANTHROPIC_MODEL,
    );
    events.push(event("message_start", &start));
    events.push(event("content_block_start", r#","index":0,"content_block":{"type":"text","text":""}"#));
    events.push(event("ping", ""));
    for index in 0..pace.chunks {
        let delta = format!(r#","index":0,"delta":{{"type":"text_delta","text":"{}"}}"#, pace.piece(index));
        events.push(event("content_block_delta", &delta));
    }
    events.push(event("content_block_stop", r#","index":0"#));
    let end = format!(
        r#","delta":{{"stop_reason":"end_turn","stop_sequence":null}},"usage":{{"output_tokens":{}}}"#,
        pace.chunks
    );
    events.push(event("message_delta", &end));
    events.push(event("message_stop", ""));
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client reads out of a whole stream.
    fn read_all(dialect: Dialect, pace: &Pace) -> (String, usize) {
        let (mut text, mut ends) = (String::new(), 0);
        for event in dialect.events(pace) {
            let event = String::from_utf8(event.to_vec()).expect("events are text");
            assert!(event.ends_with("\n\n"), "{event}");
            let data = event.lines().find_map(|line| line.strip_prefix("data: ")).expect("every event has data");
            match dialect.read(data) {
                Said::Text(piece) => text.push_str(&piece),
                Said::End => ends += 1,
                Said::Other => {}
                Said::Error(error) => unreachable!("{error}"),
            }
        }
        (text, ends)
    }

    #[test]
    fn what_is_written_can_be_read() {
        let pace = Pace { chunks: 3, mark: "m7".to_owned(), ..Pace::default() };
        for dialect in [Dialect::Openai, Dialect::Anthropic] {
            let text = dialect.events(&pace)[dialect.preface()].clone();
            let has_first = memchr::memmem::find(&text, b" m7.0").is_some();
            assert!(has_first, "{dialect:?} begins its text with {text:?}");
            assert_eq!(read_all(dialect, &pace), (" m7.0 m7.1 m7.2".to_owned(), 1), "{dialect:?}");
            let whole: Value = serde_json::from_slice(&dialect.whole(&pace)).expect("an answer is JSON");
            let text = whole.pointer("/choices/0/message/content").or_else(|| whole.pointer("/content/0/text"));
            assert_eq!(text, Some(&json!(" m7.0 m7.1 m7.2")), "{dialect:?}");
        }
    }

    #[test]
    fn a_request_carries_its_pace() {
        let pace = Pace { first_ms: 20, apart: true, ..Pace::default() };
        for (dialect, is_stream) in [(Dialect::Openai, true), (Dialect::Openai, false), (Dialect::Anthropic, true)] {
            let body = dialect.request("some/model", &pace, is_stream);
            assert_eq!(Pace::parse(body.as_bytes()), Ok(pace.clone()), "{body}");
            let body: Value = serde_json::from_str(&body).expect("a request is JSON");
            assert_eq!(body["stream"] == json!(true), is_stream, "{body}");
        }
    }

    #[test]
    fn errors_of_both_dialects_are_seen() {
        let error = r#"{"type":"error","error":{"type":"api_error","message":"no"}}"#;
        assert_eq!(Dialect::Anthropic.read(error), Said::Error(error.to_owned()));
        assert_eq!(Dialect::Openai.read(error), Said::Error(error.to_owned()));
        assert_eq!(Dialect::Openai.read(r#"{"error":null,"choices":[]}"#), Said::Other);
        assert_eq!(Dialect::Openai.read("not JSON"), Said::Other);
    }
}
