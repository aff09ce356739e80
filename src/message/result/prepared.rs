//! A RESULT of kind Prepared (v4 §4.2.5.4).

use std::sync::Arc;

use bytes::Bytes;

use super::RowsMetadata;
use super::metadata::{MetadataFlags, decode_columns, encode_columns, global_table};
use crate::types::ColumnSpec;
use crate::wire::{Context, DecodeError, EncodeError, EncodeErrorKind, Reader, Version, Writer};

/// A prepared statement: its id, its bind variables, and the metadata of its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedResult {
    /// The statement id, for EXECUTE and BATCH.
    pub id: Bytes,
    /// The id of the result metadata. `None` unless the connection uses v5 or the extension
    /// [`metadata_id`](crate::wire::Extensions::metadata_id).
    pub result_metadata_id: Option<Bytes>,
    /// The bind variables.
    pub variables: Variables,
    /// The metadata of the result, without columns if the statement returns no rows.
    pub result: RowsMetadata,
}

/// The bind variables of a prepared statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variables {
    /// The names and types of the bind variables.
    pub columns: Arc<[ColumnSpec]>,
    /// The indexes of the bind variables that form the partition key, in key order (v4 and later).
    /// Empty if a part of the key has no bind variable, and in v3.
    pub partition_key: Vec<u16>,
    /// Unknown flags.
    pub other_flags: MetadataFlags,
}

impl PreparedResult {
    pub(super) fn decode(reader: &mut Reader<'_>, context: &Context) -> Result<Self, DecodeError> {
        let id = reader.short_bytes("id")?;
        let id = reader.share(id);
        let result_metadata_id = match context.has_metadata_ids() {
            true => {
                let id = reader.short_bytes("result_metadata_id")?;
                Some(reader.share(id))
            }
            false => None,
        };
        let variables = Variables::decode(reader, context)?;
        let result = RowsMetadata::decode(reader, context)?;
        Ok(Self { id, result_metadata_id, variables, result })
    }

    pub(super) fn encode(
        &self,
        writer: &mut Writer<'_>,
        context: &Context,
    ) -> Result<(), EncodeError> {
        writer.short_bytes(&self.id, "id")?;
        if context.has_metadata_ids() {
            let missing = EncodeError::new(EncodeErrorKind::Missing, "result_metadata_id");
            let id = self.result_metadata_id.as_deref().ok_or(missing)?;
            writer.short_bytes(id, "result_metadata_id")?;
        }
        self.variables.encode(writer, context)?;
        self.result.encode(writer, context)
    }
}

impl Variables {
    /// Returns the flags to encode: `other_flags`, and the flags that the other fields imply.
    pub fn flags(&self) -> MetadataFlags {
        let is_global = global_table(&self.columns).is_some();
        self.other_flags.with(MetadataFlags::GLOBAL_TABLES_SPEC, is_global)
    }

    fn decode(reader: &mut Reader<'_>, context: &Context) -> Result<Self, DecodeError> {
        let flags = MetadataFlags::decode(reader)?;
        let columns_count = reader.length("columns_count")?;
        let partition_key = match context.version {
            Version::V3 => Vec::new(),
            Version::V4 | Version::V5 => {
                let count = reader.count(2, "pk_count")?;
                reader.elements(count, |reader| reader.short("pk_index"))?
            }
        };
        let columns = decode_columns(reader, flags, columns_count)?;
        let represented = MetadataFlags::GLOBAL_TABLES_SPEC;
        Ok(Self { columns, partition_key, other_flags: flags.without(represented) })
    }

    fn encode(&self, writer: &mut Writer<'_>, context: &Context) -> Result<(), EncodeError> {
        let table = global_table(&self.columns);
        self.flags().encode(writer);
        writer.length(self.columns.len(), "columns_count")?;
        if context.version >= Version::V4 {
            writer.length(self.partition_key.len(), "pk_count")?;
            self.partition_key.iter().for_each(|&index| writer.short(index));
        }
        encode_columns(&self.columns, table, writer, context)
    }
}
