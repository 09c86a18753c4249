//! The command line of `creel audit`. What the command does is not here.

use clap::Args;

/// `creel audit`.
#[derive(Args, Debug)]
#[command(after_help = "\
Every request of a plugin that was judged, every credential that was not good enough, every request of an agent, and the way
of each that more than one model was asked for. The log is in the state directory and holds no secret; it can be read while
the daemon runs, which writes within moments.

Examples:
  creel audit
  creel audit --refused --last 200
  creel audit --about agent:writer --json")]
pub(crate) struct DecisionsArgs {
    /// How many, the newest last
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) last: u32,
    /// Only what was refused
    #[arg(long)]
    pub(crate) refused: bool,
    /// Only those in whose plugin, action, rule or target this stands
    #[arg(long, value_name = "TEXT", default_value_t, hide_default_value = true)]
    pub(crate) about: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
