//! One live call: the plugin's instance, what it has under way, and the loop between the two. Pulled by its reader:
//! while nobody asks for output, nothing is read from the network; dropping it drops all of it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use creel_policy::judge::Refusal;
use creel_policy::limits::{CALL_COMMANDS_MAX, REQUESTS_AT_ONCE_MAX, STEP_COMMANDS_MAX, STEP_OUTPUT_BYTES_MAX};
use creel_store::Store;
use futures_util::stream::{AbortHandle, Abortable, SelectAll, StreamExt};
use futures_util::{FutureExt, stream};
use tokio::time::{Instant, timeout_at};

use crate::bindings::io::{Command, Event, RequestId};
use crate::command::{Events, Shared, events, handle, refused};
use crate::context::CallContext;
use crate::egress::Egress;
use crate::fault::{Fault, FaultKind};
use crate::guest::{Guest, Progress, StepOf};
use crate::load::Plugin;
use crate::maker::Maker;
use crate::sweep;

/// Events that a plugin is resumed with at once.
const EVENTS_AT_ONCE_MAX: usize = 32;

/// How a call came to an end that is not `done`.
#[derive(Debug)]
pub enum CallEnd<F> {
    /// The plugin says that it failed, and how.
    Failed(F),
    /// The host ended it because of what the plugin did.
    Fault(Fault),
    /// The whole call took too long.
    TimedOut {
        /// The bound.
        milliseconds: u64,
    },
}

/// What all kinds share.
pub(crate) struct Call<G: Guest> {
    /// `None` while the guest is in a blocking thread, and after the end.
    guest: Option<G>,
    maker: Arc<Maker>,
    shared: Arc<Shared>,
    output: VecDeque<G::Output>,
    under_way: SelectAll<Abortable<Events>>,
    aborts: HashMap<RequestId, AbortHandle>,
    used: HashSet<RequestId>,
    commands: usize,
    deadline: Option<(Instant, u64)>,
    end: Option<Progress<G::Failure>>,
    /// How long it has waited for others.
    waited: Duration,
    /// Whether the plugin is done, and what it left in `/out` has not been taken yet.
    leaves: bool,
}

impl<G: Guest> Call<G> {
    pub(crate) async fn start(
        plugin: &Plugin,
        egress: &Arc<Egress>,
        store: &Store,
        context: CallContext,
        job: G::Job,
    ) -> Result<Self, Fault> {
        let media = context.media.all();
        let maker = Maker::prepare(plugin, store, context, media, G::MADE.is_some()).await?;
        let context = Arc::clone(&maker.context);
        let total = context.total_ms_max;
        let deadline = total.and_then(|ms| Some((Instant::now().checked_add(Duration::from_millis(ms))?, ms)));
        let (guest, step) = {
            let maker = Arc::clone(&maker);
            enter(&maker.clone(), move || G::start(&maker, job)).await?
        };
        let shared = Arc::new(Shared { context, egress: Arc::clone(egress), store: store.clone() });
        let mut call = Self {
            guest: Some(guest),
            maker,
            shared,
            output: VecDeque::new(),
            under_way: SelectAll::new(),
            aborts: HashMap::new(),
            used: HashSet::new(),
            commands: 0,
            deadline,
            end: None,
            waited: Duration::ZERO,
            leaves: false,
        };
        call.take(step)?;
        Ok(call)
    }

    pub(crate) async fn next(&mut self) -> Result<Option<G::Output>, CallEnd<G::Failure>> {
        loop {
            if let Some(output) = self.output.pop_front() {
                return Ok(Some(output));
            }
            match self.end.take() {
                Some(Progress::Failed(failure)) => {
                    self.end = Some(Progress::Done);
                    return Err(CallEnd::Failed(failure));
                }
                Some(Progress::Done) => {
                    self.end = Some(Progress::Done);
                    if !std::mem::take(&mut self.leaves) {
                        return Ok(None);
                    }
                    self.sweep().await.map_err(CallEnd::Fault)?;
                }
                Some(Progress::Running) | None => self.advance().await?,
            }
        }
    }

    /// Makes media of what the plugin left in `/out`; they are the last of its output.
    async fn sweep(&mut self) -> Result<(), Fault> {
        let Some(made) = G::MADE.filter(|_| self.maker.out.is_some()) else { return Ok(()) };
        let media = sweep::all(&self.maker, &self.shared.store).await?;
        self.output.extend(media.into_iter().map(|medium| made(handle(medium))));
        Ok(())
    }

    /// Counts how it ended, where that was a fault.
    pub(crate) fn count(&self, end: &CallEnd<G::Failure>) {
        match end {
            CallEnd::Fault(fault) => self.maker.plugin.tally().fault(fault.kind.code()),
            CallEnd::Failed(_) | CallEnd::TimedOut { .. } => {}
        }
    }

    /// How long the call has waited for others so far: for a server, a timer, the disk.
    pub(crate) fn waited(&self) -> Duration {
        self.waited
    }

