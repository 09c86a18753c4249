//! `tools`: of it, how a model that cannot take a picture gets it described by one that can.

use crate::ids::{ModelRef, ProfileId, ProviderId};
use crate::json5::{Node, Problems};
use crate::manifest::Input;

use super::models::INPUTS;
use super::read::{Only, Table};

/// Characters of a description, unless the file says otherwise.
const CHARS_MAX: u64 = 500;
/// Bytes of a picture that is described, unless the file says otherwise.
const IMAGE_BYTES_MAX: u64 = 10 << 20;
/// Seconds to describe one picture, unless the file says otherwise.
const TIMEOUT_SECONDS: u64 = 60;
/// The longest that may be asked for: the bound of any model call.
const TIMEOUT_SECONDS_MAX: u64 = crate::limits::MODEL_CALL_MS_MAX / 1_000;
/// The longest description that may be asked for.
const CHARS_MAX_MAX: u64 = 100_000;

/// `tools.media.image`, with what it shares.
#[derive(Clone, Debug)]
pub struct MediaUse {
    /// Pictures may be described.
    pub enabled: bool,
    /// Who describes, in order: those of the capability, then the shared ones.
    pub models: Vec<MediaModel>,
}

/// An element of `tools.media.image.models` or `tools.media.models`, with what it takes over from its surroundings.
#[derive(Clone, Debug)]
pub struct MediaModel {
    /// Where it stands, e.g. `tools.media.image.models[0]`.
    pub key: String,
    /// The model.
    pub model: ModelRef,
    /// What it is asked for; `None`: the usual question.
    pub prompt: Option<String>,
    /// The one profile to use; if it fails, so does the entry.
    pub profile: Option<ProfileId>,
    /// The profile to try first.
    pub preferred_profile: Option<ProfileId>,
    /// Shared entries only: the inputs that it is for; `None`: whatever it takes.
    pub capabilities: Option<Vec<Input>>,
    /// Characters of the description.
    pub chars_max: u64,
    /// Larger pictures are left to the next entry.
    pub bytes_max: u64,
    /// How long it may take.
    pub timeout_seconds: u64,
}

/// What an entry takes over where it says nothing.
#[derive(Clone)]
struct Surroundings {
    prompt: Option<String>,
    chars_max: u64,
    bytes_max: u64,
    timeout_seconds: u64,
}

impl Default for MediaUse {
    fn default() -> Self {
        Self { enabled: true, models: Vec::new() }
    }
}

/// Reads `tools`: who describes pictures, and `fs.workspaceOnly`.
pub(super) fn read(mut table: Table<'_>) -> (MediaUse, bool) {
    const GRANTS: &str = "what a plugin may do is in its manifest and in `creel.lock`";
    table.refuse(&[
        ("exec", GRANTS),
        ("profile", GRANTS),
        ("allow", GRANTS),
        ("alsoAllow", GRANTS),
        ("deny", GRANTS),
        ("byProvider", GRANTS),
        ("web", "tools that search the web are not there yet"),
    ]);
    let image = table.table("media").map(read_media).unwrap_or_default();
    let workspace_only = table.table("fs").and_then(|mut fs| {
        let workspace_only = fs.flag("workspaceOnly");
        fs.finish();
        workspace_only
    });
    table.finish();
    (image, workspace_only.unwrap_or(false))
}

fn read_media(mut table: Table<'_>) -> MediaUse {
    table.refuse(&[("concurrency", "calls at once are bounded by the host")]);
    for later in ["audio", "video"] {
        if let Some(mut table) = table.table(later) {
            let instead = "only pictures are described; a model that takes it is given it as it is";
            table.only("enabled", &Only::Flag(false), instead);
            table.refuse(&[("models", instead)]);
            table.finish();
        }
    }
    let usual = Surroundings {
        prompt: None,
        chars_max: CHARS_MAX,
        bytes_max: IMAGE_BYTES_MAX,
        timeout_seconds: TIMEOUT_SECONDS,
    };
    let (mut image, surroundings) = match table.table("image") {
        Some(image) => read_image(image, usual),
        None => (MediaUse::default(), usual),
    };
    let shared = table.list("models", |node, problems| read_model(node, &surroundings, problems)).unwrap_or_default();
    let takes_images = |model: &MediaModel| model.capabilities.as_ref().is_none_or(|for_| for_.contains(&Input::Image));
    image.models.extend(shared.into_iter().filter(takes_images));
    table.finish();
    image
}

