//! The questions that can be asked of a host, and their answers as JSON: the daemon answers these, and so does the
//! command line where there is none. The answers themselves are `creel_runtime`'s and `creel_store`'s.

use creel_policy::config::Config;
use creel_policy::credential::{CredentialDerivation, Use, Variable};
use creel_policy::ids::{AgentId, BadId, ModelRef, ProfileId, ProviderId};
use creel_policy::route::{NameRefusal, Needs, RouteQuestion};
use creel_runtime::{AuthQuestion, Knowledge, ProviderStatus, media_scope};
use creel_store::Store;
use creel_store::media::MediaError;
use creel_store::resolve::{Asker, Deed};
use serde::{Deserialize, Serialize};

use crate::cli::parse_input;
use crate::clock;
use crate::plugins::{self, Absences};
use crate::render;
use crate::views::Answerer;

/// `explain auth`, as it is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AuthAsked {
    pub(crate) provider: String,
    #[serde(rename = "for")]
    pub(crate) use_: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) model: Option<String>,
    /// Whether the variables that can decide are to be told of, without their values.
    #[serde(default)]
    pub(crate) variables: bool,
}

/// `explain media`, as it is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MediaAsked {
    pub(crate) reference: String,
    /// On whose behalf; nobody's but the operator's where there is none.
    pub(crate) session: Option<String>,
}

/// `explain route`, as it is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RouteAsked {
    pub(crate) needs: String,
    /// The model that a client names; `None`: a message of a channel, which names none.
    #[serde(default)]
    pub(crate) model: Option<String>,
    /// Tokens of the request, roughly.
    #[serde(default)]
    pub(crate) tokens: u64,
}

/// `explain egress`, as it is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EgressAsked {
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) url: String,
}

