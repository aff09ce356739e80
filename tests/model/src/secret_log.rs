//! A tracing layer that finds secrets in the driver's events and spans.

use std::{
    fmt::{Debug, Write},
    sync::{Arc, Mutex, PoisonError},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
};
use tracing_subscriber::{Layer, layer::Context};

use crate::{secret::shows_secret, tally::Tally, violation::Violation};

/// Number of texts that are kept.
const MAX_KEPT: usize = 8;

/// A tracing layer that keeps the fields of events and spans that contain [`SECRET`](crate::SECRET).
/// Clones share what they have found.
///
/// ```
/// use cqlwire_model::{SecretLog, Tally};
/// use tracing::level_filters::LevelFilter;
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let log = SecretLog::new(LevelFilter::TRACE);
/// let subscriber = tracing_subscriber::registry().with(log.clone());
/// tracing::subscriber::with_default(subscriber, || { /* run the load */ });
/// let mut tally = Tally::default();
/// log.check(&mut tally);
/// assert!(tally.violations.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct SecretLog {
    level: LevelFilter,
    found: Arc<Mutex<Found>>,
}

#[derive(Debug, Default)]
struct Found {
    count: u64,
    /// The first texts.
    texts: Vec<String>,
}

impl SecretLog {
    /// Creates a layer that reads the events and spans up to this level.
    pub fn new(level: LevelFilter) -> Self {
        Self { level, found: Arc::default() }
    }

    /// Counts the texts with a secret since the last call as [`Violation::SecretShown`].
    pub fn check(&self, tally: &mut Tally) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let Found { count, texts } = std::mem::take(&mut *found);
        if count > 0 {
            tally.add_violations(Violation::SecretShown, count, || texts.join("\n"));
        }
    }

    fn read(&self, name: &str, record: impl FnOnce(&mut Text)) {
        let mut text = Text(name.to_owned());
        record(&mut text);
        if shows_secret(&text.0) {
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            found.count += 1;
            if found.texts.len() < MAX_KEPT {
                found.texts.push(text.0);
            }
        }
    }
}

impl<S: Subscriber> Layer<S> for SecretLog {
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
        self.read(attributes.metadata().name(), |text| attributes.record(text));
    }

    fn on_record(&self, _: &span::Id, values: &span::Record<'_>, _: Context<'_, S>) {
        self.read("span", |text| values.record(text));
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.read(event.metadata().target(), |text| event.record(text));
    }
}

/// The fields of an event or a span as text.
struct Text(String);

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, " {}={value}", field.name());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::secret::SECRET;

    #[test]
    fn counts_the_events_and_spans_that_contain_the_secret() {
        let log = SecretLog::new(LevelFilter::DEBUG);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(log.clone()), || {
            tracing::info!(value = "harmless", "event");
            tracing::info!(value = SECRET, "event");
            tracing::debug!(value = ?format!("x{SECRET}x"), "event");
            tracing::trace!(value = SECRET, "too detailed");
            let span =
                tracing::info_span!("request", value = SECRET, later = tracing::field::Empty);
            span.record("later", SECRET);
        });
        let mut tally = Tally::default();
        log.check(&mut tally);
        assert_eq!(tally.violations[&Violation::SecretShown].0, 4);
        log.check(&mut tally);
        assert_eq!(tally.violations[&Violation::SecretShown].0, 4, "found again");
    }
}
