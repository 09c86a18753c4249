//! A guest of picture tools. It looks at no picture: the settings are one word that says how it answers.

use std::fs;

use creel_sdk::picture::{Made, Outcome, PictureTools, ToolError, ToolFault, Wishes};
use creel_sdk::{Context, Media};

/// What `flood` answers with.
const FLOOD_BYTES: usize = 9 << 20;

struct Fitter;

impl PictureTools for Fitter {
    fn fit(context: Context, picture: Media, wishes: Wishes) -> Result<Outcome, ToolError> {
        let failed = |fault| Err(ToolError { fault, message: "as it\nwas told to".into() });
        let made = |name: &str, changes: Vec<String>| Ok(Outcome::Made(Made { name: name.into(), changes }));
        let write = |name: &str, bytes: &[u8]| fs::write(format!("/out/{name}"), bytes).expect("it can be written");
        let id = picture.uri.rsplit('/').next().unwrap_or_default();
        match context.settings_json.as_str() {
            "unchanged" => {
                write("ignored", b"x");
                Ok(Outcome::Unchanged)
            }
            "made" => {
                let mut bytes = fs::read(format!("/media/{id}")).expect("it is there");
                bytes.reverse();
                write("made.txt", &bytes);
                write("ignored", b"x");
                let bounds = &wishes.bounds;
                let wished = format!("{:?} {:?} {:?}", bounds.content_types, bounds.side_max, wishes.upright);
                made("made.txt", vec![wished, "one\nline".into()])
            }
            "tell" => {
                let names = fs::read_dir("/media").expect("it is there").flatten();
                let names: Vec<_> = names.map(|entry| entry.file_name().display().to_string()).collect();
                write("seen", names.join(" ").as_bytes());
                made("seen", Vec::new())
            }
            "missing" => made("nothing", Vec::new()),
            "around" => made("../../creel.db", Vec::new()),
            "unsupported" => failed(ToolFault::Unsupported),
            "malformed" => failed(ToolFault::Malformed),
            "too-large" => failed(ToolFault::TooLarge),
            "cannot-fit" => failed(ToolFault::CannotFit),
            "flood" => made("nothing", vec!["x".repeat(FLOOD_BYTES)]),
            "trap" => trap(),
            "spin" => loop {
                std::hint::spin_loop();
            },
            _ => Ok(Outcome::Unchanged),
        }
    }
}

#[expect(clippy::panic, reason = "this is what the guest is for")]
fn trap() -> ! {
    panic!("as it was told to");
}

creel_sdk::picture_tools!(Fitter);
