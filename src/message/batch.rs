//! BATCH (v4 §4.1.7).

use std::borrow::Cow;

use super::{Message, Parameters, QueryFlags};
use crate::types::Values;
use crate::wire::{
    Consistency, Context, DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Opcode,
    Reader, Writer, wire_codes,
};

wire_codes! {
    /// The type of a batch, which determines whether the server applies it atomically.
    pub enum BatchKind(u8) {
        /// The server eventually applies either all statements or none.
        Logged = 0 "LOGGED",
        /// The server may apply only some of the statements.
        Unlogged = 1 "UNLOGGED",
        /// An unlogged batch of counter updates.
        Counter = 2 "COUNTER",
    }
}

/// A batch of statements. The server answers RESULT or ERROR.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchMessage<'a> {
    /// The type of the batch.
    pub kind: BatchKind,
    /// The statements, at most 65,535.
    pub statements: Vec<BatchStatement<'a>>,
    /// The consistency level.
    pub consistency: Consistency,
    /// The consistency level of the Paxos phase of a conditional batch. If `None`, the server uses
    /// SERIAL.
    pub serial_consistency: Option<Consistency>,
    /// The write timestamp in microseconds since 1970. If `None`, the server sets it.
    pub timestamp: Option<i64>,
    /// The default keyspace of the statements (v5). If `None`, the keyspace of the connection applies.
    pub keyspace: Option<Cow<'a, str>>,
    /// The current time for this batch in seconds since 1970 (v5). If `None`, the server uses its
    /// clock.
    pub now_in_seconds: Option<i32>,
    /// Unknown flags, and flags that no other field represents.
    pub other_flags: QueryFlags,
}

/// One statement of a [`BatchMessage`].
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

impl<'a> BatchMessage<'a> {
    /// Creates a logged batch without the optional parameters.
    pub const fn new(statements: Vec<BatchStatement<'a>>, consistency: Consistency) -> Self {
        Self {
            kind: BatchKind::Logged,
            statements,
            consistency,
            serial_consistency: None,
            timestamp: None,
            keyspace: None,
            now_in_seconds: None,
            other_flags: QueryFlags::NONE,
        }
    }

    /// Returns the flags to encode: `other_flags`, and the flags that the other fields imply.
    pub fn flags(&self) -> QueryFlags {
        self.parameters().flags()
    }

    /// Returns the parameters that a batch shares with QUERY and EXECUTE.
    fn parameters(&self) -> Parameters<'_> {
        Parameters {
            serial_consistency: self.serial_consistency,
            timestamp: self.timestamp,
            keyspace: self.keyspace.as_deref().map(Cow::Borrowed),
            now_in_seconds: self.now_in_seconds,
            other_flags: self.other_flags,
            ..self.consistency.into()
        }
    }
}

impl BatchMessage<'_> {
    pub(super) fn into_owned(self) -> BatchMessage<'static> {
        BatchMessage {
            kind: self.kind,
            statements: self.statements.into_iter().map(BatchStatement::into_owned).collect(),
            consistency: self.consistency,
            serial_consistency: self.serial_consistency,
            timestamp: self.timestamp,
            keyspace: self.keyspace.map(|keyspace| Cow::Owned(keyspace.into_owned())),
            now_in_seconds: self.now_in_seconds,
            other_flags: self.other_flags,
        }
    }
}

impl BatchStatement<'_> {
    fn into_owned(self) -> BatchStatement<'static> {
        let text = match self.text {
            BatchText::Text(text) => BatchText::Text(Cow::Owned(text.into_owned())),
            BatchText::Prepared(id) => BatchText::Prepared(Cow::Owned(id.into_owned())),
        };
        BatchStatement { text, values: self.values.into_owned() }
    }
}

impl<'a> Message<'a> for BatchMessage<'a> {
    const OPCODE: Opcode = Opcode::Batch;

    fn decode(reader: &mut Reader<'a>, context: &Context) -> Result<Self, DecodeError> {
        let kind = reader.byte("type")?.into();
        let count = reader.short_count(5, "statements_count")?;
        let statements = reader.elements(count, |reader| decode_statement(reader, context))?;
        let mut parameters = Parameters::from(reader.consistency("consistency")?);
        let flags = QueryFlags::decode(reader, context)?;
        parameters.decode_tail(flags, reader, context)?;
        Ok(Self {
            kind,
            statements,
            consistency: parameters.consistency,
            other_flags: flags.without(parameters.flags()),
            serial_consistency: parameters.serial_consistency,
            timestamp: parameters.timestamp,
            keyspace: parameters.keyspace,
            now_in_seconds: parameters.now_in_seconds,
        })
    }

    fn encode(&self, writer: &mut Writer<'_>, context: &Context) -> Result<(), EncodeError> {
        writer.byte(self.kind.code());
        writer.short_length(self.statements.len(), "statements_count")?;
        for BatchStatement { text, values } in &self.statements {
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
            if values.is_named() {
                return Err(EncodeError::new(EncodeErrorKind::Contradiction, "value_name"));
            }
            values.encode(writer, context.version)?;
        }
        let parameters = self.parameters();
        parameters.flags().encode_with_consistency(self.consistency, writer, context)?;
        parameters.encode_tail(writer, context)
    }
}

const TEXT: u8 = 0;
const PREPARED: u8 = 1;

fn decode_statement<'a>(
    reader: &mut Reader<'a>,
    context: &Context,
) -> Result<BatchStatement<'a>, DecodeError> {
    let start = reader.clone();
    let text = match reader.byte("kind")? {
        TEXT => BatchText::Text(reader.long_string("query")?.into()),
        PREPARED => BatchText::Prepared(reader.short_bytes("id")?.into()),
        kind => return Err(start.error(DecodeErrorKind::InvalidCode(kind.into()), "kind")),
    };
    Ok(BatchStatement { text, values: Values::decode(reader, false, context.version)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ValuesBuffer;
    use crate::wire::{RawValue, Version};

    #[test]
    fn refuses_named_values_in_a_batch() {
        let mut named = ValuesBuffer::new();
        named.push(Some("a"), RawValue::Null).unwrap();
        let text = BatchText::Text("INSERT".into());
        let statement = BatchStatement { text, values: named.into_values() };
        let batch = BatchMessage::new(vec![statement], Consistency::One);
        for version in Version::ALL {
            let error = batch.encode(&mut Writer::new(&mut Vec::new()), &version.into());
            let expected = EncodeError::new(EncodeErrorKind::Contradiction, "value_name");
            assert_eq!(error, Err(expected));
        }
    }
}
