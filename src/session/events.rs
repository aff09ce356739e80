//! What happens in the cluster, for those who want to know.

use tokio::sync::broadcast;

use crate::message::Event;

/// What happens in the cluster: see [`Session::events`](super::Session::events).
#[derive(Debug)]
pub struct ClusterEvents(broadcast::Receiver<Event>);

impl ClusterEvents {
    pub(super) const fn new(events: broadcast::Receiver<Event>) -> Self {
        Self(events)
    }

    /// The next thing that happens, as a node tells it; `None` when the session has ended. Who is
    /// more than a thousand behind misses the oldest.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            match self.0.recv().await {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}
