//! The media store against a model of it: any order of putting, finding in old files, linking, renaming, exchanging,
//! resolving by any spelling, naming in sessions, delivering, viewing, sweeping and crashing gives what a map of names to
//! bytes would give. No byte is ever wrong, nothing is refused that the model does not refuse, and nothing that is needed
//! is ever cleaned away.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use creel_policy::media::{Area, MediaRef};
use proptest::prelude::*;

use crate::fixture::{Fixture, message, operator, outbound, outstanding};
use crate::limits::UNCLAIMED_MS_MAX;
use crate::media::{FlawKind, MediaPolicy, Swept};
use crate::outbox::{NewOutbound, OutboxId};
use crate::resolve::Deed;
use crate::turn::{InboundId, Inserted, NewInbound, Reply};

const HOUR: u64 = 3_600_000;
const IDLE: u64 = 50 * HOUR;
/// What the links of the test lead to.
const SECRET: &[u8] = b"key";
/// The time of a file that the test did not set.
const OF_TODAY: u64 = u64::MAX;

#[derive(Clone, Debug)]
enum Operation {
    /// New bytes, so many hours ago; by the operator or by a turn.
    Put(u8, bool, Vec<u8>, u64),
    /// A file as the older gateway leaves them, so many hours old.
    Plant(u8, Vec<u8>, u64),
    /// The same, with a second name outside.
    Link(u8, Vec<u8>),
    /// A file gets another name by hand.
    Rename(usize, u8),
    /// Another file takes its place, of the same size where it may be.
    Swap(usize, Vec<u8>),
    /// A link takes its place.
    Symlink(usize),
    /// By the spelling of that number, the medium of that number.
    Resolve(usize, usize),
    /// Of every second one that can be had.
    View,
    /// A message of that session comes in with that medium.
    Refer(usize, usize),
    /// A turn goes one step on, or fails.
    Settle(usize, bool),
    /// A delivery is settled.
    Deliver(usize),
    /// Everything that is older than so many hours.
    Sweep(u64),
    /// Hours go by.
    Wait(u64),
    /// The process is killed, and another daemon starts.
    Crash,
    /// The process ends, and a command of the operator's opens the store.
    Restart,
}

fn operation() -> impl Strategy<Value = Operation> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..60);
    let which = 0..40usize;
    prop_oneof![
        4 => (0..3u8, any::<bool>(), bytes(), 0..90u64)
            .prop_map(|(area, kept, bytes, age)| Operation::Put(area, kept, bytes, age)),
        3 => (0..5u8, bytes(), 0..90u64).prop_map(|(name, bytes, age)| Operation::Plant(name, bytes, age)),
        1 => (0..5u8, bytes()).prop_map(|(name, bytes)| Operation::Link(name, bytes)),
        1 => (which.clone(), 0..5u8).prop_map(|(which, name)| Operation::Rename(which, name)),
        1 => (which.clone(), bytes()).prop_map(|(which, bytes)| Operation::Swap(which, bytes)),
        1 => which.clone().prop_map(Operation::Symlink),
        6 => (0..5usize, which.clone()).prop_map(|(spelling, which)| Operation::Resolve(spelling, which)),
        1 => Just(Operation::View),
        4 => (0..3usize, which).prop_map(|(session, which)| Operation::Refer(session, which)),
        4 => (0..9usize, any::<bool>()).prop_map(|(which, fails)| Operation::Settle(which, fails)),
        2 => (0..9usize).prop_map(Operation::Deliver),
        3 => (0..90u64).prop_map(Operation::Sweep),
        1 => (0..60u64).prop_map(Operation::Wait),
        1 => Just(Operation::Crash),
        1 => Just(Operation::Restart),
    ]
}

/// What the database is to know of a name.
#[derive(Clone, Debug)]
struct Row {
    bytes: Vec<u8>,
    at_ms: u64,
    claimed: bool,
    expired: bool,
}

/// What lies under a name.
#[derive(Clone, Debug, PartialEq)]
enum Lies {
    Nothing,
    File(Vec<u8>, u64),
    /// With a second name outside.
    Linked(Vec<u8>),
    Symlink,
}

