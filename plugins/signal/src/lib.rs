//! Signal, by way of a signal-cli daemon over HTTP. `listen`, `collect` and `deliver` are the three jobs of a channel;
//! `inbound` says what an event means, `ids` how Signal's names are written. No key of Signal is here: the daemon has it.

mod attachment;
mod backoff;
mod base64_stream;
mod collect;
mod deliver;
mod envelope;
mod ids;
mod inbound;
mod limits;
mod listen;
mod mention;
mod payload;
mod rpc;
mod settings;

use creel_sdk::channel::{Attachment, Channel, ChannelError, ChannelOutput, Outbound};
use creel_sdk::{Context, Io, Media};

/// The channel.
pub struct Signal;

impl Channel for Signal {
    /// The daemon forgets what it has handed out and nothing else, so that there is no cursor.
    async fn listen(cx: Context, io: Io, _: Option<Vec<u8>>, out: ChannelOutput) -> Result<(), ChannelError> {
        listen::listen(cx, io, out).await
    }

    async fn collect(cx: Context, io: Io, attachment: Attachment) -> Result<Media, ChannelError> {
        collect::collect(cx, io, attachment).await
    }

    async fn deliver(cx: Context, io: Io, message: Outbound) -> Result<String, ChannelError> {
        deliver::deliver(cx, io, message).await
    }
}

creel_sdk::channel!(Signal);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cassettes_replay() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/cassettes");
        assert_eq!(creel_sdk::test_kit::cassette::run_channel::<Signal>(directory), 32);
    }
}
