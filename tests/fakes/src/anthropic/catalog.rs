//! The list of models, in pages: what may stand in its query, and what a page says.

use serde_json::{Value, json};

use super::Model;
use super::error::ApiError;
use crate::answer::Answer;

/// Models of a page where the caller does not say.
const PAGE_MODELS: usize = 20;
/// Models of a page at most.
const PAGE_MODELS_MAX: usize = 1_000;

/// The page that a query asks for. The real service ignores keys that it does not know; here they are mistakes.
pub(super) fn page(models: &[Model], query: &str) -> Result<Answer, ApiError> {
    let (mut limit, mut first, mut end) = (PAGE_MODELS, 0, models.len());
    let place = |id: &str| {
        let found = models.iter().position(|model| model.dated_id == id);
        found.ok_or_else(|| ApiError::invalid(format!("no model has the id `{id}`")))
    };
    let mut is_backwards = false;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("limit", count)) => limit = parse_limit(count)?,
            Some(("after_id", id)) => first = place(id)? + 1,
            Some(("before_id", id)) => (end, is_backwards) = (place(id)?, true),
            Some((key, _)) => return Err(ApiError::invalid(format!("{key}: Extra inputs are not permitted"))),
            None => return Err(ApiError::invalid(format!("{pair}: Extra inputs are not permitted"))),
        }
    }
    let all = models.get(first..end).unwrap_or_default();
    let kept = all.len().min(limit);
    let (page, has_more) = match is_backwards {
        true => (&all[all.len() - kept..], kept < all.len()),
        false => (&all[..kept], kept < all.len()),
    };
    let id = |model: Option<&Model>| model.map(|model| model.dated_id.clone());
    let data: Vec<Value> = page.iter().map(model_json).collect();
    let (first_id, last_id) = (id(page.first()), id(page.last()));
    Ok(Answer::json(200, &json!({"data": data, "has_more": has_more, "first_id": first_id, "last_id": last_id})))
}

/// One model, by either of its names.
pub(super) fn one(models: &[Model], name: &str) -> Result<Answer, ApiError> {
    match models.iter().find(|model| model.id == name || model.dated_id == name) {
        Some(model) => Ok(Answer::json(200, &model_json(model))),
        None => Err(ApiError::not_found(format!("model: {name}"))),
    }
}

fn parse_limit(text: &str) -> Result<usize, ApiError> {
    match text.parse::<usize>() {
        Ok(0) => Err(ApiError::invalid("limit: Input should be greater than or equal to 1")),
        Ok(limit) if limit > PAGE_MODELS_MAX => {
            Err(ApiError::invalid(format!("limit: Input should be less than or equal to {PAGE_MODELS_MAX}")))
        }
        Ok(limit) => Ok(limit),
        Err(_) => Err(ApiError::invalid("limit: Input should be a valid integer")),
    }
}

fn model_json(model: &Model) -> Value {
    json!({
        "type": "model",
        "id": model.dated_id,
        "display_name": model.display_name,
        "created_at": "2025-10-15T00:00:00Z",
        "max_input_tokens": 200_000,
        "max_tokens": model.output_tokens_max,
        "capabilities": {"image_input": {"supported": true}, "pdf_input": {"supported": true}},
    })
}
