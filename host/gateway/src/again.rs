//! Polls a future again where it wakes itself. A connection of hyper's does so twice for each request with a body, since
//! both ends of the body live in its one task; left to the scheduler, each time goes by way of the run queue and wakes
//! another thread, which takes longer than all that the gateway does with the request.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Polls in a row; beyond, others have their turn first.
const POLLS_MAX: usize = 8;

/// Runs a future to its end, and answers its own wakes on the spot.
pub(crate) fn again<F: Future>(future: Pin<&mut F>) -> Again<'_, F> {
    let bell = Arc::new(Bell::default());
    Again { future, waker: Waker::from(Arc::clone(&bell)), bell }
}

/// The future of [`again`].
pub(crate) struct Again<'f, F> {
    future: Pin<&'f mut F>,
    bell: Arc<Bell>,
    waker: Waker,
}

/// What the future is woken by.
#[derive(Default)]
struct Bell {
    /// It was woken since its last poll began.
    rang: AtomicBool,
    /// It is being polled: whoever polls looks at the bell afterwards.
    is_heard: AtomicBool,
    /// Who polls otherwise.
    parent: Mutex<Option<Waker>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // In this order, and the other way round in `poll`: one of the two sees the other.
        self.rang.store(true, Ordering::SeqCst);
        if self.is_heard.load(Ordering::SeqCst) {
            return;
        }
        let parent = self.parent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(parent) = parent.as_ref() {
            parent.wake_by_ref();
        }
    }
}

impl Bell {
    fn answers_to(&self, waker: &Waker) {
        let mut parent = self.parent.lock().unwrap_or_else(PoisonError::into_inner);
        match parent.as_mut() {
            Some(parent) => parent.clone_from(waker),
            None => *parent = Some(waker.clone()),
        }
    }
}

impl<F: Future> Future for Again<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        this.bell.answers_to(context.waker());
        for _ in 0..POLLS_MAX {
            this.bell.is_heard.store(true, Ordering::SeqCst);
            this.bell.rang.store(false, Ordering::SeqCst);
            let polled = this.future.as_mut().poll(&mut Context::from_waker(&this.waker));
            this.bell.is_heard.store(false, Ordering::SeqCst);
            if polled.is_ready() {
                return polled;
            }
            if !this.bell.rang.load(Ordering::SeqCst) {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_future_that_wakes_itself_is_polled_on_the_spot() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut polls = 0;
        let future = pin!(poll_fn(|context| {
            polls += 1;
            if polls == 3 {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }));
        let polled = pin!(again(future)).poll(&mut Context::from_waker(&waker));
        assert_eq!((polled, count.0.load(Ordering::SeqCst)), (Poll::Ready(()), 0));
    }

    #[test]
    fn one_that_never_stops_leaves_others_their_turn() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut polls = 0;
        let future = pin!(poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        assert!(pin!(again(future)).poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!((polls, count.0.load(Ordering::SeqCst)), (POLLS_MAX, 1));
    }

    #[test]
    fn a_wake_from_elsewhere_wakes_whoever_polled_last() {
        let (first, last) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let mut taken = None;
        let future = pin!(poll_fn(|context| {
            taken = Some(context.waker().clone());
            Poll::<()>::Pending
        }));
        let mut polling = pin!(again(future));
        for count in [&first, &last] {
            let waker = Waker::from(Arc::clone(count));
            assert!(polling.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        taken.expect("a waker").wake();
        assert_eq!((first.0.load(Ordering::SeqCst), last.0.load(Ordering::SeqCst)), (0, 1));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_wake_is_lost_between_threads() {
        let (send, mut receive) = tokio::sync::mpsc::channel(1);
        let sending = tokio::spawn(async move {
            for n in 0..50_000_u32 {
                send.send(n).await.expect("somebody receives");
            }
        });
        let future = pin!(async {
            let mut sum = 0_u64;
            while let Some(n) = receive.recv().await {
                sum += u64::from(n);
            }
            sum
        });
        assert_eq!(again(future).await, 50_000 * 49_999 / 2);
        sending.await.expect("it ends");
    }
}
