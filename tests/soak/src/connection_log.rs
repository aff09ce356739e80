//! Counts the connections that the driver reports as lost, by their reason, or as unresponsive.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

static COUNTS: Mutex<Counts> = Mutex::new(Counts { lost: BTreeMap::new(), unresponsive: 0 });

/// The counts since the last call of [`take`].
#[derive(Default)]
pub(crate) struct Counts {
    /// The reasons of the lost connections, with their numbers.
    pub(crate) lost: BTreeMap<String, u64>,
    /// Number of times that a connection became unresponsive.
    pub(crate) unresponsive: u64,
}

/// Makes the driver's log events reach this module.
pub(crate) fn install() {
    // Fails only if the process has a subscriber already.
    let _ = tracing::subscriber::set_global_default(ConnectionLog);
}

/// Returns the counts since the last call.
pub(crate) fn take() -> Counts {
    std::mem::take(&mut COUNTS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A subscriber for the events `connection lost` and `connection became unresponsive` of the driver's
/// connection layer.
struct ConnectionLog;

impl Subscriber for ConnectionLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let is_event = metadata.is_event() && *metadata.level() == Level::WARN;
        is_event && metadata.target().starts_with("cqlwire::connection")
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
        if fields.message == "connection lost" {
            *counts.lost.entry(fields.error).or_default() += 1;
        } else if fields.message.starts_with("connection became unresponsive") {
            counts.unresponsive += 1;
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Fields {
    message: String,
    error: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "error" => self.error = format!("{value:?}"),
            _ => {}
        }
    }
}
