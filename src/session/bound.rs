//! Statements with their encoded values.

use std::sync::{Arc, OnceLock};

use super::error::{Error, ErrorKind};
use super::metadata::{EncodedValues, StatementMetadata};
use super::prepared::PreparedInner;
use super::statement::StatementKind;
use crate::types::{ToValues, Values, ValuesBuffer};

/// A statement with its encoded values.
#[derive(Debug, Clone)]
pub(super) struct BoundStatement {
    pub(super) kind: StatementKind,
    pub(super) encoded: EncodedValues,
    /// The values as they were encoded again during the request, because the bind variables have
    /// changed.
    encoded_again: OnceLock<Box<EncodedValues>>,
}

/// Encodes the values of a statement again, for other bind variables.
pub(super) type EncodeAgain<'v> =
    dyn Fn(&StatementMetadata) -> Result<ValuesBuffer, Error> + Sync + 'v;

impl From<StatementKind> for BoundStatement {
    /// Returns the statement without values.
    fn from(kind: StatementKind) -> Self {
        Self { kind, encoded: EncodedValues::NONE, encoded_again: OnceLock::new() }
    }
}

impl BoundStatement {
    /// Returns the statement without values. They are elsewhere, encoded for the description
    /// `replacement`, or for the first one if `replacement` is `None`.
    pub(super) const fn described(
        kind: StatementKind,
        replacement: Option<Arc<StatementMetadata>>,
    ) -> Self {
        let encoded = EncodedValues { values: ValuesBuffer::new(), replacement };
        Self { kind, encoded, encoded_again: OnceLock::new() }
    }

    /// Returns the statement and its description without the values.
    pub(super) fn without_values(&self) -> Self {
        Self::described(self.kind.clone(), self.latest().replacement.clone())
    }

    /// Returns true if the values were encoded for the description `replacement`, or for the first one
    /// if `replacement` is `None`.
    #[inline]
    pub(super) fn is_described_by(&self, replacement: Option<&Arc<StatementMetadata>>) -> bool {
        match (&self.latest().replacement, replacement) {
            (None, None) => true,
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            _ => false,
        }
    }

    /// Returns true if `other` is the same statement with the same description.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        let is_same_statement = match (&self.kind, &other.kind) {
            (StatementKind::Unprepared(own), StatementKind::Unprepared(other)) => own == other,
            (StatementKind::Prepared(own), StatementKind::Prepared(other)) => {
                Arc::ptr_eq(own, other)
            }
            _ => false,
        };
        is_same_statement && self.is_described_by(other.latest().replacement.as_ref())
    }

    /// Returns the prepared statement, or `None` if the statement is not prepared.
    pub(super) const fn prepared(&self) -> Option<&Arc<PreparedInner>> {
        match &self.kind {
            StatementKind::Unprepared(_) => None,
            StatementKind::Prepared(prepared) => Some(prepared),
        }
    }

    pub(super) fn text(&self) -> &Arc<str> {
        match &self.kind {
            StatementKind::Unprepared(text) => text,
            StatementKind::Prepared(prepared) => &prepared.text,
        }
    }

    fn latest(&self) -> &EncodedValues {
        self.encoded_again.get().map_or(&self.encoded, |again| again)
    }

    /// Returns the encoded values.
    pub(super) fn values(&self) -> Values<'_> {
        self.latest().values.values()
    }

    /// Returns the description for which the values were encoded. Returns `None` if the statement is
    /// not prepared.
    pub(super) fn metadata(&self) -> Option<&StatementMetadata> {
        self.prepared().map(|prepared| prepared.metadata_of(self.latest()))
    }

    /// Returns true if the statement is a USE, after which all connections must switch to its
    /// keyspace.
    pub(super) fn switches_keyspace(&self) -> bool {
        self.kind.switches_keyspace()
    }

    /// Checks that the values are valid for the current bind variables of the prepared statement.
    ///
    /// # Errors
    /// Returns an error if the variables have changed and no longer accept the values.
    pub(super) fn require_valid(&self) -> Result<(), Error> {
        self.follow_changes(None::<fn(&StatementMetadata) -> Result<ValuesBuffer, Error>>)
            .map_err(|error| error.with_statement(self.text()))
    }

    /// Makes the values valid for the current bind variables of the prepared statement. If the
    /// variables no longer accept the values, encodes the values again with `encode`.
    ///
    /// # Errors
    /// Returns an error if the values do not fit the new variables, if `encode` is `None`, or if the
    /// variables change a second time while the request runs.
    pub(super) fn follow_changes(
        &self,
        encode: Option<impl FnOnce(&StatementMetadata) -> Result<ValuesBuffer, Error>>,
    ) -> Result<(), Error> {
        let Some(now) = self.outdated_by() else { return Ok(()) };
        let Some(encode) = encode else { return Err(changed("; execute it again")) };
        let values = encode(&now).map_err(|error| changed(&format!(": {error}")))?;
        let again = EncodedValues { values, replacement: Some(now) };
        self.encoded_again.set(Box::new(again)).map_err(|_| changed(" twice; execute it again"))
    }

    /// Returns the current description of the bind variables, if it does not accept the values.
    pub(super) fn outdated_by(&self) -> Option<Arc<StatementMetadata>> {
        let (prepared, before) = (self.prepared()?, self.metadata()?);
        let now = prepared.metadata();
        let is_accepted = std::ptr::eq(&*now, before) || now.accepts_values_of(before);
        (!is_accepted).then_some(now)
    }

    /// Encodes `values`, which were encoded for the description `before`, for the description of this
    /// statement. Returns them unchanged if it is the same description.
    ///
    /// # Errors
    /// Returns an error if the values do not fit the bind variables.
    pub(super) fn encode_from<'v>(
        &self,
        before: &StatementMetadata,
        values: Values<'v>,
    ) -> Result<Values<'v>, Error> {
        match self.metadata() {
            Some(now) if !std::ptr::eq(now, before) => now
                .encode_from(before, &values)
                .map(ValuesBuffer::into_values)
                .map_err(|error| changed(&format!(": {error}")).with_statement(self.text())),
            _ => Ok(values),
        }
    }

    /// Returns the statement with `values`, encoded for the current bind variables.
    ///
    /// # Errors
    /// Returns an error if the values do not fit the bind variables.
    pub(super) fn encoded_again(&self, values: &(impl ToValues + ?Sized)) -> Result<Self, Error> {
        let mut bound = Self::from(self.kind.clone());
        if let Some(prepared) = self.prepared() {
            let metadata = prepared.metadata();
            let values = metadata
                .encode(values)
                .map_err(|error| changed(&format!(": {error}")).with_statement(self.text()))?;
            bound.encoded = EncodedValues { values, replacement: Some(metadata) };
        }
        Ok(bound)
    }
}

/// Returns the error of a request whose values are not valid for the current bind variables.
fn changed(reason: &str) -> Error {
    let text = format!(
        "the types of its bind variables have changed since the values were encoded{reason}"
    );
    Error::new(ErrorKind::StatementChanged, text)
}
