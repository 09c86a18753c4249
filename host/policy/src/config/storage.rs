//! `media`: how long and how much is kept, which directories of the operator's may be read, whether media are fetched
//! by URL, and what is done to pictures on their way out.

use crate::ids::PluginId;
use crate::json5::{Node, Problems};
use crate::limits::MEDIUM_BYTES_MAX;
use crate::media::MediaKind;
use crate::media::url::{HostPattern, UrlAccess};
use crate::origin::Origin;

use super::read::{Table, text};

/// Hours that may be asked for: ten years.
const HOURS_MAX: u64 = 87_600;
const HOUR_MS: u64 = 3_600_000;
/// Hours without a message after which a session no longer holds its media, unless the file says otherwise: 30 days.
const SESSION_IDLE_HOURS: u64 = 720;
/// Megabytes that an area may be given: more than a disk has.
const QUOTA_MB_MAX: u64 = 100_000_000;
/// Megabytes of an area, unless the file says otherwise; a runaway channel fills this and not the disk (attack 121).
const QUOTA_MB: u64 = 20_480;
/// Directories that may be granted; each is looked at for every path.
const ROOTS_MAX: usize = 64;
/// Hosts and origins that may be listed.
const HOSTS_MAX: usize = 256;
/// Bytes of a megabyte, as the older gateway counts them.
const MB: u64 = 1 << 20;
/// Bytes of a path; the longest that Linux takes.
const PATH_BYTES_MAX: usize = 4096;

/// `media`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaConfig {
    /// Milliseconds after which a medium that nothing refers to is removed; `None`: never for its age.
    pub ttl_ms: Option<u64>,
    /// Milliseconds without a message after which a session no longer holds its media.
    pub session_idle_ms: u64,
    /// Bytes of one medium, by its kind.
    pub bytes_max: KindBytes,
    /// Bytes of all media of an area.
    pub quotas: Quotas,
    /// Directories and files that the operator grants.
    pub roots: Vec<RootEntry>,
    /// Whether and from where media are fetched by URL.
    pub urls: UrlAccess,
    /// What is done to pictures on their way to a provider.
    pub pictures: PictureCare,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            ttl_ms: None,
            session_idle_ms: SESSION_IDLE_HOURS * HOUR_MS,
            bytes_max: KindBytes::default(),
            quotas: Quotas::default(),
            roots: Vec::new(),
            urls: UrlAccess::default(),
            pictures: PictureCare::default(),
        }
    }
}

/// `media.maxMb`: bytes of one medium, by its kind; what is of no kind has the bound of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindBytes {
    /// Pictures.
    pub image: u64,
    /// Sound.
    pub audio: u64,
    /// Moving pictures.
    pub video: u64,
    /// Documents, and everything else.
    pub document: u64,
}

impl Default for KindBytes {
    fn default() -> Self {
        Self { image: MEDIUM_BYTES_MAX, audio: MEDIUM_BYTES_MAX, video: MEDIUM_BYTES_MAX, document: MEDIUM_BYTES_MAX }
    }
}

impl KindBytes {
    /// The bound of a kind.
    #[must_use]
    pub fn of(&self, kind: MediaKind) -> u64 {
        match kind {
            MediaKind::Image => self.image,
            MediaKind::Audio => self.audio,
            MediaKind::Video => self.video,
            MediaKind::Document | MediaKind::Other => self.document,
        }
    }
}

/// `media.quotaMb`: bytes of all media of an area; each agent's workspace is an area of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// What came in.
    pub inbound: u64,
    /// What plugins and models made.
    pub outbound: u64,
    /// What was taken out of one agent's workspace.
    pub workspace: u64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { inbound: QUOTA_MB * MB, outbound: QUOTA_MB * MB, workspace: QUOTA_MB * MB }
    }
}

/// An element of `media.roots`: a directory, or a single file, whose files may become media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootEntry {
    /// Where it stands, e.g. `media.roots[0]`.
    pub key: String,
    /// What it is called in `explain` and in refusals.
    pub name: String,
    /// An absolute path; may be a symbolic link, and need not be there yet (case U14).
    pub path: String,
}

/// `media.pictures`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureCare {
    /// Take out where a picture was taken before a provider sees it.
    pub remove_location: bool,
    /// Turn pictures as the camera noted.
    pub upright: bool,
    /// Scale down and convert what the provider would refuse.
    pub fit: bool,
    /// The plugin that does it.
    pub plugin: PluginId,
}

/// The plugin that comes with Creel for it.
const PICTURE_PLUGIN: &str = "media-tools";

impl PictureCare {
    /// Whether anything at all is done.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.remove_location || self.upright || self.fit
    }
}

impl Default for PictureCare {
    fn default() -> Self {
        let plugin = PluginId::parse(PICTURE_PLUGIN).expect("it is well formed");
        Self { remove_location: true, upright: true, fit: true, plugin }
    }
}

/// Reads `media`.
pub(super) fn read(mut table: Table<'_>) -> MediaConfig {
    let usual = MediaConfig::default();
    let hours = |hours: u64| hours * HOUR_MS;
    let config = MediaConfig {
        ttl_ms: table.count("ttlHours", 1..=HOURS_MAX).map(hours),
        session_idle_ms: table.count("sessionIdleHours", 1..=HOURS_MAX).map_or(usual.session_idle_ms, hours),
        bytes_max: table.table("maxMb").map_or(usual.bytes_max, read_bytes_max),
        quotas: table.table("quotaMb").map_or(usual.quotas, read_quotas),
        roots: read_roots(&mut table),
        urls: table.table("urls").map_or(usual.urls, read_urls),
        pictures: table.table("pictures").map_or(usual.pictures, read_pictures),
    };
    table.finish();
    config
}

