//! Statements with their encoded values.

use std::sync::{Arc, OnceLock};

use super::error::{Error, ErrorKind};
use super::metadata::{EncodedValues, StatementMetadata};
use super::prepared::PreparedInner;
use super::statement::StatementKind;
use crate::types::{ToValues, Values};

/// A statement with its encoded values.
#[derive(Debug, Clone)]
pub(super) struct BoundStatement {
    pub(super) kind: StatementKind,
    pub(super) encoded: EncodedValues,
    /// The values as they were encoded again during the request, because the bind variables have
    /// changed.
    encoded_again: OnceLock<Box<EncodedValues>>,
}

/// Encodes the values of one statement of a request again, for other bind variables. The first
/// argument is the index of the statement in the request.
pub(super) type EncodeAgain<'v> =
    dyn Fn(usize, &StatementMetadata) -> Result<Values<'static>, Error> + Sync + 'v;

impl From<StatementKind> for BoundStatement {
    /// Returns the statement without values.
    fn from(kind: StatementKind) -> Self {
        Self { kind, encoded: EncodedValues::NONE, encoded_again: OnceLock::new() }
    }
}

impl BoundStatement {
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
    pub(super) fn values(&self) -> &Values<'static> {
        &self.latest().values
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
        self.follow_changes(None::<fn(&StatementMetadata) -> Result<Values<'static>, Error>>)
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
        encode: Option<impl FnOnce(&StatementMetadata) -> Result<Values<'static>, Error>>,
    ) -> Result<(), Error> {
        let (Some(prepared), Some(before)) = (self.prepared(), self.metadata()) else {
            return Ok(());
        };
        let now = prepared.metadata();
        if std::ptr::eq(&*now, before) || now.accepts_values_of(before) {
            return Ok(());
        }
        let Some(encode) = encode else { return Err(changed("; execute it again")) };
        let values = encode(&now).map_err(|error| changed(&format!(": {error}")))?;
        let again = EncodedValues { values, replacement: Some(now) };
        self.encoded_again.set(Box::new(again)).map_err(|_| changed(" twice; execute it again"))
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

/// Returns true if the statements address one partition: a single statement, or prepared statements
/// of one keyspace whose values have the same partition key. A statement may still select several
/// partitions with `IN`.
pub(super) fn address_one_partition(statements: &[BoundStatement]) -> bool {
    let partition = |statement: &BoundStatement| {
        let metadata = statement.metadata()?;
        let mut scratch = Vec::new();
        let key = metadata.routing_key(statement.values(), &mut scratch)?;
        Some((metadata.keyspace()?.to_owned(), key.to_vec()))
    };
    match statements {
        [] | [_] => true,
        [first, rest @ ..] => partition(first)
            .is_some_and(|first| rest.iter().all(|next| partition(next).as_ref() == Some(&first))),
    }
}

/// Returns the error of a request whose values are not valid for the current bind variables.
fn changed(reason: &str) -> Error {
    let text = format!(
        "the types of its bind variables have changed since the values were encoded{reason}"
    );
    Error::new(ErrorKind::StatementChanged, text)
}
