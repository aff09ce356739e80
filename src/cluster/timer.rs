//! Records durations in the `metrics` facade. Does nothing without the feature `metrics-024`.

use std::net::SocketAddr;
use std::time::Duration;

/// A histogram of durations in seconds.
#[derive(Debug)]
pub(crate) struct Timer {
    #[cfg(feature = "metrics-024")]
    histogram: metrics::Histogram,
}

#[cfg(feature = "metrics-024")]
impl Timer {
    pub(crate) fn for_session(name: &'static str, session: &str) -> Self {
        Self { histogram: metrics::histogram!(name, "session" => session.to_owned()) }
    }

    pub(crate) fn for_node(name: &'static str, session: &str, node: SocketAddr) -> Self {
        let (session, node) = (session.to_owned(), node.to_string());
        Self { histogram: metrics::histogram!(name, "session" => session, "node" => node) }
    }

    #[inline]
    pub(crate) fn record(&self, duration: Duration) {
        self.histogram.record(duration);
    }
}

#[cfg(not(feature = "metrics-024"))]
impl Timer {
    pub(crate) const fn for_session(_: &'static str, _: &str) -> Self {
        Self {}
    }

    pub(crate) const fn for_node(_: &'static str, _: &str, _: SocketAddr) -> Self {
        Self {}
    }

    #[inline]
    pub(crate) const fn record(&self, _: Duration) {}
}
