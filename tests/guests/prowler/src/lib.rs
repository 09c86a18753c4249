//! A misbehaving guest that reads media. Prowls about as the last user text tells it to, and answers with what it found.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::time::Duration;

use creel_sdk::provider::{CallError, ChatRequest, Finish, Output, Provider};
use creel_sdk::{Context, Io};

/// Bytes that it shouts.
const SHOUT_BYTES: usize = 1 << 20;
/// Files that it opens at most.
const HOARD_MAX: usize = 1_000_000;

struct Prowler;

impl Provider for Prowler {
    async fn complete(_: Context, request: ChatRequest, io: Io, out: Output) -> Result<(), CallError> {
        let word = request.last_user_text();
        match word.split_whitespace().next().unwrap_or_default() {
            "list" => out.text(list()),
            "list-later" => {
                io.wait(1).await?;
                out.text(list());
            }
            "escape" => out.text(escape()),
            "sleep" => std::thread::sleep(Duration::from_secs(3_600)),
            "spin" => loop {
                std::hint::spin_loop();
            },
            "hoard" => out.text(hoard()),
            "shout" => {
                for _ in 0..SHOUT_BYTES / 64 {
                    eprintln!("{}", "x".repeat(63));
                }
            }
            "trap" => trap(),
            _ => {}
        }
        out.text("done");
        out.finished(Finish::Stop);
        Ok(())
    }
}

#[expect(clippy::panic, reason = "this is what the guest is for")]
fn trap() {
    eprintln!("{}", "x".repeat(SHOUT_BYTES));
    panic!("with its last words");
}

/// Names and contents of what it finds in `/media`.
fn list() -> String {
    let Ok(entries) = fs::read_dir("/media") else { return "no directory\n".into() };
    let mut lines: Vec<String> = entries
        .flatten()
        .map(|entry| {
            let content = fs::read(entry.path());
            let content = content.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            format!("{} {}\n", entry.file_name().display(), content.unwrap_or_else(|error| error.kind().to_string()))
        })
        .collect();
    lines.sort();
    lines.concat()
}

/// What came of each way out.
fn escape() -> String {
    let told = |what: &str, result: io::Result<()>| match result {
        Ok(()) => format!("{what}: it worked\n"),
        Err(_) => format!("{what}: refused\n"),
    };
    let first = fs::read_dir("/media").ok().and_then(|mut entries| entries.next()).and_then(Result::ok);
    let first = first.map(|entry| entry.path()).unwrap_or_default();
    let write = OpenOptions::new().write(true).open(&first).map(drop);
    [
        told("root", fs::read_dir("/").map(drop)),
        told("passwd", fs::read("/etc/passwd").map(drop)),
        told("above", fs::read_dir("/media/..").map(drop)),
        told("around", fs::read("/media/../../../../../../etc/passwd").map(drop)),
        told("create", fs::write("/media/new", "x")),
        told("write", write),
        told("remove", fs::remove_file(&first)),
        told("rename", fs::rename(&first, "/media/renamed")),
        told("link", fs::hard_link(&first, "/media/linked")),
        told("directory", fs::create_dir("/media/directory")),
        format!("environment: {}\n", std::env::vars().count()),
        format!("arguments: {}\n", std::env::args().count()),
        format!("input: {}\n", io::read_to_string(io::stdin()).unwrap_or_else(|_| "closed".into())),
    ]
    .concat()
}

/// How many files it can hold open.
fn hoard() -> String {
    let first = fs::read_dir("/media").ok().and_then(|mut entries| entries.next()).and_then(Result::ok);
    let first = first.map(|entry| entry.path()).unwrap_or_default();
    let mut held = Vec::new();
    while held.len() < HOARD_MAX
        && let Ok(file) = File::open(&first)
    {
        held.push(file);
    }
    format!("{} files\n", held.len())
}

creel_sdk::provider!(Prowler);
