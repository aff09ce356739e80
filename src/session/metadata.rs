//! The description of a prepared statement: its bind variables and the columns of its rows.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::error::{Error, ErrorKind};
use crate::cluster::{ClusterState, Partitioner, Token, routing_key};
use crate::message::{KnownColumns, PreparedResult, Variables};
use crate::types::{
    Cell, ColumnSpec, FromCql, MaybeUnset, NamedValue, ToValues, Value, ValueError, Values,
    ValuesBuffer,
};
use crate::wire::{RawValue, Version};

/// The bind variables and the result columns of a prepared statement, as a server described them.
///
/// A description never changes. If the schema changes, the statement gets another description, and
/// requests in flight keep the one with which their values were encoded.
#[derive(Debug)]
pub(super) struct StatementMetadata {
    pub(super) variables: Arc<[ColumnSpec]>,
    /// The indices of the variables that form the partition key.
    partition_key: Arc<[u16]>,
    /// The columns of the rows; `None` if unknown.
    pub(super) result_columns: Option<Arc<[ColumnSpec]>>,
    /// The id of the result columns (v5). Empty if the statement was prepared in a version without
    /// such ids. Another node may speak v5, in which EXECUTE requires an id; the driver then sends
    /// the empty one.
    pub(super) result_id: Bytes,
    /// The columns of the rows, as the first response described them. Decoding later responses
    /// reuses them.
    pub(super) known_columns: KnownColumns,
    /// When the driver sent the PREPARE request whose response contained this description.
    sent: PrepareSent,
    /// When the driver sent the last PREPARE request whose response contained the same variables,
    /// although values did not fit them. `None` if there was none.
    confirmed: Mutex<Option<PrepareSent>>,
}

/// When the driver sent a PREPARE request.
///
/// A server may describe the variables as soon as it receives the request. If a type is altered while
/// the request is in flight, the response may therefore contain the old type, however late it arrives.
#[derive(Debug, Clone, Copy)]
pub(super) struct PrepareSent {
    at: Instant,
    /// Number of schema changes that the session knew of.
    schema_changes: u64,
}

impl PrepareSent {
    /// Returns the current time, for a request that is sent next. The session knows of
    /// `schema_changes` schema changes.
    pub(super) fn now(schema_changes: u64) -> Self {
        Self { at: Instant::now(), schema_changes }
    }
}

/// Time after a PREPARE request that confirmed the variables, within which values that do not fit are
/// an error without another PREPARE. Another client may alter a type within this time.
const CONFIRMED_FOR: Duration = Duration::from_secs(5);

/// The name that servers give variables that are compared with `token()`, unless their markers have names.
const TOKEN_VARIABLE: &str = "partition key token";

/// The values of a statement, and the description of the bind variables for which they were encoded.
#[derive(Debug, Clone)]
pub(super) struct EncodedValues {
    pub(super) values: ValuesBuffer,
    /// `None` if the statement is not prepared. May be `None` if this is its first description.
    pub(super) replacement: Option<Arc<StatementMetadata>>,
}

impl EncodedValues {
    pub(super) const NONE: Self = Self { values: ValuesBuffer::new(), replacement: None };
}

impl StatementMetadata {
    /// Returns the description in the response to a PREPARE request, which was sent at `sent` on a
    /// connection of version `version`.
    pub(super) fn new(
        prepared: PreparedResult,
        version: Version,
        state: &ClusterState,
        sent: PrepareSent,
    ) -> Self {
        let PreparedResult { result_metadata_id, variables, result, .. } = prepared;
        let Variables { columns, mut partition_key, .. } = variables;
        // In v3 the response does not list the partition key, so it is taken from the schema.
        if let Some(ColumnSpec { table, .. }) = columns.first()
            && version == Version::V3
            && let Some(table) = state.schema().table(&table.keyspace, &table.table)
        {
            partition_key = table.key_variables(&columns);
        }
        Self {
            variables: columns,
            partition_key: partition_key.into(),
            result_columns: result.columns,
            result_id: result_metadata_id.as_ref().map(detached).unwrap_or_default(),
            known_columns: KnownColumns::new(),
            sent,
            confirmed: Mutex::default(),
        }
    }

