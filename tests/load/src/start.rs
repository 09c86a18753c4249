//! How each program is started on this machine, and how a lane calls it. Nothing is measured here but the time until it
//! is ready.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::ask;
use crate::dialect::Dialect;
use crate::error::LoadError;
use crate::lane::{Lane, Target};
use crate::running::{Running, last_line};
use crate::streams::Door;

/// The token of programs that take any.
const TOKEN: &str = "sk-load";
/// How long a program may take until it answers: a component is compiled first, and a machine may be busy.
const READY_MAX: Duration = Duration::from_secs(120);
/// How often a program is asked whether it is there.
const READY_PAUSE: Duration = Duration::from_millis(2);
/// Starts with compiled code in the cache, of which the median is told.
const WARM_STARTS: usize = 5;
/// What the programs say when they listen.
const LISTENING: &str = "listening on ";

/// What every start needs.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// The top level of the project.
    pub(crate) root: PathBuf,
    /// Creel's program.
    pub(crate) creel: PathBuf,
    /// Where the fake upstream listens.
    pub(crate) upstream: SocketAddr,
}

/// A program that is ready.
pub(crate) struct Started {
    /// The program.
    pub(crate) running: Running,
    /// What it says of its version.
    pub(crate) version: String,
    /// Until it answered; of Creel with compiled code in the cache.
    pub(crate) ready: Duration,
    /// The same for the very first start, where that is another matter.
    pub(crate) ready_cold: Option<Duration>,
    address: SocketAddr,
    token: String,
    prefix: String,
    _state: Option<TempDir>,
}

impl Site {
    /// What the harness has of its own: configurations, scripts.
    pub(crate) fn here(&self) -> PathBuf {
        self.root.join("tests/load")
    }

    /// Where it builds, installs and logs.
    fn work(&self) -> PathBuf {
        self.root.join("target/load")
    }

    /// Where programs write their errors.
    pub(crate) fn logs(&self) -> Result<PathBuf, LoadError> {
        let path = self.work().join("logs");
        fs::create_dir_all(&path).map_err(|source| LoadError::File { path: path.clone(), source })?;
        Ok(path)
    }

    /// Makes a program ready by the script, and says its version.
    pub(crate) fn install(&self, name: &str) -> Result<String, LoadError> {
        let program = format!("install {name}");
        let mut command = Command::new(self.here().join("install"));
        output(command.arg(name), &program).map(|text| text.trim().to_owned())
    }

    /// A configuration of a program, with the upstream in it.
    fn configuration(&self, name: &str, into: &Path) -> Result<PathBuf, LoadError> {
        let from = self.here().join("peers").join(name);
        let text = fs::read_to_string(&from).map_err(|source| LoadError::File { path: from, source })?;
        let text = text.replace("UPSTREAM", &self.upstream.to_string()).replace("TOKEN", TOKEN);
        let path = into.join(name);
        fs::write(&path, text).map_err(|source| LoadError::File { path: path.clone(), source })?;
        Ok(path)
    }

    /// Starts a program, which is installed first where it is not.
    ///
    /// # Errors
    ///
    /// [`LoadError`] where it cannot be had, or is not ready in time.
    pub(crate) fn start(&self, target: Target) -> Result<Started, LoadError> {
        match target {
            Target::Direct => upstream(&self.root),
            Target::Creel => self.creel(),
            Target::Tensorzero => self.tensorzero(),
            Target::Portkey => self.portkey(),
            Target::Litellm => self.litellm(),
        }
    }

