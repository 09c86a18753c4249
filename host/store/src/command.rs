//! Runs a program that is asked for secrets, and gives its answer: no shell, no variables but those given, bounded in
//! time and output, and gone with all that it started when it is over. What it is asked is not known here.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use zeroize::Zeroizing;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 8 << 10;
/// Chunks that a program may be ahead of us before it has to wait.
const CHUNKS_AHEAD_MAX: usize = 16;

/// What is run.
pub(crate) struct Call<'a> {
    pub(crate) program: &'a Path,
    pub(crate) arguments: &'a [&'a OsStr],
    /// All the variables that it gets. Values may be secret.
    pub(crate) variables: Vec<(OsString, Zeroizing<Vec<u8>>)>,
    /// What it reads.
    pub(crate) input: Zeroizing<Vec<u8>>,
    pub(crate) bounds: Bounds,
}

/// How long it may take, and how much it may say.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) time: Duration,
    /// Without a byte on either output.
    pub(crate) silence: Duration,
    /// Of its standard output. What it says on standard error is never kept: it may be anything.
    pub(crate) output_bytes_max: u64,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Unanswered {
    Start(io::Error),
    Wait(io::Error),
    TimedOut,
    Silent,
    TooMuch,
    Failed {
        status: ExitStatus,
        /// It said something on standard error.
        has_spoken: bool,
    },
}

enum Event {
    Out(Zeroizing<Vec<u8>>),
    OutEnded,
    Err,
    Exited,
}

/// Runs a program to its end and gives its standard output.
pub(crate) fn run(call: Call<'_>) -> Result<Zeroizing<Vec<u8>>, Unanswered> {
    let mut child = start(&call).map_err(Unanswered::Start)?;
    let heard = begin(&mut child, call.input).map_err(Unanswered::Wait).and_then(|events| listen(&events, call.bounds));
    // The group outlives its leader until that is waited for, so that this can hit nobody else.
    let group = Pid::from_child(&child);
    let killed = kill_process_group(group, Signal::KILL);
    let status = child.wait().map_err(Unanswered::Wait)?;
    let (output, has_spoken) = heard?;
    match killed {
        Ok(()) | Err(rustix::io::Errno::SRCH | rustix::io::Errno::PERM) => {}
        Err(error) => return Err(Unanswered::Wait(error.into())),
    }
    if status.success() { Ok(output) } else { Err(Unanswered::Failed { status, has_spoken }) }
}

#[expect(clippy::disallowed_methods, reason = "the door to the commands that the operator named for secrets")]
fn start(call: &Call<'_>) -> io::Result<Child> {
    use std::os::unix::ffi::OsStrExt as _;
    let variables = call.variables.iter().map(|(name, value)| (name, OsStr::from_bytes(value)));
    Command::new(call.program)
        .args(call.arguments)
        .env_clear()
        .envs(variables)
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// One thread for each end of it. They end with the program; one that outlives it is waited for by nobody.
fn begin(child: &mut Child, input: Zeroizing<Vec<u8>>) -> io::Result<Receiver<Event>> {
    let (sender, receiver) = sync_channel(CHUNKS_AHEAD_MAX);
    let spawn = |job: Box<dyn FnOnce() + Send>| thread::Builder::new().name("creel-command".to_owned()).spawn(job);
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not want to know closes its end; its answer decides.
        spawn(Box::new(move || drop(stdin.write_all(&input))))?;
    }
    if let Some(stdout) = child.stdout.take() {
        let sender = sender.clone();
        spawn(Box::new(move || {
            read(stdout, &sender, Event::Out);
            drop(sender.send(Event::OutEnded));
        }))?;
    }
    if let Some(stderr) = child.stderr.take() {
        let sender = sender.clone();
        spawn(Box::new(move || read(stderr, &sender, |_bytes| Event::Err)))?;
    }
    let pid = Pid::from_child(child);
    spawn(Box::new(move || {
        // It is only looked at here: whoever started it takes it away.
        let watched = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(waitid(WaitId::Pid(pid), watched), Err(rustix::io::Errno::INTR)) {}
        drop(sender.send(Event::Exited));
    }))?;
    Ok(receiver)
}

fn read(mut pipe: impl Read, sender: &SyncSender<Event>, event: impl Fn(Zeroizing<Vec<u8>>) -> Event) {
    loop {
        let mut bytes = Zeroizing::new(vec![0; CHUNK_BYTES]);
        match pipe.read(&mut bytes) {
            Ok(0) => return,
            Ok(count) => {
                bytes.truncate(count);
                if sender.send(event(bytes)).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a deadline of code that waits on a thread")]
fn listen(events: &Receiver<Event>, bounds: Bounds) -> Result<(Zeroizing<Vec<u8>>, bool), Unanswered> {
    let begun = Instant::now();
    let (deadline, mut heard) = (begun + bounds.time, begun);
    let mut chunks: Vec<Zeroizing<Vec<u8>>> = Vec::new();
    let (mut total, mut has_spoken, mut has_ended, mut has_exited) = (0_u64, false, false, false);
    while !(has_ended && has_exited) {
        let now = Instant::now();
        let silent = heard + bounds.silence;
        let wait = deadline.min(silent).saturating_duration_since(now);
        let event = match events.recv_timeout(wait) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) if deadline <= silent => return Err(Unanswered::TimedOut),
            Err(RecvTimeoutError::Timeout) => return Err(Unanswered::Silent),
            Err(RecvTimeoutError::Disconnected) => break,
        };
        // A program that never stops talking keeps the queue full: its time is up all the same.
        if Instant::now() >= deadline && !matches!(event, Event::Exited) {
            return Err(Unanswered::TimedOut);
        }
        match event {
            Event::Out(bytes) => {
                total += bytes.len() as u64;
                if total > bounds.output_bytes_max {
                    return Err(Unanswered::TooMuch);
                }
                heard = Instant::now();
                chunks.push(bytes);
            }
            Event::Err => {
                has_spoken = true;
                heard = Instant::now();
            }
            Event::OutEnded => has_ended = true,
            Event::Exited => has_exited = true,
        }
    }
    let mut output = Zeroizing::new(Vec::with_capacity(usize::try_from(total).unwrap_or_default()));
    chunks.iter().for_each(|chunk| output.extend_from_slice(chunk));
    Ok((output, has_spoken))
}
