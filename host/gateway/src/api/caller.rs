//! Who calls: an agent by its token, a user of this machine by his Unix socket, or the operator by the gateway's own token.
//! Whoever it is has a grant, and what it asks is admitted by that grant alone.

use std::sync::{Arc, PoisonError, RwLock};

use creel_dialects::{ApiError, ErrorKind};
use creel_policy::agent::{AgentGrant, AgentRefusal, Asked};
use creel_policy::ids::AgentId;
use creel_store::agents::{Agent, Agents, Place, TokenRefusal};
use http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};

/// Who is at the other end of a connection, as the kernel says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Peer {
    /// Somebody over TCP.
    Network,
    /// A user of this machine.
    User(u32),
}

/// Who may call.
pub(crate) struct Callers {
    agents: Arc<Agents>,
    /// SHA-256 of `gateway.auth.token`, which opens everything.
    operator: RwLock<Option<[u8; 32]>>,
    everything: Arc<AgentGrant>,
}

/// Who calls.
#[derive(Clone)]
pub(crate) struct Caller {
    id: AgentId,
    who: Who,
}

#[derive(Clone)]
enum Who {
    Agent(Agent),
    Operator(Arc<AgentGrant>),
}

impl Callers {
    pub(crate) fn new(agents: Arc<Agents>, operator: Option<[u8; 32]>) -> Self {
        Self { agents, operator: RwLock::new(operator), everything: Arc::new(AgentGrant::everything()) }
    }

    /// Another token is the operator's from now on.
    pub(crate) fn set_operator(&self, operator: Option<[u8; 32]>) {
        *self.operator.write().unwrap_or_else(PoisonError::into_inner) = operator;
    }

    /// Whether a request carries the operator's own token.
    pub(crate) fn is_operator(&self, headers: &HeaderMap) -> bool {
        matches!(token(headers), Ok(Some(token)) if self.is_operators(token))
    }

    fn is_operators(&self, token: &str) -> bool {
        let operator = self.operator.read().unwrap_or_else(PoisonError::into_inner);
        // What is compared are hashes: how long it takes says nothing about the token.
        operator.is_some_and(|hash| hash == <[u8; 32]>::from(Sha256::digest(token.as_bytes())))
    }

    /// Lets a caller in by what its request carries.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WrongToken`], in words that say nothing of what there is.
    pub(super) fn open(
        &self,
        headers: &HeaderMap,
        peer: Peer,
        now_ms: u64,
    ) -> Result<Caller, (ApiError, Option<TokenRefusal>)> {
        let Some(token) = token(headers).map_err(|error| (error, None))? else {
            return match peer {
                Peer::User(uid) => {
                    let agent = self.agents.open_peer(uid, now_ms);
                    agent.map(Caller::agent).map_err(|refusal| (wrong(&refusal), Some(refusal)))
                }
                Peer::Network => Err((missing(), None)),
            };
        };
        if self.is_operators(token) {
            return Ok(Caller { id: AgentId::main(), who: Who::Operator(Arc::clone(&self.everything)) });
        }
        let agent = self.agents.open(token, now_ms);
        agent.map(Caller::agent).map_err(|refusal| (wrong(&refusal), Some(refusal)))
    }
}

impl Caller {
    fn agent(agent: Agent) -> Self {
        Self { id: agent.id().clone(), who: Who::Agent(agent) }
    }

    /// Its name: `main` is the operator's own.
    pub(super) fn id(&self) -> &AgentId {
        &self.id
    }

    /// What it may do.
    pub(super) fn grant(&self) -> &AgentGrant {
        match &self.who {
            Who::Agent(agent) => agent.grant(),
            Who::Operator(grant) => grant,
        }
    }

    /// Admits a request and sets aside what it may take; the operator's own has no bound.
    pub(super) fn admit(&self, asked: &Asked<'_>, now_ms: u64) -> Result<Option<Place>, AgentRefusal> {
        match &self.who {
            Who::Agent(agent) => agent.admit(asked, now_ms).map(Some),
            Who::Operator(_) => Ok(None),
        }
    }
}

/// The token of a request: `Authorization: Bearer`, `x-api-key` or `x-goog-api-key`. Two that differ are refused: which one
/// is meant is nobody's to guess.
fn token(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let bearer = headers.get_all(header::AUTHORIZATION).iter().map(|value| {
        let text = value.to_str().ok()?;
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    let of = |name: &'static str| headers.get_all(name).iter().map(|value| value.to_str().ok().map(str::trim));
    let mut found: Option<&str> = None;
    for token in bearer.chain(of("x-api-key")).chain(of("x-goog-api-key")) {
        let token = token.filter(|token| !token.is_empty()).ok_or_else(missing)?;
        match found {
            Some(other) if other != token => {
                let message =
                    "the request carries two different tokens; send one, as `Authorization: Bearer` or `x-api-key`";
                return Err(ApiError::new(ErrorKind::WrongToken, message));
            }
            Some(_) | None => found = Some(token),
        }
    }
    Ok(found)
}

fn missing() -> ApiError {
    let message = "the request carries no token; send one as `Authorization: Bearer <token>` or `x-api-key: <token>`";
    ApiError::new(ErrorKind::WrongToken, message)
}

/// Why a token is not taken. One that is malformed, unknown or revoked gets the same answer.
pub(super) fn wrong(refusal: &TokenRefusal) -> ApiError {
    let message = match refusal {
        TokenRefusal::Expired { .. } => "the token has expired; ask the operator for another one",
        TokenRefusal::NoUser { .. } => "this user of the machine is no agent of the gateway; send a token",
        TokenRefusal::Bad(_) | TokenRefusal::Unknown => "the token is not one of this gateway's",
    };
    ApiError::new(ErrorKind::WrongToken, message)
}
