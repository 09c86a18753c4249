//! What a plugin asks for, as data. Nothing here grants anything: see `grant`.

use std::collections::BTreeMap;

use crate::ids::PluginId;

mod parse;
mod place;
mod placement;
mod read;
mod refresh;
mod rules;

pub use parse::{INTERFACE, ManifestErrors};
pub use placement::{Encoding, HmacRule, KeyText, Placement, Signed, Timestamp, Word};
pub use refresh::{RefreshRule, RefreshStyle};
pub(crate) use rules::{METHODS, is_secret_name};

/// A validated manifest (`plugin.toml`).
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The plugin's name, version and summary.
    pub plugin: PluginInfo,
    /// Present where the plugin answers chat requests.
    pub provider: Option<ProviderInfo>,
    /// Where it wants to send requests, by the name it uses in `target.endpoint`.
    pub endpoints: BTreeMap<String, EndpointRequest>,
    /// Credential slots, by the name it uses in `request.credential`.
    pub credentials: BTreeMap<String, CredentialSlot>,
    /// Directories of the operator's, by the name it uses in `file-ref.root`.
    pub roots: BTreeMap<String, RootRequest>,
    /// What it wants to do with media.
    pub media: MediaRequest,
    /// What pictures its receiver takes.
    pub images: ImageBounds,
    /// Bounds tighter than the host's.
    pub limits: LimitRequest,
    /// Models that it knows.
    pub models: Vec<ModelInfo>,
    /// JSON Schema of the operator's settings of this plugin, as JSON text; `None`: it takes none beside those that
    /// endpoints and roots name.
    pub settings_schema: Option<String>,
}

/// `[plugin]`.
#[derive(Clone, Debug)]
pub struct PluginInfo {
    /// Its id.
    pub id: PluginId,
    /// Semantic version, for people.
    pub version: String,
    /// `creel:plugin@0.1`.
    pub interface: String,
    /// One line for people.
    pub summary: String,
}

/// `[provider]`.
#[derive(Clone, Debug)]
pub struct ProviderInfo {
    /// Values of `models.providers.<p>.api` that this plugin serves, e.g. `anthropic-messages`.
    pub apis: Vec<String>,
    /// Works without any credential (a local server, or no server at all).
    pub keyless: bool,
}

/// `[endpoints.<name>]`.
#[derive(Clone, Debug)]
pub struct EndpointRequest {
    /// The origin, and perhaps a base path, that is meant when the operator says nothing.
    pub default: Option<String>,
    /// The key of the operator's entry that overrides it, e.g. `baseUrl`.
    pub setting: Option<String>,
    /// What may be asked of it.
    pub allow: Vec<Allow>,
}

/// A method and the path, or path prefix, it may be used on.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Allow {
    /// Upper case.
    pub method: String,
    /// An exact path, or, where it ends in `/*`, everything below it.
    pub path: String,
}

/// `[credentials.<slot>]`.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct CredentialSlot {
    /// The endpoint whose requests may carry it.
    pub endpoint: String,
    /// A request may go out bare when no credential is found.
    pub optional: bool,
    /// Where each class of credential goes, in order of preference.
    pub classes: Vec<ClassRule>,
    /// Where the host renews an OAuth access token; `None`: one that has ended is not renewed.
    pub refresh: Option<RefreshRule>,
}

/// `[[credentials.<slot>.classes]]`.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ClassRule {
    /// The classes that this rule is for.
    pub class: Vec<CredentialClass>,
    /// Environment variables that hold such a credential, in order of preference.
    pub environment: Vec<String>,
    /// Variables that belong to it.
    pub companions: Option<Companions>,
    /// Where the value goes.
    pub place: Placement,
    /// Headers that go with it, by lower-case name.
    pub with: BTreeMap<String, String>,
}

/// What kind of credential it is; decides the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialClass {
    /// A key of the account.
    ApiKey,
    /// A static bearer token.
    Token,
    /// An OAuth access token.
    Oauth,
}

/// Environment variables that hold the other parts of a credential; the first part is in the one that `environment`
/// names. Elsewhere the parts stand in one value.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Companions {
    /// The secret part.
    pub secret: String,
    /// A session token, where the credential is temporary.
    pub token: Option<String>,
}

/// `[roots.<name>]`: always read-only for now; the host reads, the plugin never does.
#[derive(Clone, Debug)]
pub struct RootRequest {
    /// The key of the operator's entry that names the directory.
    pub setting: String,
}

/// `[media]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct MediaRequest {
    /// May put media into bodies, by handle.
    pub splice: bool,
    /// Gets a `/media` preopen with the call's media.
    pub read: bool,
    /// May make new media (`store-media`, `fetch-media`, `ingest-file`).
    pub store: bool,
    /// Gets an `/out` preopen: files that it leaves there become media.
    pub write: bool,
}

impl MediaRequest {
    /// Whether its calls get a directory.
    #[must_use]
    pub fn has_files(self) -> bool {
        self.read || self.write
    }
}

/// `[media.images]`: what pictures the receiver behind the plugin takes. What is not said is not bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ImageBounds {
    /// Content types, the one to convert to first; empty: any.
    pub content_types: Vec<String>,
    /// Bytes of the file.
    pub bytes_max: Option<u64>,
    /// Pixels of the longer side.
    pub side_max: Option<u32>,
    /// Pixels altogether.
    pub pixels_max: Option<u64>,
}

/// `[limits]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LimitRequest {
    /// At most [`crate::limits::CURSOR_BYTES_MAX`].
    pub cursor_bytes_max: Option<usize>,
}

/// `[[models]]`.
#[derive(Clone, Debug)]
pub struct ModelInfo {
    /// The provider's own name, or, where it ends in `*`, everything that begins so.
    pub id: String,
    /// What it takes in: `text`, `image`, `audio`, …
    pub input: Vec<Input>,
    /// Tokens that fit its context.
    pub context_tokens: Option<u64>,
    /// Tokens it may answer with.
    pub output_tokens: Option<u64>,
}

/// A kind of input that a model takes, and that a turn needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Text.
    Text,
    /// Pictures.
    Image,
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
    /// Paged documents (PDF).
    Document,
}