fn read_image(mut table: Table<'_>, usual: Surroundings) -> (MediaUse, Surroundings) {
    table.refuse(&[
        ("scope", "who may write is said by `channels`"),
        ("language", "write it into `prompt`"),
        ("baseUrl", "use `models.providers`"),
        ("headers", "use `models.providers`"),
        ("providerOptions", "use `models.providers`"),
        ("request", "use `models.providers`"),
        ("echoFormat", "leave it out"),
    ]);
    table.only("echoTranscript", &Only::Flag(false), "leave it out");
    if let Some(mut attachments) = table.table("attachments") {
        attachments.only("mode", &Only::Word("all"), "every picture of a message is looked at");
        attachments.refuse(&[("maxAttachments", "leave it out"), ("prefer", "leave it out")]);
        attachments.finish();
    }
    let surroundings = Surroundings {
        prompt: table.text("prompt"),
        chars_max: table.count("maxChars", 1..=CHARS_MAX_MAX).unwrap_or(usual.chars_max),
        bytes_max: table.count("maxBytes", 1..=crate::limits::MEDIUM_BYTES_MAX).unwrap_or(usual.bytes_max),
        timeout_seconds: table.count("timeoutSeconds", 1..=TIMEOUT_SECONDS_MAX).unwrap_or(usual.timeout_seconds),
    };
    let enabled = table.flag("enabled").unwrap_or(true);
    let models = table.list("models", |node, problems| read_model(node, &surroundings, problems)).unwrap_or_default();
    table.finish();
    (MediaUse { enabled, models }, surroundings)
}

fn read_model(node: Node, surroundings: &Surroundings, problems: &Problems) -> Option<MediaModel> {
    let mut table = Table::open(node, problems)?;
    table.only("type", &Only::Word("provider"), "a command cannot describe; a plugin that reads media can");
    table.refuse(&[
        ("language", "write it into `prompt`"),
        ("baseUrl", "use `models.providers`"),
        ("headers", "use `models.providers`"),
        ("command", "a command cannot describe; a plugin that reads media can"),
        ("args", "a command cannot describe; a plugin that reads media can"),
    ]);
    for name in ["provider", "model"] {
        if !table.has(name) {
            table.problem(format!("the entry has no `{name}`"), None);
        }
    }
    let provider = table.id("provider", ProviderId::parse);
    let name = table.id("model", |text| ModelRef::parse(&format!("any/{}", text.trim())));
    let input = |node: Node, problems: &Problems| {
        let written = super::read::text(&node, problems)?;
        let known = INPUTS.iter().find(|(word, _)| *word == written).map(|(_, input)| *input);
        if known.is_none() {
            problems.add(node.place, &node.key, "expected `image`, `audio` or `video`", None);
        }
        known
    };
    let model = MediaModel {
        key: table.key.clone(),
        prompt: table.text("prompt").or_else(|| surroundings.prompt.clone()),
        profile: table.id("profile", ProfileId::parse),
        preferred_profile: table.id("preferredProfile", ProfileId::parse),
        capabilities: table.list("capabilities", input),
        chars_max: table.count("maxChars", 1..=CHARS_MAX_MAX).unwrap_or(surroundings.chars_max),
        bytes_max: table.count("maxBytes", 1..=crate::limits::MEDIUM_BYTES_MAX).unwrap_or(surroundings.bytes_max),
        timeout_seconds: table.count("timeoutSeconds", 1..=TIMEOUT_SECONDS_MAX).unwrap_or(surroundings.timeout_seconds),
        model: ModelRef { provider: provider?, model: name?.model },
    };
    table.finish();
    Some(model)
}