fn read_bytes_max(mut table: Table<'_>) -> KindBytes {
    let usual = KindBytes::default();
    let mut of = |name, usual| table.count(name, 1..=MEDIUM_BYTES_MAX / MB).map_or(usual, |mb| mb * MB);
    let bytes_max = KindBytes {
        image: of("image", usual.image),
        audio: of("audio", usual.audio),
        video: of("video", usual.video),
        document: of("document", usual.document),
    };
    table.finish();
    bytes_max
}

fn read_quotas(mut table: Table<'_>) -> Quotas {
    let usual = Quotas::default();
    let mut of = |name, usual| table.count(name, 1..=QUOTA_MB_MAX).map_or(usual, |mb| mb * MB);
    let quotas = Quotas {
        inbound: of("inbound", usual.inbound),
        outbound: of("outbound", usual.outbound),
        workspace: of("workspace", usual.workspace),
    };
    table.finish();
    quotas
}

fn read_roots(table: &mut Table<'_>) -> Vec<RootEntry> {
    let roots = table.list("roots", read_root).unwrap_or_default();
    if roots.len() > ROOTS_MAX {
        table.problem(format!("`roots` has more than {ROOTS_MAX} elements"), None);
    }
    let mut names = std::collections::BTreeSet::from(["inbound", "outbound", "workspace"]);
    for root in &roots {
        if !names.insert(&root.name) {
            table.problem(format!("`roots` has two of the name `{}`, or it is that of an area", root.name), None);
        }
    }
    roots
}

fn read_root(node: Node, problems: &Problems) -> Option<RootEntry> {
    let mut table = Table::open(node, problems)?;
    for needed in ["name", "path"] {
        if !table.has(needed) {
            table.problem(format!("the root has no `{needed}`"), None);
        }
    }
    let name = table.take("name").and_then(|node| root_name(&node, problems));
    let path = table.take("path").and_then(|node| directory(&node, problems));
    for write in ["write", "rw", "read-write", "readwrite"] {
        table.refuse_word("mode", write, "write `read`: Creel never writes into a directory of yours");
    }
    table.word("mode", &[("read", ()), ("ro", ())]);
    let key = table.key.clone();
    table.finish();
    Some(RootEntry { key, name: name?, path: path? })
}

fn root_name(node: &Node, problems: &Problems) -> Option<String> {
    let name = text(node, problems)?;
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    if name.len() <= 64 && name.bytes().all(is_plain) {
        return Some(name);
    }
    problems.add(node.place, &node.key, "expected a name of 1 to 64 of `a-z`, `0-9`, `-` and `_`", None);
    None
}

/// Reads a path that the operator grants: absolute or below `~`, of one place, exactly (cases J8, J24).
pub(super) fn directory(node: &Node, problems: &Problems) -> Option<String> {
    let path = text(node, problems)?;
    let bad = |rule: &str| {
        problems.add(node.place, &node.key, rule, None);
        None
    };
    if !(path.starts_with('/') || path.starts_with("~/")) {
        return bad("must be an absolute path, or one that begins with `~/`");
    }
    if path.starts_with("//") {
        return bad("must not be a network path");
    }
    if path.chars().any(char::is_control) || path.len() > PATH_BYTES_MAX {
        return bad("must be a path of at most 4096 bytes without control characters");
    }
    if path.contains(['*', '?']) {
        return bad("must be one place: patterns do not exist here");
    }
    let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty() && *step != ".").collect();
    match steps.as_slice() {
        [] => bad("must not be the root of the file system: pass a narrower directory"),
        ["~"] => bad("must not be the whole home directory: pass a narrower directory"),
        ["proc" | "sys" | "dev", ..] => bad("must not lie in a file system of the kernel"),
        steps if steps.contains(&"..") => bad("must be a path without `..`"),
        steps => Some(if path.starts_with('/') { format!("/{}", steps.join("/")) } else { steps.join("/") }),
    }
}

fn read_urls(mut table: Table<'_>) -> UrlAccess {
    let enabled = table.flag("enabled").unwrap_or(true);
    let hosts = table.list("hosts", |node, problems| {
        let pattern = HostPattern::parse(&text(&node, problems)?);
        pattern.map_err(|rule| problems.add(node.place, &node.key, rule, None)).ok()
    });
    let private = table.list("private", |node, problems| {
        let origin = Origin::parse(&text(&node, problems)?);
        origin.map_err(|error| problems.add(node.place, &node.key, error.to_string(), None)).ok()
    });
    let private = private.unwrap_or_default();
    if hosts.as_ref().is_some_and(|hosts| hosts.len() > HOSTS_MAX) || private.len() > HOSTS_MAX {
        table.problem(format!("a list has more than {HOSTS_MAX} elements"), None);
    }
    table.finish();
    UrlAccess { enabled, hosts, private }
}

fn read_pictures(mut table: Table<'_>) -> PictureCare {
    let usual = PictureCare::default();
    let care = PictureCare {
        remove_location: table.flag("removeLocation").unwrap_or(usual.remove_location),
        upright: table.flag("upright").unwrap_or(usual.upright),
        fit: table.flag("fit").unwrap_or(usual.fit),
        plugin: table.id("plugin", PluginId::parse).unwrap_or(usual.plugin),
    };
    table.finish();
    care
}

#[cfg(test)]
mod tests;
