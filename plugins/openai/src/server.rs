//! How servers of the dialect differ, as data: each entry with its reason. How the words are written is `request`'s,
//! and what they mean in an answer `answer`'s, which understands all of them at once.

use serde::Deserialize;

/// Who answers at `baseUrl`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Name {
    #[default]
    OpenAi,
    Compatible,
    DeepSeek,
    Groq,
    LlamaCpp,
    LmStudio,
    Mistral,
    Ollama,
    OpenRouter,
    Together,
    Vllm,
}

/// What a server takes.
#[derive(Debug)]
pub(crate) struct Server {
    /// Whether it has `/responses`.
    pub(crate) has_responses: bool,
    /// The field of the bound on an answer.
    pub(crate) bound: Bound,
    /// Whether it takes `stream_options`, without which some say no totals in a stream.
    pub(crate) takes_stream_options: bool,
    /// Whether models that reason differ from the others in what they take, as the provider's own do.
    pub(crate) tells_reasoning_models_apart: bool,
    /// How an effort is said.
    pub(crate) effort: Effort,
    /// The field in which earlier reasoning goes back within a chain of tool calls.
    pub(crate) reasoning_back: Option<&'static str>,
    /// How an answer in JSON is asked for.
    pub(crate) json: Json,
    /// Whether `image_url` is a text and not an object.
    pub(crate) has_plain_image_url: bool,
    /// Whether there is `video_url`.
    pub(crate) takes_video: bool,
    /// Whether `parallel_tool_calls` is known.
    pub(crate) takes_parallel: bool,
    /// The field of the seed.
    pub(crate) seed: Seed,
    /// The field of the length of a vector.
    pub(crate) dimensions: Dimensions,
    /// Whether ids of tool calls have nine letters or digits and nothing else.
    pub(crate) has_short_ids: bool,
}

/// The field of the bound on an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    MaxTokens,
    MaxCompletionTokens,
}

/// How an effort is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// `reasoning_effort`.
    Field,
    /// `reasoning.effort`.
    Object,
    /// Not at all.
    Unknown,
}

/// How an answer in JSON is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Json {
    /// `json_object` and `json_schema`.
    Both,
    /// `json_schema` alone.
    SchemaOnly,
    /// `json_object` alone.
    ObjectOnly,
}

/// The field of the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seed {
    Seed,
    RandomSeed,
}

/// The field of the length of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dimensions {
    Dimensions,
    OutputDimension,
}

/// What most take; entries say where they differ.
const COMPATIBLE: Server = Server {
    has_responses: false,
    // The older of the two names: servers that know the newer one take it as well.
    bound: Bound::MaxTokens,
    takes_stream_options: true,
    tells_reasoning_models_apart: false,
    effort: Effort::Field,
    reasoning_back: None,
    json: Json::Both,
    has_plain_image_url: false,
    takes_video: false,
    takes_parallel: true,
    seed: Seed::Seed,
    dimensions: Dimensions::Dimensions,
    has_short_ids: false,
};

/// Models that reason refuse `max_tokens`, `temperature` and `system`; the newer bound is taken by all.
const OPENAI: Server =
    Server { has_responses: true, bound: Bound::MaxCompletionTokens, tells_reasoning_models_apart: true, ..COMPATIBLE };

/// Knows `json_object` only and takes no `parallel_tool_calls`. While it thinks it refuses a chain of tool calls that
/// comes back without its `reasoning_content`.
const DEEPSEEK: Server =
    Server { reasoning_back: Some("reasoning_content"), json: Json::ObjectOnly, takes_parallel: false, ..COMPATIBLE };

/// Has replaced `max_tokens`, and takes the words of earlier reasoning under its own name.
const GROQ: Server =
    Server { has_responses: true, bound: Bound::MaxCompletionTokens, reasoning_back: Some("reasoning"), ..COMPATIBLE };

/// Templates of models that think read `reasoning_content` of earlier messages.
const LLAMACPP: Server = Server { reasoning_back: Some("reasoning_content"), ..COMPATIBLE };

/// Refuses `json_object`: its `response_format` is `text` or `json_schema`.
const LMSTUDIO: Server = Server { has_responses: true, json: Json::SchemaOnly, ..COMPATIBLE };

