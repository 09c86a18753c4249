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
    pub(crate) fn new(
        mailbox: SharedMailbox,
        task: impl Future<Output = Result<(), E>> + 'static,
    ) -> Self {
        Self {
            task: Some(Box::pin(task)),
            mailbox,
            alarm: Arc::default(),
        }
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
                    return (
                        mem::take(&mut self.mailbox.borrow_mut().commands),
                        State::Running,
                    );
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
    pub(crate) fn submit(
        mailbox: &SharedMailbox,
        command: impl FnOnce(RequestId) -> Command,
    ) -> Self {
        let mut inner = mailbox.borrow_mut();
        inner.last_id = inner.last_id.wrapping_add(1);
        let id = inner.last_id;
        inner.commands.push(command(id));
        inner.open.insert(id, Slot::default());
        drop(inner);
        Self {
            id,
            mailbox: Rc::clone(mailbox),
            is_over: false,
        }
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
        mailbox
            .commands
            .retain(|command| command_id(command) != self.id);
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
mod tests {
    use super::*;
    use crate::bindings::words::creel::plugin::io::{Header, IoError, Request, ResponseHead};
    use crate::io::Io;
    use crate::{Either, join_all, race};

    type Seen = Rc<RefCell<Vec<String>>>;

    /// Starts a task and resumes it with the batches; answers with what each step said.
    fn drive<F>(task: impl FnOnce(Io, Seen) -> F, batches: Vec<Vec<Event>>) -> Vec<String>
    where
        F: Future<Output = Result<(), IoError>> + 'static,
    {
        let mailbox = SharedMailbox::default();
        let seen = Seen::default();
        let task = task(Io::new(Rc::clone(&mailbox)), Rc::clone(&seen));
        let mut driver = Driver::new(mailbox, task);
        let mut steps = Vec::new();
        for events in std::iter::once(Vec::new()).chain(batches) {
            let (commands, state) = driver.resume(events);
            let mut step: Vec<_> = seen.borrow_mut().drain(..).collect();
            step.extend(commands.iter().map(name));
            step.extend(match state {
                State::Running => None,
                State::Done => Some("done".into()),
                State::Failed(error) => Some(format!("failed: {error}")),
            });
            steps.push(step.join(", "));
        }
        steps
    }

    fn name(command: &Command) -> String {
        let kind = match command {
            Command::Send(_) => "send",
            Command::FetchMedia(_) => "fetch",
            Command::StoreMedia(_) => "store",
            Command::IngestFile(_) => "ingest",
            Command::Wait(_) => "wait",
            Command::Cancel(_) => "cancel",
        };
        format!("{kind} {}", command_id(command))
    }

    fn get() -> Request {
        Request::get("api", "/")
    }

    fn head(id: RequestId) -> Event {
        let headers = vec![Header {
            name: "A".into(),
            value: "b".into(),
        }];
        Event::Head((
            id,
            ResponseHead {
                status: 200,
                headers,
            },
        ))
    }

    fn chunk(id: RequestId, text: &str) -> Event {
        Event::Chunk((id, text.into()))
    }

    #[test]
    fn straight_line_code_runs_over_steps() {
        let task = async |io: Io, seen: Seen| {
            let mut response = io.send(get()).await?;
            seen.borrow_mut()
                .push(format!("{} {:?}", response.status(), response.header("a")));
            while let Some(chunk) = response.chunk().await? {
                seen.borrow_mut()
                    .push(String::from_utf8_lossy(&chunk).into());
            }
            io.wait(5).await
        };
        let batches = vec![
            vec![head(1)],
            vec![chunk(1, "x"), chunk(1, "y")],
            vec![chunk(1, "z"), Event::End(1)],
            vec![Event::Elapsed(2)],
            vec![Event::Elapsed(2)],
        ];
        let expected = [
            "send 1",
            "200 Some(\"b\")",
            "x, y",
            "z, wait 2",
            "done",
            "done",
        ];
        assert_eq!(drive(task, batches), expected);
    }

    #[test]
    fn a_failure_comes_out_as_it_went_in() {
        let task = async |io: Io, _: Seen| io.send(get()).await?.chunk().await.map(drop);
        let cut_off = Event::Failed((1, IoError::CutOff("early".into())));
        let steps = drive(task, vec![vec![head(1)], vec![cut_off]]);
        assert_eq!(
            steps,
            ["send 1", "", "failed: the response was cut off: early"]
        );
        let refused = Event::Failed((1, IoError::TimedOut));
        assert_eq!(
            drive(task, vec![vec![refused]]),
            ["send 1", "failed: no answer in time"]
        );
    }

    #[test]
    fn an_event_out_of_place_is_an_error() {
        let task = async |io: Io, _: Seen| io.send(get()).await.map(drop);
        let steps = drive(task, vec![vec![chunk(1, "x")]]);
        let expected =
            "failed: the response was cut off: the host sent an event that does not belong here";
        assert_eq!(steps, ["send 1", expected]);
    }

    #[test]
    fn a_dropped_response_is_cancelled_once() {
        let task = async |io: Io, _: Seen| {
            drop(io.send(get()).await?);
            io.wait(1).await
        };
        let batches = vec![
            vec![head(1), chunk(1, "unread")],
            vec![chunk(1, "late")],
            vec![Event::Elapsed(2)],
        ];
        assert_eq!(
            drive(task, batches),
            ["send 1", "cancel 1, wait 2", "", "done"]
        );
        let ended = vec![vec![head(1), Event::End(1)], vec![Event::Elapsed(2)]];
        assert_eq!(drive(task, ended), ["send 1", "wait 2", "done"]);
    }

    #[test]
    fn what_the_host_never_saw_is_not_cancelled() {
        let task = async |io: Io, _: Seen| {
            let nothing = async {};
            race(nothing, io.wait(1)).await;
            race(io.wait(1), async {}).await;
            io.wait(2).await
        };
        assert_eq!(
            drive(task, vec![vec![Event::Elapsed(2)]]),
            ["wait 2", "done"]
        );
    }

    #[test]
    fn a_race_cancels_the_loser_and_loses_nothing() {
        let task = async |io: Io, seen: Seen| {
            let mut response = io.send(get()).await?;
            loop {
                match race(response.chunk(), io.wait(9)).await {
                    Either::First(Ok(None)) => return Ok(()),
                    Either::First(chunk) => seen
                        .borrow_mut()
                        .push(format!("{:?}", chunk?.map(|chunk| chunk.len()))),
                    Either::Second(elapsed) => seen.borrow_mut().push(format!("{elapsed:?}")),
                }
            }
        };
        let batches = vec![
            vec![head(1)],
            vec![Event::Elapsed(2)],
            vec![chunk(1, "ab"), chunk(1, "c")],
            vec![Event::End(1)],
        ];
        let expected = [
            "send 1",
            "wait 2",
            "Ok(()), wait 3",
            "Some(2), Some(1), cancel 3, wait 4",
            "done",
        ];
        assert_eq!(drive(task, batches), expected);
    }

    #[test]
    fn many_run_at_once_and_keep_their_order() {
        let task = async |io: Io, seen: Seen| {
            let all = join_all((1..=3).map(|n| {
                let io = io.clone();
                async move { io.wait(n).await.map(|()| n) }
            }));
            let all: Result<Vec<_>, _> = all.await.into_iter().collect();
            seen.borrow_mut().push(format!("{:?}", all?));
            Ok(())
        };
        let batches = vec![
            vec![Event::Elapsed(3)],
            vec![Event::Elapsed(1), Event::Elapsed(2)],
        ];
        assert_eq!(
            drive(task, batches),
            ["wait 1, wait 2, wait 3", "", "[1, 2, 3], done"]
        );
    }

    #[test]
    fn a_task_that_wakes_itself_is_polled_on() {
        let task = async |_: Io, seen: Seen| {
            let mut turns = 0;
            poll_fn(|cx| {
                turns += 1;
                cx.waker().wake_by_ref();
                if turns == 3 {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
            seen.borrow_mut().push("three".into());
            Ok(())
        };
        assert_eq!(drive(task, Vec::new()), ["three, done"]);
    }
}
