//! Sixty-four people show fifty pictures each, and later turns show the earlier ones again, while the house is started
//! anew, media are collected, and the world goes on. A model of all that foretells which pictures each request holds,
//! in order; what the fake provider received is compared with it, byte for byte by SHA-256.
//!
//! The schedule is drawn from a seed, which is the same each time unless `CREEL_STRESS_SEED` is another number.

#![expect(clippy::panic, reason = "a test that cannot be set up cannot go on")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use creel_fakes::anthropic::{self, Block, Reply, Request};
use creel_fakes::ollama;
use creel_fakes::pictures::{sha256_hex, tiny_of};
use creel_fakes::signal::{Attachment, Message};
use creel_policy::limits::HISTORY_ENTRIES_MAX;
use creel_runtime::Step;
use creel_store::Store;
use creel_tests::house::{API_KEY, Fakes, House, Place};
use creel_tests::scene::{SEEING_PRIMARY, Scene, person, refusals};

const PEOPLE: usize = 64;
const PICTURES: usize = 50;
const SEED: u64 = 0x0043_7265_656c;
const DAY_MS: u64 = 86_400_000;
/// Longer than a conversation is remembered without a message.
const LONG_MS: u64 = 31 * DAY_MS;

/// The words in which a model is told of a picture that is gone.
const GONE: &str = "is not stored any more.]";

/// A stream of numbers that a seed decides (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("a small number");
        usize::try_from(self.next() % end).expect("a small number")
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// A picture that was shown, as far as it can be foretold.
struct Shown {
    sha256: String,
    bytes: u64,
    /// A reading of the clock before it was stored.
    since: u64,
    is_there: bool,
}

#[derive(Default)]
struct Person {
    shown: Vec<Shown>,
    turns: usize,
    /// How often the world had moved on when the last word was said.
    epoch: usize,
    /// What belongs to a turn that is not finished.
    unfinished: usize,
}

/// What one request must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Expect {
    pictures: Vec<String>,
    gone: usize,
}

/// What is foretold.
struct Model {
    people: Vec<Person>,
    requests: BTreeMap<String, Expect>,
    epoch: usize,
    pictures: u64,
}

impl Model {
    fn new() -> Self {
        let people = (0..PEOPLE).map(|_| Person::default()).collect();
        Self { people, requests: BTreeMap::new(), epoch: 0, pictures: 0 }
    }

    fn left(&self, who: usize) -> usize {
        PICTURES - self.people[who].shown.len()
    }

    /// Somebody says something and shows so many new pictures.
    fn speak(&mut self, who: usize, count: usize, now: u64) -> Message {
        let (number, uuid) = person(who);
        let person = &mut self.people[who];
        let text = format!("person {who}, turn {}", person.turns);
        let mut message = Message::from_number(&number, &uuid, "Somebody").saying(&text);
        for _ in 0..count {
            let bytes = tiny_of(self.pictures);
            self.pictures += 1;
            let (sha256, length) = (sha256_hex(&bytes), bytes.len() as u64);
            person.shown.push(Shown { sha256, bytes: length, since: now, is_there: true });
            message = message.with(Attachment::new("application/octet-stream", bytes));
        }
        person.turns += 1;
        person.epoch = self.epoch;
        person.unfinished += count;
        assert!(person.turns * 2 <= HISTORY_ENTRIES_MAX, "the whole conversation is sent each time");
        let there = person.shown.iter().filter(|shown| shown.is_there);
        let pictures: Vec<_> = there.map(|shown| shown.sha256.clone()).collect();
        let gone = person.shown.len() - pictures.len();
        self.requests.insert(text, Expect { pictures, gone });
        message
    }

    fn finished(&mut self) {
        self.people.iter_mut().for_each(|person| person.unfinished = 0);
    }

    /// What is stored before that time and refers to nothing live goes: how many, and their bytes.
    fn sweep(&mut self, before: u64) -> (u64, u64) {
        let mut swept = (0, 0);
        for person in &mut self.people {
            let is_kept = person.turns > 0 && person.epoch == self.epoch;
            let free = if is_kept { 0 } else { person.shown.len() - person.unfinished };
            for shown in person.shown[..free].iter_mut().filter(|shown| shown.is_there && shown.since < before) {
                shown.is_there = false;
                swept = (swept.0 + 1, swept.1 + shown.bytes);
            }
        }
        swept
    }

    /// A time before which nothing is stored that these people still show.
    fn oldest_of(&self, people: &[usize]) -> Option<u64> {
        let shown = people.iter().flat_map(|who| &self.people[*who].shown);
        shown.filter(|shown| shown.is_there).map(|shown| shown.since).min()
    }

    fn stored(&self) -> usize {
        self.people.iter().flat_map(|person| &person.shown).filter(|shown| shown.is_there).count()
    }
}

/// The one way in which media are collected here.
fn collect(store: &Store, before: u64, now: u64) -> (u64, u64) {
    let swept = store.media_sweep(before, now).unwrap_or_else(|error| panic!("{error}"));
    (swept.media, swept.bytes)
}

