//! RESULT (v4 §4.2.5).

mod metadata;
mod prepared;
mod rows;

use bytes::Bytes;

use super::{Message, SchemaChange};
use crate::wire::{Context, DecodeError, EncodeError, Opcode, Reader, Writer, wire_codes};

pub use metadata::{KnownColumns, MetadataFlags, RowsMetadata};
pub use prepared::{PreparedResult, Variables};
pub use rows::Rows;

wire_codes! {
    /// The kind of a result.
    pub enum ResultKind(i32) {
        /// No content.
        Void = 1 "Void",
        /// Rows.
        Rows = 2 "Rows",
        /// The new keyspace of the connection.
        SetKeyspace = 3 "Set_keyspace",
        /// A prepared statement.
        Prepared = 4 "Prepared",
        /// A schema change.
        SchemaChange = 5 "Schema_change",
    }
}

/// The result of a request.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ResultMessage {
    /// An empty result: the request succeeded.
    Void,
    /// A page of rows.
    Rows(Rows),
    /// The new keyspace of the connection, after `USE`.
    SetKeyspace(String),
    /// A prepared statement.
    Prepared(PreparedResult),
    /// A schema change.
    SchemaChange(SchemaChange),
    /// An unknown kind: its code and the bytes after it.
    Unknown(i32, Bytes),
}

impl Message<'_> for ResultMessage {
    const OPCODE: Opcode = Opcode::Result;

    fn decode(reader: &mut Reader<'_>, context: &Context) -> Result<Self, DecodeError> {
        Self::decode_with_known_columns(reader, context, None)
    }

    fn encode(&self, writer: &mut Writer<'_>, context: &Context) -> Result<(), EncodeError> {
        writer.int(self.kind().code());
        match self {
            Self::Void => Ok(()),
            Self::Rows(rows) => rows.encode(writer, context),
            Self::SetKeyspace(keyspace) => writer.string(keyspace, "keyspace"),
            Self::Prepared(prepared) => prepared.encode(writer, context),
            Self::SchemaChange(change) => change.encode(writer),
            Self::Unknown(_, rest) => {
                writer.raw(rest);
                Ok(())
            }
        }
    }
}

impl ResultMessage {
    pub(super) fn decode_with_known_columns(
        reader: &mut Reader<'_>,
        context: &Context,
        known_columns: Option<&KnownColumns>,
    ) -> Result<Self, DecodeError> {
        Ok(match ResultKind::from(reader.int("kind")?) {
            ResultKind::Void => Self::Void,
            ResultKind::Rows => Self::Rows(Rows::decode(reader, context, known_columns)?),
            ResultKind::SetKeyspace => Self::SetKeyspace(reader.string("keyspace")?.to_owned()),
            ResultKind::Prepared => Self::Prepared(PreparedResult::decode(reader, context)?),
            ResultKind::SchemaChange => Self::SchemaChange(SchemaChange::decode(reader)?),
            ResultKind::Unknown(kind) => {
                let rest = reader.take_rest();
                Self::Unknown(kind, reader.share(rest))
            }
        })
    }

    /// Returns the kind of the result.
    pub const fn kind(&self) -> ResultKind {
        match self {
            Self::Void => ResultKind::Void,
            Self::Rows(_) => ResultKind::Rows,
            Self::SetKeyspace(_) => ResultKind::SetKeyspace,
            Self::Prepared(_) => ResultKind::Prepared,
            Self::SchemaChange(_) => ResultKind::SchemaChange,
            Self::Unknown(kind, _) => ResultKind::Unknown(*kind),
        }
    }
}
