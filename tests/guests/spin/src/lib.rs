//! A misbehaving guest. Spins for ever when it is asked to, and answers otherwise.

use creel_sdk::provider::{CallError, ChatRequest, Finish, Output, Provider};
use creel_sdk::{Context, Io};

struct Spin;

impl Provider for Spin {
    async fn complete(_: Context, request: ChatRequest, _: Io, out: Output) -> Result<(), CallError> {
        if request.last_user_text() == "spin" {
            loop {
                std::hint::spin_loop();
            }
        }
        out.text("well behaved");
        out.finished(Finish::Stop);
        Ok(())
    }
}

creel_sdk::provider!(Spin);
