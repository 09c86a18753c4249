//! Vectors of texts. Many texts are asked for in several requests, so that no answer outgrows the plugin's memory.

use creel_sdk::embedding::{EmbeddingRequest, Embeddings};
use creel_sdk::provider::CallError;
use creel_sdk::{BodyError, BodyPiece, Context, Io, Request};
use serde::{Deserialize, Serialize};

use crate::{Settings, fault};

/// Texts of one request: 256 vectors of 4,096 numbers are some 20 MB of JSON.
const INPUTS_AT_ONCE: usize = 256;
/// Bytes of one answer.
const ANSWER_BYTES_MAX: usize = 24 << 20;

/// The body of `POST /api/embed`.
#[derive(Serialize)]
struct Question<'a> {
    model: &'a str,
    input: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<Options>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_alive: Option<&'a str>,
    /// The server would else cut what is too long without a word, and give the vector of another text.
    truncate: bool,
}

#[derive(Clone, Copy, Serialize)]
struct Options {
    num_ctx: u32,
}

#[derive(Deserialize)]
struct Answer {
    embeddings: Vec<Vec<f32>>,
    prompt_eval_count: Option<u64>,
}

/// Asks for a vector of each text.
pub(crate) async fn embed(cx: Context, request: EmbeddingRequest, io: Io) -> Result<Embeddings, CallError> {
    let settings: Settings = cx.settings()?;
    let mut all = Embeddings { vectors: Vec::with_capacity(request.inputs.len()), input_tokens: 0 };
    for input in request.inputs.chunks(INPUTS_AT_ONCE) {
        let question = Question {
            model: &request.model,
            input,
            dimensions: request.dimensions,
            options: settings.num_ctx.map(|num_ctx| Options { num_ctx }),
            keep_alive: settings.keep_alive.as_deref(),
            truncate: false,
        };
        let body = vec![BodyPiece::Bytes(serde_json::to_vec(&question).map_err(BodyError::Json)?)];
        let mut response = io.send(Request::post("api", "/api/embed").credential("account").json(body)).await?;
        if !response.is_success() {
            return Err(fault::read(&mut response, cx.now_ms).await);
        }
        let answer: Answer = response.json(ANSWER_BYTES_MAX).await?;
        let input_tokens = answer.prompt_eval_count.unwrap_or_default();
        let part = Embeddings { vectors: answer.embeddings, input_tokens }.checked(input.len(), request.dimensions)?;
        all.vectors.extend(part.vectors);
        all.input_tokens += part.input_tokens;
    }
    all.checked(request.inputs.len(), request.dimensions)
}
