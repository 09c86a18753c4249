//! Drives one ordinary `async` block over the state machine that the host sees: events in, one poll, commands out.
//! What the commands mean lives in `io`; nothing here knows of providers or channels.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::bindings::words::creel::plugin::io::{Command, Event, RequestId};

/// Where commands wait for the host, and events for whoever asked for them.
#[derive(Default)]
pub(crate) struct Mailbox {
    last_id: RequestId,
    commands: Vec<Command>,
    open: BTreeMap<RequestId, Slot>,
}

#[derive(Default)]
struct Slot {
    events: VecDeque<Event>,
    waker: Option<Waker>,
}

/// A mailbox shared by the driver and the tasks of one call.
pub(crate) type SharedMailbox = Rc<RefCell<Mailbox>>;

/// A command under way. Dropping it cancels the command.
pub(crate) struct Ticket {
    id: RequestId,
    mailbox: SharedMailbox,
    is_over: bool,
}

/// Where a call stands after a poll.
pub(crate) enum State<E> {
    Running,
    Done,
    Failed(E),
}

type Task<E> = Pin<Box<dyn Future<Output = Result<(), E>>>>;

/// One call: its future and its mailbox.
pub(crate) struct Driver<E> {
    task: Option<Task<E>>,
    mailbox: SharedMailbox,
    alarm: Arc<Alarm>,
}

/// Remembers that somebody woke the task, so that it is polled until it is idle.
#[derive(Default)]
struct Alarm(AtomicBool);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<E> Driver<E> {
    /// Takes the future of a call. It runs at the first [`Driver::resume`].
    pub(crate) fn new(mailbox: SharedMailbox, task: impl Future<Output = Result<(), E>> + 'static) -> Self {
        Self { task: Some(Box::pin(task)), mailbox, alarm: Arc::default() }
    }

    /// Delivers the events, polls until the future is idle, and hands over what it wants done.
    ///
    /// After the end it stays at [`State::Done`] without commands: the host drops whatever was under way.
    pub(crate) fn resume(&mut self, events: Vec<Event>) -> (Vec<Command>, State<E>) {
        for event in events {
            deliver(&self.mailbox, event);
        }
        let Some(task) = &mut self.task else {
            return (Vec::new(), State::Done);
        };
        let waker = Waker::from(Arc::clone(&self.alarm));
        let result = loop {
            self.alarm.0.store(false, Ordering::Relaxed);
            match task.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(result) => break result,
                Poll::Pending if self.alarm.0.load(Ordering::Relaxed) => {}
                Poll::Pending => {
                    return (mem::take(&mut self.mailbox.borrow_mut().commands), State::Running);
                }
            }
        };
        self.task = None;
        self.mailbox.borrow_mut().commands.clear();
        match result {
            Ok(()) => (Vec::new(), State::Done),
            Err(error) => (Vec::new(), State::Failed(error)),
        }
    }
}

impl Ticket {
    /// Gives the host a command, made from a fresh id.
    pub(crate) fn submit(mailbox: &SharedMailbox, command: impl FnOnce(RequestId) -> Command) -> Self {
        let mut inner = mailbox.borrow_mut();
        inner.last_id = inner.last_id.wrapping_add(1);
        let id = inner.last_id;
        inner.commands.push(command(id));
        inner.open.insert(id, Slot::default());
        drop(inner);
        Self { id, mailbox: Rc::clone(mailbox), is_over: false }
    }

    /// Waits for the next event of this command; `None` once its last one was taken. May be dropped at any time
    /// without losing an event.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let mut mailbox = self.mailbox.borrow_mut();
        let slot = mailbox.open.entry(self.id).or_default();
        let Some(event) = slot.events.pop_front() else {
            slot.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        if is_last(&event) {
            mailbox.open.remove(&self.id);
            self.is_over = true;
        }
        Poll::Ready(Some(event))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut mailbox = self.mailbox.borrow_mut();
        let Some(slot) = mailbox.open.remove(&self.id) else {
            return;
        };
        if slot.events.back().is_some_and(is_last) {
            return;
        }
        let waiting = mailbox.commands.len();
        mailbox.commands.retain(|command| command_id(command) != self.id);
        if mailbox.commands.len() == waiting {
            mailbox.commands.push(Command::Cancel(self.id));
        }
    }
}

/// Puts an event where its command waits. One that nobody waits for any more is dropped: it crossed a `cancel`.
fn deliver(mailbox: &SharedMailbox, event: Event) {
    let mut mailbox = mailbox.borrow_mut();
    let Some(slot) = mailbox.open.get_mut(&event_id(&event)) else {
        return;
    };
    slot.events.push_back(event);
    if let Some(waker) = slot.waker.take() {
        waker.wake();
    }
}

fn event_id(event: &Event) -> RequestId {
    match event {
        Event::Head((id, _))
        | Event::Chunk((id, _))
        | Event::End(id)
        | Event::Stored((id, _))
        | Event::Elapsed(id)
        | Event::Failed((id, _)) => *id,
    }
}

fn is_last(event: &Event) -> bool {
    match event {
        Event::Head(_) | Event::Chunk(_) => false,
        Event::End(_) | Event::Stored(_) | Event::Elapsed(_) | Event::Failed(_) => true,
    }
}

fn command_id(command: &Command) -> RequestId {
    match command {
        Command::Send((id, _))
        | Command::FetchMedia((id, _))
        | Command::StoreMedia((id, _))
        | Command::IngestFile((id, _))
        | Command::Wait((id, _))
        | Command::Cancel(id) => *id,
    }
}

#[cfg(test)]
mod tests;
