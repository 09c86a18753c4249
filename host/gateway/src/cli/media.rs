//! The command line of `creel media ls|show|put|get|rm|gc|verify`. What the commands do is not here.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use creel_policy::media::{Area, MediaRefusal};

/// `creel media …`.
#[derive(Subcommand)]
#[command(
    after_help = "A REF is a medium in any spelling: `media://inbound/<id>`, `media/inbound/<id>`, a path, a `file:` URL.\n\
    All of them work whether a daemon runs or not."
)]
pub(crate) enum MediaCommand {
    /// List what is stored
    #[command(visible_alias = "list")]
    Ls(ListMediaArgs),
    /// Show all that is known of a medium, and who refers to it
    Show(ShowMediaArgs),
    /// Store a file, what a URL leads to, or what standard input gives
    Put(PutMediaArgs),
    /// Write the bytes of a medium to a file or to standard output
    Get(GetMediaArgs),
    /// Remove a medium
    Rm(RemoveMediaArgs),
    /// Remove what is old and what nothing refers to
    Gc(CollectMediaArgs),
    /// Hold what is known of media against the files and the log
    Verify(VerifyMediaArgs),
}

/// `creel media ls`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  creel media ls\n  creel media ls --area workspace/main --json")]
pub(crate) struct ListMediaArgs {
    /// Only what lies in this area: inbound, outbound or workspace/<agent>
    #[arg(long, value_parser = area)]
    pub(crate) area: Option<Area>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `creel media show`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  creel media show media://inbound/0123456789abcdef0123456789abcdef.jpg")]
pub(crate) struct ShowMediaArgs {
    /// The medium, in any spelling
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `creel media put`.
#[derive(Args, Debug)]
#[command(after_help = "\
The type is read from the bytes; what `--type` says is kept as a claim, and counts where the bytes leave it open. Limits are
`media.maxMb` and `media.quotaMb` of the configuration. What is stored so is kept until it is removed, or until it is older
than `media.ttlHours` and nothing refers to it.

Examples:
  creel media put cat.jpg
  creel media put cat.jpg --json
  curl https://example.com/report.pdf | creel media put - --name report.pdf")]
pub(crate) struct PutMediaArgs {
    /// The file, or a `http:`, `https:` or `data:` URL; `-` is standard input
    #[arg(value_name = "FILE|URL|-")]
    pub(crate) file: PathBuf,
    /// Where it goes: inbound, outbound or workspace/<agent>
    #[arg(long, value_parser = area, default_value = "inbound")]
    pub(crate) area: Area,
    /// Its name for display [default: that of the file]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// What you say that it is, e.g. audio/webm
    #[arg(long = "type", value_name = "TYPE", value_parser = content_type)]
    pub(crate) content_type: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `creel media get`.
#[derive(Args, Debug)]
#[command(after_help = "\
The bytes are checked against what was stored. A file is written as a whole or not at all, for you alone to read.

Examples:
  creel media get media://inbound/0123456789abcdef0123456789abcdef.jpg --out cat.jpg
  creel media get media/inbound/report.txt | less")]
pub(crate) struct GetMediaArgs {
    /// The medium, in any spelling
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
    /// Where the bytes go; `-` is standard output, be it a terminal [default: -, but nothing binary to a terminal]
    #[arg(long, value_name = "FILE|-")]
    pub(crate) out: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// `creel media rm`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  creel media rm media://inbound/0123456789abcdef0123456789abcdef.jpg")]
pub(crate) struct RemoveMediaArgs {
    /// The medium, in any spelling
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
    /// Remove it although something refers to it
    #[arg(long)]
    pub(crate) force: bool,
}

/// `creel media gc`.
#[derive(Args, Debug)]
#[command(after_help = "\
Never taken is what an unfinished turn, a delivery that is not settled, or a session that is not idle
(`media.sessionIdleHours`) refers to, however old it is. With `media.ttlHours` the daemon does this every hour.

Examples:
  creel media gc --older-than 7d --dry-run
  creel media gc --older-than 12h")]
pub(crate) struct CollectMediaArgs {
    /// How old: a number and a unit, e.g. 30m, 12h, 7d [default: `media.ttlHours` of the configuration]
    #[arg(long, value_name = "AGE", value_parser = age_ms)]
    pub(crate) older_than: Option<u64>,
    /// Say what would go, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `creel media verify`.
#[derive(Args, Debug)]
#[command(after_help = "\
Reads every byte. The exit code is 3 where something is wrong and was not repaired.

Examples:
  creel media verify
  creel media verify --repair --json")]
pub(crate) struct VerifyMediaArgs {
    /// Mark media without a file as expired, count references and totals anew, remove half-written files of yesterday
    #[arg(long)]
    pub(crate) repair: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn area(text: &str) -> Result<Area, MediaRefusal> {
    Area::parse(text)
}

/// Reads a content type: two tokens, and perhaps parameters.
fn content_type(text: &str) -> Result<String, String> {
    let is_token = |part: &str| {
        let is_sign = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b);
        (1..=127).contains(&part.len()) && part.bytes().all(is_sign)
    };
    let essence = text.split(';').next().unwrap_or_default().trim();
    match essence.split_once('/') {
        Some((kind, subtype)) if is_token(kind) && is_token(subtype) => Ok(text.to_owned()),
        Some(_) | None => Err("expected a content type, e.g. `image/png`".to_owned()),
    }
}

/// Reads an age into milliseconds.
pub(super) fn age_ms(text: &str) -> Result<u64, String> {
    let wrong = || "expected a number and a unit, e.g. `30m`, `12h` or `7d`".to_owned();
    let at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(at);
    let unit_ms = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return Err(wrong()),
    };
    if number.is_empty() {
        return Err(wrong());
    }
    let ms = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit_ms));
    ms.filter(|ms| i64::try_from(*ms).is_ok()).ok_or_else(|| "is longer than time itself".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_a_unit() {
        let wrong = Err("expected a number and a unit, e.g. `30m`, `12h` or `7d`".to_owned());
        for (text, expect) in [
            ("90s", Ok(90_000)),
            ("30m", Ok(1_800_000)),
            ("12h", Ok(43_200_000)),
            ("7d", Ok(604_800_000)),
            ("2w", Ok(1_209_600_000)),
            ("0d", Ok(0)),
            ("7", wrong.clone()),
            ("d", wrong.clone()),
            ("-7d", wrong.clone()),
            ("7 d", wrong.clone()),
            ("7D", wrong.clone()),
            ("1.5h", wrong.clone()),
            ("7dd", wrong.clone()),
            ("", wrong),
            ("99999999999999999999d", Err("is longer than time itself".to_owned())),
            ("18446744073709551615s", Err("is longer than time itself".to_owned())),
        ] {
            assert_eq!(age_ms(text), expect, "{text}");
        }
    }

    #[test]
    fn a_type_is_two_tokens() {
        for (text, is_one) in [
            ("image/png", true),
            ("audio/webm; codecs=opus", true),
            ("application/vnd.oasis.opendocument.text", true),
            ("png", false),
            ("image/", false),
            ("/png", false),
            ("image/p ng", false),
            ("a/b/c", false),
            ("", false),
        ] {
            assert_eq!(content_type(text).is_ok(), is_one, "{text}");
        }
    }
}
