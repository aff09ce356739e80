//! The statements of a BATCH (v4 §4.1.7).

use std::borrow::Cow;
use std::fmt;

use crate::types::{BindError, ColumnSpec, ToValues, Values, encode_values};
use crate::wire::{
    DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Reader, Version, Writer,
};

/// The encoded statements of a [`BatchMessage`](super::BatchMessage), with their values.
///
/// ```
/// use cqlwire::message::{BatchMessage, BatchStatements};
/// use cqlwire::types::{ColumnSpec, NativeType};
/// use cqlwire::wire::Consistency;
///
/// let variables = ["username", "password"]
///     .map(|name| ColumnSpec::new("ks", "users", name, NativeType::Text));
/// let mut statements = BatchStatements::new();
/// statements.push_prepared(b"the id of an INSERT", &("ada", "secret"), &variables)?;
/// statements.push_prepared(b"the id of an INSERT", &("bob", "hidden"), &variables)?;
/// let batch = BatchMessage::new(statements, Consistency::Quorum);
/// assert_eq!(batch.statements.len(), 2);
/// # Ok::<(), cqlwire::types::BindError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct BatchStatements<'a> {
    count: usize,
    bytes: Cow<'a, [u8]>,
}

/// One statement of [`BatchStatements`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchStatement<'a> {
    /// The statement, as text or as the id of a prepared statement.
    pub text: BatchText<'a>,
    /// The values of the bind variables, by position. The protocol does not support names in a batch
    /// (CASSANDRA-10246).
    pub values: Values<'a>,
}

/// The statement of a [`BatchStatement`]: its text, or the id of a prepared statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchText<'a> {
    /// A statement as text.
    Text(Cow<'a, str>),
    /// The id of a prepared statement.
    Prepared(Cow<'a, [u8]>),
}

impl<'a> BatchStatements<'a> {
    /// Returns an empty list of statements.
    pub const fn new() -> Self {
        Self { count: 0, bytes: Cow::Borrowed(&[]) }
    }

    /// Returns the number of statements.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Returns true if there are no statements.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the statements in order. They borrow from `self`.
    pub fn iter(&self) -> impl Iterator<Item = BatchStatement<'_>> {
        let mut reader = Reader::new(&self.bytes);
        // The bytes have been validated by `decode`, or written by the methods of this type.
        (0..self.count).map_while(move |_| read(&mut reader, Version::V4).ok())
    }

    /// Appends a statement.
    ///
    /// # Errors
    /// Returns an error if the values have names, which the protocol does not support in a batch, if the
    /// text is longer than 2 GiB, or if the id is longer than 65,535 bytes. The list is then unchanged.
    pub fn push(
        &mut self,
        BatchStatement { text, values }: &BatchStatement<'_>,
    ) -> Result<(), EncodeError> {
        if values.is_named() {
            return Err(EncodeError::new(EncodeErrorKind::Contradiction, "value_name"));
        }
        self.append(|out| {
            let mut writer = Writer::new(out);
            match text {
                BatchText::Text(text) => {
                    writer.byte(TEXT);
                    writer.long_string(text, "query")?;
                }
                BatchText::Prepared(id) => {
                    writer.byte(PREPARED);
                    writer.short_bytes(id, "id")?;
                }
            }
            values.encode(&mut writer, Version::V4)
        })
    }

    /// Appends a prepared statement, and encodes `values` for its bind variables `columns`.
    ///
    /// # Errors
    /// Returns an error if the number of values differs from the number of variables, if a value cannot
    /// be encoded as the type of its variable, or if the id is longer than 65,535 bytes. The list is then
    /// unchanged.
    #[inline]
    pub fn push_prepared<V: ToValues + ?Sized>(
        &mut self,
        id: &[u8],
        values: &V,
        columns: &[ColumnSpec],
    ) -> Result<(), BindError> {
        self.append(|out| {
            let mut writer = Writer::new(out);
            writer.byte(PREPARED);
            writer.short_bytes(id, "id").map_err(|error| BindError::new(error.into()))?;
            // The number of values is known once they are encoded.
            let count_at = writer.position();
            writer.short(0);
            let count = encode_values(values, columns, Writer::new(out))?;
            if let Some(placeholder) = out.get_mut(count_at..).and_then(<[u8]>::first_chunk_mut) {
                *placeholder = count.to_be_bytes();
            }
            Ok(())
        })
    }

    /// Appends the statement that `write` writes. If it fails, the list is unchanged.
    #[inline]
    fn append<E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        let out = self.bytes.to_mut();
        let start = out.len();
        if start == 0 {
            out.reserve(FIRST_CAPACITY);
        }
        match write(out) {
            Ok(()) => self.count = self.count.saturating_add(1),
            Err(error) => {
                out.truncate(start);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Returns the same statements, with their bytes borrowed from `self`.
    pub fn borrowed(&self) -> BatchStatements<'_> {
        BatchStatements { count: self.count, bytes: Cow::Borrowed(&self.bytes) }
    }

    /// Returns the same statements with owned bytes. Bytes that are borrowed are copied.
    pub fn into_owned(self) -> BatchStatements<'static> {
        BatchStatements { count: self.count, bytes: Cow::Owned(self.bytes.into_owned()) }
    }

    /// Decodes the number of statements, then the statements.
    pub(super) fn decode(reader: &mut Reader<'a>, version: Version) -> Result<Self, DecodeError> {
        let count = reader.short_count(SMALLEST, "statements_count")?;
        let bytes = reader.rest();
        // In v3, every negative length is null, so that such values are written again as -1.
        let mut plain = (version == Version::V3).then(Self::new);
        for _ in 0..count {
            let statement = read(reader, version)?;
            if let Some(plain) = &mut plain {
                let _written = plain.push(&statement);
            }
        }
        let length = bytes.len().saturating_sub(reader.rest().len());
        let bytes = bytes.get(..length).unwrap_or_default();
        Ok(match plain {
            Some(plain) if *plain.bytes != *bytes => plain,
            _ => Self { count, bytes: Cow::Borrowed(bytes) },
        })
    }

    /// Encodes the number of statements, then the statements.
    pub(super) fn encode(
        &self,
        writer: &mut Writer<'_>,
        version: Version,
    ) -> Result<(), EncodeError> {
        if version == Version::V3 {
            // Refuses unset values.
            self.iter().try_for_each(|statement| statement.values.require_set(version))?;
        }
        writer.short_length(self.count, "statements_count")?;
        writer.raw(&self.bytes);
        Ok(())
    }
}

