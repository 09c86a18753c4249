//! One question to a plugin of picture tools, and what became of it. Which picture is to be fitted, to what and by
//! which plugin is not decided here.

use std::sync::Arc;

use creel_policy::limits::STEP_OUTPUT_BYTES_MAX;
use creel_store::Store;
use creel_store::media::Medium;

use crate::bindings::{PicturePluginPre, pictures};
use crate::call::enter;
use crate::command::handle;
use crate::context::CallContext;
use crate::fault::{Fault, FaultKind};
use crate::guest::{CallState, arm, fault, no_room};
use crate::load::{Linked, Plugin};
use crate::log::one_line;
use crate::maker::Maker;
use crate::sweep;

/// What became of a picture.
#[derive(Debug)]
pub enum Fitted {
    /// It fulfils the wishes as it is.
    Unchanged,
    /// Another picture was made of it, and stored.
    Made {
        /// The other picture.
        medium: Box<Medium>,
        /// What was done, for people.
        changes: Vec<String>,
    },
}

/// Why there is no picture that fulfils the wishes.
#[derive(Debug, thiserror::Error)]
pub enum FitEnd {
    /// The plugin says that it cannot, and why.
    #[error("{}", .0.message)]
    Failed(pictures::ToolError),
    /// The host ended the call because of what the plugin did.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Lets a plugin make a picture fulfil the wishes. It sees that picture and no other medium; what it makes is stored in
/// the area of the context, which learns of it.
///
/// # Errors
///
/// [`FitEnd`].
pub async fn fit_picture(
    plugin: &Plugin,
    store: &Store,
    context: CallContext,
    picture: &Medium,
    wishes: pictures::Wishes,
) -> Result<Fitted, FitEnd> {
    let fitted = fit(plugin, store, context, picture, wishes).await;
    fitted.inspect_err(|end| match end {
        FitEnd::Fault(fault) => plugin.tally().fault(fault.kind.code()),
        FitEnd::Failed(_) => {}
    })
}

async fn fit(
    plugin: &Plugin,
    store: &Store,
    context: CallContext,
    picture: &Medium,
    wishes: pictures::Wishes,
) -> Result<Fitted, FitEnd> {
    let maker = Maker::prepare(plugin, store, context, vec![picture.media.clone()], true).await?;
    let answered = {
        let (maker, picture) = (Arc::clone(&maker), handle(picture.clone()));
        enter(&Arc::clone(&maker), move || ask(&maker, &picture, &wishes)).await?
    };
    let made = match answered {
        Ok(pictures::Outcome::Unchanged) => return Ok(Fitted::Unchanged),
        Ok(pictures::Outcome::Made(made)) => made,
        Err(error) => return Err(FitEnd::Failed(pictures::ToolError { message: one_line(&error.message), ..error })),
    };
    let medium = sweep::one(&maker, store, made.name).await?;
    let changes = made.changes.iter().map(|change| one_line(change)).collect();
    Ok(Fitted::Made { medium: medium.into(), changes })
}

type Answer = Result<pictures::Outcome, pictures::ToolError>;

fn ask(maker: &Maker, picture: &crate::types::Media, wishes: &pictures::Wishes) -> Result<Answer, Fault> {
    let answer = match &*maker.plugin.linked() {
        Linked::Pictures(pre) => call(maker, pre, picture, wishes)?,
        Linked::Provider { .. } | Linked::Channel(_) => {
            return Err(maker.fault(FaultKind::Protocol { rule: "a plugin without `picture-tools` fits no pictures" }));
        }
    };
    let bytes = match &answer {
        Ok(pictures::Outcome::Unchanged) => 0,
        // A change without text weighs something too.
        Ok(pictures::Outcome::Made(made)) => {
            let changes = made.changes.iter().map(|change| change.len().saturating_add(size_of::<String>()));
            changes.fold(made.name.len(), usize::saturating_add)
        }
        Err(error) => error.message.len(),
    };
    if bytes > STEP_OUTPUT_BYTES_MAX {
        let (what, max) = ("the answer of `fit`", STEP_OUTPUT_BYTES_MAX);
        return Err(maker.fault(FaultKind::Oversize { what, max }));
    }
    Ok(answer)
}

/// The instance lives no longer than its one call, so that it holds nothing open when its files are taken.
fn call(
    maker: &Maker,
    pre: &PicturePluginPre<CallState>,
    picture: &crate::types::Media,
    wishes: &pictures::Wishes,
) -> Result<Answer, Fault> {
    let mut store = maker.store(pre.engine())?;
    arm(&mut store);
    let plugin = pre.instantiate(&mut store).map_err(|error| no_room(maker, &store, &error))?;
    let answer = plugin.creel_plugin_picture_tools().call_fit(&mut store, &maker.context(), picture, wishes);
    answer.map_err(|error| fault(&store, &error))
}
