//! A channel task that ends: fetch one attachment, deliver one message. Runs it once; trying again is the caller's.

use std::sync::Arc;
use std::time::Duration;

use creel_engine::{CallEnd, ChannelCall, Slots, channel};
use creel_policy::ids::ChannelId;
use creel_policy::limits::CHANNEL_TASK_MS_MAX;
use creel_policy::media::{Area, MediaRef};

use crate::core::{CallParts, Core};

/// One task.
pub(crate) struct Task<'a> {
    pub(crate) channel: &'a ChannelId,
    /// For logs.
    pub(crate) name: String,
    pub(crate) job: channel::Job,
    /// What it may name.
    pub(crate) media: Vec<MediaRef>,
    /// Where media that it makes go.
    pub(crate) area: Area,
}

/// Why a task brought nothing.
pub(crate) struct TaskFailure {
    pub(crate) reason: String,
    /// Trying again can help.
    pub(crate) may_pass: bool,
    pub(crate) retry_after: Option<Duration>,
}

impl TaskFailure {
    pub(crate) fn lasting(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), may_pass: false, retry_after: None }
    }

    pub(crate) fn passing(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), may_pass: true, retry_after: None }
    }
}

impl Task<'_> {
    /// Runs the task to its end and gives what `pick` found last in its output.
    pub(crate) async fn run<T>(
        self,
        core: &Arc<Core>,
        pick: impl Fn(channel::Output) -> Option<T>,
    ) -> Result<T, TaskFailure> {
        let mut call = self.start(core).await?;
        let mut picked = None;
        loop {
            match call.next().await {
                Ok(Some(output)) => picked = pick(output).or(picked),
                Ok(None) => break,
                Err(end) => return Err(failure(end)),
            }
        }
        picked.ok_or_else(|| TaskFailure::lasting("the channel plugin ended without saying what came of it"))
    }

    async fn start(self, core: &Arc<Core>) -> Result<ChannelCall, TaskFailure> {
        // A channel that is switched off keeps its work until it is back.
        let away = || TaskFailure::passing(format!("channel `{}` is not running", self.channel));
        let now = core.generation();
        let plan = now.knowledge.plan.channels.get(self.channel).ok_or_else(away)?;
        let plugin = now.plugins.get(&plan.plugin).ok_or_else(away)?;
        let context = core.context(CallParts {
            name: self.name,
            grant: Arc::clone(&plan.grant),
            settings_json: plan.settings_json.clone(),
            slots: Slots::new(),
            media: self.media,
            area: self.area,
            medium_bytes_max: core.medium_limit(self.channel),
            roots: now.roots.get(self.channel).map(Arc::clone).unwrap_or_default(),
            total_ms_max: Some(CHANNEL_TASK_MS_MAX),
        });
        ChannelCall::start(plugin, &core.egress, &core.store, context, (self.job, None))
            .await
            .map_err(|fault| TaskFailure::lasting(fault.to_string()))
    }
}

fn failure(end: CallEnd<channel::ChannelError>) -> TaskFailure {
    match end {
        CallEnd::Failed(error) => TaskFailure {
            may_pass: may_pass(error.fault),
            retry_after: error.retry_after_ms.map(Duration::from_millis),
            reason: error.message,
        },
        CallEnd::Fault(fault) => TaskFailure::lasting(fault.to_string()),
        CallEnd::TimedOut { milliseconds } => TaskFailure::passing(format!("it took longer than {milliseconds} ms")),
    }
}

/// Whether trying again can help.
fn may_pass(fault: channel::Fault) -> bool {
    match fault {
        channel::Fault::Unreachable
        | channel::Fault::RateLimited
        | channel::Fault::MalformedResponse
        | channel::Fault::Other => true,
        channel::Fault::Rejected | channel::Fault::Authentication | channel::Fault::Gone | channel::Fault::Refused => {
            false
        }
    }
}
