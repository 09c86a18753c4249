//! One call of one model: the credential, the plugin, and its answer read to the end. Which model is asked and what
//! follows a failure is `chain`'s. Knows nothing of sessions beyond their name, nor of channels.

use std::sync::Arc;

use creel_engine::{CallEnd, ChatCall, chat, types};
use creel_policy::cooldown::Key;
use creel_policy::credential::CredentialDerivation;
use creel_policy::fallback::CallFault;
use creel_policy::ids::ModelRef;
use creel_policy::limits::{MODEL_CALL_MS_MAX, REPLY_BYTES_MAX};
use creel_policy::media::MediaRef;
use creel_policy::route::ModelTarget;
use serde::Serialize;

use crate::chain::{Attempt, ChainFailure, ask_chain};
use crate::core::Core;
use crate::opening::{NativeAsk, Opened, open};
use crate::transcript::Transcript;

/// What to ask one model.
pub(crate) struct Ask {
    pub(crate) request: chat::ChatRequest,
    /// Media that the call may name.
    pub(crate) media: Vec<MediaRef>,
    /// The same in the client's own dialect, for a provider that speaks it.
    pub(crate) native: Option<NativeAsk>,
    /// Milliseconds that it may take.
    pub(crate) total_ms: u64,
}

/// A model's whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) model: ModelRef,
    pub(crate) text: String,
    pub(crate) media: Vec<MediaRef>,
    pub(crate) usage: Option<Tokens>,
    pub(crate) credential: Option<CredentialDerivation>,
    pub(crate) attempts: Vec<Attempt>,
}

/// Tokens that an answer used.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Tokens {
    input: u64,
    output: u64,
    cache_read: u64,
    cache_write: u64,
    reasoning: u64,
}

/// Why one try failed.
pub(crate) struct Failed {
    pub(crate) fault: CallFault,
    pub(crate) message: String,
    pub(crate) status: Option<u16>,
    pub(crate) retry_after_ms: Option<u64>,
    /// The credential that was sent, or none where none was needed.
    pub(crate) key: Option<Key>,
    /// The provider was asked; else the host ended the try before that.
    pub(crate) was_asked: bool,
    /// Where it was the credential that failed: how it came to be sent.
    pub(crate) derivation: Option<CredentialDerivation>,
}

impl Failed {
    /// Another's words stand in logs and on terminals: nothing in them moves a cursor or begins a line of its own (H17).
    pub(crate) fn new(fault: CallFault, message: String) -> Self {
        let message = message.replace(char::is_control, " ");
        let (status, retry_after_ms) = (None, None);
        Self { fault, message, status, retry_after_ms, key: None, was_asked: true, derivation: None }
    }

    /// Keeps the derivation if the failure is about the credential.
    pub(crate) fn with(self, credential: Option<CredentialDerivation>) -> Self {
        Self { derivation: credential.filter(|_| self.fault.is_about_credential()), ..self }
    }
}

/// Asks the models of a chain to go on with a conversation.
pub(crate) async fn answer(
    core: &Arc<Core>,
    session: &str,
    chain: &[ModelTarget],
    transcript: &Transcript,
) -> Result<Answer, ChainFailure> {
    let knowledge = core.knowledge();
    let system_prompt = knowledge.config.defaults.system_prompt.as_deref();
    let tokens_max = knowledge.config.defaults.output_tokens_max.and_then(|tokens| u32::try_from(tokens).ok());
    ask_chain(core, session, chain, |target| {
        let accepts = knowledge.catalog.facts(&target.model).input;
        let messages = transcript.messages(system_prompt, &accepts);
        Ask {
            request: request(target, messages, tokens_max),
            media: transcript.media_for(&accepts),
            native: None,
            total_ms: MODEL_CALL_MS_MAX,
        }
    })
    .await
}

/// A plain request: no tools, streaming.
pub(crate) fn request(
    target: &ModelTarget,
    messages: Vec<types::Message>,
    max_tokens: Option<u32>,
) -> chat::ChatRequest {
    plain_request(target.model.model.to_string(), messages, max_tokens)
}

/// The same for a model by the name that its provider knows.
pub(crate) fn plain_request(
    model: String,
    messages: Vec<types::Message>,
    max_tokens: Option<u32>,
) -> chat::ChatRequest {
    chat::ChatRequest {
        model,
        messages,
        tools: Vec::new(),
        tool_choice: chat::ToolChoice::Auto,
        response_format: chat::ResponseFormat::Text,
        max_tokens,
        temperature: None,
        top_p: None,
        stop: Vec::new(),
        seed: None,
        reasoning_effort: None,
        parallel_tool_calls: None,
        streaming: true,
        native: None,
    }
}

