//! `ask_about_media`: a model answers a question about media. It takes the way of every other chat: the grant, the budget,
//! the route, the account.

use std::sync::Arc;

use creel_dialects::{ApiError, ErrorKind};
use creel_engine::{chat, types};
use creel_policy::limits::{ATTACHMENTS_MAX, INBOUND_TEXT_BYTES_MAX, REPLY_BYTES_MAX};
use creel_policy::route::USUAL_NAMES;
use creel_runtime::{Question, Reply};
use serde::Serialize;

use super::LetIn;
use super::arguments::AskAboutMedia;
use super::said::Said;
use crate::api::asking::{self, Wish};
use crate::api::body::{Account, cut};
use crate::api::caller::Caller;
use crate::api::{Api, Shared, failure, media};

#[derive(Default, Serialize)]
struct Answer {
    answer: String,
    model: String,
    /// Media that the model has made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    media: Vec<String>,
    /// Why it does not go on.
    finish: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Used>,
}

#[derive(Serialize)]
struct Used {
    input_tokens: u64,
    output_tokens: u64,
}

/// Asks.
pub(super) async fn ask(api: &Shared, let_in: &LetIn, asked: AskAboutMedia) -> Result<Said, ApiError> {
    bounded(&asked)?;
    let caller = &let_in.caller;
    let taken = take_all(api, caller, &asked.media).await?;
    let wish = Wish {
        name: asked.model.as_deref().unwrap_or(USUAL_NAMES[0]),
        fallbacks: None,
        media: &taken,
        has_tools: false,
        bytes: asked.question.len(),
        answer_tokens: asked.max_tokens,
    };
    let admission = asking::admit(api, caller, &wish).await?;
    let mut account = Account::new(Arc::clone(api), admission.place, let_in.asking(wish.name));
    let parts = taken.into_iter().map(types::Part::Media).chain([types::Part::Text(asked.question)]).collect();
    let message = types::Message { role: types::Role::User, parts };
    let mut question = Question::plain(format!("agent:{}/{}", caller.id(), let_in.request), vec![message]);
    (question.request.max_tokens, question.request.streaming) = (asked.max_tokens, false);
    let mut reply = match api.host.ask(&admission.plan, question).await {
        Ok(reply) => reply,
        Err(unanswered) => {
            account.release(&unanswered);
            tracing::warn!(request = let_in.request, agent = %caller.id(), "nobody answered: {}", unanswered.for_operator);
            return Err(failure::unanswered(&unanswered));
        }
    };
    account.answers(&reply);
    let answer = whole(&mut reply, &mut account).await;
    // Also an answer that broke off has used what it has used.
    account.settle(&reply);
    let answer = answer?;
    Said::text(answer.answer.clone(), &answer)
}

fn bounded(asked: &AskAboutMedia) -> Result<(), ApiError> {
    let bad = |param: &str, message: String| Err(ApiError::new(ErrorKind::InvalidRequest, message).about(param));
    if !(1..=ATTACHMENTS_MAX).contains(&asked.media.len()) {
        return bad("media", format!("a question is about 1 to {ATTACHMENTS_MAX} media"));
    }
    if asked.question.trim().is_empty() {
        return bad("question", "nothing is asked".to_owned());
    }
    if asked.question.len() > INBOUND_TEXT_BYTES_MAX {
        return bad("question", format!("a question has at most {INBOUND_TEXT_BYTES_MAX} bytes"));
    }
    if asked.max_tokens == Some(0) {
        return bad("max_tokens", "an answer has at least one token".to_owned());
    }
    Ok(())
}

async fn take_all(api: &Api, caller: &Caller, named: &[String]) -> Result<Vec<types::Media>, ApiError> {
    let mut taken = Vec::with_capacity(named.len());
    for (n, name) in named.iter().enumerate() {
        let medium = media::named(api, caller, name, &format!("media[{n}]")).await?;
        taken.push(types::Media {
            uri: medium.media.to_string(),
            content_type: medium.content_type,
            size: medium.size,
            name: medium.name,
        });
    }
    Ok(taken)
}

/// Reads an answer to its end.
async fn whole(reply: &mut Reply, account: &mut Account) -> Result<Answer, ApiError> {
    let mut answer = Answer { model: reply.model().to_string(), finish: "other", ..Answer::default() };
    loop {
        let output = match reply.next().await {
            Ok(Some(output)) => output,
            Ok(None) => return Ok(answer),
            Err(unanswered) => {
                tracing::warn!("an answer broke off: {}", unanswered.for_operator);
                return Err(failure::unanswered(&unanswered));
            }
        };
        account.note(&output);
        if let Some(error) = cut(reply, account).await {
            return Err(error);
        }
        match output {
            chat::Output::Text(text) => answer.answer.push_str(&text),
            chat::Output::Media(media) => answer.media.push(media.uri),
            chat::Output::Usage(usage) => {
                answer.usage = Some(Used { input_tokens: usage.input_tokens, output_tokens: usage.output_tokens });
            }
            chat::Output::Finished(finish) => answer.finish = word(finish),
            // It has no tools, and what it thought is not its answer.
            chat::Output::Reasoning(_)
            | chat::Output::ToolCallStart(_)
            | chat::Output::ToolCallArguments(_)
            | chat::Output::Native(_) => {}
        }
        if answer.answer.len() > REPLY_BYTES_MAX {
            let message = format!("{}: the answer is longer than {REPLY_BYTES_MAX} bytes", answer.model);
            return Err(ApiError::new(ErrorKind::UpstreamFailed, message));
        }
    }
}

fn word(finish: chat::Finish) -> &'static str {
    match finish {
        chat::Finish::Stop => "stop",
        chat::Finish::Length => "length",
        chat::Finish::ToolCalls => "tool_calls",
        chat::Finish::ContentFilter => "content_filter",
        chat::Finish::Other => "other",
    }
}
