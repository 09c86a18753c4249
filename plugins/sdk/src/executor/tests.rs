//! What the host sees of a task, step by step.

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
    let headers = vec![Header { name: "A".into(), value: "b".into() }];
    Event::Head((id, ResponseHead { status: 200, headers }))
}

fn chunk(id: RequestId, text: &str) -> Event {
    Event::Chunk((id, text.into()))
}

#[test]
fn straight_line_code_runs_over_steps() {
    let task = async |io: Io, seen: Seen| {
        let mut response = io.send(get()).await?;
        seen.borrow_mut().push(format!("{} {:?}", response.status(), response.header("a")));
        while let Some(chunk) = response.chunk().await? {
            seen.borrow_mut().push(String::from_utf8_lossy(&chunk).into());
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
    let expected = ["send 1", "200 Some(\"b\")", "x, y", "z, wait 2", "done", "done"];
    assert_eq!(drive(task, batches), expected);
}

#[test]
fn a_failure_comes_out_as_it_went_in() {
    let task = async |io: Io, _: Seen| io.send(get()).await?.chunk().await.map(drop);
    let cut_off = Event::Failed((1, IoError::CutOff("early".into())));
    let steps = drive(task, vec![vec![head(1)], vec![cut_off]]);
    assert_eq!(steps, ["send 1", "", "failed: the response was cut off: early"]);
    let refused = Event::Failed((1, IoError::TimedOut));
    assert_eq!(drive(task, vec![vec![refused]]), ["send 1", "failed: no answer in time"]);
}

#[test]
fn an_event_out_of_place_is_an_error() {
    let task = async |io: Io, _: Seen| io.send(get()).await.map(drop);
    let steps = drive(task, vec![vec![chunk(1, "x")]]);
    let expected = "failed: the response was cut off: the host sent an event that does not belong here";
    assert_eq!(steps, ["send 1", expected]);
}

#[test]
fn a_dropped_response_is_cancelled_once() {
    let task = async |io: Io, _: Seen| {
        drop(io.send(get()).await?);
        io.wait(1).await
    };
    let batches = vec![vec![head(1), chunk(1, "unread")], vec![chunk(1, "late")], vec![Event::Elapsed(2)]];
    assert_eq!(drive(task, batches), ["send 1", "cancel 1, wait 2", "", "done"]);
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
    assert_eq!(drive(task, vec![vec![Event::Elapsed(2)]]), ["wait 2", "done"]);
}

#[test]
fn a_race_cancels_the_loser_and_loses_nothing() {
    let task = async |io: Io, seen: Seen| {
        let mut response = io.send(get()).await?;
        loop {
            match race(response.chunk(), io.wait(9)).await {
                Either::First(Ok(None)) => return Ok(()),
                Either::First(chunk) => seen.borrow_mut().push(format!("{:?}", chunk?.map(|chunk| chunk.len()))),
                Either::Second(elapsed) => seen.borrow_mut().push(format!("{elapsed:?}")),
            }
        }
    };
    let batches =
        vec![vec![head(1)], vec![Event::Elapsed(2)], vec![chunk(1, "ab"), chunk(1, "c")], vec![Event::End(1)]];
    let expected = ["send 1", "wait 2", "Ok(()), wait 3", "Some(2), Some(1), cancel 3, wait 4", "done"];
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
    let batches = vec![vec![Event::Elapsed(3)], vec![Event::Elapsed(1), Event::Elapsed(2)]];
    assert_eq!(drive(task, batches), ["wait 1, wait 2, wait 3", "", "[1, 2, 3], done"]);
}

#[test]
fn a_task_that_wakes_itself_is_polled_on() {
    let task = async |_: Io, seen: Seen| {
        let mut turns = 0;
        poll_fn(|cx| {
            turns += 1;
            cx.waker().wake_by_ref();
            if turns == 3 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        seen.borrow_mut().push("three".into());
        Ok(())
    };
    assert_eq!(drive(task, Vec::new()), ["three, done"]);
}
