//! `gateway` and `logging`: how the daemon itself is reached, and what it says about its doings.

use crate::json5::{Node, Problems};
use crate::origin::BaseUrl;
use crate::secret_ref::SecretInput;

use super::headers::{self, EntryHeader};
use super::read::{Only, Table, text};
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
    /// `gateway.metrics`.
    pub metrics: MetricsConfig,
    /// `gateway.telemetry`; `None`: nothing is exported.
    pub telemetry: Option<TelemetryConfig>,
}

/// `gateway.metrics`: who may read what the daemon has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricsConfig {
    /// Whether `/metrics` is there.
    pub enabled: bool,
    /// Whether it is there for other machines as well, which then present the gateway's own token.
    pub public: bool,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self { enabled: true, public: false }
    }
}

/// `gateway.telemetry`: where spans and metrics are exported to.
pub struct TelemetryConfig {
    /// `otlpEndpoint`: the address of a collector that speaks OTLP over HTTP, without `/v1/traces`.
    pub endpoint: BaseUrl,
    /// Headers of each export, e.g. the key of the collector.
    pub headers: Vec<EntryHeader>,
    /// `service.name` of whatever is exported.
    pub service_name: String,
}

/// What the daemon calls itself in telemetry unless it is told otherwise.
const SERVICE_NAME: &str = "creel";
/// Bytes of a service's name.
const SERVICE_NAME_BYTES_MAX: usize = 255;

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
        metrics: table.table("metrics").map(read_metrics).unwrap_or_default(),
        telemetry: table.table("telemetry").and_then(|table| read_telemetry(table, secrets)),
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
    if config.metrics.public && config.token.is_none() {
        let hint = "write `gateway.auth.token`; whoever presents it may read the metrics";
        table.problem("`metrics.public` is `true` but there is no `auth.token`", Some(hint.into()));
    }
    table.finish();
    config
}

fn read_metrics(mut table: Table<'_>) -> MetricsConfig {
    let usual = MetricsConfig::default();
    let config = MetricsConfig {
        enabled: table.flag("enabled").unwrap_or(usual.enabled),
        public: table.flag("public").unwrap_or(usual.public),
    };
    if config.public && !config.enabled {
        table.problem("`public` is `true` but `enabled` is `false`", Some("leave one of them out".into()));
    }
    table.finish();
    config
}

fn read_telemetry(mut table: Table<'_>, secrets: &SecretsConfig) -> Option<TelemetryConfig> {
    let problems = table.problems();
    let given = table.take("otlpEndpoint");
    let is_missing = given.is_none();
    let endpoint = given.and_then(|node| endpoint(&node, problems));
    let headers = table.table("headers").map(|table| headers::read(table, secrets)).unwrap_or_default();
    let service_name = match table.take("serviceName") {
        None => Some(SERVICE_NAME.to_owned()),
        Some(node) => service_name(&node, problems),
    };
    if is_missing {
        let hint = "write the address of a collector, e.g. `http://127.0.0.1:4318`";
        table.problem("there is no `otlpEndpoint`", Some(hint.into()));
    }
    table.finish();
    Some(TelemetryConfig { endpoint: endpoint?, headers, service_name: service_name? })
}

fn endpoint(node: &Node, problems: &Problems) -> Option<BaseUrl> {
    let written = text(node, problems)?;
    match BaseUrl::parse(&written) {
        // The host adds the paths of the signals itself; an address with one would be asked for it twice.
        Ok(base) if ["/v1/traces", "/v1/metrics"].iter().any(|path| base.path.ends_with(path)) => {
            let hint = "leave out `/v1/traces` and `/v1/metrics`: they are added";
            problems.add(node.place, &node.key, "names one signal and not the collector", Some(hint.into()));
            None
        }
        Ok(base) => Some(base),
        Err(error) => {
            problems.add(node.place, &node.key, error.to_string(), None);
            None
        }
    }
}

fn service_name(node: &Node, problems: &Problems) -> Option<String> {
    let name = text(node, problems)?;
    if name.trim().is_empty() || name.len() > SERVICE_NAME_BYTES_MAX || name.chars().any(char::is_control) {
        let rule = format!("must be a name of at most {SERVICE_NAME_BYTES_MAX} bytes without control characters");
        problems.add(node.place, &node.key, rule, None);
        return None;
    }
    Some(name)
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

#[cfg(test)]
mod tests;
