//! Statements that the server received.

use std::collections::HashMap;
use std::fmt::Display;

use bytes::Bytes;

use super::pattern::StatementPattern;
use super::table::{ReplyColumn, encode_cell};
use crate::message::Parameters;
#[cfg(feature = "cli")]
use crate::types::Value;
use crate::types::{ColumnSpec, FromRow, NamedValue, RowIter};
use crate::wire::Consistency;
#[cfg(feature = "cli")]
use crate::wire::Reader;

/// A statement that a client executed: as text, prepared, or in a batch.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ReceivedRequest {
    /// The CQL text. For a prepared statement, the text that was prepared.
    pub text: String,
    /// The number of the connection, counted from 1 in the order in which the server accepted them.
    pub connection: u64,
    /// The keyspace that applies to the statement, or `None` if there is none: the keyspace of a v5
    /// request, or else the keyspace of the connection.
    pub keyspace: Option<String>,
    /// The consistency of the request.
    pub consistency: Consistency,
    /// The serial consistency of a conditional statement, if the client sent one.
    pub serial_consistency: Option<Consistency>,
    /// The write timestamp, in microseconds since 1970, if the client sent one.
    pub timestamp: Option<i64>,
    /// The largest number of rows in a page, if the client sent a page size.
    pub page_size: Option<i32>,
    /// The paging state of the previous page; `None` for the first page.
    pub paging_state: Option<Bytes>,
    /// The id of the prepared statement; empty if the statement was sent as text.
    pub(super) statement_id: Bytes,
    /// The bound values, encoded as a row of `columns`.
    row: Bytes,
    columns: Vec<ColumnSpec>,
}

impl ReceivedRequest {
    /// Creates the record of one statement, whose bind variables are `variables`. `source` is the
    /// number of the connection and its keyspace.
    pub(super) fn new(
        (text, statement_id): (String, &[u8]),
        source: (u64, Option<&str>),
        parameters: &Parameters<'_>,
        variables: &[ColumnSpec],
    ) -> Self {
        let mut values: Vec<_> = parameters.values.iter().enumerate().collect();
        // Only values with names are looked up. Of variables with the same name, the first one counts.
        let by_name: HashMap<&str, usize> = match parameters.values.is_named() {
            true => {
                variables.iter().enumerate().rev().map(|(index, of)| (&*of.name, index)).collect()
            }
            false => HashMap::new(),
        };
        let position = |(index, value): &(usize, NamedValue<'_>)| match value.name {
            Some(name) => by_name.get(name).copied(),
            None => Some(*index),
        };
        values.sort_by_key(|value| position(value).unwrap_or(usize::MAX));
        let column = |value: &(usize, NamedValue<'_>)| {
            let variable = position(value).and_then(|position| variables.get(position)).cloned();
            variable.unwrap_or_else(|| ReplyColumn::from(value.1.name.unwrap_or("?")).into())
        };
        Self {
            text,
            connection: source.0,
            keyspace: parameters.keyspace.as_deref().or(source.1).map(str::to_owned),
            consistency: parameters.consistency,
            serial_consistency: parameters.serial_consistency,
            timestamp: parameters.timestamp,
            page_size: parameters.page_size,
            paging_state: parameters.paging_state.as_deref().map(Bytes::copy_from_slice),
            statement_id: Bytes::copy_from_slice(statement_id),
            columns: values.iter().map(column).collect(),
            row: values.iter().flat_map(|(_, value)| encode_cell(*value)).collect(),
        }
    }

    /// Returns the size of the text and the values, in bytes.
    pub(super) fn size(&self) -> usize {
        self.text.len().saturating_add(self.row.len())
    }

    /// Returns the bound values, decoded like a row: as a tuple, or as a struct that derives
    /// `FromRow`. If the number of values is unknown, decode them as a `Vec` of
    /// [`Value`](crate::types::Value)s.
    ///
    /// The values have the types and names that [`Reply::variables`](super::Reply::variables) sets.
    /// Values that the client sent by name are returned in the order of the variables. A value that
    /// the client left unset reads as null.
    ///
    /// # Panics
    /// Panics if the values cannot be decoded as `T`.
    #[track_caller]
    pub fn values<'r, T: FromRow<'r>>(&'r self) -> T {
        let mut rows = match RowIter::new(&self.row, &self.columns, 1) {
            Ok(rows) => rows,
            Err(error) => self.panic_undecodable(&error),
        };
        match rows.next() {
            Some(Ok(values)) => values,
            Some(Err(error)) => self.panic_undecodable(&error),
            None => self.panic_undecodable(&"the row is missing"),
        }
    }

    /// Returns true if the text matches `pattern`, as in
    /// [`MockServer::on_pattern`](super::MockServer::on_pattern).
    pub fn matches(&self, pattern: &str) -> bool {
        StatementPattern::new(pattern).matches(&self.text)
    }

    /// Returns each variable with its bound value, or with the reason why the bytes are no value of its
    /// type.
    #[cfg(feature = "cli")]
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&ColumnSpec, Result<Value, String>)> {
        let mut cells = Reader::new(&self.row);
        self.columns.iter().map(move |column| {
            let value = match cells.bytes("value") {
                Ok(None) => Ok(Value::Null),
                Ok(Some(bytes)) => {
                    Value::decode(&column.cql_type, bytes).map_err(|e| e.to_string())
                }
                Err(error) => Err(error.to_string()),
            };
            (column, value)
        })
    }

    #[track_caller]
    #[expect(clippy::panic, reason = "fails the test that reads the values")]
    fn panic_undecodable(&self, error: &dyn Display) -> ! {
        panic!("cannot decode the values of `{}`: {error}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{NativeType, Value, ValuesBuffer};
    use crate::wire::RawValue;

    #[test]
    fn sorts_many_named_values_by_their_variables() {
        let count = 60_000_u16;
        let name = |index| format!("v{index}");
        let variable = |index| ColumnSpec::new("ks", "t", &name(index), NativeType::Int);
        // Of variables with the same name, the first one counts.
        let variables: Vec<_> = (0..count).map(variable).chain([variable(0)]).collect();
        let mut values = ValuesBuffer::default();
        for index in (0..count).rev() {
            let bytes = i32::from(index).to_be_bytes();
            values.push(Some(&name(index)), RawValue::Bytes(&bytes)).unwrap();
        }
        let mut parameters = Parameters::from(Consistency::One);
        parameters.values = values.values();
        let received =
            ReceivedRequest::new((String::new(), &[]), (1, None), &parameters, &variables);
        let expected: Vec<_> = (0..i32::from(count)).map(Value::Int).collect();
        assert_eq!(received.values::<Vec<Value>>(), expected);
    }
}
