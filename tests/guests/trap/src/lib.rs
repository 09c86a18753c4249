//! A misbehaving guest. Traps when it is asked to, and answers otherwise.

use creel_sdk::provider::{CallError, ChatRequest, Finish, Output, Provider};
use creel_sdk::{Context, Io};

struct Trap;

impl Provider for Trap {
    #[expect(clippy::panic, reason = "this is what the guest is for")]
    async fn complete(_: Context, request: ChatRequest, _: Io, out: Output) -> Result<(), CallError> {
        if request.last_user_text() == "trap" {
            panic!("as it was asked to");
        }
        out.text("well behaved");
        out.finished(Finish::Stop);
        Ok(())
    }
}

creel_sdk::provider!(Trap);
