//! One instance of a plugin and the calls into it, each with a bound on its time. No I/O: what the plugin wants done
//! comes back as commands.

use std::sync::Arc;
use std::time::Duration;

use creel_policy::ids::PluginId;
use creel_policy::limits::{EPOCH_TICK_MS, EPOCH_TICKS_INLINE_MAX, HAND_OVER_MS_MAX, TABLE_ELEMENTS_MAX};
use wasmtime::component::ResourceAny;
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

use crate::bindings::{ChannelPlugin, ChannelPluginPre, ProviderPlugin, ProviderPluginPre, channel, chat, io, types};
use crate::credential::Masks;
use crate::fault::{Fault, FaultKind};
use crate::limiter::{Limiter, Refused};
use crate::load::Linked;
use crate::log::one_line;
use crate::maker::Maker;
use crate::reader::Wasi;

/// What the host keeps for one instance.
pub(crate) struct CallState {
    pub(crate) plugin: PluginId,
    pub(crate) call: String,
    pub(crate) masks: Masks,
    pub(crate) limiter: Limiter,
    pub(crate) log_lines: u32,
    pub(crate) now_ms: u64,
    pub(crate) entropy: u64,
    pub(crate) stderr: Vec<u8>,
    pub(crate) wasi: Option<Box<Wasi>>,
    pub(crate) clock: Clock,
}

/// How far a call into the guest has come against its bound.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    ticks_max: u64,
    handed_over: bool,
    expired: bool,
}

impl Clock {
    /// A clock that stops a call into the guest after so long.
    pub(crate) fn new(milliseconds_max: u64) -> Self {
        Self { ticks_max: milliseconds_max / EPOCH_TICK_MS, ..Self::default() }
    }
}

/// What a plugin answers a `start` or `resume` with.
pub(crate) struct Step<O, F> {
    pub(crate) commands: Vec<io::Command>,
    pub(crate) output: Vec<O>,
    pub(crate) state: Progress<F>,
}

pub(crate) enum Progress<F> {
    Running,
    Done,
    Failed(F),
}

pub(crate) type StepOf<G> = Step<<G as Guest>::Output, <G as Guest>::Failure>;

/// A started instance, of any kind.
pub(crate) trait Guest: Sized + Send + 'static {
    type Output: Send + 'static;
    type Failure: Send + 'static;
    /// What `start` takes beside the context.
    type Job: Send + 'static;
    /// What a medium is among its output that it left in `/out`; `None`: it gets no `/out`.
    const MADE: Option<fn(types::Media) -> Self::Output>;

    fn start(maker: &Arc<Maker>, job: Self::Job) -> Result<(Self, StepOf<Self>), Fault>;
    fn resume(&mut self, events: &[io::Event]) -> Result<StepOf<Self>, Fault>;
    /// Bytes of the texts of one output, for the bound on a step.
    fn weight(output: &Self::Output) -> usize;
}

/// After the first ticks the thread's other work is handed to another thread; at the bound the guest is stopped.
pub(crate) fn on_deadline(mut store: StoreContextMut<'_, CallState>) -> wasmtime::Result<UpdateDeadline> {
    let clock = &mut store.data_mut().clock;
    if clock.handed_over {
        clock.expired = true;
        return Err(wasmtime::Error::msg("the deadline of the call has passed"));
    }
    clock.handed_over = true;
    let rest = clock.ticks_max.saturating_sub(EPOCH_TICKS_INLINE_MAX).max(1);
    hand_over();
    Ok(UpdateDeadline::Continue(rest))
}

/// Gives this async worker's queue to another thread, so that a long call holds up nothing but itself. On a thread
/// that is no async worker this changes nothing.
fn hand_over() {
    use tokio::runtime::{Handle, RuntimeFlavor};
    let Ok(runtime) = Handle::try_current() else { return };
    if runtime.runtime_flavor() != RuntimeFlavor::MultiThread {
        return;
    }
    // The queue is given away when the closure begins, and comes straight back if nobody has taken it by its end. So
    // the closure waits for a task of that queue to run.
    let (taken, is_taken) = std::sync::mpsc::sync_channel(1);
    drop(runtime.spawn(async move { taken.send(()) }));
    let patience = Duration::from_millis(HAND_OVER_MS_MAX);
    if tokio::task::block_in_place(|| is_taken.recv_timeout(patience)).is_err() {
        tracing::warn!("no thread took over from one that is held up by a plugin");
    }
}

