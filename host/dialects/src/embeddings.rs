//! `POST /v1/embeddings` of OpenAI: the request read, the answer written. What makes the vectors is no matter here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;

use crate::at::{At, Object, count, missing, needed_name, object, text, wrong};
use crate::{ApiError, ErrorKind, door, sse};

/// A request for embeddings, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddingsCall {
    /// The model as the client wrote it.
    pub model: String,
    /// Texts, one vector for each.
    pub inputs: Vec<String>,
    /// Whether the client wants the numbers as base64.
    pub is_base64: bool,
    /// Numbers in a vector.
    pub dimensions: Option<u32>,
}

/// Reads a request for embeddings.
///
/// # Errors
///
/// [`ErrorKind::InvalidRequest`] where the body is not what the dialect says; [`ErrorKind::Unsupported`] for tokens,
/// since only the provider that made them knows what they say.
pub fn read_embeddings(body: &[u8]) -> Result<EmbeddingsCall, ApiError> {
    let mut body: Value = door::json(body)?;
    let at = At::Body;
    let fields = object(&mut body, &at)?;
    let model = needed_name(fields, &at, "model")?.to_owned();
    let is_base64 = match text(fields, &at, "encoding_format")? {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => return Err(wrong(&at.field("encoding_format"), "`float` or `base64`")),
    };
    let dimensions = count(fields, &at, "dimensions")?;
    if dimensions == Some(0) {
        return Err(wrong(&at.field("dimensions"), "a whole number from 1 on"));
    }
    Ok(EmbeddingsCall { model, inputs: inputs(fields)?, is_base64, dimensions })
}

fn inputs(fields: &mut Object) -> Result<Vec<String>, ApiError> {
    const WHAT: &str = "a text, or a list of at least one text";
    let at = At::Body.field("input");
    match fields.get_mut("input").map(Value::take) {
        None | Some(Value::Null) => Err(missing(&At::Body, "input")),
        Some(Value::String(text)) => Ok(vec![needed_words(text, &at)?]),
        Some(Value::Array(list)) if !list.is_empty() => {
            let mut inputs = Vec::with_capacity(list.len());
            for (index, value) in list.into_iter().enumerate() {
                match value {
                    Value::String(text) => inputs.push(needed_words(text, &at.element(index))?),
                    Value::Number(_) | Value::Array(_) => return Err(tokens()),
                    Value::Null | Value::Bool(_) | Value::Object(_) => return Err(wrong(&at.element(index), "a text")),
                }
            }
            Ok(inputs)
        }
        Some(_) => Err(wrong(&at, WHAT)),
    }
}

fn needed_words(text: String, at: &At<'_>) -> Result<String, ApiError> {
    if text.is_empty() { Err(wrong(at, "a text that is not empty")) } else { Ok(text) }
}

fn tokens() -> ApiError {
    let message = "`input` holds tokens, and no other provider can read them: send texts \
                   (LangChain does with `check_embedding_ctx_length=False`)";
    ApiError::new(ErrorKind::Unsupported, message).about("input")
}

#[derive(Serialize)]
struct Answer<'a> {
    object: &'static str,
    data: Vec<Embedding<'a>>,
    model: &'a str,
    usage: Tokens,
}

#[derive(Serialize)]
struct Embedding<'a> {
    object: &'static str,
    index: usize,
    embedding: Numbers<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Numbers<'a> {
    Floats(&'a [f32]),
    Base64(String),
}

#[derive(Serialize)]
struct Tokens {
    prompt_tokens: u64,
    total_tokens: u64,
}

/// Writes the vectors of the texts, in their order.
#[must_use]
pub fn write_embeddings(call: &EmbeddingsCall, vectors: &[Vec<f32>], input_tokens: u64) -> String {
    let data = vectors.iter().enumerate().map(|(index, vector)| {
        let embedding = if call.is_base64 { Numbers::Base64(packed(vector)) } else { Numbers::Floats(vector) };
        Embedding { object: "embedding", index, embedding }
    });
    let usage = Tokens { prompt_tokens: input_tokens, total_tokens: input_tokens };
    let answer = Answer { object: "list", data: data.collect(), model: &call.model, usage };
    let mut written = String::new();
    sse::json(&mut written, &answer);
    written
}

/// Little-endian, as clients of the dialect unpack it.
fn packed(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}
