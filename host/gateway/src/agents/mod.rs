//! `creel agents …`: the operator's way to agents and their tokens, and the daemon's record of what they use. What an
//! agent may do is `creel_policy::agent`'s to say; who is kept and who is let in is the store's.

mod grant;
mod keep;
mod prose;
mod tell;

use std::io::{self, Write as _};
use std::path::PathBuf;

use creel_policy::agent::{AgentToken, DayUsage, day_of};
use creel_policy::config::GatewayConfig;
use creel_policy::ids::AgentId;
use creel_policy::problem::Problem;
use creel_store::Store;
use creel_store::agents::{AgentError, AgentRow};
use creel_store::state::StateRoot;
use serde::Serialize;
use serde_json::Value as Json;

use crate::admin::AdminError;
use crate::boot::{self, BootError};
use crate::cli::{
    AddAgentArgs, AgentsCommand, ListAgentsArgs, RevokeAgentArgs, RotateAgentArgs, SetAgentArgs, ShowAgentArgs,
};
use crate::clock;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::places::Places;
use crate::process::Process;

pub(crate) use keep::{keep_writing, reload};
pub(crate) use tell::RELOAD_PATH;

/// Why a command about agents ends without doing what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AgentsError {
    /// The store says no.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// The grant says what no grant can.
    #[error("the grant is not valid")]
    Grant(Vec<Problem>),
    /// The file of the grant cannot be read.
    #[error("could not read the grant `{}`", path.display())]
    ReadGrant {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `none` beside something.
    #[error("`{option}` says `none` and something else")]
    NoneAndMore {
        /// Which option.
        option: &'static str,
    },
    /// A user whose number is not known here.
    #[error("there is no user `{name}` in `/etc/passwd`")]
    NoUser {
        /// Which.
        name: String,
    },
    /// The users of this machine cannot be read.
    #[error("could not read `/etc/passwd`")]
    Users(#[source] io::Error),
    /// It is done, and the daemon goes on as if it were not.
    #[error("the change is stored, but the daemon that runs could not be told, and goes by what was before")]
    NotTold(#[source] AdminError),
}

impl AgentsError {
    /// How the program ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Agent(AgentError::Missing { .. }) | Self::NoUser { .. } => Exit::Missing,
            Self::Agent(
                AgentError::Exists { .. }
                | AgentError::Revoked { .. }
                | AgentError::UserTaken { .. }
                | AgentError::Full,
            ) => Exit::Refused,
            Self::Agent(AgentError::LongGrace) | Self::NoneAndMore { .. } => Exit::Usage,
            Self::Grant(_) => Exit::Config,
            Self::ReadGrant { source, .. } if source.kind() == io::ErrorKind::NotFound => Exit::Missing,
            Self::Agent(AgentError::Random(_) | AgentError::Store(_))
            | Self::ReadGrant { .. }
            | Self::Users(_)
            | Self::NotTold(_) => Exit::Failure,
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Agent(error) => match error {
                AgentError::Exists { id } => Some(format!(
                    "`creel agents set {id}` changes what it may do, `creel agents rotate {id}` gives it another token"
                )),
                AgentError::Missing { .. } => Some("`creel agents list` shows those that are there".to_owned()),
                AgentError::Revoked { id } => Some(format!("`creel agents add {id}` makes it anew")),
                AgentError::UserTaken { by, .. } => {
                    Some(format!("`creel agents set {by} --unix-user none` takes it from there"))
                }
                AgentError::Full => Some("revoke those that are not needed any more".to_owned()),
                AgentError::LongGrace | AgentError::Random(_) | AgentError::Store(_) => None,
            },
            Self::NoUser { name } => Some(format!("pass the number that `id -u {name}` prints")),
            Self::NotTold(_) => Some("run `creel reload`, or restart the daemon".to_owned()),
            Self::Grant(_) | Self::ReadGrant { .. } | Self::NoneAndMore { .. } | Self::Users(_) => None,
        }
    }

    /// What is wrong with the grant, a problem each.
    pub(crate) fn problems(&self) -> &[Problem] {
        match self {
            Self::Grant(problems) => problems,
            Self::Agent(_)
            | Self::ReadGrant { .. }
            | Self::NoneAndMore { .. }
            | Self::NoUser { .. }
            | Self::Users(_)
            | Self::NotTold(_) => &[],
        }
    }
}

/// An agent as it is printed.
#[derive(Serialize)]
struct Shown {
    id: AgentId,
    created_ms: u64,
    rotated_ms: Option<u64>,
    /// Until when the token before this one is taken.
    earlier_token_until_ms: Option<u64>,
    revoked_ms: Option<u64>,
    grant: Json,
    today: Today,
}

/// What an agent has used in this UTC day, as far as the daemon has written it down.
#[derive(Serialize)]
struct Today {
    requests: u64,
    tokens_in: u64,
    tokens_out: u64,
    micro_usd: u64,
}

/// Runs a command about agents.
///
/// # Errors
///
/// [`CommandError`].
pub(crate) fn run(command: &AgentsCommand, places: &Places, process: &Process) -> Result<Exit, CommandError> {
    match command {
        AgentsCommand::Add(args) => add(args, places, process),
        AgentsCommand::List(args) => list(args, &open(places)?),
        AgentsCommand::Show(args) => show(args, &open(places)?),
        AgentsCommand::Revoke(args) => revoke(args, places),
        AgentsCommand::Rotate(args) => rotate(args, places),
        AgentsCommand::Set(args) => set(args, places, process),
    }
}

