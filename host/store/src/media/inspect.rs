//! Makes media of files and bytes that are none yet, each named by its content: whoever names the same bytes again, by
//! whatever path, gets the same handle, and bytes that have changed are another medium.

use std::fs::File;
use std::io::{self, Read, Seek as _};

use creel_policy::limits::MEDIUM_BYTES_MAX;
use creel_policy::media::{Area, MediaId, MediaKind, MediaRef, MediaRefusal, MediaRefusalCode, kind_of};
use sha2::{Digest as _, Sha256};

use super::new::display_name;
use super::sniff::Sniffer;
use super::{MediaError, Medium, pixels};
use crate::beneath;
use crate::db::Store;
use crate::resolve::{Deed, Found};

const READ: &str = "read a file that is to become a medium";
/// Bytes that are read at once.
const PIECE_BYTES: usize = 256 << 10;

/// What is known of bytes before they are stored.
struct Inspected {
    content_type: &'static str,
    extension: &'static str,
    declared_type: Option<String>,
    digest: [u8; 32],
    size: u64,
}

impl Store {
    /// The medium that a file outside the store is, or will be; its bytes must be of a type that is taken from there.
    pub(crate) fn media_of_file(
        &self,
        mut file: File,
        name: &str,
        area: &Area,
        deed: Deed,
    ) -> Result<Found, MediaError> {
        let inspected = inspect(&mut file, Some(name), None)?;
        if !is_taken(inspected.content_type) {
            let rule = format!(
                "a file outside the media store is taken if it is a picture, sound, moving picture, PDF or office \
                 document, or a text named `.csv` or `.md`; the bytes of this one are {}",
                inspected.content_type
            );
            return Err(MediaRefusal::new(MediaRefusalCode::WrongType, rule).into());
        }
        let pixels = pixels_of(&inspected, &mut file)?;
        let medium = medium_of(&inspected, area, Some(name), pixels);
        file.rewind().map_err(MediaError::io(READ))?;
        self.media_known_or_taken(medium, file, deed)
    }

    /// The medium that bytes are, or will be.
    pub(crate) fn media_of_bytes(
        &self,
        bytes: &[u8],
        declared_type: &str,
        area: &Area,
        deed: Deed,
    ) -> Result<Found, MediaError> {
        let inspected = inspect(bytes, None, Some(declared_type))?;
        let medium = medium_of(&inspected, area, None, None);
        self.media_known_or_taken(medium, bytes, deed)
    }

    fn media_known_or_taken(&self, medium: Medium, mut bytes: impl Read, deed: Deed) -> Result<Found, MediaError> {
        let is_same = |known: &Medium| known.sha256 == medium.sha256;
        match self.medium(&medium.media) {
            Ok(known) if is_same(&known) => return Ok(Found::Medium(known.into())),
            // Nothing, or what was there and has gone: it is taken, again.
            Ok(_) | Err(MediaError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
        let Deed::Take { now_ms } = deed else {
            return Ok(Found::Medium(medium.into()));
        };
        let mut new = self.media_begin(medium.media.area.clone(), medium.name.as_deref(), MEDIUM_BYTES_MAX)?;
        if let Some(declared) = &medium.declared_type {
            new.declare(declared);
        }
        new.expect(medium.size)?;
        let mut buffer = vec![0; PIECE_BYTES];
        loop {
            let count = bytes.read(&mut buffer).map_err(MediaError::io(READ))?;
            let Some(piece) = buffer.get(..count).filter(|piece| !piece.is_empty()) else { break };
            new.write(piece)?;
        }
        let taken = new.finish_by_content(medium.media, &medium.sha256, now_ms)?;
        Ok(Found::Medium(taken.into()))
    }
}

/// Reads all of it; its type, size and hash.
fn inspect(mut bytes: impl Read, name: Option<&str>, declared_type: Option<&str>) -> Result<Inspected, MediaError> {
    let (mut sniffer, mut hasher, mut size) = (Sniffer::new(), Sha256::new(), 0_u64);
    if let Some(declared) = declared_type {
        sniffer.declare(declared);
    }
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        let count = match bytes.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(MediaError::io(READ))?,
        };
        let Some(piece) = buffer.get(..count).filter(|piece| !piece.is_empty()) else { break };
        size = size.saturating_add(piece.len() as u64);
        if size > MEDIUM_BYTES_MAX {
            let rule = format!("a medium has at most {MEDIUM_BYTES_MAX} bytes");
            return Err(MediaRefusal::new(MediaRefusalCode::TooLarge, rule).into());
        }
        sniffer.read(piece);
        hasher.update(piece);
    }
    let (content_type, extension) = sniffer.verdict(name);
    let declared_type = sniffer.declared().map(str::to_owned);
    Ok(Inspected { content_type, extension, declared_type, digest: hasher.finalize().into(), size })
}

fn pixels_of(inspected: &Inspected, file: &mut File) -> Result<Option<(u32, u32)>, MediaError> {
    let failed = MediaError::io(READ);
    file.rewind().map_err(&failed)?;
    pixels::size_of(inspected.content_type, file).map_err(&failed)
}

fn medium_of(inspected: &Inspected, area: &Area, name: Option<&str>, pixels: Option<(u32, u32)>) -> Medium {
    let mut bits = [0; 16];
    bits.copy_from_slice(&inspected.digest[..16]);
    Medium {
        media: MediaRef { area: area.clone(), id: MediaId::from_random(bits, Some(inspected.extension)) },
        content_type: inspected.content_type.to_owned(),
        declared_type: inspected.declared_type.clone(),
        size: inspected.size,
        sha256: beneath::hex(&inspected.digest),
        name: name.and_then(display_name),
        created_ms: 0,
        purpose: None,
        ends_ms: None,
        width: pixels.map(|(width, _)| width),
        height: pixels.map(|(_, height)| height),
    }
}

/// What is taken from outside the store: types that their bytes prove, and of texts those that are meant to be read by
/// others. A plain text may be anybody's key or history (cases N1 to N5).
fn is_taken(content_type: &str) -> bool {
    match kind_of(content_type) {
        MediaKind::Image | MediaKind::Audio | MediaKind::Video => true,
        MediaKind::Document => content_type != "text/plain",
        MediaKind::Other => false,
    }
}
