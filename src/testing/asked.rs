//! What a client asked to be run.

use std::fmt::Display;

use bytes::Bytes;

use super::ReplyColumn;
use super::reply::cell;
use crate::message::Parameters;
use crate::types::{ColumnSpec, FromRow, NamedValue, RowIter};
use crate::wire::Consistency;

/// A statement that a client has asked the server to run: as text, prepared, or in a batch.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Asked {
    /// Its text, also where only its id was sent.
    pub text: String,
    /// How many replicas were to answer.
    pub consistency: Consistency,
    /// The consistency of the serial phase of a conditional statement.
    pub serial_consistency: Option<Consistency>,
    /// When the statement was made, in microseconds since 1970, if the client said so.
    pub timestamp: Option<i64>,
    /// How many rows a page was to have.
    pub page_size: Option<i32>,
    /// Where the page before ended.
    pub paging_state: Option<Bytes>,
    /// The id it was sent by; empty for text.
    pub(super) id: Bytes,
    /// The values, as a row, and what they are.
    content: Bytes,
    columns: Vec<ColumnSpec>,
}

impl Asked {
    /// Of a statement, by its text and id, whose client was told of `variables`.
    pub(super) fn new(
        (text, id): (String, &[u8]),
        parameters: &Parameters<'_>,
        variables: &[ColumnSpec],
    ) -> Self {
        let mut values: Vec<_> = parameters.values.iter().enumerate().collect();
        let place = |(number, value): &(usize, NamedValue<'_>)| match value.name {
            Some(name) => variables.iter().position(|variable| *variable.name == *name),
            None => Some(*number),
        };
        values.sort_by_key(|value| place(value).unwrap_or(usize::MAX));
        let column = |value: &(usize, NamedValue<'_>)| {
            let known = place(value).and_then(|place| variables.get(place)).cloned();
            known.unwrap_or_else(|| ReplyColumn::from(value.1.name.unwrap_or("?")).0)
        };
        Self {
            text,
            consistency: parameters.consistency,
            serial_consistency: parameters.serial_consistency,
            timestamp: parameters.timestamp,
            page_size: parameters.page_size,
            paging_state: parameters.paging_state.as_deref().map(Bytes::copy_from_slice),
            id: Bytes::copy_from_slice(id),
            columns: values.iter().map(column).collect(),
            content: values.iter().flat_map(|(_, value)| cell(*value)).collect(),
        }
    }

    /// The values, read as a row is: as a tuple, a struct that derives `FromRow`, or any number of
    /// them as a `Vec` of [`Value`](crate::types::Value)s. They have the types that the reply's
    /// [`variables`](super::Reply::variables) say, whose order those have that were sent by name. A
    /// value that was not set reads as null.
    ///
    /// # Panics
    /// The values do not go with `T`.
    #[track_caller]
    pub fn values<'r, T: FromRow<'r>>(&'r self) -> T {
        let mut rows = match RowIter::new(&self.content, &self.columns, 1) {
            Ok(rows) => rows,
            Err(error) => self.fail(&error),
        };
        match rows.next() {
            Some(Ok(values)) => values,
            Some(Err(error)) => self.fail(&error),
            None => self.fail(&"there are none"),
        }
    }

    #[track_caller]
    fn fail(&self, error: &dyn Display) -> ! {
        panic!("the values of {} cannot be read: {error}", self.text)
    }
}
