//! `gateway` and `logging`: how the daemon itself is reached, and what it says about its doings.

use crate::secret_ref::SecretInput;

use super::read::{Only, Table};
use super::secrets::SecretsConfig;
use super::storage::directory;

/// `gateway`.
#[derive(Default)]
pub struct GatewayConfig {
    /// The TCP port; `None`: the usual one.
    pub port: Option<u16>,
    /// Which addresses are listened on.
    pub bind: Bind,
    /// `gateway.auth.token`: what a client must present.
    pub token: Option<SecretInput>,
    /// `gateway.socket`: the path of a Unix socket on which local agents are known by their user; `None`: there is none.
    pub socket: Option<String>,
}

/// `gateway.bind`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bind {
    /// This machine alone.
    #[default]
    Loopback,
    /// Every network that the machine is in; needs a token.
    Lan,
}

/// `logging`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogConfig {
    /// `logging.level`; `None`: the usual one.
    pub level: Option<LogLevel>,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What went wrong.
    Error,
    /// What may go wrong.
    Warn,
    /// What was done.
    Info,
    /// How it was done.
    Debug,
    /// Each step.
    Trace,
}

/// Reads `gateway`.
pub(super) fn read(mut table: Table<'_>, secrets: &SecretsConfig) -> GatewayConfig {
    table.refuse(&[("remote", "leave it out"), ("tls", "put a proxy that speaks TLS before it")]);
    table.only("mode", &Only::Word("local"), "leave it out");
    let mut config = GatewayConfig {
        port: table.count("port", 1..=u64::from(u16::MAX)).and_then(|port| u16::try_from(port).ok()),
        bind: table.word("bind", &[("loopback", Bind::Loopback), ("lan", Bind::Lan)]).unwrap_or_default(),
        token: None,
        socket: table.take("socket").and_then(|node| directory(&node, table.problems())),
    };
    if let Some(mut auth) = table.table("auth") {
        auth.only("mode", &Only::Word("token"), "a client presents a token");
        auth.refuse(&[("password", "use `token`")]);
        config.token = auth.secret("token", secrets);
        auth.finish();
    }
    if config.bind == Bind::Lan && config.token.is_none() {
        table.problem("`bind` is `lan` but there is no `auth.token`", Some("write `gateway.auth.token`".into()));
    }
    table.finish();
    config
}

/// Reads `logging`.
pub(super) fn read_logging(mut table: Table<'_>) -> LogConfig {
    let levels = [
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ];
    let config = LogConfig { level: table.word("level", &levels) };
    table.finish();
    config
}
