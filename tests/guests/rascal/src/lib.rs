//! A misbehaving guest that is no `async fn`: it answers `start` and `resume` itself, so that it can break the rules that
//! the SDK's driver keeps. The last user text says which.

use std::mem;
use std::sync::Mutex;

use creel_sdk::bindings::provider::exports::creel::plugin::chat_provider as wit;
use creel_sdk::bindings::words::creel::plugin::io::{Command, Context, EndpointTarget, Event, Header, Request, Target};
use creel_sdk::provider::{ChatRequest, Finish, OutputEvent, Progress, Step, Usage};

/// Outputs of a flood.
const FLOOD: usize = 200_000;
/// Headers of a request that is nothing but headers.
const HEADERS: usize = 500_000;
/// Bytes that no call gets, and bytes that each gets.
const TOO_MANY: usize = 128 << 20;
const FEW: usize = 1 << 20;
/// A long time.
const HOUR_MS: u32 = 3_600_000;

/// Where a call could leave something for the next one.
static LEFT: Mutex<String> = Mutex::new(String::new());

/// One completion; the word says what it does wrong.
pub struct Rascal(String);

impl wit::GuestCompletion for Rascal {
    fn start(_: Context, request: ChatRequest) -> (wit::Completion, Step) {
        let word = request.last_user_text();
        let step = begin(&word);
        (wit::Completion::new(Self(word)), step)
    }

    fn resume(&self, _: Vec<Event>) -> Step {
        match self.0.as_str() {
            "loop-in-resume" => spin(),
            "trap-in-resume" => trap(),
            _ => done("resumed"),
        }
    }
}

impl Drop for Rascal {
    fn drop(&mut self) {
        if self.0.starts_with("loop-in-destructor") {
            spin();
        }
    }
}

fn begin(word: &str) -> Step {
    let wait = |id| Command::Wait((id, HOUR_MS));
    match word {
        "loop-in-start" => spin(),
        "loop-in-resume" | "trap-in-resume" => running(vec![Command::Wait((1, 0))]),
        "loop-in-destructor" => done("the end"),
        "loop-in-destructor-held" | "held" => running(vec![wait(1)]),
        "recursion" => done(&deeper(1).to_string()),
        "flood" => Step { output: vec![OutputEvent::Usage(nothing()); FLOOD], ..done("") },
        "headers" => running(vec![Command::Send((1, headers()))]),
        "handles" => hoard(),
        "retry" => retry(),
        "after-the-end" => Step { commands: vec![Command::Send((1, get())), wait(2)], ..done("the end") },
        "same-id" => running(vec![wait(1), wait(1)]),
        "stuck" => running(vec![Command::Cancel(7)]),
        "leave" => done(&mem::replace(&mut *LEFT.lock().expect("nobody else is here"), "a secret".into())),
        _ => done("well behaved"),
    }
}

fn running(commands: Vec<Command>) -> Step {
    Step { commands, output: Vec::new(), state: Progress::Running }
}

fn done(text: &str) -> Step {
    let output = vec![OutputEvent::Text(text.into()), OutputEvent::Finished(Finish::Stop)];
    Step { commands: Vec::new(), output, state: Progress::Done }
}

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

#[expect(clippy::panic, reason = "this is what the guest is for")]
fn trap() -> ! {
    panic!("as it was asked to")
}

/// Calls itself until there is no stack left.
fn deeper(depth: u64) -> u64 {
    let deeper = if std::hint::black_box(depth) == 0 { 0 } else { deeper(depth + 1) };
    std::hint::black_box(deeper) + 1
}

/// Makes resources and keeps them.
fn hoard() -> ! {
    loop {
        mem::forget(wit::Completion::new(Rascal(String::new())));
    }
}

/// Asks for more memory than there is, sees that it gets none, and goes on with less.
fn retry() -> Step {
    let mut tell = String::new();
    for bytes in [TOO_MANY, FEW, TOO_MANY, FEW] {
        let mut memory = Vec::<u8>::new();
        let got = memory.try_reserve_exact(bytes).is_ok();
        memory.resize(if got { bytes } else { 0 }, 1);
        let got = std::hint::black_box(memory).len() == bytes;
        tell.push_str(if got { "got it\n" } else { "refused\n" });
    }
    done(&tell)
}

fn nothing() -> Usage {
    Usage { input_tokens: 0, output_tokens: 0, cache_read_tokens: 0, cache_write_tokens: 0, reasoning_tokens: 0 }
}

fn get() -> Request {
    let target = EndpointTarget { endpoint: "api".into(), path_and_query: "/allowed".into() };
    let target = Target::Endpoint(target);
    Request { method: "GET".into(), target, headers: Vec::new(), body: Vec::new(), credential: None }
}

fn headers() -> Request {
    Request { headers: vec![Header { name: String::new(), value: String::new() }; HEADERS], ..get() }
}

#[cfg(target_arch = "wasm32")]
mod export {
    struct Exported;

    impl super::wit::Guest for Exported {
        type Completion = super::Rascal;
    }

    creel_sdk::bindings::provider::export_provider!(Exported with_types_in creel_sdk::bindings::provider);
}