/// A question that means nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadQuestion {
    /// A name that is none.
    #[error(transparent)]
    Id(#[from] BadId),
    /// A use that is none.
    #[error("expected `chat`, `image`, `audio` or `tool`")]
    Use,
    /// A name that means no model.
    #[error(transparent)]
    Model(NameRefusal),
    /// A need that is none.
    #[error("{0}")]
    Need(String),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswerError {
    /// It means nothing.
    #[error(transparent)]
    Question(#[from] BadQuestion),
    /// The store failed.
    #[error("could not look the medium up")]
    Media(#[from] MediaError),
    /// It cannot be put into JSON.
    #[error("the answer cannot be written")]
    Write(#[from] serde_json::Error),
}

/// An answer with who gives it.
#[derive(Serialize)]
struct Signed<'a, T> {
    #[serde(flatten)]
    answerer: &'a Answerer,
    #[serde(flatten)]
    answer: &'a T,
}

/// A derivation, and the variables that can decide.
#[derive(Serialize)]
struct Explained<'a> {
    #[serde(flatten)]
    derivation: &'a CredentialDerivation,
    #[serde(skip_serializing_if = "Option::is_none")]
    variables: Option<Vec<Variable>>,
}

/// What answers come from.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The plan and what is known of secrets.
    pub(crate) knowledge: &'a Knowledge,
    /// Plugins that the configuration uses and that cannot be called.
    pub(crate) absent: &'a Absences,
    /// Who answers.
    pub(crate) answerer: &'a Answerer,
    /// Milliseconds since 1970.
    pub(crate) now_ms: u64,
}

impl Source<'_> {
    /// Which credential a call would get.
    pub(crate) fn auth(&self, asked: &AuthAsked) -> Result<String, NoAnswerError> {
        let provider = ProviderId::parse(&asked.provider).map_err(BadQuestion::from)?;
        let profile = asked.profile.as_deref().map(ProfileId::parse).transpose().map_err(BadQuestion::from)?;
        let model = asked.model.as_deref().map(ModelRef::parse).transpose().map_err(BadQuestion::from)?;
        let use_ = asked.use_.as_deref().map(read_use).transpose()?;
        let question = AuthQuestion { provider: &provider, use_, model: model.as_ref(), profile: profile.as_ref() };
        let derivation = self.knowledge.explain_auth(&question, self.now_ms).unwrap_or_else(|problems| {
            let problems = || problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            CredentialDerivation {
                provider: provider.clone(),
                use_: use_.unwrap_or(Use::Chat),
                profile: profile.clone(),
                candidates: Vec::new(),
                winner: None,
                failure: Some(self.absence(&provider).unwrap_or_else(problems)),
                hint: None,
            }
        });
        let variables = asked.variables.then(|| self.knowledge.variables(&provider));
        Ok(self.signed(&Explained { derivation: &derivation, variables })?)
    }

    /// Which models a message would be given to.
    pub(crate) fn route(&self, asked: &RouteAsked) -> Result<String, NoAnswerError> {
        let needs = asked.needs.split(',').filter(|need| !need.trim().is_empty()).map(parse_input);
        let needs: Vec<_> = needs.collect::<Result<_, _>>().map_err(BadQuestion::Need)?;
        let needs = Needs::of(needs);
        let Some(name) = &asked.model else { return Ok(self.signed(&self.knowledge.explain_route(&needs))?) };
        let named = self.knowledge.named(name).map_err(BadQuestion::Model)?;
        let question = RouteQuestion { named: &named, fallbacks: None, needs: &needs, tokens: asked.tokens };
        Ok(self.signed(&self.knowledge.route_named(&question))?)
    }

    /// Whether a plugin may send a request.
    pub(crate) fn egress(&self, asked: &EgressAsked) -> Result<String, NoAnswerError> {
        Ok(self.signed(&self.knowledge.explain_egress(&asked.name, &asked.method, &asked.url))?)
    }

    /// Which credential each configured model would be called with. Where the plugin of a model cannot be called, that
    /// is what is said: no credential is sent then.
    pub(crate) fn providers(&self) -> Vec<ProviderStatus> {
        let mut providers = self.knowledge.models_status(self.now_ms);
        for status in &mut providers {
            if let Some(absence) = self.absence(&status.provider) {
                for one in &mut status.uses {
                    (one.winner, one.state, one.detail) = (None, "no-plugin", absence.clone());
                    one.cooling = None;
                }
            }
        }
        providers
    }

    /// The same as an answer.
    pub(crate) fn status(&self) -> Result<String, NoAnswerError> {
        Ok(statuses(self.answerer, self.providers())?)
    }

    /// References that do not resolve and credentials that are never sent.
    pub(crate) fn audit(&self) -> Result<String, NoAnswerError> {
        #[derive(Serialize)]
        struct Audit {
            findings: Vec<creel_policy::audit::Finding>,
        }
        Ok(self.signed(&Audit { findings: self.knowledge.audit(self.now_ms) })?)
    }

    /// Why the plugin of a provider cannot be called.
    fn absence(&self, provider: &ProviderId) -> Option<String> {
        let plugin = plugins::of_provider(self.knowledge, provider)?;
        self.absent.get(&plugin).map(render::absence)
    }

    fn signed<T: Serialize>(&self, answer: &T) -> serde_json::Result<String> {
        signed(self.answerer, answer)
    }
}

/// What a reference to a medium comes to. Waits for the disk, and stores nothing.
pub(crate) fn media(
    (store, config): (&Store, &Config),
    answerer: &Answerer,
    asked: &MediaAsked,
) -> Result<String, NoAnswerError> {
    let agent = AgentId::main();
    let asker = asked.session.as_deref().map_or(Asker::Operator, Asker::Session);
    let scope = media_scope(config, &agent, asker);
    let deed = Deed::Look { now_ms: clock::now_ms() };
    Ok(signed(answerer, &store.resolve(&asked.reference, &scope, deed)?)?)
}

/// `models status`.
pub(crate) fn statuses(answerer: &Answerer, providers: Vec<ProviderStatus>) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Status {
        providers: Vec<ProviderStatus>,
    }
    signed(answerer, &Status { providers })
}

fn signed<T: Serialize>(answerer: &Answerer, answer: &T) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Signed { answerer, answer })
}

fn read_use(text: &str) -> Result<Use, BadQuestion> {
    match text {
        "chat" => Ok(Use::Chat),
        "image" => Ok(Use::Image),
        "audio" => Ok(Use::Audio),
        "tool" => Ok(Use::Tool),
        _ => Err(BadQuestion::Use),
    }
}