/// Asks one model once; gives the answer, and the credential that was sent.
pub(crate) async fn ask_once(
    core: &Arc<Core>,
    session: &str,
    target: (&ModelTarget, bool),
    ask: Ask,
) -> Result<(Answer, Option<Key>), Failed> {
    let Opened { call, masks, credential, key } = open(core, session, target, ask).await?;
    match read(call, target.0).await {
        Ok(answer) => Ok((Answer { text: masks.text(answer.text), credential, ..answer }, key)),
        Err(failed) => Err(Failed { message: masks.text(failed.message), key, ..failed }.with(credential)),
    }
}

/// The credential that a derivation chose, as it is remembered.
pub(crate) fn key_of(credential: &CredentialDerivation) -> Option<Key> {
    let chosen = credential.chosen()?;
    Some(Key {
        provider: credential.provider.clone(),
        credential: chosen.id.clone(),
        fingerprint: chosen.fingerprint.clone().unwrap_or_default(),
    })
}

/// Reads a call to its end.
async fn read(mut call: ChatCall, target: &ModelTarget) -> Result<Answer, Failed> {
    let mut answer = Answer {
        model: target.model.clone(),
        text: String::new(),
        media: Vec::new(),
        usage: None,
        credential: None,
        attempts: Vec::new(),
    };
    loop {
        match call.next().await {
            Ok(Some(chat::Output::Text(text))) => answer.text.push_str(&text),
            Ok(Some(chat::Output::Media(media))) => answer.media.extend(MediaRef::parse(&media.uri).ok()),
            Ok(Some(chat::Output::Usage(usage))) => answer.usage = Some(usage.into()),
            // What a provider broke off for its content is no answer, whatever it had said by then.
            Ok(Some(chat::Output::Finished(chat::Finish::ContentFilter))) => {
                let message = "the provider broke the answer off for its content".to_owned();
                return Err(Failed::new(CallFault::ContentRefused, message));
            }
            // No tools are offered to a conversation, and what a model thinks is not what it says.
            Ok(Some(
                chat::Output::Reasoning(_)
                | chat::Output::Native(_)
                | chat::Output::ToolCallStart(_)
                | chat::Output::ToolCallArguments(_)
                | chat::Output::Finished(
                    chat::Finish::Stop | chat::Finish::Length | chat::Finish::ToolCalls | chat::Finish::Other,
                ),
            )) => {}
            Ok(None) => break,
            Err(end) => return Err(end.into()),
        }
        if answer.text.len() > REPLY_BYTES_MAX {
            let message = format!("the answer is longer than {REPLY_BYTES_MAX} bytes");
            return Err(Failed::new(CallFault::MalformedResponse, message));
        }
    }
    if answer.text.trim().is_empty() && answer.media.is_empty() {
        let message = "the model gave an empty answer".to_owned();
        return Err(Failed::new(CallFault::MalformedResponse, message));
    }
    Ok(answer)
}

impl From<CallEnd<chat::CallError>> for Failed {
    fn from(end: CallEnd<chat::CallError>) -> Self {
        match end {
            CallEnd::Failed(error) => Self {
                status: error.status,
                retry_after_ms: error.retry_after_ms,
                ..Self::new(fault(error.fault), error.message)
            },
            CallEnd::Fault(fault) => Self::new(CallFault::PluginFault, fault.to_string()),
            CallEnd::TimedOut { milliseconds } => {
                Self::new(CallFault::TimedOut, format!("no whole answer within {milliseconds} ms"))
            }
        }
    }
}

fn fault(fault: chat::Fault) -> CallFault {
    match fault {
        chat::Fault::Authentication => CallFault::Authentication,
        chat::Fault::CredentialInvalid => CallFault::CredentialInvalid,
        chat::Fault::Permission => CallFault::Permission,
        chat::Fault::Billing => CallFault::Billing,
        chat::Fault::RateLimited => CallFault::RateLimited,
        chat::Fault::Overloaded => CallFault::Overloaded,
        chat::Fault::TimedOut => CallFault::TimedOut,
        chat::Fault::InvalidRequest => CallFault::InvalidRequest,
        chat::Fault::ContextTooLong => CallFault::ContextTooLong,
        chat::Fault::UnsupportedInput => CallFault::UnsupportedInput,
        chat::Fault::UnknownModel => CallFault::UnknownModel,
        chat::Fault::ContentRefused => CallFault::ContentRefused,
        chat::Fault::MalformedResponse => CallFault::MalformedResponse,
        chat::Fault::Unreachable => CallFault::Unreachable,
        chat::Fault::Refused => CallFault::Refused,
        chat::Fault::Other => CallFault::Other,
    }
}

impl From<chat::Usage> for Tokens {
    fn from(usage: chat::Usage) -> Self {
        Self {
            input: usage.input_tokens,
            output: usage.output_tokens,
            cache_read: usage.cache_read_tokens,
            cache_write: usage.cache_write_tokens,
            reasoning: usage.reasoning_tokens,
        }
    }
}
