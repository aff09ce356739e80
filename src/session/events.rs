//! Events of the cluster, for applications that follow them.

use tokio::sync::broadcast;

use crate::message::Event;

/// A subscription to the events of the cluster: see [`Session::events`](super::Session::events).
#[derive(Debug)]
pub struct ClusterEvents(broadcast::Receiver<Event>);

impl ClusterEvents {
    pub(super) const fn new(events: broadcast::Receiver<Event>) -> Self {
        Self(events)
    }

    /// Waits for the next event that a node reports. Returns `None` when the session has been
    /// closed. A subscriber that falls more than 1,024 events behind loses the oldest ones.
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
