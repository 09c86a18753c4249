//! What is inside the vault, and its bytes. Lengths stand before texts, so that nothing is copied while it is read.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

/// What belongs to the operator, and what Creel keeps for itself: no reference can name the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Space {
    /// Secrets that `vault:NAME` names.
    Secrets,
    /// What the host keeps, e.g. tokens that it renewed.
    Kept,
}

/// A value and when it was set.
pub(super) struct Entry {
    pub(super) value: Zeroizing<Vec<u8>>,
    pub(super) set_ms: u64,
}

/// All of it.
#[derive(Default)]
pub(super) struct Content(pub(super) BTreeMap<(Space, String), Entry>);

impl Content {
    pub(super) fn get(&self, space: Space, name: &str) -> Option<&Entry> {
        self.0.get(&(space, name.to_owned()))
    }

    pub(super) fn of(&self, space: Space) -> impl Iterator<Item = (&str, &Entry)> {
        self.0.iter().filter(move |((of, _), _)| *of == space).map(|((_, name), entry)| (name.as_str(), entry))
    }

    pub(super) fn encoded(&self) -> Zeroizing<Vec<u8>> {
        let size: usize = self.0.iter().map(|((_, name), entry)| 17 + name.len() + entry.value.len()).sum();
        let mut bytes = Zeroizing::new(Vec::with_capacity(size));
        for ((space, name), entry) in &self.0 {
            bytes.push(space.tag());
            bytes.extend_from_slice(&entry.set_ms.to_le_bytes());
            for text in [name.as_bytes(), entry.value.as_slice()] {
                let length = u32::try_from(text.len()).expect("a vault is smaller than 4 GiB");
                bytes.extend_from_slice(&length.to_le_bytes());
                bytes.extend_from_slice(text);
            }
        }
        bytes
    }

    /// `None`: it is not what [`Self::encoded`] makes.
    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut content = Self::default();
        while let Some((tag, rest)) = bytes.split_first() {
            let (set_ms, rest) = rest.split_first_chunk::<8>()?;
            let (name, rest) = text(rest)?;
            let (value, rest) = text(rest)?;
            let name = std::str::from_utf8(name).ok()?.to_owned();
            let entry = Entry { value: Zeroizing::new(value.to_vec()), set_ms: u64::from_le_bytes(*set_ms) };
            content.0.insert((Space::from_tag(*tag)?, name), entry);
            bytes = rest;
        }
        Some(content)
    }
}

impl Space {
    fn tag(self) -> u8 {
        match self {
            Self::Secrets => 1,
            Self::Kept => 2,
        }
    }

    fn from_tag(tag: u8) -> Option<Self> {
        [Self::Secrets, Self::Kept].into_iter().find(|space| space.tag() == tag)
    }
}

fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}