/// Arms the clock for one call into the guest, and forgets what an earlier call could be blamed for.
pub(crate) fn arm(store: &mut Store<CallState>) {
    let state = store.data_mut();
    state.clock.handed_over = false;
    state.clock.expired = false;
    state.limiter.forget();
    state.stderr.clear();
    if let Some(wasi) = &state.wasi {
        wasi.forget_stderr();
    }
    store.set_epoch_deadline(EPOCH_TICKS_INLINE_MAX);
}

/// Names what ended a call.
pub(crate) fn fault(store: &Store<CallState>, error: &wasmtime::Error) -> Fault {
    let state = store.data();
    let kind = if state.clock.expired {
        FaultKind::Deadline { milliseconds: state.clock.ticks_max * EPOCH_TICK_MS }
    } else {
        match state.limiter.refused() {
            Some(Refused::Memory) => FaultKind::Memory { bytes_max: state.limiter.memory_bytes_max() },
            Some(Refused::Table) => FaultKind::Table { elements_max: TABLE_ELEMENTS_MAX },
            None => match state.wasi.as_ref().and_then(|wasi| wasi.quota().passed()) {
                Some(over) => over.into(),
                None => FaultKind::Trapped { message: trap_message(state, error) },
            },
        }
    };
    Fault { plugin: state.plugin.clone(), kind }
}

/// The panic message where the guest printed one, else wasmtime's name of the trap.
fn trap_message(state: &CallState, error: &wasmtime::Error) -> String {
    let stderr = state.wasi.as_ref().map_or_else(|| state.stderr.clone(), |wasi| wasi.stderr());
    let printed = String::from_utf8_lossy(&stderr);
    let last = printed.lines().map(str::trim).rfind(|line| !line.is_empty() && !line.starts_with("note:"));
    let message = last.map_or_else(|| error.root_cause().to_string(), str::to_owned);
    one_line(&state.masks.text(message))
}

/// A started completion.
pub(crate) struct ChatGuest {
    store: Store<CallState>,
    plugin: ProviderPlugin,
    completion: ResourceAny,
    _maker: Arc<Maker>,
}

/// Names what kept an instance from being made.
pub(crate) fn no_room(maker: &Maker, store: &Store<CallState>, error: &wasmtime::Error) -> Fault {
    if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        return maker.fault(FaultKind::NoRoom { detail: format!("{error:#}") });
    }
    fault(store, error)
}

impl ChatGuest {
    fn begin(
        maker: &Arc<Maker>,
        pre: &ProviderPluginPre<CallState>,
        request: &chat::ChatRequest,
    ) -> Result<(Self, StepOf<Self>), Fault> {
        let mut store = maker.store(pre.engine())?;
        arm(&mut store);
        let plugin = pre.instantiate(&mut store).map_err(|error| no_room(maker, &store, &error))?;
        let started =
            plugin.creel_plugin_chat_provider().completion().call_start(&mut store, &maker.context(), request);
        let (completion, step) = started.map_err(|error| fault(&store, &error))?;
        Ok((Self { store, plugin, completion, _maker: Arc::clone(maker) }, chat_step(step)))
    }
}

fn chat_step(step: chat::Step) -> StepOf<ChatGuest> {
    let state = match step.state {
        chat::Progress::Running => Progress::Running,
        chat::Progress::Done => Progress::Done,
        chat::Progress::Failed(error) => Progress::Failed(error),
    };
    Step { commands: step.commands, output: step.output, state }
}

impl Guest for ChatGuest {
    type Output = chat::Output;
    type Failure = chat::CallError;
    type Job = chat::ChatRequest;
    const MADE: Option<fn(types::Media) -> Self::Output> = Some(chat::Output::Media);