    /// Returns the description of a statement without variables and rows.
    #[cfg(test)]
    pub(super) fn for_test() -> Self {
        Self {
            variables: Arc::default(),
            partition_key: Arc::default(),
            result_columns: None,
            result_id: Bytes::new(),
            known_columns: KnownColumns::new(),
            sent: PrepareSent::now(0),
            confirmed: Mutex::default(),
        }
    }

    /// Returns the same description with other result columns, which the server names by `id`.
    pub(super) fn with_result(&self, id: &Bytes, columns: Option<Arc<[ColumnSpec]>>) -> Self {
        Self {
            variables: Arc::clone(&self.variables),
            partition_key: Arc::clone(&self.partition_key),
            result_columns: columns,
            result_id: detached(id),
            known_columns: KnownColumns::new(),
            sent: self.sent,
            confirmed: Mutex::default(),
        }
    }

    /// Returns true if the driver requested the description at `now` or later. Also returns true if the
    /// variables are others than those of `outdated` and were requested later, unless the session has
    /// received a report of a schema change between that request and `now`.
    pub(super) fn is_newer_than(&self, outdated: &Self, now: PrepareSent) -> bool {
        self.sent.at >= now.at
            || (self.variables != outdated.variables
                && self.sent.at > outdated.sent.at
                && self.sent.schema_changes == now.schema_changes)
    }

    /// Records that values did not fit the variables, although `newer` describes the same variables.
    /// Does nothing if `newer` describes others.
    pub(super) fn confirm(&self, newer: &Self) {
        if self.variables == newer.variables {
            *self.confirmed.lock().unwrap_or_else(PoisonError::into_inner) = Some(newer.sent);
        }
    }

    /// Returns true if the variables were confirmed by a PREPARE request that was sent within the last
    /// [`CONFIRMED_FOR`], and the session has received no report of a schema change since:
    /// it has received `schema_changes` so far.
    pub(super) fn is_confirmed(&self, schema_changes: u64) -> bool {
        let confirmed = *self.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        confirmed.is_some_and(|sent| {
            sent.schema_changes == schema_changes && sent.at.elapsed() < CONFIRMED_FOR
        })
    }

    /// Returns true if the driver requested this description before `other`.
    pub(super) fn is_older_than(&self, other: &Self) -> bool {
        self.sent.at < other.sent.at
    }

    /// Returns true if `newer` describes the same variables and the same result columns. A newer
    /// description without an id of the result columns comes from a node that speaks a lower version.
    pub(super) fn is_same_as(&self, newer: &Self) -> bool {
        self.variables == newer.variables
            && self.partition_key == newer.partition_key
            && self.result_columns == newer.result_columns
            && (self.result_id == newer.result_id || newer.result_id.is_empty())
    }

    /// Returns the keyspace of the statement's table, or `None` if the statement has no variables.
    pub(super) fn keyspace(&self) -> Option<&str> {
        self.variables.first().map(|column| &*column.table.keyspace)
    }

    /// Returns the token of the partition that `values` address. If the statement reads a range of tokens
    /// instead, as in `token(key) > ? AND token(key) <= ?`, returns the end of the range. Returns `None` if the
    /// values determine no token.
    pub(super) fn token(&self, values: &Values<'_>, partitioner: Partitioner) -> Option<Token> {
        if self.partition_key.is_empty() {
            return self.end_of_range(values);
        }
        let mut scratch = Vec::new();
        let key = self.routing_key(values, &mut scratch)?;
        Some(partitioner.token(key))
    }

    /// Returns the greater of two values that are compared with `token()`: the inclusive end of a range, whichever
    /// is bound first. A single one may be the start of a range, which is exclusive.
    fn end_of_range(&self, values: &Values<'_>) -> Option<Token> {
        if values.is_named() {
            return None;
        }
        let bound = self.variables.iter().zip(values.iter());
        let mut tokens = bound.filter_map(|(column, bound)| {
            let is_token =
                &*column.name == TOKEN_VARIABLE && Token::check(&column.cql_type).is_ok();
            is_token.then(|| {
                let cell = Cell::new(bound.value.bytes()?);
                Token::from_cell(cell, &column.cql_type).ok()
            })
        });
        Some(tokens.next()??.max(tokens.next()??))
    }

