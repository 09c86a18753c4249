//! A misbehaving guest. Reaches for the network by itself, which no plugin is granted: its component imports `wasi:sockets`.

use creel_sdk::provider::{CallError, ChatRequest, Finish, Output, Provider};
use creel_sdk::{Context, Io};

struct Ungranted;

impl Provider for Ungranted {
    async fn complete(_: Context, _: ChatRequest, _: Io, out: Output) -> Result<(), CallError> {
        if let Ok(mut stream) = std::net::TcpStream::connect("127.0.0.1:9") {
            let answer = std::io::Write::write_all(&mut stream, b"hello");
            out.text(format!("wrote to a socket: {answer:?}"));
        }
        out.text("well behaved");
        out.finished(Finish::Stop);
        Ok(())
    }
}

creel_sdk::provider!(Ungranted);
