//! The media store against a model of it: any order of putting, finding in old files, resolving by any spelling,
//! viewing, sweeping and crashing gives what a map of names to bytes would give.

use std::collections::BTreeMap;
use std::io::Read as _;

use creel_policy::media::{Area, MediaRef};
use proptest::prelude::*;

use crate::fixture::{Fixture, operator};
use crate::resolve::Deed;

#[derive(Clone, Debug)]
enum Operation {
    /// New bytes, at that time.
    Put(bool, Vec<u8>, u64),
    /// A file as the older gateway leaves them.
    Plant(u8, Vec<u8>),
    /// By the spelling of that number, the medium of that number.
    Resolve(usize, usize),
    /// Of every second one.
    View,
    /// Everything from before that time.
    Sweep(u64),
    /// The process is killed, and another one starts.
    Crash,
}

fn operation() -> impl Strategy<Value = Operation> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..200);
    prop_oneof![
        3 => (any::<bool>(), bytes(), 0..100u64).prop_map(|(inbound, bytes, at)| Operation::Put(inbound, bytes, at)),
        2 => (0..5u8, bytes()).prop_map(|(name, bytes)| Operation::Plant(name, bytes)),
        5 => (0..5usize, 0..20usize).prop_map(|(spelling, which)| Operation::Resolve(spelling, which)),
        1 => Just(Operation::View),
        1 => (0..100u64).prop_map(Operation::Sweep),
        1 => Just(Operation::Crash),
    ]
}

/// What is expected of a name: its bytes and its time, or that it is expired.
#[derive(Clone, Debug)]
enum Expected {
    Stored(Vec<u8>, u64),
    /// On disk, and nobody has asked for it yet: a sweep does not know it.
    Planted(Vec<u8>),
    Expired,
}

struct Run {
    fixture: Fixture,
    expected: BTreeMap<MediaRef, Expected>,
}

impl Run {
    fn apply(&mut self, operation: Operation) -> Result<(), TestCaseError> {
        match operation {
            Operation::Put(inbound, bytes, at) => {
                let area = if inbound { Area::Inbound } else { Area::Outbound };
                let medium = self.fixture.store.media_put(area, None, &bytes, at).expect("it can be stored");
                prop_assert_eq!(medium.size, bytes.len() as u64);
                let before = self.expected.insert(medium.media, Expected::Stored(bytes, at));
                prop_assert!(before.is_none(), "a name was given twice");
            }
            Operation::Plant(name, bytes) => {
                let media = MediaRef::parse(&format!("media://inbound/old-{name}.bin")).expect("it is a name");
                if !self.expected.contains_key(&media) {
                    self.fixture.plant(format!("inbound/old-{name}.bin"), &bytes);
                    self.expected.insert(media, Expected::Planted(bytes));
                }
            }
            Operation::Resolve(spelling, which) => self.resolve(spelling, which)?,
            Operation::View => self.view()?,
            Operation::Sweep(before) => {
                self.fixture.store.media_sweep(before, 1_000).expect("it can be swept");
                for expected in self.expected.values_mut() {
                    if matches!(expected, Expected::Stored(_, at) if *at < before) {
                        *expected = Expected::Expired;
                    }
                }
            }
            Operation::Crash => self.fixture = self.fixture.crash(0),
        }
        Ok(())
    }

    fn resolve(&mut self, spelling: usize, which: usize) -> Result<(), TestCaseError> {
        let Some(media) = self.expected.keys().nth(which % self.expected.len().max(1)).cloned() else { return Ok(()) };
        let (area, id) = (&media.area, media.id.to_string());
        let path = self.fixture.state().join(format!("media/{area}/{id}"));
        let text = match spelling {
            0 => media.to_string(),
            1 => format!("media/{area}/{id}"),
            2 => path.display().to_string(),
            3 => format!("file://{}", path.display()),
            _ => format!("MEDIA: media://{area}/{id}"),
        };
        let outcome = self.fixture.store.resolve(&text, &operator(), Deed::Look).expect("nothing breaks");
        let outcome = outcome.outcome.map(|found| found.medium().cloned().expect("it is no URL"));
        let expected = self.expected.get_mut(&media).expect("it was just there");
        match (&*expected, outcome) {
            (Expected::Expired, Err(refusal)) => prop_assert_eq!(refusal.code.as_str(), "expired"),
            (Expected::Stored(bytes, _) | Expected::Planted(bytes), Ok(medium)) => {
                prop_assert_eq!(&medium.media, &media);
                let mut read = Vec::new();
                let mut file = self.fixture.store.media_open(&media).expect("it opens");
                file.read_to_end(&mut read).expect("it reads");
                prop_assert_eq!(&read, bytes);
                *expected = Expected::Stored(read, medium.created_ms);
            }
            (expected, outcome) => prop_assert!(false, "{text}: {expected:?} but {outcome:?}"),
        }
        Ok(())
    }

    fn view(&mut self) -> Result<(), TestCaseError> {
        let stored = self.expected.iter().filter(|(_, expected)| matches!(expected, Expected::Stored(..)));
        let media: Vec<MediaRef> = stored.map(|(media, _)| media.clone()).step_by(2).collect();
        let view = self.fixture.store.media_view(&media).expect("they are all there");
        prop_assert_eq!(std::fs::read_dir(view.path()).expect("it is there").count(), media.len());
        for media in &media {
            let Some(Expected::Stored(bytes, _)) = self.expected.get(media) else { continue };
            prop_assert_eq!(&std::fs::read(view.path().join(media.id.as_str())).expect("it reads"), bytes);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_is_a_map_of_names_to_bytes(operations in prop::collection::vec(operation(), 1..40)) {
        let mut run = Run { fixture: Fixture::new(), expected: BTreeMap::new() };
        for operation in operations {
            run.apply(operation)?;
        }
    }
}
