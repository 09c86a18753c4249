//! Holds what the database says of media against what lies on disk and what the log says: every byte, every file, every
//! reference, every total. What is wrong is said; what can be mended without losing anything is mended where that is
//! asked for.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;

use cap_std::fs::{Dir, MetadataExt as _};
use rusqlite::Transaction;
use sha2::{Digest as _, Sha256};

use super::{MediaError, Medium, partials, row};
use crate::beneath::{self, NoFile};
use crate::db::{Store, StoreError, unsigned};
use crate::limits::{MEDIA_AT_ONCE_MAX, PARTIAL_MS_MAX, UNCLAIMED_MS_MAX};

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Verification {
    /// Media that were read.
    pub media: u64,
    /// Their bytes, as their rows say.
    pub bytes: u64,
    /// References that were compared with the log.
    pub references: u64,
    /// What is wrong.
    pub flaws: Vec<Flaw>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Flaw {
    /// What sort of thing.
    pub kind: FlawKind,
    /// Which medium, file or area.
    pub subject: String,
    /// How.
    pub detail: String,
    /// Whether it has been mended.
    pub repaired: bool,
}

/// What sort of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlawKind {
    /// A medium has no file.
    FileMissing,
    /// A medium's file is not what was stored.
    FileChanged,
    /// A file lies in an area and is no medium.
    FileUnknown,
    /// A half-written medium that nobody writes.
    Leftover,
    /// The log names a medium, and the references do not say so.
    ReferenceMissing,
    /// The references say what the log does not.
    ReferenceUnfounded,
    /// What an area is said to hold is not what it holds.
    TotalWrong,
}

impl FlawKind {
    /// The kind as it is printed: `file-missing`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FileMissing => "file-missing",
            Self::FileChanged => "file-changed",
            Self::FileUnknown => "file-unknown",
            Self::Leftover => "leftover",
            Self::ReferenceMissing => "reference-missing",
            Self::ReferenceUnfounded => "reference-unfounded",
            Self::TotalWrong => "total-wrong",
        }
    }
}

/// Who names what, as the log says. An id holds no slash, so that a name is split at its last one.
macro_rules! log {
    () => {
        "WITH named (name, holder, holder_id, session) AS (
           SELECT substr(a.media, 9), 'inbound', i.id, i.session FROM attachment a JOIN inbound i ON i.id = a.inbound
           WHERE a.media IS NOT NULL
           UNION ALL
           SELECT substr(m.value, 9), 'entry', e.seq, e.session FROM entry e, json_each(e.media_json) m
           UNION ALL
           SELECT substr(m.value, 9), 'outbox', o.id, o.session FROM outbox o, json_each(o.media_json) m
         ), log (area, id, holder, holder_id, session) AS (
           SELECT DISTINCT rtrim(rtrim(name, replace(name, '/', '')), '/'),
             substr(name, length(rtrim(name, replace(name, '/', ''))) + 1), holder, holder_id, session FROM named
         ) "
    };
}

const NOT_NOTED: &str = concat!(
    log!(),
    "SELECT area, id, holder, holder_id, session FROM log
     EXCEPT SELECT area, id, holder, holder_id, session FROM media_reference"
);
const UNFOUNDED: &str = concat!(
    log!(),
    "SELECT area, id, holder, holder_id, session FROM media_reference
     EXCEPT SELECT area, id, holder, holder_id, session FROM log"
);
const NOTE_ANEW: &str = concat!(
    "INSERT INTO media_reference (area, id, holder, holder_id, session) ",
    log!(),
    "SELECT area, id, holder, holder_id, session FROM log"
);
const NAME_FAILED: &str = "look through the media";

/// Whether what is wrong is also mended.
#[derive(Clone, Copy)]
struct Care {
    repair: bool,
    now_ms: u64,
}

