//! Counts the connections that the driver reports as lost, by their reason.

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

static LOST: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());

/// Makes the driver's log events reach this module.
pub(crate) fn install() {
    // Fails only if the process has a subscriber already.
    let _ = tracing::subscriber::set_global_default(ConnectionLog);
}

/// Returns the reasons of the connections lost since the last call, with their numbers.
pub(crate) fn take() -> BTreeMap<String, u64> {
    std::mem::take(&mut LOST.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A subscriber for the event `connection lost` of the driver's connection layer.
struct ConnectionLog;

impl Subscriber for ConnectionLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let is_event = metadata.is_event() && *metadata.level() == Level::WARN;
        is_event && metadata.target().starts_with("cqlwire::connection")
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if fields.message == "connection lost" {
            let mut lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
            *lost.entry(fields.error).or_default() += 1;
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