fn add(args: &AddAgentArgs, places: &Places, process: &Process) -> Result<Exit, CommandError> {
    let now_ms = clock::now_ms();
    let grant = grant::build(&args.grant, None, process, now_ms)?;
    let state = boot::open_or_create_state(places)?;
    let gateway = boot::read(places, Some(&state))?.config.gateway;
    let store = Store::open(&state)?;
    let token = store.agent_add(&args.id, &grant, now_ms).map_err(AgentsError::from)?;
    print_token("made", &token, &gateway, args.json)?;
    told(places, args.json)
}

fn rotate(args: &RotateAgentArgs, places: &Places) -> Result<Exit, CommandError> {
    let gateway = boot::read(places, Some(&state(places)?))?.config.gateway;
    let token = open(places)?.agent_rotate(&args.id, args.grace, clock::now_ms()).map_err(AgentsError::from)?;
    print_token("gave another token to", &token, &gateway, args.json)?;
    told(places, args.json)
}

fn set(args: &SetAgentArgs, places: &Places, process: &Process) -> Result<Exit, CommandError> {
    let (store, now_ms) = (open(places)?, clock::now_ms());
    let before = find(&store, &args.id)?;
    let grant = grant::build(&args.grant, Some(before.grant), process, now_ms)?;
    store.agent_set_grant(&args.id, &grant, now_ms).map_err(AgentsError::from)?;
    let agent = shown(find(&store, &args.id)?, DayUsage::default());
    print(&match args.json {
        true => serde_json::to_string_pretty(&serde_json::json!({ "id": agent.id, "grant": agent.grant }))?,
        false => format!("the agent `{}` may from now on:\n{}", args.id, prose::grant(&grant)),
    })?;
    told(places, args.json)
}

fn revoke(args: &RevokeAgentArgs, places: &Places) -> Result<Exit, CommandError> {
    let now_ms = clock::now_ms();
    open(places)?.agent_revoke(&args.id, now_ms).map_err(AgentsError::from)?;
    print(&match args.json {
        true => serde_json::to_string_pretty(&serde_json::json!({ "id": args.id, "revoked_ms": now_ms }))?,
        false => format!("revoked the agent `{}`", args.id),
    })?;
    told(places, args.json)
}

fn list(args: &ListAgentsArgs, store: &Store) -> Result<Exit, CommandError> {
    let used = store.agent_usage_of(day_of(clock::now_ms()))?;
    let of = |id: &AgentId| used.iter().find(|used| used.agent == *id).map(|used| used.used).unwrap_or_default();
    let with_use = |row: AgentRow| {
        let used = of(&row.id);
        (row, used)
    };
    let agents: Vec<(AgentRow, DayUsage)> = store.agent_list()?.into_iter().map(with_use).collect();
    print(&match args.json {
        true => {
            let agents: Vec<Shown> = agents.into_iter().map(|(row, used)| shown(row, used)).collect();
            serde_json::to_string_pretty(&serde_json::json!({ "agents": agents }))?
        }
        false => prose::list(&agents, clock::now_ms()),
    })?;
    Ok(Exit::Ok)
}

fn show(args: &ShowAgentArgs, store: &Store) -> Result<Exit, CommandError> {
    let now_ms = clock::now_ms();
    let row = find(store, &args.id)?;
    let used = store.agent_usage_of(day_of(now_ms))?.into_iter().find(|used| used.agent == args.id);
    let used = used.map(|used| used.used).unwrap_or_default();
    print(&match args.json {
        true => serde_json::to_string_pretty(&shown(row, used))?,
        false => prose::agent(&row, &used, now_ms),
    })?;
    Ok(Exit::Ok)
}

fn state(places: &Places) -> Result<StateRoot, BootError> {
    boot::open_state(places)?.ok_or_else(|| BootError::NoState { path: places.state_dir.clone() })
}

fn open(places: &Places) -> Result<Store, CommandError> {
    Ok(Store::open(&state(places)?)?)
}

fn find(store: &Store, id: &AgentId) -> Result<AgentRow, CommandError> {
    let missing = || AgentsError::Agent(AgentError::Missing { id: id.clone() });
    Ok(store.agent(id)?.ok_or_else(missing)?)
}

fn shown(row: AgentRow, used: DayUsage) -> Shown {
    let DayUsage { requests, tokens_in, tokens_out, micro_usd } = used;
    Shown {
        created_ms: row.created_ms,
        rotated_ms: row.rotated_ms,
        earlier_token_until_ms: row.earlier.map(|earlier| earlier.until_ms),
        revoked_ms: row.revoked_ms,
        grant: row.grant.to_json(),
        today: Today { requests, tokens_in, tokens_out, micro_usd },
        id: row.id,
    }
}

/// Prints a token: the one time that it is seen.
fn print_token(deed: &str, token: &AgentToken, gateway: &GatewayConfig, json: bool) -> Result<(), CommandError> {
    let url = prose::base_url(gateway);
    print(&match json {
        true => serde_json::to_string_pretty(&serde_json::json!({
            "id": token.agent(),
            "token": token.expose(),
            "base_url": url,
        }))?,
        false => prose::token(deed, token, &url),
    })
}

/// Tells a daemon that runs what has changed, once it is stored and what came of it is printed.
fn told(places: &Places, json: bool) -> Result<Exit, CommandError> {
    let said = tell::daemon(places)?;
    if !json {
        print(match said {
            tell::Told::Daemon => "the daemon goes by it from now on",
            tell::Told::Nobody => "no daemon runs; the next one goes by it",
        })?;
    }
    Ok(Exit::Ok)
}

fn print(text: &str) -> Result<(), CommandError> {
    writeln!(io::stdout().lock(), "{}", text.trim_end()).map_err(CommandError::Output)
}
