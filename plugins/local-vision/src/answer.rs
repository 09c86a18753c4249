//! Answers a chat request with a few sentences a picture. The words of the request are not understood here: whoever asks
//! gets told what the newest pictures show, and, for a question, that it gets no other answer.

use std::path::Path;

use creel_sdk::provider::{CallError, ChatRequest, Fault, Finish, Output, ResponseFormat, ToolChoice};
use creel_sdk::{Io, Media, Message, Part, ResultPart, Role};

use crate::limits::PICTURES_MAX;
use crate::look::{self, Look};
use crate::sentence;
use crate::text::{self, Line};

/// The one model.
const MODEL: &str = "basic";

/// Looks at the newest pictures of the request, which lie in `directory` under the last segments of their URIs.
///
/// # Errors
///
/// A [`CallError`] when there is no picture, or when something else is asked for than a description.
pub(crate) async fn answer(directory: &Path, request: ChatRequest, io: Io, out: Output) -> Result<(), CallError> {
    refuse_what_is_not_done(&request)?;
    let pictures = newest_pictures(&request.messages);
    if pictures.is_empty() {
        let message = "there is no picture in this request, and describing pictures is all that this model does";
        return Err(CallError::new(Fault::UnsupportedInput, message));
    }
    for (index, picture) in pictures.iter().take(PICTURES_MAX).enumerate() {
        if index > 0 {
            out.text("\n");
            // Each picture gets a step of its own, and with it the whole of the time that the host allows one.
            io.wait(0).await?;
        }
        let look = look::look(directory, file_name(picture));
        let text = match &look {
            Look::Picture(picture) => read(&picture.lines, &io).await?,
            Look::ForeignFormat(_) | Look::NotAPicture | Look::BrokenHeader(_) | Look::NoFile(_) => Vec::new(),
        };
        out.text(sentence::sentence(index + 1, picture.name.as_deref(), &look, &text));
    }
    if asks(&request.messages) {
        out.text("\nI report facts about pictures and cannot answer questions.");
    }
    let more = pictures.len().saturating_sub(PICTURES_MAX);
    if more > 0 {
        out.text(format!("\nI look at {PICTURES_MAX} pictures at a time, so I have left out {more} more."));
    }
    out.finished(Finish::Stop);
    Ok(())
}

/// Reads what may be lines of text, in as many steps as that takes.
async fn read(lines: &[Line], io: &Io) -> Result<Vec<String>, CallError> {
    let Some(layers) = text::load().filter(|_| !lines.is_empty()) else {
        return Ok(Vec::new());
    };
    let mut read = Vec::new();
    for group in text::groups(lines) {
        io.wait(0).await?;
        read.extend(group.iter().filter_map(|line| text::read(&layers, line)));
    }
    Ok(read)
}

/// Whether the newest words of the user ask something. They are looked at for a question mark, and not understood.
fn asks(messages: &[Message]) -> bool {
    let is_question = |part: &Part| match part {
        Part::Text(text) => text.contains(['?', '？', '؟']),
        Part::Media(_) | Part::Reasoning(_) | Part::ToolCall(_) | Part::ToolResult(_) => false,
    };
    let newest = messages.iter().rev().find(|message| matches!(message.role, Role::User));
    newest.is_some_and(|message| message.parts.iter().any(is_question))
}

fn refuse_what_is_not_done(request: &ChatRequest) -> Result<(), CallError> {
    let refuse = |fault, message: String| Err(CallError::new(fault, message));
    if request.model != MODEL {
        return refuse(Fault::UnknownModel, format!("there is no model `{}` here, only `{MODEL}`", request.model));
    }
    match request.response_format {
        ResponseFormat::Text => {}
        ResponseFormat::Json | ResponseFormat::JsonSchema(_) => {
            return refuse(Fault::InvalidRequest, "this model answers in plain text alone".to_owned());
        }
    }
    match request.tool_choice {
        ToolChoice::Auto | ToolChoice::None => Ok(()),
        ToolChoice::Required | ToolChoice::Named(_) => {
            refuse(Fault::InvalidRequest, "this model calls no tools".to_owned())
        }
    }
}

