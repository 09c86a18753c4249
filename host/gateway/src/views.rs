//! The answers of a daemon as they travel: JSON that scripts read too, so no key here changes its name or meaning. How
//! they are found is in `answers`, how they look in `render`.

use creel_policy::credential::Comparison;
use creel_policy::probe::ProbeStatus;
use creel_runtime::Reloaded;
use serde::{Deserialize, Serialize};

/// The daemon that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Daemon {
    /// Its process.
    pub(crate) pid: u32,
    /// Its version.
    pub(crate) version: String,
    /// Its home directory.
    pub(crate) home: Option<String>,
    /// Its state directory.
    pub(crate) state_dir: String,
    /// Its configuration.
    pub(crate) config_path: String,
    /// Lower-case hex of the configuration as it was when the daemon read it.
    pub(crate) config_sha256: String,
    /// When it was started.
    pub(crate) started_ms: u64,
}

/// What was read instead, where no daemon answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FilesRead {
    /// The state directory.
    pub(crate) state_dir: String,
    /// The configuration; it need not be there.
    pub(crate) config_path: String,
}

/// Who answers: a daemon, or this program from the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answerer {
    /// The daemon.
    pub(crate) daemon: Option<Daemon>,
    /// The files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) files: Option<FilesRead>,
}

/// The credential that is sent.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct WinnerView {
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) class: Option<String>,
    pub(crate) fingerprint: Option<String>,
    #[serde(default)]
    pub(crate) age_ms: Option<u64>,
}

/// `explain auth`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct AuthView {
    #[serde(flatten)]
    pub(crate) answerer: Answerer,
    pub(crate) provider: String,
    #[serde(rename = "use")]
    pub(crate) use_: String,
    pub(crate) winner: Option<WinnerView>,
    pub(crate) candidates: Vec<AuthCandidateView>,
    pub(crate) failure: Option<String>,
    pub(crate) hint: Option<String>,
    #[serde(default)]
    pub(crate) comparison: Option<Vec<Comparison>>,
}

/// A place where a credential was sought.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct AuthCandidateView {
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) class: Option<String>,
    pub(crate) verdict: String,
    pub(crate) reason: String,
}

/// `explain media`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct MediaView {
    #[serde(flatten)]
    pub(crate) answerer: Answerer,
    pub(crate) input: String,
    pub(crate) uri: Option<String>,
    pub(crate) verdict: String,
    pub(crate) reason: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) roots: Vec<RootView>,
    pub(crate) content_type: Option<String>,
    pub(crate) size: Option<u64>,
}

/// A directory that media can lie in.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RootView {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) mode: String,
    pub(crate) verdict: String,
}

/// `explain route`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RouteView {
    #[serde(flatten)]
    pub(crate) answerer: Answerer,
    pub(crate) needs: Vec<String>,
    pub(crate) candidates: Vec<RouteCandidateView>,
    pub(crate) plan: Option<PlanView>,
    pub(crate) failure: Option<String>,
    pub(crate) hint: Option<String>,
}

/// A model that was considered.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RouteCandidateView {
    pub(crate) model: String,
    pub(crate) role: String,
    pub(crate) verdict: String,
    pub(crate) reason: String,
}

/// How a message is answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlanView {
    Direct { chain: Vec<TargetView> },
    Describe { describers: Vec<TargetView>, chain: Vec<TargetView> },
}

/// A model that is called.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct TargetView {
    pub(crate) model: String,
}

/// `explain egress`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct EgressView {
    #[serde(flatten)]
    pub(crate) answerer: Answerer,
    pub(crate) plugin: String,
    pub(crate) entry: Option<String>,
    pub(crate) verdict: String,
    pub(crate) rule: String,
    pub(crate) grants: Vec<EndpointView>,
}

/// A server that is granted.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct EndpointView {
    pub(crate) endpoint: String,
    pub(crate) base: String,
    pub(crate) allow: Vec<String>,
    pub(crate) source: String,
    pub(crate) may_be_private: bool,
}

/// `models status`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct StatusView {
    #[serde(flatten)]
    pub(crate) answerer: Answerer,
    pub(crate) providers: Vec<ProviderView>,
}

/// A provider.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ProviderView {
    pub(crate) provider: String,
    pub(crate) uses: Vec<UseView>,
}

/// A use of a provider's credential.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct UseView {
    #[serde(rename = "use")]
    pub(crate) use_: String,
    pub(crate) models: Vec<String>,
    pub(crate) winner: Option<WinnerView>,
    pub(crate) state: String,
    pub(crate) detail: String,
    #[serde(default)]
    pub(crate) probe: Option<ProbeView>,
}

