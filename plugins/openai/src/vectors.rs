//! Vectors of texts. Many texts are asked for in several requests, so that no answer outgrows the plugin's memory.

use creel_sdk::embedding::{EmbeddingRequest, Embeddings};
use creel_sdk::provider::CallError;
use creel_sdk::{BodyPiece, Context, Io, Request};
use serde::{Deserialize, Serialize};

use crate::fault;
use crate::server::Dimensions;
use crate::settings::Settings;

/// Texts of one request: 256 vectors of 3,072 numbers are some 16 MB of JSON.
const INPUTS_AT_ONCE: usize = 256;
/// Bytes of one answer.
const ANSWER_BYTES_MAX: usize = 24 << 20;

#[derive(Serialize)]
struct Question<'a> {
    model: &'a str,
    input: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimension: Option<u32>,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Entry>,
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Entry {
    index: Option<usize>,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Tokens {
    prompt_tokens: Option<u64>,
}

/// Asks for a vector of each text.
pub(crate) async fn embed(cx: Context, request: EmbeddingRequest, io: Io) -> Result<Embeddings, CallError> {
    let settings: Settings = cx.settings()?;
    let (dimensions, output_dimension) = match settings.server().dimensions {
        Dimensions::Dimensions => (request.dimensions, None),
        Dimensions::OutputDimension => (None, request.dimensions),
    };
    let mut all = Embeddings { vectors: Vec::with_capacity(request.inputs.len()), input_tokens: 0 };
    for input in request.inputs.chunks(INPUTS_AT_ONCE) {
        let question = Question { model: &request.model, input, dimensions, output_dimension };
        let body = serde_json::to_vec(&question).map_err(creel_sdk::BodyError::Json)?;
        let message = settings.sign(Request::post("api", "/embeddings")).json(vec![BodyPiece::Bytes(body)]);
        let mut response = io.send(message).await?;
        if !response.is_success() {
            return Err(fault::read(&mut response, cx.now_ms).await);
        }
        let mut answer: Answer = response.json(ANSWER_BYTES_MAX).await?;
        // A stable sort: where a server gives no numbers, its order counts.
        answer.data.sort_by_key(|entry| entry.index);
        let vectors = answer.data.into_iter().map(|entry| entry.embedding).collect();
        let input_tokens = answer.usage.and_then(|tokens| tokens.prompt_tokens).unwrap_or_default();
        let part = Embeddings { vectors, input_tokens }.checked(input.len(), request.dimensions)?;
        all.vectors.extend(part.vectors);
        all.input_tokens += part.input_tokens;
    }
    all.checked(request.inputs.len(), request.dimensions)
}
