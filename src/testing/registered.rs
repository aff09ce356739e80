//! The event types that a client has registered for.

use std::collections::BTreeSet;

/// Maximum number of event types of one connection. There are four, and tests may make up others.
const MAX_TYPES: usize = 64;

/// The event types that the client of one connection has registered for.
#[derive(Debug, Default)]
pub(super) struct RegisteredTypes(BTreeSet<String>);

impl RegisteredTypes {
    /// Adds event types, each once. Ignores types beyond the maximum, so that repeated REGISTER requests do
    /// not grow the memory of a connection.
    pub(super) fn extend(&mut self, types: impl Iterator<Item = String>) {
        for event_type in types {
            if self.0.len() >= MAX_TYPES {
                return;
            }
            self.0.insert(event_type);
        }
    }

    pub(super) fn contains(&self, event_type: &str) -> bool {
        self.0.contains(event_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_each_type_once_and_a_limited_number() {
        let mut registered = RegisteredTypes::default();
        registered.extend(std::iter::repeat_n("STATUS_CHANGE".to_owned(), 1_000));
        assert_eq!(registered.0.len(), 1);
        registered.extend((0..1_000).map(|number| number.to_string()));
        assert_eq!(registered.0.len(), MAX_TYPES);
        assert!(registered.contains("STATUS_CHANGE") && !registered.contains("999"));
    }
}