    fn creel(&self) -> Result<Started, LoadError> {
        let state = tempfile::tempdir().map_err(|source| LoadError::File { path: std::env::temp_dir(), source })?;
        self.configuration("creel.json5", state.path())?;
        let version = output(Command::new(&self.creel).arg("--version"), "creel")?;
        let mut add = Command::new(&self.creel);
        add.args(["agents", "add", "bench", "--models", "*", "--needs", "image,tools", "--json", "--state-dir"]);
        let added = output(add.arg(state.path()), "creel agents add")?;
        let added: Option<Value> = serde_json::from_str(&added).ok();
        let token = added.as_ref().and_then(|added| added.get("token")?.as_str());
        let unread = || LoadError::Unread { program: "creel agents add", text: "no token".to_owned() };
        let token = token.ok_or_else(unread)?.to_owned();
        let (running, _, cold) = self.serve(state.path())?;
        drop(running);
        let mut warm = Vec::with_capacity(WARM_STARTS);
        for _ in 1..WARM_STARTS {
            warm.push(self.serve(state.path())?.2);
        }
        let (running, address, ready) = self.serve(state.path())?;
        warm.push(ready);
        warm.sort_unstable();
        Ok(Started {
            running,
            version: version.trim().trim_start_matches("creel ").to_owned(),
            ready: warm[warm.len() / 2],
            ready_cold: Some(cold),
            address,
            token,
            prefix: String::new(),
            _state: Some(state),
        })
    }

    fn serve(&self, state: &Path) -> Result<(Running, SocketAddr, Duration), LoadError> {
        let mut command = Command::new(&self.creel);
        command.args(["serve", "--listen", "127.0.0.1:0", "--log-level", "warn", "--state-dir"]).arg(state);
        let mut running = Running::start("creel", &command, &self.logs()?)?;
        let said = running.says(LISTENING, READY_MAX)?;
        let address = said.parse().map_err(|_| LoadError::Unread { program: "creel", text: said })?;
        let ready = wait(&mut running, address, "/healthz")?;
        Ok((running, address, ready))
    }

    fn tensorzero(&self) -> Result<Started, LoadError> {
        let version = self.install("tensorzero")?;
        let configuration = self.configuration("tensorzero.toml", &self.work())?;
        let mut command = Command::new(self.work().join("tensorzero/bin/python"));
        command.arg(self.here().join("peers/serve_tensorzero.py")).arg(configuration).env("OPENAI_API_KEY", TOKEN);
        let mut running = Running::start("tensorzero", &command, &self.logs()?)?;
        let url = running.says(LISTENING, READY_MAX)?;
        let unread = || LoadError::Unread { program: "tensorzero", text: url.clone() };
        let (address, path) = url.trim_start_matches("http://").split_once('/').ok_or_else(unread)?;
        let address = address.parse().map_err(|_| unread())?;
        // The path of every dialect begins with it.
        let prefix = path.trim_end_matches('/').trim_end_matches("v1").trim_end_matches('/');
        let prefix = format!("/{prefix}");
        let ready = wait(&mut running, address, "/health")?;
        let token = TOKEN.to_owned();
        Ok(Started { running, version, ready, ready_cold: None, address, token, prefix, _state: None })
    }

    fn portkey(&self) -> Result<Started, LoadError> {
        let version = self.install("portkey")?;
        let address = free_address()?;
        let mut command = Command::new("node");
        command.arg("--require").arg(self.here().join("peers/loopback.cjs"));
        command.arg("node_modules/@portkey-ai/gateway/build/start-server.js");
        command.args([&format!("--port={}", address.port()), "--headless"]);
        command.current_dir(self.work().join("portkey")).env("NODE_ENV", "production");
        self.on_a_port("portkey", version, (&command, address, "/"))
    }

    fn litellm(&self) -> Result<Started, LoadError> {
        let version = self.install("litellm")?;
        let address = free_address()?;
        let configuration = self.configuration("litellm.yaml", &self.work())?;
        let mut command = Command::new(self.work().join("litellm/bin/litellm"));
        command.arg("--config").arg(configuration);
        command.args(["--host", "127.0.0.1", "--port", &address.port().to_string()]);
        command.args(["--num_workers", "1", "--telemetry", "False"]);
        // It would fetch a list of prices and write a line for each request.
        command.env("LITELLM_LOCAL_MODEL_COST_MAP", "True").env("LITELLM_LOG", "ERROR").env("NO_DOCS", "True");
        self.on_a_port("litellm", version, (&command, address, "/health/liveliness"))
    }