/// The pictures of the last message that has any.
fn newest_pictures(messages: &[Message]) -> Vec<&Media> {
    let pictures = messages.iter().rev().map(|message| message.parts.iter().flat_map(media_of).filter(is_picture));
    pictures.map(Iterator::collect::<Vec<_>>).find(|pictures| !pictures.is_empty()).unwrap_or_default()
}

fn media_of(part: &Part) -> Vec<&Media> {
    match part {
        Part::Media(media) => vec![media],
        Part::ToolResult(result) => result
            .parts
            .iter()
            .filter_map(|part| match part {
                ResultPart::Media(media) => Some(media),
                ResultPart::Text(_) => None,
            })
            .collect(),
        Part::Text(_) | Part::Reasoning(_) | Part::ToolCall(_) => Vec::new(),
    }
}

fn is_picture(media: &&Media) -> bool {
    media.content_type.starts_with("image/")
}

/// The last segment of the handle, which is the name of the file in the call's directory.
fn file_name(media: &Media) -> &str {
    media.uri.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use creel_sdk::bindings::words::creel::plugin::io::{Command, Event};
    use creel_sdk::provider::{OutputEvent, Provider};
    use creel_sdk::test_kit::{self, ProviderScript};
    use creel_sdk::{Context, ToolResult};
    use image::{ImageFormat, Rgb, RgbImage};
    use tempfile::TempDir;

    use super::*;

    /// The provider with another directory than a component's.
    struct Elsewhere;

    impl Provider for Elsewhere {
        async fn complete(cx: Context, request: ChatRequest, io: Io, out: Output) -> Result<(), CallError> {
            let directory: PathBuf = cx.settings().expect("a directory");
            answer(&directory, request, io, out).await
        }
    }

    fn album(names: &[&str]) -> TempDir {
        let directory = TempDir::new().expect("a temporary directory");
        for name in names {
            let picture = RgbImage::from_pixel(200, 100, Rgb([20, 60, 200]));
            picture.save_with_format(directory.path().join(name), ImageFormat::Png).expect("a writable directory");
        }
        directory
    }

    fn ask(directory: &TempDir, request: ChatRequest) -> Result<String, CallError> {
        let settings_json = format!("{:?}", directory.path());
        let context = Context { settings_json, ..test_kit::context() };
        let mut script = ProviderScript::provider::<Elsewhere>(context, request);
        while let Some(command) = script.next_command() {
            match command {
                Command::Wait((id, 0)) => {
                    script.resume(vec![Event::Elapsed(id)]);
                }
                other => panic!("this plugin asks for nothing but time: {other:?}"),
            }
        }
        script.result().expect("an end").clone()?;
        let (last, texts) = script.output().split_last().expect("an answer");
        assert_eq!(last, &OutputEvent::Finished(Finish::Stop));
        let text = |event: &OutputEvent| match event {
            OutputEvent::Text(text) => text.clone(),
            other => panic!("only text is expected: {other:?}"),
        };
        Ok(texts.iter().map(text).collect())
    }

    fn picture(id: &str) -> Part {
        Part::Media(test_kit::media(id, "image/png"))
    }

    fn chat(parts: Vec<Part>) -> ChatRequest {
        test_kit::chat(MODEL, parts)
    }

    const FACTS: &str = "\nI report facts about pictures and cannot answer questions.";
    const BLUE: &str = "a PNG of 200x100 pixels, mainly blue (100 %)";

    #[test]
    fn each_picture_gets_a_sentence() {
        let directory = album(&["a.png", "b.png"]);
        let parts =
            vec![Part::Text("what is this?".to_owned()), picture("a.png"), picture("gone.png"), picture("b.png")];
        let expect = format!(
            "Picture 1 is {BLUE}.\nPicture 2 cannot be opened (it is not among the media of this call).\nPicture 3 is {BLUE}.{FACTS}"
        );
        assert_eq!(ask(&directory, chat(parts)).expect("an answer"), expect);
    }

    #[test]
    fn the_newest_pictures_are_meant() {
        let directory = album(&["new.png"]);
        let message = |role, parts| Message { role, parts };
        let mut request = chat(vec![picture("old.png")]);
        request.messages.extend([
            message(Role::User, vec![picture("new.png")]),
            message(Role::Assistant, vec![Part::Text("a picture".to_owned())]),
            message(Role::User, vec![Part::Text("and its colour?".to_owned())]),
        ]);
        assert_eq!(ask(&directory, request).expect("an answer"), format!("Picture 1 is {BLUE}.{FACTS}"));
    }

    #[test]
    fn only_a_question_is_told_that_it_gets_no_answer() {
        let directory = album(&["a.png"]);
        let answer = |words: &str| {
            ask(&directory, chat(vec![picture("a.png"), Part::Text(words.to_owned())])).expect("an answer")
        };
        assert_eq!(answer("Describe this."), format!("Picture 1 is {BLUE}."));
        assert_eq!(answer("Who is this?"), format!("Picture 1 is {BLUE}.{FACTS}"));
        assert_eq!(answer("これは何？"), format!("Picture 1 is {BLUE}.{FACTS}"));
    }

    #[test]
    fn a_picture_from_a_tool_counts() {
        let directory = album(&["a.png"]);
        let parts = vec![ResultPart::Text("done".to_owned()), ResultPart::Media(test_kit::media("a.png", "image/png"))];
        let result = Part::ToolResult(ToolResult { id: "1".to_owned(), parts, is_error: false });
        assert_eq!(ask(&directory, chat(vec![result])).expect("an answer"), format!("Picture 1 is {BLUE}."));
    }

    #[test]
    fn more_pictures_than_the_limit_are_counted() {
        let directory = album(&["a.png"]);
        let answer = ask(&directory, chat((0..20).map(|_| picture("a.png")).collect())).expect("an answer");
        let lines: Vec<_> = answer.lines().collect();
        assert_eq!(lines.len(), PICTURES_MAX + 1);
        assert_eq!(lines[PICTURES_MAX], "I look at 16 pictures at a time, so I have left out 4 more.");
    }

    #[test]
    fn what_is_not_done_is_refused() {
        let directory = album(&["a.png"]);
        let check = |change: &dyn Fn(&mut ChatRequest), fault: Fault, words: &str| {
            let mut request = chat(vec![picture("a.png")]);
            change(&mut request);
            let error = ask(&directory, request).expect_err("a refusal");
            assert_eq!(error.fault, fault);
            assert!(error.message.contains(words), "{}", error.message);
        };
        check(&|request| request.messages.clear(), Fault::UnsupportedInput, "no picture");
        check(&|request| request.model = "large".to_owned(), Fault::UnknownModel, "`large`");
        check(&|request| request.response_format = ResponseFormat::Json, Fault::InvalidRequest, "plain text");
        check(&|request| request.tool_choice = ToolChoice::Required, Fault::InvalidRequest, "no tools");
        let sound = |request: &mut ChatRequest| {
            request.messages[0].parts = vec![Part::Media(test_kit::media("a.ogg", "audio/ogg"))];
        };
        check(&sound, Fault::UnsupportedInput, "no picture");
    }

    #[test]
    fn a_handle_cannot_lead_out_of_the_directory() {
        let directory = album(&[]);
        for id in ["..", "../../etc/hosts\\..", ""] {
            let answer = ask(&directory, chat(vec![picture(id)])).expect("an answer");
            assert_eq!(answer, "Picture 1 cannot be opened (its handle does not name a file).");
        }
    }
}
