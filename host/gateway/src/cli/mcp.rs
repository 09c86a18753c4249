//! The command line of `creel mcp`. What the command does is not here.

use std::path::PathBuf;

use clap::Args;

/// `creel mcp`.
#[derive(Args, Debug, Default)]
#[command(after_help = "\
Speaks the Model Context Protocol on standard input and output, for clients that start their servers themselves. A client
that speaks HTTP needs no such program: the daemon serves the protocol at `/mcp`.

The token of an agent is read from $CREEL_TOKEN. Without one the daemon knows the agent by the user of this machine, on the
socket that `gateway.socket` of the configuration names (see `unixUser` of the agent's grant).

Examples:
  CREEL_TOKEN=… creel mcp
  CREEL_TOKEN=… creel mcp --url http://127.0.0.1:18790
  creel mcp --socket ~/.creel/agents.sock")]
pub(crate) struct McpArgs {
    /// The daemon's HTTP server [default: $CREEL_URL, else http://127.0.0.1:18790]
    #[arg(long, value_name = "URL", conflicts_with = "socket")]
    pub(crate) url: Option<String>,
    /// The daemon's socket for local agents [default: $CREEL_SOCKET]
    #[arg(long, value_name = "FILE")]
    pub(crate) socket: Option<PathBuf>,
}