impl fmt::Debug for BatchStatements<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The first byte of a statement.
const TEXT: u8 = 0;
const PREPARED: u8 = 1;

/// Capacity of the buffer for the first statement, in bytes, so that a small batch is allocated once.
const FIRST_CAPACITY: usize = 512;

/// Length of the smallest statement: a prepared statement with an empty id, and no values.
const SMALLEST: usize = 5;

fn read<'a>(reader: &mut Reader<'a>, version: Version) -> Result<BatchStatement<'a>, DecodeError> {
    let start = reader.clone();
    let text = match reader.byte("kind")? {
        TEXT => BatchText::Text(reader.long_string("query")?.into()),
        PREPARED => BatchText::Prepared(reader.short_bytes("id")?.into()),
        kind => return Err(start.error(DecodeErrorKind::InvalidCode(kind.into()), "kind")),
    };
    Ok(BatchStatement { text, values: Values::decode(reader, false, version)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{NativeType, ValuesBuffer};
    use crate::wire::RawValue;

    fn prepared(values: Values<'_>) -> BatchStatement<'_> {
        BatchStatement { text: BatchText::Prepared(Cow::Borrowed(b"id")), values }
    }

    #[test]
    fn refuses_named_values() {
        let mut named = ValuesBuffer::new();
        named.push(Some("a"), RawValue::Null).unwrap();
        let mut statements = BatchStatements::new();
        let expected = EncodeError::new(EncodeErrorKind::Contradiction, "value_name");
        assert_eq!(statements.push(&prepared(named.into_values())), Err(expected));
        assert_eq!(statements, BatchStatements::new());
    }

    #[test]
    fn typed_values_are_encoded_as_the_values_of_a_buffer() {
        let columns = [
            ColumnSpec::new("ks", "t", "a", NativeType::Text),
            ColumnSpec::new("ks", "t", "b", NativeType::Int),
        ];
        let (mut typed, mut untyped) = (BatchStatements::new(), BatchStatements::new());
        for row in [("one", Some(1)), ("none", None)] {
            typed.push_prepared(b"id", &row, &columns).unwrap();
            let mut buffer = ValuesBuffer::new();
            untyped.push(&prepared(buffer.bind(&row, &columns).unwrap())).unwrap();
            // A statement that cannot be encoded leaves the list as it was.
            assert!(typed.push_prepared(b"id", &("one", "1"), &columns).is_err());
            assert!(typed.push_prepared(b"id", &("one",), &columns).is_err());
            assert!(typed.push_prepared(&[0; 65_536], &row, &columns).is_err());
        }
        assert_eq!(typed, untyped);
        assert_eq!(typed.iter().count(), 2);
    }

    #[test]
    fn every_negative_length_is_null_in_v3() {
        let bytes = [0, 1, 1, 0, 1, 7, 0, 1, 0xff, 0xff, 0xff, 0xfe];
        let decode = |version| BatchStatements::decode(&mut Reader::new(&bytes), version).unwrap();
        let value = |statements: &BatchStatements<'_>| {
            statements
                .iter()
                .next()
                .and_then(|first| Some(first.values.iter().next()?.value == RawValue::Null))
        };
        assert_eq!(value(&decode(Version::V3)), Some(true));
        assert_eq!(value(&decode(Version::V4)), Some(false));
        let mut out = Vec::new();
        assert!(decode(Version::V4).encode(&mut Writer::new(&mut out), Version::V3).is_err());
        decode(Version::V3).encode(&mut Writer::new(&mut out), Version::V3).unwrap();
        assert_eq!(out.last(), Some(&0xff));
    }
}
