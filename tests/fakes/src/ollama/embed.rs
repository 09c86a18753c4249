//! `/api/embed`: what a request must look like, and vectors that depend on nothing but the text.

use serde_json::{Value, json};

use super::chat::{bad, check_keys, flag, wrong_type};
use super::{Fault, Model};
use crate::answer::Answer;
use crate::openai::embedding;

/// How long the fake's vectors are, unless the caller wants shorter ones.
const DIMENSIONS: usize = 768;

/// The name of the model in a request.
pub(super) fn model_name(body: &Value) -> Result<&str, Fault> {
    match body.get("model") {
        Some(Value::String(name)) if !name.is_empty() => Ok(name),
        Some(Value::String(_)) | None => Err(bad("model is required")),
        Some(other) => Err(wrong_type(other, "EmbedRequest", "model", "string")),
    }
}

/// Answers a request to a model that was found.
pub(super) fn answer(body: &Value, model: &Model) -> Result<Answer, Fault> {
    let Value::Object(map) = body else {
        return Err(wrong_type(body, "EmbedRequest", "", "api.EmbedRequest"));
    };
    check_keys(map, &["model", "input", "truncate", "dimensions", "options", "keep_alive"], "")?;
    flag(map, "truncate")?;
    if !model.can("embedding") {
        return Err((501, "this model does not support embeddings".to_owned()));
    }
    let inputs = match map.get("input") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) if text.is_empty() => Vec::new(),
        Some(Value::String(text)) => vec![text.as_str()],
        Some(Value::Array(list)) => {
            let texts = list.iter().map(|item| item.as_str().ok_or_else(|| bad("invalid input type")));
            texts.collect::<Result<_, _>>()?
        }
        Some(_) => return Err(bad("invalid input type")),
    };
    let dimensions = match map.get("dimensions") {
        None | Some(Value::Null) => DIMENSIONS,
        Some(count) => match count.as_u64().and_then(|count| usize::try_from(count).ok()) {
            Some(0) => DIMENSIONS,
            Some(count) => count.min(DIMENSIONS),
            None => return Err(wrong_type(count, "EmbedRequest", "dimensions", "int")),
        },
    };
    let tokens: usize = inputs.iter().map(|input| input.len() / 4 + 1).sum();
    let vectors: Vec<Vec<f32>> = inputs.iter().map(|input| embedding(input, dimensions)).collect();
    let answer = json!({
        "model": body["model"],
        "embeddings": vectors,
        "total_duration": 14_143_917_u64,
        "load_duration": 1_019_500_u64,
        "prompt_eval_count": tokens,
    });
    Ok(Answer::json(200, &answer))
}