/// What came of a real call.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ProbeView {
    pub(crate) status: ProbeStatus,
    pub(crate) message: String,
    pub(crate) ms: u64,
}

/// What a reload has changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ReloadView {
    #[serde(flatten)]
    pub(crate) answerer: Answerer,
    #[serde(flatten)]
    pub(crate) reloaded: Reloaded,
    /// Plugins that the configuration uses and that cannot be called, with the reason.
    pub(crate) absent: Vec<String>,
    /// Keys that have changed and are read at the start alone.
    pub(crate) needs_restart: Vec<String>,
}

/// The plugins that a daemon has loaded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LoadedView {
    #[serde(flatten)]
    pub(crate) answerer: Answerer,
    pub(crate) plugins: Vec<LoadedPlugin>,
}

/// A plugin that a daemon has loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoadedPlugin {
    /// Its id.
    pub(crate) id: String,
    /// Its version.
    pub(crate) version: String,
    /// Lower-case hex of the component.
    pub(crate) sha256: String,
}

/// Why a daemon does not answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NoAnswer {
    /// In words.
    pub(crate) error: String,
}

/// `secrets audit`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AuditView {
    #[serde(flatten)]
    pub(crate) answerer: Answerer,
    pub(crate) findings: Vec<creel_policy::audit::Finding>,
}

/// `import openclaw`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ImportView {
    /// The directory that is read.
    pub(crate) source: String,
    /// The one that is written.
    pub(crate) state_dir: String,
    /// The files that were read.
    pub(crate) read: Vec<String>,
    /// It was written.
    pub(crate) applied: bool,
    /// It was not written, since something stands in the way.
    pub(crate) refused: bool,
    /// What is written.
    pub(crate) files: Vec<ImportedFile>,
    /// What was left out, changed, or should be known.
    pub(crate) notes: Vec<creel_policy::import::Note>,
    /// Secrets that stand in plain text.
    pub(crate) secrets: Vec<ImportedSecret>,
    /// The media.
    pub(crate) media: ImportedMedia,
    /// The conversations.
    pub(crate) conversations: ImportedConversations,
}

/// What becomes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FileAction {
    /// It is not there yet.
    Create,
    /// It is there, and is the same.
    Same,
    /// Another one is there.
    Replace,
}

/// A file that an import writes.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ImportedFile {
    pub(crate) name: String,
    pub(crate) action: FileAction,
    /// Where what was there before is kept.
    pub(crate) backup: Option<String>,
    /// What changes; secrets are masked.
    pub(crate) diff: String,
}

/// A secret that stands in plain text.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ImportedSecret {
    #[serde(flatten)]
    pub(crate) place: creel_policy::problem::Problem,
    /// How it is shown.
    pub(crate) value: String,
    /// The reference that takes its place.
    pub(crate) vault: Option<String>,
}

/// The media of another gateway.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ImportedMedia {
    /// Those that were not here.
    pub(crate) new: u64,
    /// Those that were.
    pub(crate) there: u64,
    /// Bytes of both.
    pub(crate) bytes: u64,
    /// Files that are no media.
    pub(crate) skipped: Vec<SkippedMedium>,
}

/// The conversations of another gateway.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ImportedConversations {
    /// Those that have a place here.
    pub(crate) taken: Vec<ImportedConversation>,
    /// Those that have none, and why.
    pub(crate) skipped: Vec<SkippedConversation>,
}

/// A conversation that has a place here. Before anything is written all of it counts as new.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ImportedConversation {
    /// The key of its session there.
    pub(crate) key: String,
    /// The key of its session here.
    pub(crate) session: String,
    /// Messages and answers that were not here.
    pub(crate) new: usize,
    /// Those that were.
    pub(crate) there: usize,
    /// Those that came when the session had gone on here, and stay where they are.
    pub(crate) late: usize,
    /// Media of the new ones.
    pub(crate) media: usize,
    /// What of their media is missing, and why.
    pub(crate) missing: Vec<String>,
    /// What of the transcript is no message, and how often.
    pub(crate) left_out: std::collections::BTreeMap<String, usize>,
    /// What should be known of it.
    pub(crate) remark: Option<String>,
}

/// A session, a list of sessions, or transcripts that have no place here.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SkippedConversation {
    pub(crate) name: String,
    pub(crate) reason: String,
}

/// A file that is no medium.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SkippedMedium {
    pub(crate) name: String,
    pub(crate) reason: String,
}