impl Store {
    /// Looks through everything. With `repair`, media without a file become expired, references and totals are counted
    /// anew, and half-written media that are older than a day are removed; what would lose bytes is left to the operator.
    /// May run beside a daemon.
    ///
    /// # Errors
    ///
    /// [`MediaError::Store`], [`MediaError::Io`].
    pub fn media_verify(&self, repair: bool, now_ms: u64) -> Result<Verification, MediaError> {
        let care = Care { repair, now_ms };
        let mut found = Verification::default();
        let mut after = None;
        loop {
            let page = self.media_list(None, after.as_ref(), MEDIA_AT_ONCE_MAX)?;
            for medium in &page.media {
                found.media += 1;
                found.bytes += medium.size;
                found.flaws.extend(self.verify_medium(medium, care)?);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let failed = MediaError::io(NAME_FAILED);
        for area in self.areas().map_err(&failed)? {
            let Ok(dir) = self.area(&area) else { continue };
            self.verify_files(&dir, &area.to_string(), &mut found.flaws)?;
            verify_partials(&dir, &area.to_string(), care, &mut found.flaws)?;
        }
        self.verify_references(repair, &mut found)?;
        self.verify_totals(repair, &mut found.flaws)?;
        Ok(found)
    }

    fn verify_medium(&self, medium: &Medium, care: Care) -> Result<Option<Flaw>, MediaError> {
        let opened = self.area(&medium.media.area).and_then(|area| beneath::open_file(&area, medium.media.id.as_str()));
        let changed = |detail: String| Flaw {
            kind: FlawKind::FileChanged,
            subject: medium.media.to_string(),
            detail,
            repaired: false,
        };
        let (mut file, metadata) = match opened {
            Ok(opened) => opened,
            Err(NoFile::Missing) => return self.verify_missing(medium, care),
            Err(NoFile::Symlink) => return Ok(Some(changed("is a symbolic link".to_owned()))),
            Err(NoFile::NotFile) => return Ok(Some(changed("is not a regular file".to_owned()))),
            Err(NoFile::Io(error)) => return Ok(Some(changed(format!("could not be read: {error}")))),
        };
        if metadata.size() != medium.size {
            return Ok(Some(changed(format!("has {} bytes and not {}", metadata.size(), medium.size))));
        }
        Ok(match sha256_of(&mut file) {
            Ok(sha256) if sha256 == medium.sha256 => None,
            Ok(sha256) => Some(changed(format!("has the SHA-256 {sha256} and not {}", medium.sha256))),
            Err(error) => Some(changed(format!("could not be read: {error}"))),
        })
    }

    /// A medium without a file. Another process may have removed it meanwhile, or be about to give it its file.
    fn verify_missing(&self, medium: &Medium, care: Care) -> Result<Option<Flaw>, MediaError> {
        let is_wrong = self.write(|transaction| {
            let Some(row) = row::find_in(transaction, &medium.media)?.filter(|row| !row.expired) else {
                return Ok(false);
            };
            let is_young = medium.created_ms.saturating_add(UNCLAIMED_MS_MAX) > care.now_ms;
            if !row.claimed && is_young {
                return Ok(false);
            }
            if care.repair {
                row::expire(transaction, &medium.media, care.now_ms)?;
            }
            Ok::<_, StoreError>(true)
        })?;
        Ok(is_wrong.then(|| Flaw {
            kind: FlawKind::FileMissing,
            subject: medium.media.to_string(),
            detail: "its file is not there".to_owned(),
            repaired: care.repair,
        }))
    }

    fn verify_files(&self, dir: &Dir, area: &str, flaws: &mut Vec<Flaw>) -> Result<(), MediaError> {
        let failed = MediaError::io(NAME_FAILED);
        let mut names = Vec::new();
        for entry in dir.entries().map_err(&failed)? {
            let name = entry.map_err(&failed)?.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') && dir.symlink_metadata(&name).is_ok_and(|metadata| metadata.is_file()) {
                names.push(name);
            }
        }
        names.sort();
        for some in names.chunks(MEDIA_AT_ONCE_MAX) {
            // In a transaction that writes: a file that is just taking its place has its row when this begins.
            self.write(|transaction| {
                for name in some {
                    let Some(detail) = unknown(transaction, (area, name))? else { continue };
                    // Removed or replaced since it was listed.
                    if !dir.symlink_metadata(name).is_ok_and(|metadata| metadata.is_file()) {
                        continue;
                    }
                    let subject = format!("media/{area}/{name}");
                    flaws.push(Flaw {
                        kind: FlawKind::FileUnknown,
                        subject,
                        detail: detail.to_owned(),
                        repaired: false,
                    });
                }
                Ok::<_, StoreError>(())
            })?;
        }
        Ok(())
    }

    fn verify_references(&self, repair: bool, found: &mut Verification) -> Result<(), StoreError> {
        let work = |transaction: &Transaction<'_>| {
            let count: i64 = transaction.query_row("SELECT count(*) FROM media_reference", [], |row| row.get(0))?;
            found.references = unsigned(count)?;
            let before = found.flaws.len();
            for (query, kind) in [(NOT_NOTED, FlawKind::ReferenceMissing), (UNFOUNDED, FlawKind::ReferenceUnfounded)] {
                let mut statement = transaction.prepare(query)?;
                let rows = statement.query_map([], |row| {
                    let (area, id): (String, String) = (row.get(0)?, row.get(1)?);
                    let (holder, number): (String, i64) = (row.get(2)?, row.get(3)?);
                    let session: String = row.get(4)?;
                    let detail = format!("by {holder} {number} of session `{session}`");
                    Ok(Flaw { kind, subject: format!("media://{area}/{id}"), detail, repaired: repair })
                })?;
                for flaw in rows {
                    found.flaws.push(flaw?);
                }
            }
            if repair && found.flaws.len() > before {
                transaction.execute("DELETE FROM media_reference", [])?;
                transaction.execute(NOTE_ANEW, [])?;
            }
            Ok(())
        };
        if repair { self.write(work) } else { self.read(work) }
    }