/// What happens while people speak.
#[derive(Clone, Copy, Debug)]
enum Weather {
    /// Nothing.
    Calm,
    /// All are being answered at the same time, and media are collected meanwhile.
    Held,
    /// Media that nobody of them shows are collected, at whatever moment.
    Racing,
    /// The house is started anew before the answers are there.
    Restart,
    /// The house stands empty when they speak.
    Unheard,
}

/// The house, and what is foretold of it.
struct World {
    fakes: Fakes,
    place: Place,
    house: Option<House>,
    clock: Arc<AtomicU64>,
    random: Random,
    model: Model,
    marks: Vec<u64>,
    held: usize,
    starts: usize,
    /// Messages that the house that stands has received, and answers that it has delivered.
    received: usize,
    delivered: usize,
}

impl World {
    async fn begin(seed: u64) -> Self {
        let config = anthropic::Config::with_api_key(API_KEY).replying(|_| Reply::text("I see."));
        let fakes = Fakes::replying(config, ollama::Config::new()).await;
        let numbers: Vec<_> = (0..PEOPLE).map(|who| format!("\"{}\"", person(who).0)).collect();
        let directory = fakes.attachments.path().display();
        let channel = format!(r#"attachmentsDir: "{directory}", allowFrom: [{}]"#, numbers.join(", "));
        let channels = Some(fakes.channel_with(&channel));
        let clock = Arc::new(AtomicU64::new(1_760_000_000_000));
        let ticking = Arc::clone(&clock);
        let place = Scene { channels, ..Scene::of(SEEING_PRIMARY) }.place(&fakes);
        let place = place.clock(Arc::new(move || ticking.fetch_add(1, Ordering::SeqCst)));
        let (random, model, marks) = (Random(seed), Model::new(), Vec::new());
        let (held, starts, received, delivered) = (0, 0, 0, 0);
        let mut world =
            Self { fakes, place, house: None, clock, random, model, marks, held, starts, received, delivered };
        world.start().await;
        world
    }

    async fn start(&mut self) {
        self.house = Some(self.place.start().await);
        self.starts += 1;
        (self.received, self.delivered) = (0, 0);
        self.fakes.signal.wait_for_listeners(self.starts).await.expect("it listens");
    }

    async fn stop(&mut self) {
        let house = self.house.take().expect("a house stands");
        let steps = Arc::clone(&house.steps);
        house.stop().await;
        // What is said from now on waits for the next house, and is not lost with the last one's connection.
        self.fakes.signal.end_streams();
        assert_eq!(troubles(&steps.all()), [""; 0]);
    }

    fn house(&self) -> &House {
        self.house.as_ref().expect("a house stands")
    }

    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// A time of the past, or this moment.
    fn any_time(&mut self) -> u64 {
        let at = self.random.below(self.marks.len() + 1);
        self.marks.get(at).copied().unwrap_or_else(|| self.now())
    }

    fn sweep(&mut self, before: u64) {
        let expect = self.model.sweep(before);
        assert_eq!(collect(&self.house().store, before, self.now()), expect, "before {before}");
    }

    /// So much time passes that every conversation is forgotten in which nothing is said from now on.
    fn move_on(&mut self) {
        self.clock.fetch_add(LONG_MS, Ordering::SeqCst);
        self.model.epoch += 1;
    }

    /// About half of those who have something to show.
    fn speakers(&mut self) -> Vec<usize> {
        let all: Vec<_> = (0..PEOPLE).filter(|who| self.model.left(*who) > 0).collect();
        let some: Vec<_> = all.iter().copied().filter(|_| self.random.one_in(2)).collect();
        if some.is_empty() { all } else { some }
    }

    fn say(&mut self, who: usize, count: usize, now: u64) {
        let message = self.model.speak(who, count, now);
        self.fakes.signal.receive(&message).expect("received");
    }

    /// Waits until the house that stands has delivered so many more answers.
    async fn answered(&mut self, count: usize) {
        self.delivered += count;
        let delivered = |step: &Step| matches!(step, Step::Delivered { .. }).then_some(());
        self.house().steps.wait_for(self.delivered, delivered).await;
        self.model.finished();
    }

    /// Some people speak in this weather, and all of them are answered.
    async fn round(&mut self, weather: Weather) {
        let now = self.now();
        self.marks.push(now);
        let speakers = self.speakers();
        let before = self.model.oldest_of(&speakers).unwrap_or(now);
        match weather {
            Weather::Unheard => self.stop().await,
            Weather::Held => self.fakes.anthropic.hold(),
            Weather::Calm | Weather::Racing | Weather::Restart => {}
        }
        for who in &speakers {
            let most = if self.random.one_in(8) { 0 } else { 3 + self.random.below(7) };
            self.say(*who, most.min(self.model.left(*who)), now);
        }
        let mut count = speakers.len();
        match weather {
            Weather::Calm => {
                // Some go on before they are answered.
                let eager: Vec<_> = speakers.into_iter().filter(|who| self.model.left(*who) > 0).take(8).collect();
                eager.iter().for_each(|who| self.say(*who, 1, now));
                count += eager.len();
            }
            Weather::Held => {
                self.held += count;
                let held = self.fakes.anthropic.wait_until_held(self.held).await;
                held.unwrap_or_else(|overdue| panic!("{overdue}: {:#?}", troubles(&self.house().steps.all())));
                let before = self.any_time();
                self.sweep(before);
                self.fakes.anthropic.release();
            }
            Weather::Racing => {
                let (store, now) = (self.house().store.clone(), self.now());
                let swept = tokio::task::spawn_blocking(move || collect(&store, before, now)).await;
                assert_eq!(swept.expect("swept"), self.model.sweep(before), "before {before}");
            }
            Weather::Restart => {
                let steps = Arc::clone(&self.house().steps);
                let received = |step: &Step| matches!(step, Step::Received { .. }).then_some(());
                steps.wait_for(self.received + count, received).await;
                let before = self.delivered;
                self.stop().await;
                let all = steps.all();
                count -= all.iter().filter(|step| matches!(step, Step::Delivered { .. })).count() - before;
                self.start().await;
            }
            Weather::Unheard => self.start().await,
        }
        // What was received before a restart is not received again.
        self.received += if matches!(weather, Weather::Restart) { 0 } else { count };
        self.answered(count).await;
    }

    /// What was foretold, and what came.
    fn compare(&self) {
        let mut requests = BTreeMap::new();
        for request in self.fakes.anthropic.accepted() {
            let (text, seen) = seen(&request);
            assert_eq!(Some(&seen), self.model.requests.get(&text), "{text}");
            *requests.entry(text).or_insert(0) += 1;
        }
        let all: BTreeMap<_, _> = self.model.requests.keys().map(|text| (text.clone(), 1)).collect();
        assert_eq!(requests, all);
    }
}

/// What a request is, and what it holds.
fn seen(request: &Request) -> (String, Expect) {
    let pictures = request.pictures().into_iter().map(|picture| picture.sha256).collect();
    let blocks = request.turns.iter().flat_map(|turn| &turn.content);
    let gone = blocks.filter(|block| matches!(block, Block::Text(text) if text.ends_with(GONE))).count();
    let text = request.last_user_text();
    let text = text.rsplit('\n').next().unwrap_or_default().to_owned();
    (text, Expect { pictures, gone })
}

/// What nobody foretold.
fn troubles(steps: &[Step]) -> Vec<String> {
    let is_trouble = |step: &&Step| match step {
        Step::Refused { .. }
        | Step::Duplicate { .. }
        | Step::Fitted { .. }
        | Step::MediaMissing { .. }
        | Step::AttemptFailed { .. }
        | Step::ModelSkipped { .. }
        | Step::Outrun { .. }
        | Step::DeliveryFailed { .. } => true,
        Step::Egress { verdict, .. } => *verdict != "sent",
        Step::Listening { .. }
        | Step::Received { .. }
        | Step::MediaStored { .. }
        | Step::Ready { .. }
        | Step::Routed { .. }
        | Step::Credential { .. }
        | Step::Probed { .. }
        | Step::Described { .. }
        | Step::Answered { .. }
        | Step::Recorded { .. }
        | Step::Delivered { .. } => false,
    };
    steps.iter().filter(is_trouble).map(|step| format!("{step:?}")).collect()
}

fn seed() -> u64 {
    let asked = std::env::var("CREEL_STRESS_SEED").ok();
    asked.map_or(SEED, |text| text.parse().expect("`CREEL_STRESS_SEED` is a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_expected_picture_arrives_and_no_other() {
    let seed = seed();
    // Shown where the test fails.
    println!("CREEL_STRESS_SEED={seed}");
    let mut world = World::begin(seed).await;
    while (0..PEOPLE).any(|who| world.model.left(who) > 0) {
        let weather = match world.random.below(10) {
            0..3 => Weather::Calm,
            3..6 => Weather::Held,
            6..8 => Weather::Racing,
            8 => Weather::Restart,
            _ => Weather::Unheard,
        };
        world.round(weather).await;
        if world.random.one_in(3) {
            let before = world.any_time();
            world.sweep(before);
        }
        if world.random.one_in(6) {
            world.move_on();
        }
        assert_eq!(files(&world.place), world.model.stored());
    }
    // When nobody speaks any more, nothing is kept for anybody, and the next house does not bring it back.
    world.move_on();
    let now = world.now();
    world.sweep(now);
    assert_eq!((world.model.stored(), files(&world.place)), (0, 0));
    world.stop().await;
    world.start().await;
    let now = world.now();
    (0..PEOPLE).for_each(|who| world.say(who, 0, now));
    world.answered(PEOPLE).await;
    world.stop().await;
    world.compare();
    assert_eq!(refusals(&world.fakes), [""; 0]);
    assert_eq!(world.model.pictures, (PEOPLE * PICTURES) as u64);
    let sent: usize = world.model.requests.values().map(|expect| expect.pictures.len()).sum();
    println!("{} requests with {sent} pictures, {} starts", world.model.requests.len(), world.starts);
}

fn files(place: &Place) -> usize {
    std::fs::read_dir(place.inbound()).expect("a directory").count()
}
