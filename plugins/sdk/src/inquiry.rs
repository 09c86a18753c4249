//! A call that is one question with one answer at its end: a list of models, vectors, a count. What is asked lives with
//! the export that asks it; answers that come piece by piece are `provider`'s.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use crate::bindings::words::creel::plugin::io::{Command, Event};
use crate::bindings::words::creel::plugin::types::{CallError, Fault};
use crate::executor::{Driver, SharedMailbox, State};
use crate::io::Io;

/// One question under way.
pub(crate) struct Inquiry<T> {
    driver: RefCell<Driver<CallError>>,
    answer: Rc<RefCell<Option<T>>>,
}

/// Where a question stands after a poll.
pub(crate) enum Stand<T> {
    Running,
    Done(T),
    Failed(CallError),
}

/// What the host shall do, and where the question stands.
pub(crate) type Turn<T> = (Vec<Command>, Stand<T>);

impl<T: 'static> Inquiry<T> {
    /// Asks and runs until it waits.
    pub(crate) fn begin<F>(ask: impl FnOnce(Io) -> F) -> (Self, Turn<T>)
    where
        F: Future<Output = Result<T, CallError>> + 'static,
    {
        let mailbox = SharedMailbox::default();
        let answer = Rc::new(RefCell::new(None));
        let task = {
            let asked = ask(Io::new(Rc::clone(&mailbox)));
            let answer = Rc::clone(&answer);
            async move {
                *answer.borrow_mut() = Some(asked.await?);
                Ok(())
            }
        };
        let inquiry = Self { driver: RefCell::new(Driver::new(mailbox, task)), answer };
        let turn = inquiry.proceed(Vec::new());
        (inquiry, turn)
    }

    /// Goes on with what happened.
    pub(crate) fn proceed(&self, events: Vec<Event>) -> Turn<T> {
        let (commands, state) = self.driver.borrow_mut().resume(events);
        let stand = match state {
            State::Running => Stand::Running,
            State::Failed(error) => Stand::Failed(error),
            State::Done => match self.answer.borrow_mut().take() {
                Some(answer) => Stand::Done(answer),
                None => Stand::Failed(CallError::new(Fault::Other, "the call was over before")),
            },
        };
        (commands, stand)
    }
}
