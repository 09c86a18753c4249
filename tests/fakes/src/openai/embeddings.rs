//! `/v1/embeddings`: what a request must look like, and vectors that depend on nothing but the text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::error::ApiError;
use super::field::{count, keys, missing, wrong_type, wrong_value};
use super::request::find_model;
use super::{Model, Variant};
use crate::answer::Answer;

/// Texts in one request.
const INPUTS_MAX: usize = 2048;

/// Answers a request, or says what is wrong with it.
pub(super) fn answer(body: &Value, models: &[Model], variant: Variant) -> Result<Answer, ApiError> {
    let Some(map) = body.as_object() else {
        return Err(ApiError::invalid("We could not parse the JSON body of your request."));
    };
    if variant == Variant::OpenAi {
        keys(map, &["model", "input", "encoding_format", "dimensions", "user"], "")?;
    }
    let Some(name) = map.get("model").and_then(Value::as_str) else {
        return Err(ApiError::invalid("you must provide a model parameter"));
    };
    let model = find_model(models, name)?;
    let Some(dimensions_max) = model.dimensions else {
        let text = "You are not allowed to generate embeddings from this model";
        return Err(ApiError::new(403, text));
    };
    let dimensions =
        count(map, "dimensions", 1)?.map_or(dimensions_max, |count| usize::try_from(count).unwrap_or(usize::MAX));
    if dimensions > dimensions_max {
        let text =
            format!("Invalid value for 'dimensions' = {dimensions}. Must be less than or equal to {dimensions_max}.");
        return Err(ApiError::invalid(text));
    }
    let inputs = parse_inputs(map.get("input").ok_or_else(|| missing("input"))?)?;
    let is_base64 = match map.get("encoding_format") {
        None | Some(Value::Null) => false,
        Some(Value::String(format)) if format == "float" => false,
        Some(Value::String(format)) if format == "base64" => true,
        Some(Value::String(format)) => return Err(wrong_value(format, "encoding_format", &["float", "base64"])),
        Some(other) => return Err(wrong_type(other, "encoding_format", "a string")),
    };
    let tokens: usize = inputs.iter().map(|input| input.len() / 4 + 1).sum();
    let data = inputs.iter().enumerate().map(|(index, input)| {
        let vector = embedding(input, dimensions);
        let vector = match is_base64 {
            true => json!(STANDARD.encode(vector.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>())),
            false => json!(vector),
        };
        json!({"object": "embedding", "index": index, "embedding": vector})
    });
    let data: Vec<Value> = data.collect();
    let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
    Ok(Answer::json(200, &json!({"object": "list", "data": data, "model": model.dated_id, "usage": usage})))
}

/// A text, a list of texts, a list of tokens, or a list of such lists; tokens count as their own JSON.
fn parse_inputs(input: &Value) -> Result<Vec<String>, ApiError> {
    let empty = || {
        ApiError::invalid(
            "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference.",
        )
    };
    let inputs = match input {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) if list.iter().all(Value::is_u64) && !list.is_empty() => vec![input.to_string()],
        Value::Array(list) => {
            let parse = |item: &Value| match item {
                Value::String(text) => Ok(text.clone()),
                Value::Array(tokens) if tokens.iter().all(Value::is_u64) && !tokens.is_empty() => Ok(item.to_string()),
                _ => Err(empty()),
            };
            list.iter().map(parse).collect::<Result<_, _>>()?
        }
        _ => return Err(empty()),
    };
    if inputs.is_empty() || inputs.iter().any(String::is_empty) {
        return Err(empty());
    }
    match inputs.len() {
        count if count > INPUTS_MAX => {
            let text = format!(
                "Invalid 'input': array too long. Expected an array with maximum length {INPUTS_MAX}, but got an array with length {count} instead."
            );
            Err(ApiError::invalid(text).at("input").coded("array_above_max_length"))
        }
        _ => Ok(inputs),
    }
}

/// The vector that the fake gives to a text: of length one, and the same each time.
#[must_use]
pub fn embedding(text: &str, dimensions: usize) -> Vec<f32> {
    let mut numbers = Vec::with_capacity(dimensions);
    let mut block = 0_u32;
    while numbers.len() < dimensions {
        let mut hash = Sha256::new();
        hash.update(text.as_bytes());
        hash.update(block.to_le_bytes());
        numbers.extend(hash.finalize().iter().map(|byte| f32::from(*byte) - 127.5));
        block += 1;
    }
    numbers.truncate(dimensions);
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    numbers.iter().map(|number| number / length).collect()
}
