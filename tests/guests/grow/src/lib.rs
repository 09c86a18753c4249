//! A misbehaving guest. Takes memory without end when it is asked to, and answers otherwise.

use creel_sdk::provider::{CallError, ChatRequest, Finish, Output, Provider};
use creel_sdk::{Context, Io};

struct Grow;

impl Provider for Grow {
    async fn complete(_: Context, request: ChatRequest, _: Io, out: Output) -> Result<(), CallError> {
        if request.last_user_text() == "grow" {
            let mut hoard = Vec::new();
            loop {
                hoard.push(std::hint::black_box(vec![1_u8; 1 << 20]));
            }
        }
        out.text("well behaved");
        out.finished(Finish::Stop);
        Ok(())
    }
}

creel_sdk::provider!(Grow);
