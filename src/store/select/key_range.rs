//! Ranges of the keys of maps and of the elements of sets.

use crate::message::ServerError;
use crate::store::key::ClusteringKey;
use crate::store::term::CompiledTerm;
use crate::types::Value;

/// The keys between two bounds, which are included.
pub(super) struct KeyRange {
    from: Option<ClusteringKey>,
    to: Option<ClusteringKey>,
}

impl KeyRange {
    /// Returns the range between two terms, which `evaluate` computes.
    pub(super) fn new(
        from: Option<&CompiledTerm>,
        to: Option<&CompiledTerm>,
        evaluate: impl Fn(&CompiledTerm) -> Result<Value, ServerError>,
    ) -> Result<Self, ServerError> {
        let key = |term: Option<&CompiledTerm>| match term {
            Some(term) => evaluate(term).map(|value| Some(ClusteringKey::of(&value))),
            None => Ok(None),
        };
        Ok(Self { from: key(from)?, to: key(to)? })
    }

    pub(super) fn contains(&self, value: &Value) -> bool {
        let key = ClusteringKey::of(value);
        self.from.as_ref().is_none_or(|from| *from <= key)
            && self.to.as_ref().is_none_or(|to| key <= *to)
    }
}
