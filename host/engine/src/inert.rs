//! The WASI that a plugin without media gets: present because language runtimes insist on it, and inert. An empty
//! environment, no arguments, no directory, the moment of the call as the time, the call's own entropy as chance (so
//! that the same events give the same commands), standard output into nothing. Whatever else is called, traps.

use creel_policy::limits::LOG_LINE_BYTES_MAX;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType};

use crate::guest::CallState;

/// Stands for `output-stream` and `input-stream`; the number behind it says which.
struct Stdio;
struct Pollable;
struct IoError;
struct Terminal;
struct Descriptor;

const STDIN: u32 = 0;
const STDOUT: u32 = 1;
const STDERR: u32 = 2;
/// Bytes that a stream takes at once.
const WRITE_BYTES: u64 = 64 << 10;

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

type Context<'a> = StoreContextMut<'a, CallState>;

/// Links the inert form of each import; the rest is left to trap.
pub(crate) fn link(linker: &mut Linker<CallState>, imports: &[String]) -> wasmtime::Result<()> {
    for import in imports {
        let interface = import.split('@').next().unwrap_or_default();
        if !interface.starts_with("wasi:") {
            continue;
        }
        let mut instance = linker.instance(import)?;
        resources(&mut instance, interface)?;
        match interface {
            "wasi:cli/environment" => environment(&mut instance)?,
            "wasi:cli/exit" => exit(&mut instance)?,
            "wasi:cli/stdin" => stdio(&mut instance, "get-stdin", STDIN)?,
            "wasi:cli/stdout" => stdio(&mut instance, "get-stdout", STDOUT)?,
            "wasi:cli/stderr" => stdio(&mut instance, "get-stderr", STDERR)?,
            "wasi:cli/terminal-stdin" => no_terminal(&mut instance, "get-terminal-stdin")?,
            "wasi:cli/terminal-stdout" => no_terminal(&mut instance, "get-terminal-stdout")?,
            "wasi:cli/terminal-stderr" => no_terminal(&mut instance, "get-terminal-stderr")?,
            "wasi:clocks/monotonic-clock" => {
                instance.func_wrap("now", |cx: Context<'_>, (): ()| Ok((nanoseconds(&cx),)))?;
            }
            "wasi:clocks/wall-clock" => wall_clock(&mut instance)?,
            "wasi:filesystem/preopens" => {
                let none = || Vec::<(Resource<Descriptor>, String)>::new();
                instance.func_wrap("get-directories", move |_: Context<'_>, (): ()| Ok((none(),)))?;
            }
            "wasi:io/poll" => poll(&mut instance)?,
            "wasi:io/streams" => streams(&mut instance)?,
            "wasi:random/insecure-seed" => {
                instance.func_wrap("insecure-seed", |mut cx: Context<'_>, (): ()| {
                    Ok(((chance(&mut cx), chance(&mut cx)),))
                })?;
            }
            "wasi:random/random" => random(&mut instance, "get-random-bytes", "get-random-u64")?,
            "wasi:random/insecure" => {
                random(&mut instance, "get-insecure-random-bytes", "get-insecure-random-u64")?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Defines the resource types of an interface, its own and those that it passes on from another.
fn resources(instance: &mut LinkerInstance<'_, CallState>, interface: &str) -> wasmtime::Result<()> {
    let names: &[&str] = match interface {
        "wasi:cli/stdin" => &["input-stream"],
        "wasi:cli/stdout" | "wasi:cli/stderr" => &["output-stream"],
        "wasi:cli/terminal-input" | "wasi:cli/terminal-stdin" => &["terminal-input"],
        "wasi:cli/terminal-output" | "wasi:cli/terminal-stdout" | "wasi:cli/terminal-stderr" => &["terminal-output"],
        "wasi:clocks/monotonic-clock" | "wasi:io/poll" => &["pollable"],
        "wasi:filesystem/preopens" => &["descriptor"],
        "wasi:filesystem/types" => &["descriptor", "error", "input-stream", "output-stream"],
        "wasi:io/error" => &["error"],
        "wasi:io/streams" => &["error", "input-stream", "output-stream", "pollable"],
        _ => &[],
    };
    for name in names {
        match *name {
            "descriptor" => resource::<Descriptor>(instance, name)?,
            "error" => resource::<IoError>(instance, name)?,
            "pollable" => resource::<Pollable>(instance, name)?,
            "terminal-input" | "terminal-output" => resource::<Terminal>(instance, name)?,
            _ => resource::<Stdio>(instance, name)?,
        }
    }
    Ok(())
}

fn resource<T: 'static>(instance: &mut LinkerInstance<'_, CallState>, name: &str) -> wasmtime::Result<()> {
    instance.resource(name, ResourceType::host::<T>(), |_, _| Ok(()))
}

fn environment(instance: &mut LinkerInstance<'_, CallState>) -> wasmtime::Result<()> {
    instance.func_wrap("get-environment", |_: Context<'_>, (): ()| Ok((Vec::<(String, String)>::new(),)))?;
    instance.func_wrap("get-arguments", |_: Context<'_>, (): ()| Ok((Vec::<String>::new(),)))?;
    instance.func_wrap("initial-cwd", |_: Context<'_>, (): ()| Ok((None::<String>,)))
}

fn exit(instance: &mut LinkerInstance<'_, CallState>) -> wasmtime::Result<()> {
    instance.func_wrap("exit", |_: Context<'_>, (_status,): (Result<(), ()>,)| -> wasmtime::Result<()> {
        Err(wasmtime::Error::msg("it called `exit`"))
    })
}

fn stdio(instance: &mut LinkerInstance<'_, CallState>, name: &str, which: u32) -> wasmtime::Result<()> {
    instance.func_wrap(name, move |_: Context<'_>, (): ()| Ok((Resource::<Stdio>::new_own(which),)))
}

fn no_terminal(instance: &mut LinkerInstance<'_, CallState>, name: &str) -> wasmtime::Result<()> {
    instance.func_wrap(name, |_: Context<'_>, (): ()| Ok((None::<Resource<Terminal>>,)))
}

fn wall_clock(instance: &mut LinkerInstance<'_, CallState>) -> wasmtime::Result<()> {
    instance.func_wrap("now", |cx: Context<'_>, (): ()| {
        let milliseconds = cx.data().now_ms;
        let nanoseconds = u32::try_from(milliseconds % 1_000).unwrap_or_default() * 1_000_000;
        Ok((Datetime { seconds: milliseconds / 1_000, nanoseconds },))
    })
}

fn streams(instance: &mut LinkerInstance<'_, CallState>) -> wasmtime::Result<()> {
    type Written = Result<(), StreamError>;
    for name in ["[method]input-stream.read", "[method]input-stream.blocking-read"] {
        instance.func_wrap(name, |_: Context<'_>, (_stream, _len): (Resource<Stdio>, u64)| {
            Ok((Err::<Vec<u8>, StreamError>(StreamError::Closed),))
        })?;
    }
    instance.func_wrap("[method]output-stream.check-write", |_: Context<'_>, (_stream,): (Resource<Stdio>,)| {
        Ok((Ok::<u64, StreamError>(WRITE_BYTES),))
    })?;
    for name in ["[method]output-stream.write", "[method]output-stream.blocking-write-and-flush"] {
        instance.func_wrap(name, |mut cx: Context<'_>, (stream, bytes): (Resource<Stdio>, Vec<u8>)| {
            if stream.rep() == STDERR {
                keep_tail(&mut cx.data_mut().stderr, &bytes);
            }
            Ok((Written::Ok(()),))
        })?;
    }
    for name in ["[method]input-stream.subscribe", "[method]output-stream.subscribe"] {
        instance.func_wrap(name, |_: Context<'_>, (_stream,): (Resource<Stdio>,)| {
            Ok((Resource::<Pollable>::new_own(0),))
        })?;
    }
    for name in ["[method]output-stream.flush", "[method]output-stream.blocking-flush"] {
        instance.func_wrap(name, |_: Context<'_>, (_stream,): (Resource<Stdio>,)| Ok((Written::Ok(()),)))?;
    }
    Ok(())
}

/// All that can be polled here is a stream, which is always ready: `subscribe` of a clock is not linked.
fn poll(instance: &mut LinkerInstance<'_, CallState>) -> wasmtime::Result<()> {
    instance.func_wrap("[method]pollable.ready", |_: Context<'_>, (_pollable,): (Resource<Pollable>,)| Ok((true,)))?;
    instance.func_wrap("[method]pollable.block", |_: Context<'_>, (_pollable,): (Resource<Pollable>,)| Ok(()))?;
    instance.func_wrap("poll", |_: Context<'_>, (pollables,): (Vec<Resource<Pollable>>,)| {
        let count = u32::try_from(pollables.len()).unwrap_or(u32::MAX);
        Ok(((0..count).collect::<Vec<u32>>(),))
    })
}

fn random(instance: &mut LinkerInstance<'_, CallState>, bytes: &str, number: &str) -> wasmtime::Result<()> {
    instance.func_wrap(bytes, |mut cx: Context<'_>, (len,): (u64,)| {
        if len > WRITE_BYTES {
            return Err(wasmtime::Error::msg("it asked for too many random bytes at once"));
        }
        let words = usize::try_from(len).unwrap_or_default().div_ceil(8);
        let mut bytes: Vec<u8> = (0..words).flat_map(|_| chance(&mut cx).to_le_bytes()).collect();
        bytes.truncate(usize::try_from(len).unwrap_or_default());
        Ok((bytes,))
    })?;
    instance.func_wrap(number, |mut cx: Context<'_>, (): ()| Ok((chance(&mut cx),)))
}

fn nanoseconds(cx: &Context<'_>) -> u64 {
    cx.data().now_ms.saturating_mul(1_000_000)
}

/// The next number of the call's own sequence (SplitMix64): the same call draws the same numbers.
fn chance(cx: &mut Context<'_>) -> u64 {
    let state = &mut cx.data_mut().entropy;
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Keeps the last bytes of what was written, for the message of a panic, and never holds more than those.
pub(crate) fn keep_tail(kept: &mut Vec<u8>, bytes: &[u8]) {
    let bytes = &bytes[bytes.len().saturating_sub(LOG_LINE_BYTES_MAX)..];
    let surplus = (kept.len() + bytes.len()).saturating_sub(LOG_LINE_BYTES_MAX);
    kept.drain(..surplus);
    kept.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_what_was_written_is_kept_and_nothing_else() {
        let mut kept = Vec::new();
        let check = |kept: &mut Vec<u8>, bytes: &[u8], length: usize| {
            keep_tail(kept, bytes);
            assert!(kept.len() == length && kept.ends_with(&bytes[bytes.len().saturating_sub(LOG_LINE_BYTES_MAX)..]));
            assert!(kept.capacity() <= 2 * LOG_LINE_BYTES_MAX, "{}", kept.capacity());
        };
        check(&mut kept, b"first", 5);
        check(&mut kept, &[b'x'; LOG_LINE_BYTES_MAX - 5], LOG_LINE_BYTES_MAX);
        check(&mut kept, b"", LOG_LINE_BYTES_MAX);
        check(&mut kept, b"last", LOG_LINE_BYTES_MAX);
        check(&mut kept, &vec![b'y'; 1 << 20], LOG_LINE_BYTES_MAX);
    }
}
