//! A guest that writes to `/out` whatever the last user text tells it to, and answers with what came of it: one deed a
//! line, done one after the other.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use creel_sdk::provider::{CallError, ChatRequest, Fault, Finish, Output, Provider};
use creel_sdk::{Context, Io};

/// Bytes that it writes at once.
const PIECE_BYTES: usize = 1 << 20;

struct Scribbler;

impl Provider for Scribbler {
    async fn complete(_: Context, request: ChatRequest, io: Io, out: Output) -> Result<(), CallError> {
        for line in request.last_user_text().lines() {
            match line.split_whitespace().collect::<Vec<_>>()[..] {
                ["later"] => io.wait(1).await?,
                ["fail"] => return Err(CallError::new(Fault::Other, "as it was told to")),
                ["attack"] => out.text(attack()),
                ["list"] => out.text(list()),
                ref words => out.text(format!("{line}: {}\n", told(&deed(words)))),
            }
        }
        out.finished(Finish::Stop);
        Ok(())
    }
}

fn deed(words: &[&str]) -> io::Result<()> {
    let number = |text: &str| text.parse::<u64>().map_err(io::Error::other);
    match *words {
        ["write", name, text] => fs::write(path(name), text),
        ["append", name, text] => OpenOptions::new().append(true).open(path(name))?.write_all(text.as_bytes()),
        ["fill", name, bytes] => fill(name, number(bytes)?),
        ["size", name, bytes] => OpenOptions::new().write(true).open(path(name))?.set_len(number(bytes)?),
        ["at", name, offset] => {
            let mut file = OpenOptions::new().write(true).open(path(name))?;
            file.seek(SeekFrom::Start(number(offset)?))?;
            file.write_all(b"x")
        }
        ["many", count] => (0..number(count)?).try_for_each(|n| fs::write(path(&format!("{n:03}")), "x")),
        ["churn", count] => (0..number(count)?).try_for_each(|_| {
            fs::write(path("churn"), "x")?;
            fs::remove_file(path("churn"))
        }),
        ["rename", from, to] => fs::rename(path(from), path(to)),
        ["remove", name] => fs::remove_file(path(name)),
        ["copy", name] => fs::copy(first_medium(), path(name)).map(drop),
        ["allocate", bytes] => {
            let bytes = usize::try_from(number(bytes)?).map_err(io::Error::other)?;
            Vec::<u8>::new().try_reserve_exact(bytes).map_err(io::Error::other)
        }
        ["insist", ref rest @ ..] => {
            deed(rest).expect("it insists");
            Ok(())
        }
        ["trap"] => trap(),
        ["spin"] => loop {
            std::hint::spin_loop();
        },
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

#[expect(clippy::panic, reason = "this is what the guest is for")]
fn trap() -> ! {
    panic!("as it was told to");
}

fn path(name: &str) -> PathBuf {
    PathBuf::from("/out").join(name)
}

fn fill(name: &str, bytes: u64) -> io::Result<()> {
    let mut file = File::create(path(name))?;
    let piece = vec![b'x'; PIECE_BYTES];
    let mut left = bytes;
    while left > 0 {
        let take = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        file.write_all(&piece[..take])?;
        left -= take as u64;
    }
    Ok(())
}

fn first_medium() -> PathBuf {
    let first = fs::read_dir("/media").ok().and_then(|mut entries| entries.next()).and_then(Result::ok);
    first.map(|entry| entry.path()).unwrap_or_default()
}

fn told<T>(result: &io::Result<T>) -> String {
    match result {
        Ok(_) => "done".into(),
        Err(error) => format!("{:?}", error.kind()),
    }
}

fn list() -> String {
    let mut names: Vec<String> = match fs::read_dir("/out") {
        Ok(entries) => entries.flatten().map(|entry| format!("{}\n", entry.file_name().display())).collect(),
        Err(error) => vec![format!("{}\n", error.kind())],
    };
    names.sort();
    names.concat()
}

/// What came of each way to more than plain files of its own. `/out/mine` is one, and stays.
fn attack() -> String {
    let (blob, mine) = (first_medium(), path("mine"));
    let told = |what: &str, result: io::Result<()>| format!("{what}: {}\n", told(&result));
    let write = |options: &mut OpenOptions| options.open(&blob).map(drop);
    let times = FileTimes::new().set_modified(std::time::UNIX_EPOCH);
    let mut deep = path("a");
    (0..1_000).for_each(|_| deep.push("a"));
    [
        told("mine", fs::write(&mine, "mine")),
        told("directory", fs::create_dir(path("directory"))),
        told("symbolic link", soft_link(&mine)),
        told("hard link", fs::hard_link(&mine, path("link"))),
        told("blob linked", fs::hard_link(&blob, path("blob"))),
        told("blob moved", fs::rename(&blob, path("blob"))),
        told("moved over the blob", fs::rename(&mine, &blob)),
        told("linked among media", fs::hard_link(&mine, "/media/mine")),
        told("moved among media", fs::rename(&mine, "/media/mine")),
        told("blob written", write(OpenOptions::new().write(true))),
        told("blob appended to", write(OpenOptions::new().append(true))),
        told("blob cut", write(OpenOptions::new().write(true).truncate(true))),
        told("blob removed", fs::remove_file(&blob)),
        told("blob dated", File::open(&blob).and_then(|file| file.set_times(times))),
        told("blob resized", File::open(&blob).and_then(|file| file.set_len(0))),
        told("made among media", fs::write("/media/new", "x")),
        told("dated", OpenOptions::new().write(true).open(&mine).and_then(|file| file.set_times(times))),
        told("above", fs::write("/out/../above", "x")),
        told("above read", fs::read_dir("/out/..").map(drop)),
        told("around", fs::read("/out/../../creel.db").map(drop)),
        told("elsewhere", fs::write("/tmp/elsewhere", "x")),
        told("root removed", fs::remove_dir("/out")),
        told("root unlinked", fs::remove_file("/out")),
        told("root moved", fs::rename("/out", "/out/inside")),
        told("root overwritten", fs::write("/out", "x")),
        told("deep", fs::write(deep, "x")),
    ]
    .concat()
}

#[expect(deprecated, reason = "the one name that every target has")]
fn soft_link(mine: &std::path::Path) -> io::Result<()> {
    fs::soft_link(mine, path("link"))
}

creel_sdk::provider!(Scribbler);
