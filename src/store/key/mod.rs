//! The keys of partitions and rows, in the order of the server.

mod order;

#[cfg(test)]
mod tests;

use std::ops::Bound;

use super::error::invalid;
use crate::message::ServerError;
use crate::partitioner::Partitioner;
use crate::types::{CqlType, Value};
use crate::wire::Writer;

/// Greatest number of keys that the values of several `IN` in one statement combine to.
pub(in crate::store) const MAX_KEYS: usize = 65_536;

/// Longest key of a partition, in bytes.
const MAX_KEY_LENGTH: usize = 65_535;

/// The key of a partition. Keys are ordered by their token, then by their bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PartitionKey {
    token: i64,
    bytes: Box<[u8]>,
}

impl PartitionKey {
    /// Returns the key that consists of these values, in key order, each with the type of its column.
    ///
    /// # Errors
    /// Returns an INVALID error if the key is empty or longer than 65,535 bytes, or if a value has
    /// another type than its column.
    pub(crate) fn new(values: &[(&Value, &CqlType)]) -> Result<Self, ServerError> {
        let mut bytes = Vec::new();
        for (value, cql_type) in values {
            let mut value_bytes = Vec::new();
            let encoded = value.encode(cql_type, &mut Writer::new(&mut value_bytes));
            encoded.map_err(|_| invalid(format!("a key value is not of type {cql_type}")))?;
            // `encode` writes a length of four bytes first.
            let value_bytes = value_bytes.get(4..).unwrap_or_default();
            match values {
                [_] => bytes.extend_from_slice(value_bytes),
                _ => {
                    let length = u16::try_from(value_bytes.len());
                    let length = length.map_err(|_| too_long(value_bytes.len()))?;
                    bytes.extend_from_slice(&length.to_be_bytes());
                    bytes.extend_from_slice(value_bytes);
                    bytes.push(0);
                }
            }
        }
        match bytes.len() {
            0 => Err(invalid("Key may not be empty")),
            length if length > MAX_KEY_LENGTH => Err(too_long(length)),
            _ => Ok(Self::from_bytes(bytes)),
        }
    }

    /// Returns the key that has these bytes, which are those of a routing key.
    pub(crate) fn from_bytes(bytes: impl Into<Box<[u8]>>) -> Self {
        let bytes = bytes.into();
        let token = Partitioner::Murmur3.token(&bytes).to_i64().unwrap_or(i64::MAX);
        Self { token, bytes }
    }

    /// Returns the least position on the ring that has this token. All keys with the token are
    /// greater than it, and all keys with a lower token are less.
    pub(crate) fn least(token: i64) -> Self {
        Self { token, bytes: Box::default() }
    }

    pub(crate) const fn token(&self) -> i64 {
        self.token
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn too_long(length: usize) -> ServerError {
    invalid(format!("Key length of {length} is longer than maximum of {MAX_KEY_LENGTH}"))
}

/// The clustering values of a row, or the first of them, as bytes in clustering order. The table has
/// one encoding only, so that equal values have equal bytes.
///
/// The encoding of a value is never the beginning of another value's encoding. A key of the first
/// clustering values is therefore the beginning of the keys of all rows with these values. Numbers
/// that the server regards as equal, such as the decimals `1.0` and `1.00`, are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct ClusteringKey(Box<[u8]>);

impl ClusteringKey {
    /// Returns the key of these values, each with true if its column is in descending order.
    pub(crate) fn new<'v>(values: impl IntoIterator<Item = (&'v Value, bool)>) -> Self {
        let mut bytes = Vec::new();
        for (value, is_descending) in values {
            let start = bytes.len();
            order::write(value, &mut bytes);
            if is_descending {
                bytes.iter_mut().skip(start).for_each(|byte| *byte = !*byte);
            }
        }
        Self(bytes.into())
    }

    /// Returns the key of one value in ascending order, such as an element of a set.
    pub(crate) fn of(value: &Value) -> Self {
        Self::new([(value, false)])
    }

    /// Returns the key that has these bytes.
    pub(crate) fn from_bytes(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the range of keys that begin with this key.
    pub(crate) fn prefix_range(&self) -> (Bound<Self>, Bound<Self>) {
        (Bound::Included(self.clone()), self.prefix_end())
    }

    /// Returns the upper bound of the keys that begin with this key. It is also, as
    /// [`prefix_successor`](Self::prefix_successor), the lower bound of all greater keys.
    pub(crate) fn prefix_end(&self) -> Bound<Self> {
        self.prefix_successor().map_or(Bound::Unbounded, Bound::Excluded)
    }

    /// Returns the least key that is greater than all keys that begin with this key, or `None` if no
    /// key is.
    pub(crate) fn prefix_successor(&self) -> Option<Self> {
        let end = self.0.iter().rposition(|byte| *byte != u8::MAX)?;
        let (last, rest) = self.0.get(..=end)?.split_last()?;
        Some(Self([rest, &[last.saturating_add(1)]].concat().into()))
    }
}