    /// Waits for events, resumes the plugin with them and takes its step.
    async fn advance(&mut self) -> Result<(), CallEnd<G::Failure>> {
        let begun = Instant::now();
        let first = match self.deadline {
            // `timeout_at` looks at the clock only when it has to wait, and a server that never pauses never lets it.
            Some((deadline, milliseconds)) if begun >= deadline => return Err(self.timed_out(milliseconds)),
            Some((deadline, milliseconds)) => match timeout_at(deadline, self.under_way.next()).await {
                Ok(first) => first,
                Err(_) => return Err(self.timed_out(milliseconds)),
            },
            None => self.under_way.next().await,
        };
        self.waited += begun.elapsed();
        let Some(first) = first else {
            self.stop();
            return Err(CallEnd::Fault(self.fault(FaultKind::Stuck)));
        };
        let mut events = vec![first];
        while events.len() < EVENTS_AT_ONCE_MAX
            && let Some(Some(event)) = self.under_way.next().now_or_never()
        {
            events.push(event);
        }
        for event in &events {
            if let Some(id) = ends(event) {
                self.aborts.remove(&id);
            }
        }
        let Some(mut guest) = self.guest.take() else {
            self.stop();
            return Err(CallEnd::Fault(self.fault(FaultKind::Stuck)));
        };
        let resumed = enter(&self.maker, move || guest.resume(&events).map(|step| (guest, step))).await;
        let taken = resumed.and_then(|(guest, step)| {
            self.guest = Some(guest);
            self.take(step)
        });
        taken.map_err(|fault| {
            self.stop();
            CallEnd::Fault(fault)
        })
    }

    /// Takes a step of the plugin: output first, then the commands.
    fn take(&mut self, step: StepOf<G>) -> Result<(), Fault> {
        // An output without text weighs something too: a flood of them is a flood.
        let weight = |output| G::weight(output).saturating_add(size_of::<G::Output>());
        let bytes = step.output.iter().map(weight).fold(0, usize::saturating_add);
        if bytes > STEP_OUTPUT_BYTES_MAX {
            return Err(self.fault(FaultKind::Oversize { what: "the output of one step", max: STEP_OUTPUT_BYTES_MAX }));
        }
        if step.commands.len() > STEP_COMMANDS_MAX {
            return Err(
                self.fault(FaultKind::Oversize { what: "the list of commands of one step", max: STEP_COMMANDS_MAX })
            );
        }
        self.output.extend(step.output);
        match step.state {
            Progress::Running => {}
            end @ (Progress::Done | Progress::Failed(_)) => {
                self.stop();
                self.leaves = matches!(end, Progress::Done);
                self.end = Some(end);
                return Ok(());
            }
        }
        step.commands.into_iter().try_for_each(|command| self.command(command))
    }

    fn command(&mut self, command: Command) -> Result<(), Fault> {
        self.commands = self.commands.saturating_add(1);
        let is_endless = self.shared.context.total_ms_max.is_none();
        if self.commands > CALL_COMMANDS_MAX && !is_endless {
            return Err(self.fault(FaultKind::Commands { max: CALL_COMMANDS_MAX }));
        }
        if let Command::Cancel(id) = command {
            if let Some(abort) = self.aborts.remove(&id) {
                abort.abort();
            }
            return Ok(());
        }
        let Some((id, mut events)) = events(&self.shared, command) else { return Ok(()) };
        if self.aborts.contains_key(&id) || (!is_endless && !self.used.insert(id)) {
            return Err(self.fault(FaultKind::Protocol { rule: "a request id is used once in a call" }));
        }
        if self.aborts.len() >= REQUESTS_AT_ONCE_MAX {
            let rule = format!("a call may have {REQUESTS_AT_ONCE_MAX} requests under way at once");
            events = stream::iter([refused(id, Refusal::BudgetSpent, rule)]).boxed();
        }
        let (abort, registration) = AbortHandle::new_pair();
        self.aborts.insert(id, abort);
        self.under_way.push(Abortable::new(events, registration));
        Ok(())
    }

    /// Drops the instance and everything under way; output that is already there stays.
    fn stop(&mut self) {
        self.guest = None;
        self.under_way.clear();
        self.aborts.clear();
        self.end = Some(Progress::Done);
    }

    fn timed_out(&mut self, milliseconds: u64) -> CallEnd<G::Failure> {
        self.stop();
        CallEnd::TimedOut { milliseconds }
    }

    fn fault(&self, kind: FaultKind) -> Fault {
        Fault { plugin: self.maker.plugin.id().clone(), kind }
    }
}

/// The request that is over with this event.
fn ends(event: &Event) -> Option<RequestId> {
    match event {
        Event::Head(_) | Event::Chunk(_) => None,
        Event::End(id) | Event::Elapsed(id) | Event::Stored((id, _)) | Event::Failed((id, _)) => Some(*id),
    }
}

/// Calls into the guest: on this thread where that is short, on a blocking thread where the plugin may touch files,
/// or where the runtime has no second worker to take over.
pub(crate) async fn enter<T: Send + 'static>(
    maker: &Maker,
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    use tokio::runtime::{Handle, RuntimeFlavor};
    let is_short =
        !maker.plugin.manifest().media.has_files() && Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
    if is_short {
        return work();
    }
    let lost = |error: tokio::task::JoinError| Fault {
        plugin: maker.plugin.id().clone(),
        kind: FaultKind::Trapped { message: error.to_string() },
    };
    tokio::task::spawn_blocking(work).await.map_err(lost)?
}
