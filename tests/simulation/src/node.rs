//! The state of a node that its connections depend on.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

/// The state of a node. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeState(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    is_frozen: AtomicBool,
    is_unreachable: AtomicBool,
    wakers: Mutex<Vec<Waker>>,
}

impl NodeState {
    /// Stops or continues the node. While it is stopped, it neither reads nor writes, but its system
    /// accepts connections, as after SIGSTOP.
    pub(crate) fn set_frozen(&self, is_frozen: bool) {
        self.0.is_frozen.store(is_frozen, Ordering::Relaxed);
        if !is_frozen {
            let wakers =
                std::mem::take(&mut *self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner));
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    /// Makes attempts to connect wait for ever, or lets them succeed again. Open connections are not
    /// affected.
    pub(crate) fn set_unreachable(&self, is_unreachable: bool) {
        self.0.is_unreachable.store(is_unreachable, Ordering::Relaxed);
    }

    pub(crate) fn is_unreachable(&self) -> bool {
        self.0.is_unreachable.load(Ordering::Relaxed)
    }

    /// Waits until the node is not frozen.
    pub(crate) fn poll_running(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.0.is_frozen.load(Ordering::Relaxed) {
            return Poll::Ready(());
        }
        self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner).push(cx.waker().clone());
        Poll::Pending
    }
}
