//! A misbehaving guest. Calls the host for ever when it is asked to (`chatter`: log lines; `waits`: commands), and answers otherwise.

use creel_sdk::provider::{CallError, ChatRequest, Finish, Output, Provider};
use creel_sdk::{Context, Io};

struct Chatter;

impl Provider for Chatter {
    async fn complete(_: Context, request: ChatRequest, io: Io, out: Output) -> Result<(), CallError> {
        if request.last_user_text() == "chatter" {
            loop {
                creel_sdk::log::info("chatter");
            }
        }
        if request.last_user_text() == "waits" {
            loop {
                io.wait(0).await?;
            }
        }
        out.text("well behaved");
        out.finished(Finish::Stop);
        Ok(())
    }
}

creel_sdk::provider!(Chatter);