    fn start(maker: &Arc<Maker>, job: Self::Job) -> Result<(Self, StepOf<Self>), Fault> {
        match &*maker.plugin.linked() {
            Linked::Provider { chat: pre, .. } => Self::begin(maker, pre, &job),
            Linked::Channel(_) => {
                Err(maker.fault(FaultKind::Protocol { rule: "a channel plugin answers no chat request" }))
            }
            Linked::Pictures(_) => {
                Err(maker.fault(FaultKind::Protocol { rule: "a plugin of picture tools answers no chat request" }))
            }
        }
    }

    fn resume(&mut self, events: &[io::Event]) -> Result<StepOf<Self>, Fault> {
        arm(&mut self.store);
        let resumed =
            self.plugin.creel_plugin_chat_provider().completion().call_resume(&mut self.store, self.completion, events);
        resumed.map(chat_step).map_err(|error| fault(&self.store, &error))
    }

    fn weight(output: &chat::Output) -> usize {
        match output {
            chat::Output::Text(text) | chat::Output::Native(text) | chat::Output::ToolCallArguments((_, text)) => {
                text.len()
            }
            chat::Output::Reasoning(reasoning) => {
                reasoning.text.len() + reasoning.signature.as_ref().map_or(0, String::len)
            }
            chat::Output::ToolCallStart((_, id, name)) => id.len() + name.len(),
            chat::Output::Media(media) => media.uri.len(),
            chat::Output::Usage(_) | chat::Output::Finished(_) => 0,
        }
    }
}

/// A started task of a channel.
pub(crate) struct ChannelGuest {
    store: Store<CallState>,
    plugin: ChannelPlugin,
    task: ResourceAny,
    _maker: Arc<Maker>,
}

impl ChannelGuest {
    fn begin(
        maker: &Arc<Maker>,
        pre: &ChannelPluginPre<CallState>,
        (job, cursor): &(channel::Job, Option<Vec<u8>>),
    ) -> Result<(Self, StepOf<Self>), Fault> {
        let mut store = maker.store(pre.engine())?;
        arm(&mut store);
        let plugin = pre.instantiate(&mut store).map_err(|error| no_room(maker, &store, &error))?;
        let started =
            plugin.creel_plugin_channel().task().call_start(&mut store, &maker.context(), job, cursor.as_deref());
        let (task, step) = started.map_err(|error| fault(&store, &error))?;
        Ok((Self { store, plugin, task, _maker: Arc::clone(maker) }, channel_step(step)))
    }
}

fn channel_step(step: channel::Step) -> StepOf<ChannelGuest> {
    let state = match step.state {
        channel::Progress::Running => Progress::Running,
        channel::Progress::Done => Progress::Done,
        channel::Progress::Failed(error) => Progress::Failed(error),
    };
    Step { commands: step.commands, output: step.output, state }
}

impl Guest for ChannelGuest {
    type Output = channel::Output;
    type Failure = channel::ChannelError;
    type Job = (channel::Job, Option<Vec<u8>>);
    const MADE: Option<fn(types::Media) -> Self::Output> = None;

    fn start(maker: &Arc<Maker>, job: Self::Job) -> Result<(Self, StepOf<Self>), Fault> {
        match &*maker.plugin.linked() {
            Linked::Channel(pre) => Self::begin(maker, pre, &job),
            Linked::Provider { .. } => {
                Err(maker.fault(FaultKind::Protocol { rule: "a provider plugin has no channel tasks" }))
            }
            Linked::Pictures(_) => {
                Err(maker.fault(FaultKind::Protocol { rule: "a plugin of picture tools has no channel tasks" }))
            }
        }
    }

    fn resume(&mut self, events: &[io::Event]) -> Result<StepOf<Self>, Fault> {
        arm(&mut self.store);
        let resumed = self.plugin.creel_plugin_channel().task().call_resume(&mut self.store, self.task, events);
        resumed.map(channel_step).map_err(|error| fault(&self.store, &error))
    }

    fn weight(output: &channel::Output) -> usize {
        match output {
            channel::Output::Received(inbound) => {
                inbound.text.len() + inbound.attachments.iter().map(|attachment| attachment.token.len()).sum::<usize>()
            }
            channel::Output::Cursor(cursor) => cursor.len(),
            channel::Output::Collected(media) => media.uri.len(),
            channel::Output::Delivered(id) => id.len(),
            channel::Output::Status(_) => 0,
        }
    }
}
