//! The author's view of a channel, and the export that drives it. Providers live in `provider`.

use std::cell::RefCell;
use std::future::Future;
use std::marker::PhantomData;
use std::mem;
use std::rc::Rc;

use crate::bindings::channel::exports::creel::plugin::channel as wit;
use crate::bindings::words::creel::plugin::io::{Context, Event};
use crate::bindings::words::creel::plugin::types::Media;
use crate::executor::{Driver, SharedMailbox, State};
use crate::io::Io;

pub use wit::{Attachment, ChannelError, Connection, Conversation, Fault, Inbound, Job, Outbound, Peer};
/// One piece of output as the host sees it.
pub use wit::{Output as OutputEvent, Progress, Step};

/// A messaging network. Export it with [`channel!`](crate::channel!). Write the functions as `async fn`.
pub trait Channel: 'static {
    /// Listens until it is dropped; `cursor` is what the last listener handed over.
    fn listen(
        cx: Context,
        io: Io,
        cursor: Option<Vec<u8>>,
        out: ChannelOutput,
    ) -> impl Future<Output = Result<(), ChannelError>> + 'static;

    /// Fetches one attachment.
    fn collect(
        cx: Context,
        io: Io,
        attachment: Attachment,
    ) -> impl Future<Output = Result<Media, ChannelError>> + 'static;

    /// Sends one message; answers with the network's identity of it.
    fn deliver(cx: Context, io: Io, message: Outbound) -> impl Future<Output = Result<String, ChannelError>> + 'static;
}

/// What a listener has learnt. Clones share it.
#[derive(Clone, Default)]
pub struct ChannelOutput(Rc<RefCell<Vec<OutputEvent>>>);

impl ChannelOutput {
    /// A message has come.
    pub fn received(&self, message: Inbound) {
        self.push(OutputEvent::Received(message));
    }

    /// Where the next listener shall go on; stored once every message before it is durable.
    pub fn cursor(&self, cursor: impl Into<Vec<u8>>) {
        self.push(OutputEvent::Cursor(cursor.into()));
    }

    /// The connection stands.
    pub fn connected(&self) {
        self.push(OutputEvent::Status(Connection::Connected));
    }

    /// The connection is lost, and why.
    pub fn lost(&self, reason: impl Into<String>) {
        self.push(OutputEvent::Status(Connection::Lost(reason.into())));
    }

    fn push(&self, event: OutputEvent) {
        self.0.borrow_mut().push(event);
    }
}

/// One job under way. Made by [`channel!`](crate::channel!) and by the test kit.
pub struct Task<C> {
    inner: RefCell<Inner>,
    channel: PhantomData<C>,
}

struct Inner {
    driver: Driver<ChannelError>,
    out: ChannelOutput,
}

impl<C: Channel> Task<C> {
    /// Begins a job and runs it until it waits.
    #[must_use]
    pub fn begin(context: Context, job: Job, cursor: Option<Vec<u8>>) -> (Self, Step) {
        let mailbox = SharedMailbox::default();
        let out = ChannelOutput::default();
        let work = run::<C>(context, Io::new(Rc::clone(&mailbox)), (job, cursor), out.clone());
        let inner = RefCell::new(Inner { driver: Driver::new(mailbox, work), out });
        let task = Self { inner, channel: PhantomData };
        let step = task.proceed(Vec::new());
        (task, step)
    }

    /// Goes on with what happened.
    pub fn proceed(&self, events: Vec<Event>) -> Step {
        let mut inner = self.inner.borrow_mut();
        let (commands, state) = inner.driver.resume(events);
        let output = mem::take(&mut *inner.out.0.borrow_mut());
        let state = match state {
            State::Running => Progress::Running,
            State::Done => Progress::Done,
            State::Failed(error) => Progress::Failed(error),
        };
        Step { commands, output, state }
    }
}

impl<C: Channel> wit::GuestTask for Task<C> {
    fn start(context: Context, job: Job, cursor: Option<Vec<u8>>) -> (wit::Task, Step) {
        let (task, step) = Self::begin(context, job, cursor);
        (wit::Task::new(task), step)
    }

    fn resume(&self, events: Vec<Event>) -> Step {
        self.proceed(events)
    }
}

async fn run<C: Channel>(
    cx: Context,
    io: Io,
    (job, cursor): (Job, Option<Vec<u8>>),
    out: ChannelOutput,
) -> Result<(), ChannelError> {
    match job {
        Job::Listen => C::listen(cx, io, cursor, out).await,
        Job::Collect(attachment) => {
            let media = C::collect(cx, io, attachment).await?;
            out.push(OutputEvent::Collected(media));
            Ok(())
        }
        Job::Deliver(message) => {
            let id = C::deliver(cx, io, message).await?;
            out.push(OutputEvent::Delivered(id));
            Ok(())
        }
    }
}

/// Lets the export macro check its argument on every target.
#[doc(hidden)]
pub fn assert_channel<T: Channel>() {}

/// Exports a [`Channel`] as the component's `channel`.
#[macro_export]
macro_rules! channel {
    ($channel:ty) => {
        const _: fn() = $crate::channel::assert_channel::<$channel>;
        // A native library cannot hold the names of the exports.
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exported;
            impl $crate::bindings::channel::exports::creel::plugin::channel::Guest for Exported {
                type Task = $crate::channel::Task<$channel>;
            }
    $crate::bindings::channel::export_channel!(Exported with_types_in $crate::bindings::channel);
        };
    };
}
