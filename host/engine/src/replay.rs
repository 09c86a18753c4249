//! A completion that is fed by hand: events in, commands and output out, no I/O. What a recorded exchange is replayed
//! with against the component itself, and what the plugin's own share of a call is measured with.

use std::sync::Arc;

use crate::bindings::{chat, io};
use crate::context::CallContext;
use crate::fault::Fault;
use crate::guest::{ChatGuest, Guest as _, Progress, StepOf};
use crate::load::Plugin;
use crate::maker::Maker;

/// A started completion without anything behind it. A plugin with files sees none.
pub struct ChatReplay(ChatGuest);

impl ChatReplay {
    /// Starts a completion on this thread.
    ///
    /// # Errors
    ///
    /// [`Fault`] when there is no place for it, or the plugin failed.
    pub fn start(
        plugin: &Plugin,
        context: &Arc<CallContext>,
        request: chat::ChatRequest,
    ) -> Result<(Self, chat::Step), Fault> {
        let place = plugin.engine().place_now(plugin.places());
        let place = place.map_err(|kind| Fault { plugin: plugin.id().clone(), kind })?;
        let maker = Arc::new(Maker::bare(plugin, Arc::clone(context), place));
        let (guest, step) = ChatGuest::start(&maker, request)?;
        Ok((Self(guest), as_written(step)))
    }

    /// Resumes it with events, on this thread.
    ///
    /// # Errors
    ///
    /// [`Fault`] when the plugin failed; it is not resumed again then.
    pub fn resume(&mut self, events: &[io::Event]) -> Result<chat::Step, Fault> {
        self.0.resume(events).map(as_written)
    }
}

fn as_written(step: StepOf<ChatGuest>) -> chat::Step {
    let state = match step.state {
        Progress::Running => chat::Progress::Running,
        Progress::Done => chat::Progress::Done,
        Progress::Failed(error) => chat::Progress::Failed(error),
    };
    chat::Step { commands: step.commands, output: step.output, state }
}
