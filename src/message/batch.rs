//! BATCH (v4 §4.1.7).

use std::borrow::Cow;

use super::{BatchStatements, Message, Parameters, QueryFlags};
use crate::wire::{
    Consistency, Context, DecodeError, EncodeError, Opcode, Reader, Writer, wire_codes,
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
    pub statements: BatchStatements<'a>,
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

impl<'a> BatchMessage<'a> {
    /// Creates a logged batch without the optional parameters.
    pub const fn new(statements: BatchStatements<'a>, consistency: Consistency) -> Self {
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
            statements: self.statements.into_owned(),
            consistency: self.consistency,
            serial_consistency: self.serial_consistency,
            timestamp: self.timestamp,
            keyspace: self.keyspace.map(|keyspace| Cow::Owned(keyspace.into_owned())),
            now_in_seconds: self.now_in_seconds,
            other_flags: self.other_flags,
        }
    }
}

impl<'a> Message<'a> for BatchMessage<'a> {
    const OPCODE: Opcode = Opcode::Batch;

    fn decode(reader: &mut Reader<'a>, context: &Context) -> Result<Self, DecodeError> {
        let kind = reader.byte("type")?.into();
        let statements = BatchStatements::decode(reader, context.version)?;
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
        self.statements.encode(writer, context.version)?;
        let parameters = self.parameters();
        parameters.flags().encode_with_consistency(self.consistency, None, writer, context)?;
        parameters.encode_tail(writer, context)
    }
}
