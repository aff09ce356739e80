//! Counts the connections that the driver reports as lost, by their reason, or as unresponsive, and the
//! faults that it notices.

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use cqlwire_model::{SecretLog, Tally};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
};

static COUNTS: Mutex<Counts> = Mutex::new(Counts::new());

/// The counts since the last call of [`take`].
pub(crate) struct Counts {
    /// The reasons of the lost connections, with their numbers.
    pub(crate) lost: BTreeMap<String, u64>,
    /// Number of times that a connection became unresponsive.
    pub(crate) unresponsive: u64,
    /// Number of faults that the driver noticed: a connection to the node of the fault was drained or
    /// lost, or became unresponsive. Each fault counts once, however many connections it concerns.
    pub(crate) noticed_faults: u64,
    /// The node of the current fault, until the driver notices the fault.
    expected: Option<SocketAddr>,
}

impl Counts {
    const fn new() -> Self {
        Self { lost: BTreeMap::new(), unresponsive: 0, noticed_faults: 0, expected: None }
    }

    fn add(&mut self, Fields { message, node, error }: Fields) {
        if message == "connection lost" {
            *self.lost.entry(error).or_default() += 1;
        } else if message.starts_with("connection became unresponsive") {
            self.unresponsive += 1;
        } else if !is_drain(&message) {
            return;
        }
        if self.expected.is_some_and(|expected| expected.to_string() == node) {
            self.noticed_faults += 1;
            self.expected = None;
        }
    }
}

fn is_drain(message: &str) -> bool {
    message.starts_with("connection drained") || message.starts_with("node drained")
}

/// Makes the driver's log events and spans reach this module.
pub(crate) fn install() {
    let subscriber = tracing_subscriber::registry().with(ConnectionLog).with(secrets().clone());
    // Fails only if the process has a subscriber already.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Counts the events that contain the secret of the load as violations.
pub(crate) fn check_secrets(tally: &mut Tally) {
    secrets().check(tally);
}

fn secrets() -> &'static SecretLog {
    static SECRETS: OnceLock<SecretLog> = OnceLock::new();
    SECRETS.get_or_init(|| SecretLog::new(LevelFilter::INFO))
}

/// Returns the counts since the last call.
pub(crate) fn take() -> Counts {
    std::mem::replace(&mut counts(), Counts::new())
}

/// Begins a fault of this node. Call this before the node is disturbed.
pub(crate) fn begin_fault(node: SocketAddr) {
    counts().expected = Some(node);
}

/// Ends the current fault: later events at its node do not count, because other sessions may cause them.
pub(crate) fn end_fault() {
    counts().expected = None;
}

fn counts() -> MutexGuard<'static, Counts> {
    COUNTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A layer that reads the events about lost and unresponsive connections of the driver's connection layer,
/// and those about drained connections of its pools.
struct ConnectionLog;

impl<S: Subscriber> Layer<S> for ConnectionLog {
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let (level, target) = (*event.metadata().level(), event.metadata().target());
        let is_lost = level == Level::WARN && target.starts_with("cqlwire::connection");
        let is_drained = level == Level::INFO && target == "cqlwire::cluster::pool";
        if !is_lost && !is_drained {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        // The pool repeats the loss of its connections, which the connection has already reported.
        let is_repeated = is_drained && !is_drain(&fields.message);
        if !is_repeated {
            counts().add(fields);
        }
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    node: String,
    error: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "node" => self.node = format!("{value:?}"),
            "error" => self.error = format!("{value:?}"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_counts_once_and_only_at_its_node() {
        let mut counts = Counts::new();
        let [one, two] = ["127.0.0.1:9042", "127.0.0.2:9042"];
        let add = |counts: &mut Counts, message: &str, node: &str| {
            let [message, node] = [message, node].map(str::to_owned);
            counts.add(Fields { message, node, error: "reset".to_owned() });
        };
        add(&mut counts, "connection lost", one);
        assert_eq!(counts.noticed_faults, 0, "no fault has begun");
        for (node, other) in [(one, two), (two, one)] {
            counts.expected = Some(node.parse().unwrap());
            let before = counts.noticed_faults;
            add(&mut counts, "connection lost", other);
            assert_eq!(counts.noticed_faults, before);
            add(&mut counts, "node drained: it is shutting down", node);
            add(&mut counts, "connection lost", node);
            add(&mut counts, "connection became unresponsive: ...", node);
            assert_eq!(counts.noticed_faults, before + 1);
        }
        assert_eq!((counts.lost["reset"], counts.unresponsive), (5, 2));
    }
}