    fn verify_totals(&self, repair: bool, flaws: &mut Vec<Flaw>) -> Result<(), StoreError> {
        const COUNTED: &str = "SELECT area, count(*), sum(size) FROM media WHERE expired_ms IS NULL GROUP BY area";
        const NOTED: &str = "SELECT area, media, bytes FROM media_total WHERE media <> 0 OR bytes <> 0";
        let work = |transaction: &Transaction<'_>| {
            let read = |query: &str| {
                let mut statement = transaction.prepare(query)?;
                let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
                rows.collect::<Result<BTreeMap<String, (i64, i64)>, _>>()
            };
            let (counted, noted) = (read(COUNTED)?, read(NOTED)?);
            let before = flaws.len();
            let areas: std::collections::BTreeSet<_> = counted.keys().chain(noted.keys()).collect();
            for area in areas {
                let of = |totals: &BTreeMap<String, (i64, i64)>| totals.get(area).copied().unwrap_or_default();
                let ((media, bytes), (noted_media, noted_bytes)) = (of(&counted), of(&noted));
                if (media, bytes) != (noted_media, noted_bytes) {
                    let detail = format!(
                        "is said to hold {noted_media} media of {noted_bytes} bytes, and holds {media} of {bytes}"
                    );
                    let kind = FlawKind::TotalWrong;
                    flaws.push(Flaw { kind, subject: area.clone(), detail, repaired: repair });
                }
            }
            if repair && flaws.len() > before {
                transaction.execute("DELETE FROM media_total", [])?;
                transaction.execute(&format!("INSERT INTO media_total (area, media, bytes) {COUNTED}"), [])?;
            }
            Ok(())
        };
        if repair { self.write(work) } else { self.read(work) }
    }
}

/// Why a file is no medium; `None` where it is one.
fn unknown(transaction: &Transaction<'_>, key: (&str, &str)) -> Result<Option<&'static str>, StoreError> {
    let Ok(media) = row::read_name(key.0, key.1) else {
        return Ok(Some("has a name that no medium can have"));
    };
    Ok(match row::find_in(transaction, &media)? {
        None => Some("was put there by hand, and nobody has asked for it yet"),
        Some(row) if row.expired => Some("was cleaned away, and a file of that name lies there again"),
        Some(_) => None,
    })
}

fn verify_partials(dir: &Dir, area: &str, care: Care, flaws: &mut Vec<Flaw>) -> Result<(), MediaError> {
    let failed = MediaError::io(NAME_FAILED);
    for leftover in partials::leftovers(dir).map_err(&failed)? {
        let is_old = leftover.modified_ms.saturating_add(PARTIAL_MS_MAX) <= care.now_ms;
        let repaired = care.repair && is_old && partials::remove(dir, &leftover.name).map_err(&failed)?;
        let detail = if is_old { "was left half written" } else { "was left half written less than a day ago" };
        let subject = format!("media/{area}/{}", leftover.name);
        flaws.push(Flaw { kind: FlawKind::Leftover, subject, detail: detail.to_owned(), repaired });
    }
    Ok(())
}

/// Of all that is left to be read of a file, in lower-case hex.
pub(super) fn sha256_of(file: &mut File) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = file.read(&mut buffer)?;
        match buffer.get(..count).filter(|bytes| !bytes.is_empty()) {
            Some(bytes) => hasher.update(bytes),
            None => return Ok(beneath::hex(&hasher.finalize())),
        }
    }
}