    /// Returns the serialized partition key that `values` address, which may be written into `scratch`.
    /// Returns `None` if the partition key is not fully bound.
    pub(super) fn routing_key<'a>(
        &self,
        values: &'a Values<'_>,
        scratch: &'a mut Vec<u8>,
    ) -> Option<&'a [u8]> {
        match self.partition_key.is_empty() {
            true => None,
            false => routing_key(values, &self.partition_key, scratch),
        }
    }

    /// Encodes the values of the bind variables.
    ///
    /// # Errors
    /// Returns an error if a value is missing, or does not fit the type of its variable.
    pub(super) fn encode(&self, values: &(impl ToValues + ?Sized)) -> Result<ValuesBuffer, Error> {
        Ok(ValuesBuffer::from_values(values, &self.variables)?)
    }

    /// Encodes values, which were encoded for `older`, for these variables.
    ///
    /// # Errors
    /// Returns an error if a value does not fit its variable.
    pub(super) fn encode_from(
        &self,
        older: &Self,
        values: &Values<'_>,
    ) -> Result<ValuesBuffer, Error> {
        let decode = |(named, column): (NamedValue<'_>, &ColumnSpec)| match named.value {
            RawValue::Unset => Ok(MaybeUnset::Unset),
            RawValue::Null => Ok(MaybeUnset::Set(Value::Null)),
            RawValue::Bytes(bytes) => Value::decode(&column.cql_type, bytes).map(MaybeUnset::Set),
        };
        let values = values.iter().zip(older.variables.iter()).map(decode);
        let values = values.collect::<Result<Vec<_>, ValueError>>();
        self.encode(&values.map_err(|error| Error::new(ErrorKind::Bind, error.to_string()))?)
    }

    /// Returns true if values that were encoded for `older` are valid for these variables too.
    pub(super) fn accepts_values_of(&self, older: &Self) -> bool {
        let accepts = |(now, before): (&ColumnSpec, &ColumnSpec)| {
            now.name == before.name && now.cql_type.has_grown_from(&before.cql_type)
        };
        self.variables.len() == older.variables.len()
            && self.variables.iter().zip(older.variables.iter()).all(accepts)
    }
}

/// Copies an id, so that it does not keep the whole response in memory.
pub(super) fn detached(id: &Bytes) -> Bytes {
    Bytes::copy_from_slice(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::NativeType;

    #[test]
    fn the_end_of_a_token_range_is_the_greater_of_two_tokens() {
        let token = |native| ColumnSpec::new("ks", "t", TOKEN_VARIABLE, native);
        let named = |name| ColumnSpec::new("ks", "t", name, NativeType::BigInt);
        let big = || token(NativeType::BigInt);
        let bytes = |value: i64| RawValue::Bytes(Box::leak(Box::new(value.to_be_bytes())));
        let (low, high) = (bytes(-7), bytes(7));
        let (null, unset) = (RawValue::Null, RawValue::Unset);
        for (variables, values, expected) in [
            (vec![big(), big()], vec![low, high], Some(7)),
            (vec![big(), big()], vec![high, low], Some(7)),
            (vec![named("v"), big(), big()], vec![high, low, low], Some(-7)),
            (vec![token(NativeType::Varint); 2], vec![low, high], Some(7)),
            // One token may be the start of a range.
            (vec![big()], vec![high], None),
            (vec![big(), named("v")], vec![low, high], None),
            (vec![big(), big()], vec![low, null], None),
            (vec![big(), big()], vec![unset, high], None),
            // Markers with names, as in `token(k) > :start`, are not recognized.
            (vec![named("start"), named("end")], vec![low, high], None),
            // Tokens of other partitioners have other types.
            (vec![token(NativeType::Text); 2], vec![low, high], None),
        ] {
            let metadata =
                StatementMetadata { variables: variables.into(), ..StatementMetadata::for_test() };
            let mut buffer = ValuesBuffer::new();
            values.iter().for_each(|value| buffer.push(None, *value).unwrap());
            let found = metadata.token(&buffer.values(), Partitioner::Murmur3);
            assert_eq!(found, expected.map(Token::from), "{:?} {values:?}", metadata.variables);
        }
    }
}