impl Lies {
    /// The copy that a crash goes on from has fresh files: without second names, and with what a link led to in its place.
    fn copied(&mut self) {
        match std::mem::replace(self, Self::Nothing) {
            Self::Nothing => {}
            Self::File(bytes, _) | Self::Linked(bytes) => *self = Self::File(bytes, OF_TODAY),
            Self::Symlink => *self = Self::File(SECRET.to_vec(), OF_TODAY),
        }
    }
}

#[derive(Clone, Debug)]
struct Known {
    row: Option<Row>,
    lies: Lies,
}

impl Known {
    /// The bytes, or the code of the refusal.
    fn expected(&self) -> Result<&[u8], &'static str> {
        match (&self.row, &self.lies) {
            (Some(row), _) if row.expired => Err("expired"),
            (Some(_), Lies::Nothing) => Err("expired"),
            (None, Lies::Nothing) => Err("not-found"),
            (_, Lies::Symlink) | (None, Lies::Linked(_)) => Err("invalid-path"),
            (Some(row), Lies::File(bytes, _) | Lies::Linked(bytes)) if *bytes != row.bytes => Err("invalid-path"),
            (_, Lies::File(bytes, _) | Lies::Linked(bytes)) => Ok(bytes),
        }
    }

    /// Whoever asks for a file that is no medium yet makes it one.
    fn asked_for(&mut self) {
        if let (None, Lies::File(bytes, at_ms)) = (&self.row, &self.lies) {
            let (bytes, at_ms) = (bytes.clone(), *at_ms);
            self.row = Some(Row { bytes: bytes.clone(), at_ms, claimed: true, expired: false });
            self.lies = Lies::File(bytes, OF_TODAY);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Received,
    Ready,
    Over,
}

#[derive(Debug)]
struct Turn {
    id: InboundId,
    session: String,
    media: MediaRef,
    step: Step,
    in_log: bool,
}

struct Run {
    fixture: Fixture,
    now_ms: u64,
    known: BTreeMap<MediaRef, Known>,
    turns: Vec<Turn>,
    deliveries: Vec<(OutboxId, MediaRef)>,
    last_entry_ms: BTreeMap<String, u64>,
}

impl Run {
    fn new() -> Self {
        let run = Self {
            fixture: Fixture::new(),
            now_ms: 10_000 * HOUR,
            known: BTreeMap::new(),
            turns: Vec::new(),
            deliveries: Vec::new(),
            last_entry_ms: BTreeMap::new(),
        };
        run.configure();
        run
    }

    fn configure(&self) {
        self.fixture.store.keep_media_by(MediaPolicy { session_idle_ms: IDLE, ..MediaPolicy::default() });
    }

    fn media(&self, which: usize) -> Option<MediaRef> {
        self.known.keys().nth(which % self.known.len().max(1)).cloned()
    }

    fn path(&self, media: &MediaRef) -> PathBuf {
        self.fixture.area(&media.area.to_string()).join(media.id.as_str())
    }

    fn apply(&mut self, operation: Operation) -> Result<(), TestCaseError> {
        match operation {
            Operation::Put(area, kept, bytes, age) => self.put(area, kept, bytes, age * HOUR)?,
            Operation::Plant(name, bytes, age) => self.plant(name, bytes, age * HOUR),
            Operation::Link(name, bytes) => self.link(name, bytes),
            Operation::Rename(which, name) => self.rename(which, name),
            Operation::Swap(which, bytes) => self.swap(which, bytes),
            Operation::Symlink(which) => self.symlink(which),
            Operation::Resolve(spelling, which) => self.resolve(spelling, which)?,
            Operation::View => self.view()?,
            Operation::Refer(session, which) => self.refer(session, which),
            Operation::Settle(which, fails) => self.settle(which, fails),
            Operation::Deliver(which) => {
                if !self.deliveries.is_empty() {
                    let (id, _) = self.deliveries.remove(which % self.deliveries.len());
                    self.fixture.store.outbox_delivered(id, "1", self.now_ms).expect("it is outstanding");
                }
            }
            Operation::Sweep(age) => self.sweep(age * HOUR)?,
            Operation::Wait(hours) => self.now_ms += hours * HOUR,
            Operation::Crash => {
                self.fixture = self.fixture.crash(0);
                self.known.values_mut().for_each(|known| known.lies.copied());
                self.configure();
                let lock = self.fixture.root.lock().expect("there is no other daemon");
                self.fixture.store.clear_leftovers(&lock).expect("they can be cleared");
                for known in self.known.values_mut().filter(|known| known.row.as_ref().is_some_and(|row| !row.claimed))
                {
                    *known = Known { row: None, lies: Lies::Nothing };
                }
            }
            Operation::Restart => {
                let run = std::mem::replace(&mut self.fixture, Fixture::new());
                self.fixture = run.restart();
                self.configure();
            }
        }
        Ok(())
    }

    fn put(&mut self, area: u8, kept: bool, bytes: Vec<u8>, age_ms: u64) -> Result<(), TestCaseError> {
        let area = ["inbound", "outbound", "workspace/main"].get(usize::from(area)).copied().unwrap_or("inbound");
        let at_ms = self.now_ms - age_ms;
        let area = Area::parse(area).expect("it is an area");
        let mut new = self.fixture.store.media_begin(area, None, u64::MAX).expect("there is room");
        if kept {
            new.keep();
        }
        bytes.chunks(7).try_for_each(|bytes| new.write(bytes)).expect("it can be written");
        let medium = new.finish(at_ms).expect("it can be stored");
        prop_assert_eq!(medium.size, bytes.len() as u64);
        let row = Some(Row { bytes: bytes.clone(), at_ms, claimed: kept, expired: false });
        let before = self.known.insert(medium.media, Known { row, lies: Lies::File(bytes, OF_TODAY) });
        prop_assert!(before.is_none(), "a name was given twice");
        Ok(())
    }

    /// A name of the older gateway's that is free.
    fn free(&self, name: u8) -> Option<MediaRef> {
        let media = MediaRef::parse(&format!("media://inbound/old-{name}.bin")).expect("it is a name");
        let known = self.known.get(&media);
        known.is_none_or(|known| known.row.is_none() && known.lies == Lies::Nothing).then_some(media)
    }

    fn plant(&mut self, name: u8, bytes: Vec<u8>, age_ms: u64) {
        let Some(media) = self.free(name) else { return };
        let at_ms = self.now_ms - age_ms;
        std::fs::write(self.path(&media), &bytes).expect("it can be written");
        let file = std::fs::File::open(self.path(&media)).expect("it is there");
        file.set_modified(UNIX_EPOCH + Duration::from_millis(at_ms)).expect("its time can be set");
        self.known.insert(media, Known { row: None, lies: Lies::File(bytes, at_ms) });
    }

    fn link(&mut self, name: u8, bytes: Vec<u8>) {
        let Some(media) = self.free(name) else { return };
        let outside = self.fixture.temp.path().join(format!("outside-{name}-{}", self.known.len()));
        std::fs::write(&outside, &bytes).expect("it can be written");
        std::fs::hard_link(&outside, self.path(&media)).expect("it can be linked");
        self.known.insert(media, Known { row: None, lies: Lies::Linked(bytes) });
    }

    fn rename(&mut self, which: usize, name: u8) {
        let (Some(media), Some(to)) = (self.media(which), self.free(name)) else { return };
        let Some(known) = self.known.get_mut(&media).filter(|known| known.lies != Lies::Nothing) else { return };
        let lies = std::mem::replace(&mut known.lies, Lies::Nothing);
        std::fs::rename(self.path(&media), self.path(&to)).expect("it can be renamed");
        self.known.insert(to, Known { row: None, lies });
    }

    /// Puts something else in the place of what lies there.
    fn replace(&mut self, which: usize, lies: Lies, make: impl FnOnce(&Path)) {
        let Some(media) = self.media(which) else { return };
        let path = self.path(&media);
        let Some(known) = self.known.get_mut(&media).filter(|known| known.lies != Lies::Nothing) else { return };
        known.lies = lies;
        let new = path.with_file_name(".new");
        make(&new);
        std::fs::rename(&new, &path).expect("it can take its place");
    }

    fn swap(&mut self, which: usize, mut bytes: Vec<u8>) {
        let lies = self.media(which).and_then(|media| self.known.get(&media)).map(|known| known.lies.clone());
        if let Some(Lies::File(before, _) | Lies::Linked(before)) = lies {
            bytes.resize(before.len(), 7);
        }
        self.replace(which, Lies::File(bytes.clone(), OF_TODAY), |path| {
            std::fs::write(path, bytes).expect("it can be written");
        });
    }

    fn symlink(&mut self, which: usize) {
        let secret = self.fixture.temp.path().join("secret");
        std::fs::write(&secret, SECRET).expect("it can be written");
        self.replace(which, Lies::Symlink, |path| symlink(&secret, path).expect("it can be linked"));
    }

    fn resolve(&mut self, spelling: usize, which: usize) -> Result<(), TestCaseError> {
        let Some(media) = self.media(which) else { return Ok(()) };
        let (area, id) = (&media.area, media.id.to_string());
        let path = self.path(&media);
        let text = match spelling {
            0 => media.to_string(),
            1 => format!("media/{area}/{id}"),
            2 => path.display().to_string(),
            3 => format!("file://{}", path.display()),
            _ => format!("MEDIA: media://{area}/{id}"),
        };
        let outcome =
            self.fixture.store.resolve(&text, &operator(), Deed::Look { now_ms: self.now_ms }).expect("nothing breaks");
        let outcome = outcome.outcome.map(|found| found.medium().cloned().expect("it is no URL"));
        let known = self.known.get_mut(&media).expect("it was just there");
        match (known.expected(), outcome) {
            (Err(code), Err(refusal)) => prop_assert_eq!(refusal.code.as_str(), code, "{}", text),
            (Ok(bytes), Ok(medium)) => {
                prop_assert_eq!(&medium.media, &media);
                let mut read = Vec::new();
                let mut file = self.fixture.store.media_open(&media).expect("it opens");
                file.read_to_end(&mut read).expect("it reads");
                prop_assert_eq!(read.as_slice(), bytes);
                known.asked_for();
            }
            (expected, outcome) => prop_assert!(false, "{text}: {expected:?} but {outcome:?}"),
        }
        Ok(())
    }

    fn view(&mut self) -> Result<(), TestCaseError> {
        let media: Vec<MediaRef> = self
            .known
            .iter()
            .filter(|(_, known)| known.expected().is_ok())
            .map(|(media, _)| media.clone())
            .step_by(2)
            .collect();
        let view = self.fixture.store.media_view(&media).expect("they are all there");
        prop_assert_eq!(std::fs::read_dir(view.path()).expect("it is there").count(), media.len());
        for media in &media {
            let known = self.known.get_mut(media).expect("it was just there");
            let read = std::fs::read(view.path().join(media.id.as_str())).expect("it reads");
            prop_assert_eq!(Ok(read.as_slice()), known.expected());
            known.asked_for();
        }
        Ok(())
    }

    fn claim(&mut self, media: &MediaRef) {
        if let Some(row) = self.known.get_mut(media).and_then(|known| known.row.as_mut()) {
            row.claimed = true;
        }
    }

    fn refer(&mut self, session: usize, which: usize) {
        let Some(media) = self.media(which) else { return };
        let session = format!("session {session}");
        let new = NewInbound { session: session.clone(), ..message(&format!("m{}", self.turns.len()), 1) };
        let Inserted::New(id) = self.fixture.store.inbound_insert(&new).expect("it can be stored") else { return };
        self.fixture.store.inbound_attachment_stored(id, 0, &media).expect("it can be noted");
        self.claim(&media);
        self.turns.push(Turn { id, session, media, step: Step::Received, in_log: false });
    }

    fn settle(&mut self, which: usize, fails: bool) {
        let (store, now_ms) = (&self.fixture.store, self.now_ms);
        let mut open: Vec<_> = self.turns.iter_mut().filter(|turn| turn.step != Step::Over).collect();
        let count = open.len().max(1);
        let Some(turn) = open.get_mut(which % count) else { return };
        if fails {
            store.inbound_failed(turn.id, "no", &[], now_ms).expect("it can fail");
            turn.step = Step::Over;
            return;
        }
        self.last_entry_ms.insert(turn.session.clone(), now_ms);
        if turn.step == Step::Received {
            store.inbound_ready(turn.id, now_ms).expect("it is ready");
            (turn.step, turn.in_log) = (Step::Ready, true);
            return;
        }
        let media = vec![turn.media.clone()];
        let (model, derivation_json) = ("a/b".to_owned(), "{}".to_owned());
        let reply = Reply { text: String::new(), media: Vec::new(), model, derivation_json, usage_json: None };
        let delivery = NewOutbound { session: turn.session.clone(), media, ..outbound("") };
        store.reply_commit(turn.id, &reply, &[delivery], now_ms).expect("it is answered");
        turn.step = Step::Over;
        let last = outstanding(store).pop().expect("it was just put there");
        self.deliveries.push((last, turn.media.clone()));
    }

    fn is_needed(&self, media: &MediaRef) -> bool {
        let is_open = |session: &str| {
            self.turns.iter().any(|turn| turn.session == session && turn.step != Step::Over)
                || self.last_entry_ms.get(session).is_some_and(|last| last + IDLE >= self.now_ms)
        };
        let by_turn = |turn: &Turn| turn.step != Step::Over || (turn.in_log && is_open(&turn.session));
        self.turns.iter().any(|turn| turn.media == *media && by_turn(turn))
            || self.deliveries.iter().any(|(_, delivered)| delivered == media)
    }

    fn sweep(&mut self, age_ms: u64) -> Result<(), TestCaseError> {
        let before_ms = self.now_ms - age_ms;
        let would = self.fixture.store.media_sweepable(before_ms, self.now_ms).expect("it can be looked at");
        let swept = self.fixture.store.media_sweep(before_ms, self.now_ms).expect("it can be swept");
        prop_assert_eq!(would, swept);
        let needed: Vec<bool> = self.known.keys().map(|media| self.is_needed(media)).collect();
        let unclaimed_before = self.now_ms - UNCLAIMED_MS_MAX;
        let mut expected = Swept::default();
        for (known, _) in self.known.values_mut().zip(needed).filter(|(_, needed)| !needed) {
            match (&mut known.row, &known.lies) {
                (Some(row), _)
                    if !row.expired && row.at_ms < before_ms && (row.claimed || row.at_ms < unclaimed_before) =>
                {
                    (row.expired, known.lies) = (true, Lies::Nothing);
                    (expected.media, expected.bytes) = (expected.media + 1, expected.bytes + row.bytes.len() as u64);
                }
                (None, Lies::File(bytes, at_ms)) if *at_ms < before_ms => {
                    (expected.files, expected.file_bytes) =
                        (expected.files + 1, expected.file_bytes + bytes.len() as u64);
                    known.lies = Lies::Nothing;
                }
                _ => {}
            }
        }
        prop_assert_eq!(swept, expected);
        Ok(())
    }

    /// Everything is as the model says, and references and totals are as the log and the rows say.
    fn finish(&mut self) -> Result<(), TestCaseError> {
        for which in 0..self.known.len() {
            self.resolve(0, which)?;
        }
        let found = self.fixture.store.media_verify(false, self.now_ms).expect("it can be looked through");
        let is_of_ours = |kind| {
            let ours =
                [FlawKind::ReferenceMissing, FlawKind::ReferenceUnfounded, FlawKind::TotalWrong, FlawKind::Leftover];
            ours.contains(&kind)
        };
        let flaws: Vec<_> = found.flaws.iter().filter(|flaw| is_of_ours(flaw.kind)).collect();
        prop_assert!(flaws.is_empty(), "{flaws:?}");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_store_is_a_map_of_names_to_bytes(operations in prop::collection::vec(operation(), 1..50)) {
        let mut run = Run::new();
        for operation in operations {
            run.apply(operation)?;
        }
        run.finish()?;
    }
}
