//! Memory of a live exchange: what a thousand started completions of the plugin `anthropic` add to the process, each in
//! the middle of its answer. Aim: 80 KB. No criterion: it is a size and not a time.
//!
//! `cargo bench -p creel-tests --bench memory`

use std::io::Write;
use std::sync::Arc;

use creel_engine::ChatReplay;
use creel_engine::io::{Command, Event, Header, ResponseHead};
use creel_engine::types::Part;
use creel_tests::rig::{Rig, request};

const LIVE: usize = 1_000;

/// Bytes of the process that are in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("the kernel tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel tells");
    let kilobytes = line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number");
    kilobytes * 1_024
}

fn main() {
    let rig = Rig::new();
    let plugin = rig.plugin("anthropic");
    let context = Arc::new(rig.call("anthropic").context);
    let request = request("claude-haiku-4-5", vec![Part::Text("What is the capital of France?".into())]);
    let begun = || {
        let (mut replay, step) = ChatReplay::start(&plugin, &context, request.clone()).expect("the plugin starts");
        let Some(Command::Send((id, _))) = step.commands.first() else { unreachable!("the plugin sends a request") };
        let content_type = Header { name: "content-type".into(), value: "text/event-stream".into() };
        let head = ResponseHead { status: 200, headers: vec![content_type] };
        let delta = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":\
                     {\"type\":\"text_delta\",\"text\":\" the capital of France is\"}}\n\n";
        replay.resume(&[Event::Head((*id, head)), Event::Chunk((*id, delta.into()))]).expect("it reads");
        replay
    };
    // What is loaded once is not part of an exchange.
    drop(begun());
    let before = resident();
    let live: Vec<ChatReplay> = (0..LIVE).map(|_| begun()).collect();
    let each = resident().saturating_sub(before) / live.len();
    let written = writeln!(std::io::stdout(), "memory: {each} bytes for each of {LIVE} live exchanges");
    written.expect("standard output takes a line");
}