    fn on_a_port(
        &self,
        name: &str,
        version: String,
        (command, address, path): (&Command, SocketAddr, &str),
    ) -> Result<Started, LoadError> {
        let mut running = Running::start(name, command, &self.logs()?)?;
        let ready = wait(&mut running, address, path)?;
        let (token, prefix) = (TOKEN.to_owned(), String::new());
        Ok(Started { running, version, ready, ready_cold: None, address, token, prefix, _state: None })
    }
}

/// Starts the fake upstream: this program once more.
///
/// # Errors
///
/// [`LoadError`] where it is not ready in time.
pub(crate) fn upstream(root: &Path) -> Result<Started, LoadError> {
    let program = std::env::current_exe();
    let program = program.map_err(|source| LoadError::Start { program: "upstream".to_owned(), source })?;
    let site = Site { root: root.to_owned(), creel: PathBuf::new(), upstream: SocketAddr::from(([127, 0, 0, 1], 0)) };
    let mut command = Command::new(program);
    command.arg("upstream");
    let running = Running::start("upstream", &command, &site.logs()?)?;
    let said = running.says(LISTENING, READY_MAX)?;
    let address = said.parse().map_err(|_| LoadError::Unread { program: "upstream", text: said })?;
    let (ready, version) = (running.age(), env!("CARGO_PKG_VERSION").to_owned());
    let (token, prefix) = (TOKEN.to_owned(), String::new());
    Ok(Started { running, version, ready, ready_cold: None, address, token, prefix, _state: None })
}

impl Started {
    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How a lane calls it.
    pub(crate) fn door(&self, lane: &Lane, upstream: SocketAddr) -> Door {
        let mut headers = vec![("authorization", format!("Bearer {}", self.token))];
        if lane.client == Dialect::Anthropic {
            headers.push(("anthropic-version", "2023-06-01".to_owned()));
        }
        let model = lane.upstream.model();
        let (provider, host) = match lane.upstream {
            Dialect::Openai => ("openai", format!("http://{upstream}/v1")),
            Dialect::Anthropic => ("anthropic", format!("http://{upstream}/v1")),
        };
        let model = match lane.target {
            Target::Creel => format!("{provider}/{model}"),
            Target::Tensorzero => format!("tensorzero::model_name::{model}"),
            Target::Direct | Target::Portkey | Target::Litellm => model.to_owned(),
        };
        if lane.target == Target::Portkey {
            headers.push(("x-portkey-provider", provider.to_owned()));
            headers.push(("x-portkey-custom-host", host));
        }
        let path = format!("{}{}", self.prefix, lane.client.path());
        Door { address: self.address, path, dialect: lane.client, model, headers }
    }
}

/// Waits until a program answers a request, whatever it answers.
fn wait(running: &mut Running, address: SocketAddr, path: &str) -> Result<Duration, LoadError> {
    let deadline = Instant::now() + READY_MAX;
    while Instant::now() < deadline && !running.has_ended() {
        if ask::get(address, path).is_ok() {
            return Ok(running.age());
        }
        std::thread::sleep(READY_PAUSE);
    }
    Err(running.not_ready())
}

/// An address of this machine that nobody listens on now.
fn free_address() -> Result<SocketAddr, LoadError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(LoadError::Listen)?;
    listener.local_addr().map_err(LoadError::Listen)
}

/// What a program prints.
pub(crate) fn output(command: &mut Command, name: &str) -> Result<String, LoadError> {
    let output = command.output().map_err(|source| LoadError::Start { program: name.to_owned(), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let reason = last_line(&String::from_utf8_lossy(&output.stderr)).to_owned();
    Err(LoadError::Failed { program: name.to_owned(), reason })
}
