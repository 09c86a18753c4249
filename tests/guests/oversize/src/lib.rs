//! A misbehaving guest. Puts out more than a step may hold when it is asked to (`oversize`), or gives more commands than one (`commands`),
//! and answers otherwise.

use creel_sdk::provider::{CallError, ChatRequest, Finish, Output, Provider};
use creel_sdk::{Context, Io};

struct Oversize;

impl Provider for Oversize {
    async fn complete(_: Context, request: ChatRequest, io: Io, out: Output) -> Result<(), CallError> {
        if request.last_user_text() == "oversize" {
            for _ in 0..9 {
                out.text("x".repeat(1 << 20));
            }
        }
        if request.last_user_text() == "commands" {
            creel_sdk::join_all((0..100).map(|_| io.wait(60_000))).await;
        }
        out.text("well behaved");
        out.finished(Finish::Stop);
        Ok(())
    }
}

creel_sdk::provider!(Oversize);