/// Refuses fields that it does not know (422), `stream_options`, `seed` and `dimensions` among them, and always ends a
/// stream with the totals. Its documents have `image_url` as a text, and its ids of calls have nine signs.
const MISTRAL: Server = Server {
    takes_stream_options: false,
    effort: Effort::Unknown,
    has_plain_image_url: true,
    seed: Seed::RandomSeed,
    dimensions: Dimensions::OutputDimension,
    has_short_ids: true,
    ..COMPATIBLE
};

/// Its own dialect has a plugin of its own; this is the compatible one. Earlier reasoning is `reasoning` there.
const OLLAMA: Server = Server { has_responses: true, reasoning_back: Some("reasoning"), ..COMPATIBLE };

/// One `reasoning` object for models of all makers, which it translates; it sends videos on to those that take them.
const OPENROUTER: Server = Server {
    has_responses: true,
    effort: Effort::Object,
    reasoning_back: Some("reasoning"),
    takes_video: true,
    ..COMPATIBLE
};

/// Ends a stream with the totals without being asked, and does not document `stream_options`.
const TOGETHER: Server = Server { takes_stream_options: false, ..COMPATIBLE };

/// Takes videos as `video_url`. Older versions know `max_tokens` only.
const VLLM: Server =
    Server { has_responses: true, reasoning_back: Some("reasoning_content"), takes_video: true, ..COMPATIBLE };

impl Name {
    /// What is known of the server.
    pub(crate) fn facts(self) -> &'static Server {
        match self {
            Self::OpenAi => &OPENAI,
            Self::Compatible => &COMPATIBLE,
            Self::DeepSeek => &DEEPSEEK,
            Self::Groq => &GROQ,
            Self::LlamaCpp => &LLAMACPP,
            Self::LmStudio => &LMSTUDIO,
            Self::Mistral => &MISTRAL,
            Self::Ollama => &OLLAMA,
            Self::OpenRouter => &OPENROUTER,
            Self::Together => &TOGETHER,
            Self::Vllm => &VLLM,
        }
    }
}

impl Server {
    /// Whether the model is one that reasons and takes no sampling, of those that the server tells apart.
    pub(crate) fn is_reasoning(&self, model: &str) -> bool {
        if !self.tells_reasoning_models_apart {
            return false;
        }
        // Fine-tuned models have the name of their base behind `ft:`.
        let name = model.strip_prefix("ft:").unwrap_or(model);
        let name = name.rsplit('/').next().unwrap_or(name);
        let is_o = name.strip_prefix('o').is_some_and(|rest| rest.starts_with(|sign: char| sign.is_ascii_digit()));
        let is_five = name.strip_prefix("gpt-").is_some_and(|rest| rest.starts_with(['5', '6', '7', '8', '9']));
        is_o || (is_five && !name.contains("-chat")) || name.starts_with("codex")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_that_reason_are_told_by_their_names() {
        let check = |name, expected| assert_eq!(OPENAI.is_reasoning(name), expected, "{name}");
        for name in
            ["o1", "o3-mini", "o4-mini-2025-04-16", "gpt-5", "gpt-5.1-codex", "ft:o4-mini:me::1", "openai/gpt-5"]
        {
            check(name, true);
        }
        for name in
            ["gpt-4o", "gpt-4.1-mini", "gpt-5-chat-latest", "chatgpt-4o-latest", "omni-moderation", "gpt-oss-20b"]
        {
            check(name, false);
        }
        assert!(!COMPATIBLE.is_reasoning("o3"));
    }

    #[test]
    fn every_name_of_the_manifest_is_known() {
        let manifest = include_str!("../plugin.toml");
        let (_, list) = manifest.split_once("enum = [").expect("the manifest lists the servers");
        let (list, _) = list.split_once(']').expect("the list ends");
        let names: Vec<&str> = list.split(',').map(|name| name.trim().trim_matches('"')).collect();
        let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
        assert_eq!(names.len(), 11);
        for name in names {
            let parsed: Result<Name, _> = serde_json::from_value(name.into());
            assert!(parsed.is_ok(), "{name}");
        }
    }
}
