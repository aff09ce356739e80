//! The metadata of columns in RESULT messages of kind Rows and Prepared (v4 §4.2.5.2).

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::types::{ColumnSpec, CqlType, NativeType, TableSpec};
use crate::wire::{
    Context, DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Reader, Writer, wire_flags,
};

wire_flags! {
    /// The flags of result metadata.
    pub struct MetadataFlags(u32) {
        /// All columns belong to one table, which is named once.
        GLOBAL_TABLES_SPEC = 0x01 "global_tables_spec",
        /// More pages follow.
        HAS_MORE_PAGES = 0x02 "has_more_pages",
        /// The metadata has no column descriptions.
        NO_METADATA = 0x04 "no_metadata",
        /// The metadata differs from the metadata that the client has, and its new id follows (v5).
        METADATA_CHANGED = 0x08 "metadata_changed",
    }
}

impl MetadataFlags {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self::from_bits(reader.int("flags")?.cast_unsigned()))
    }

    pub(super) fn encode(self, writer: &mut Writer<'_>) {
        writer.int(self.bits().cast_signed());
    }
}

/// The metadata of a result: its columns and its paging state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsMetadata {
    /// The number of cells in a row.
    pub columns_count: usize,
    /// The columns, or `None` if the message does not describe them.
    pub columns: Option<Arc<[ColumnSpec]>>,
    /// The paging state for the next page, or `None` on the last page.
    pub paging_state: Option<Bytes>,
    /// The id of this metadata if it differs from the id in the request, and `None` otherwise. Always
    /// `None` unless the connection uses v5 or the extension
    /// [`metadata_id`](crate::wire::Extensions::metadata_id).
    pub new_metadata_id: Option<Bytes>,
    /// Unknown flags, and flags that no other field represents.
    pub other_flags: MetadataFlags,
}

/// The flags that encoding derives from the fields of a [`RowsMetadata`].
const FIELD_FLAGS: MetadataFlags = MetadataFlags::GLOBAL_TABLES_SPEC
    .with(MetadataFlags::HAS_MORE_PAGES, true)
    .with(MetadataFlags::NO_METADATA, true)
    .with(MetadataFlags::METADATA_CHANGED, true);

impl RowsMetadata {
    /// Creates the metadata of a result with these columns and a single page.
    pub fn new(columns: impl Into<Arc<[ColumnSpec]>>) -> Self {
        let columns = columns.into();
        Self { columns_count: columns.len(), columns: Some(columns), ..Self::none() }
    }

    /// Creates metadata without columns, for a statement that returns no rows.
    pub const fn none() -> Self {
        Self {
            columns_count: 0,
            columns: None,
            paging_state: None,
            new_metadata_id: None,
            other_flags: MetadataFlags::NONE,
        }
    }

    /// Returns the flags to encode: `other_flags`, and the flags that the other fields imply.
    pub fn flags(&self) -> MetadataFlags {
        let table = self.columns.as_deref().and_then(global_table);
        self.other_flags
            .with(MetadataFlags::GLOBAL_TABLES_SPEC, table.is_some())
            .with(MetadataFlags::HAS_MORE_PAGES, self.paging_state.is_some())
            .with(MetadataFlags::NO_METADATA, self.columns.is_none())
            .with(MetadataFlags::METADATA_CHANGED, self.new_metadata_id.is_some())
    }

    pub(super) fn decode(reader: &mut Reader<'_>, context: &Context) -> Result<Self, DecodeError> {
        Self::decode_with(reader, context, decode_columns)
    }

    pub(super) fn decode_with_known_columns(
        reader: &mut Reader<'_>,
        context: &Context,
        known_columns: &KnownColumns,
    ) -> Result<Self, DecodeError> {
        Self::decode_with(reader, context, |reader, flags, count| {
            known_columns.decode(reader, flags, count)
        })
    }

    fn decode_with<'r>(
        reader: &mut Reader<'r>,
        context: &Context,
        decode_columns: impl FnOnce(
            &mut Reader<'r>,
            MetadataFlags,
            usize,
        ) -> Result<Arc<[ColumnSpec]>, DecodeError>,
    ) -> Result<Self, DecodeError> {
        let start = reader.clone();
        let flags = MetadataFlags::decode(reader)?;
        let columns_count = reader.length("columns_count")?;
        let paging_state = match flags.contains(MetadataFlags::HAS_MORE_PAGES) {
            true => reader.bytes("paging_state")?.map(|state| reader.share(state)),
            false => None,
        };
        let no_metadata = flags.contains(MetadataFlags::NO_METADATA);
        let changed = flags.contains(MetadataFlags::METADATA_CHANGED) && context.has_metadata_ids();
        if changed && no_metadata {
            return Err(start.error(DecodeErrorKind::Contradiction, "flags"));
        }
        let new_metadata_id = match changed {
            true => {
                let id = reader.short_bytes("new_metadata_id")?;
                Some(reader.share(id))
            }
            false => None,
        };
        let columns = match no_metadata {
            true => None,
            false => Some(decode_columns(reader, flags, columns_count)?),
        };
        // Encoding cannot derive these flags from the fields, so `other_flags` keeps them:
        // METADATA_CHANGED on a connection without metadata ids, HAS_MORE_PAGES with a paging state
        // of `null`, and GLOBAL_TABLES_SPEC without columns (sent by Cassandra).
        let preserved = MetadataFlags::NONE
            .with(MetadataFlags::METADATA_CHANGED, !changed)
            .with(MetadataFlags::HAS_MORE_PAGES, paging_state.is_none())
            .with(MetadataFlags::GLOBAL_TABLES_SPEC, no_metadata);
        let other_flags = flags.without(FIELD_FLAGS.without(preserved));
        Ok(Self { columns_count, columns, paging_state, new_metadata_id, other_flags })
    }

    pub(super) fn encode(
        &self,
        writer: &mut Writer<'_>,
        context: &Context,
    ) -> Result<(), EncodeError> {
        let columns = self.columns.as_deref();
        let table = columns.and_then(global_table);
        let contradiction = |field| EncodeError::new(EncodeErrorKind::Contradiction, field);
        if columns.is_some_and(|columns| columns.len() != self.columns_count) {
            return Err(contradiction("columns_count"));
        }
        if self.new_metadata_id.is_some() && (columns.is_none() || !context.has_metadata_ids()) {
            return Err(contradiction("new_metadata_id"));
        }
        self.flags().encode(writer);
        writer.length(self.columns_count, "columns_count")?;
        if self.flags().contains(MetadataFlags::HAS_MORE_PAGES) {
            writer.bytes(self.paging_state.as_deref(), "paging_state")?;
        }
        if let Some(id) = &self.new_metadata_id {
            writer.short_bytes(id, "new_metadata_id")?;
        }
        columns.map_or(Ok(()), |columns| encode_columns(columns, table, writer, context))
    }
}

/// A cache of the columns of one statement, filled by the first response that describes them.
///
/// In v4, the server describes the columns in every page. A request can avoid this with
/// `skip_metadata`, but then the client may decode rows with outdated columns. With this cache, all
/// responses whose description has the same bytes share the cached columns. To use the cache, call
/// [`ResponseFrame::decode_with_known_columns`](crate::message::ResponseFrame::decode_with_known_columns).
#[derive(Debug, Default)]
pub struct KnownColumns(OnceLock<EncodedColumns>);

/// Columns together with their encoded description.
#[derive(Debug)]
struct EncodedColumns {
    is_global: bool,
    bytes: Box<[u8]>,
    columns: Arc<[ColumnSpec]>,
}

impl KnownColumns {
    /// Creates an empty cache.
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    fn decode(
        &self,
        reader: &mut Reader<'_>,
        flags: MetadataFlags,
        count: usize,
    ) -> Result<Arc<[ColumnSpec]>, DecodeError> {
        let is_global = flags.contains(MetadataFlags::GLOBAL_TABLES_SPEC);
        let bytes = reader.rest();
        let cached = self.0.get();
        // The meaning of the bytes depends only on the number of columns and on the global table
        // flag. If both are the same, equal bytes describe equal columns.
        if let Some(cached) = cached
            && (cached.is_global, cached.columns.len()) == (is_global, count)
            && bytes.starts_with(&cached.bytes)
        {
            reader.take(cached.bytes.len(), "columns")?;
            return Ok(Arc::clone(&cached.columns));
        }
        let columns = decode_columns(reader, flags, count)?;
        if cached.is_none() {
            let length = bytes.len().saturating_sub(reader.rest().len());
            let bytes = bytes.get(..length).unwrap_or_default().into();
            let _already_set =
                self.0.set(EncodedColumns { is_global, bytes, columns: Arc::clone(&columns) });
        }
        Ok(columns)
    }
}

/// Returns the table that is named once for all columns. Returns `None` if each column names its
/// table, or if there are no columns.
///
/// The table is named once if all columns share one [`TableSpec`] allocation.
pub(super) fn global_table(columns: &[ColumnSpec]) -> Option<&TableSpec> {
    let (first, rest) = columns.split_first()?;
    rest.iter().all(|column| Arc::ptr_eq(&column.table, &first.table)).then_some(&first.table)
}

pub(super) fn decode_columns(
    reader: &mut Reader<'_>,
    flags: MetadataFlags,
    count: usize,
) -> Result<Arc<[ColumnSpec]>, DecodeError> {
    // The name and the type of a column take at least two bytes each.
    let limit = reader.rest().len() / 4;
    if count > limit {
        let kind = DecodeErrorKind::CountTooLarge { count, limit };
        return Err(reader.error(kind, "columns_count"));
    }
    let is_global = flags.contains(MetadataFlags::GLOBAL_TABLES_SPEC);
    let mut table = match is_global {
        true => decode_table(reader)?,
        false => Arc::default(),
    };
    let mut first_error = None;
    // An iterator of known length fills the `Arc` in place; a `Vec` would be copied. After an error,
    // the iterator therefore continues with placeholders.
    let columns = (0..count).map(|index| {
        let decoded = match first_error {
            None => decode_column(reader, is_global, index == 0, &mut table)
                .map_err(|error| first_error = Some(error)),
            Some(_) => Err(()),
        };
        decoded.unwrap_or_else(|()| ColumnSpec {
            table: Arc::clone(&table),
            name: Box::default(),
            cql_type: CqlType::Native(NativeType::Blob),
        })
    });
    let columns = columns.collect();
    first_error.map_or(Ok(columns), Err)
}

/// Decodes a column. `table` is the table of the previous column, and is replaced if this column
/// names another table.
fn decode_column(
    reader: &mut Reader<'_>,
    is_global: bool,
    is_first: bool,
    table: &mut Arc<TableSpec>,
) -> Result<ColumnSpec, DecodeError> {
    if !is_global {
        let (keyspace, name) = (reader.string("keyspace")?, reader.string("table")?);
        if (&*table.keyspace, &*table.table) != (keyspace, name) {
            *table = Arc::new(TableSpec { keyspace: keyspace.into(), table: name.into() });
        }
    }
    let name = reader.string("column_name")?.into();
    let column = ColumnSpec { table: Arc::clone(table), name, cql_type: CqlType::decode(reader)? };
    if !is_global && is_first {
        // Later columns get a second allocation. Otherwise `global_table`, which compares allocations,
        // would report that the table is named once.
        *table = Arc::new(TableSpec::clone(table));
    }
    Ok(column)
}

fn decode_table(reader: &mut Reader<'_>) -> Result<Arc<TableSpec>, DecodeError> {
    let keyspace = reader.string("keyspace")?.to_owned();
    Ok(Arc::new(TableSpec { keyspace, table: reader.string("table")?.to_owned() }))
}

pub(super) fn encode_columns(
    columns: &[ColumnSpec],
    global: Option<&TableSpec>,
    writer: &mut Writer<'_>,
    context: &Context,
) -> Result<(), EncodeError> {
    let encode_table = |table: &TableSpec, writer: &mut Writer<'_>| {
        writer.string(&table.keyspace, "keyspace")?;
        writer.string(&table.table, "table")
    };
    if let Some(table) = global {
        encode_table(table, writer)?;
    }
    columns.iter().try_for_each(|column| {
        if global.is_none() {
            encode_table(&column.table, writer)?;
        }
        writer.string(&column.name, "column_name")?;
        column.cql_type.encode(writer, context)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Version;

    fn decode(version: Version, flags: u8, rest: &[u8]) -> Result<RowsMetadata, DecodeError> {
        let body = [&[0, 0, 0, flags][..], rest].concat();
        RowsMetadata::decode(&mut Reader::new(&body), &version.into())
    }

    #[test]
    fn changed_metadata_must_describe_its_columns() {
        let no_columns = [0; 4];
        let error = decode(Version::V5, 0x0c, &no_columns).unwrap_err();
        assert_eq!(error, DecodeError::new(DecodeErrorKind::Contradiction, "flags", 0));
        // The flag has no meaning in v4.
        let decoded = decode(Version::V4, 0x0c, &no_columns).unwrap();
        assert_eq!(decoded.other_flags, MetadataFlags::METADATA_CHANGED);
        let changed = RowsMetadata { new_metadata_id: Some(Bytes::new()), ..RowsMetadata::none() };
        let refused = Err(EncodeError::new(EncodeErrorKind::Contradiction, "new_metadata_id"));
        let mut out = Vec::new();
        assert_eq!(changed.encode(&mut Writer::new(&mut out), &Version::V5.into()), refused);
        let changed = RowsMetadata { new_metadata_id: Some(Bytes::new()), ..RowsMetadata::new([]) };
        assert_eq!(changed.encode(&mut Writer::new(&mut out), &Version::V4.into()), refused);
    }

    #[test]
    fn shares_known_columns_only_if_the_description_is_unchanged() {
        // Keyspace "k", table "t", and one column.
        let [a, b] = [b'a', b'b'].map(|name| [0, 1, b'k', 0, 1, b't', 0, 1, name, 0, 9]);
        let known = KnownColumns::new();
        let decode = |flags: u8, count: u8, rest: &[u8]| {
            let body = [&[0, 0, 0, flags, 0, 0, 0, count], rest].concat();
            let mut reader = Reader::new(&body);
            let decoded =
                RowsMetadata::decode_with_known_columns(&mut reader, &Version::V4.into(), &known)
                    .unwrap();
            let plain = RowsMetadata::decode(&mut Reader::new(&body), &Version::V4.into()).unwrap();
            assert_eq!(decoded, plain);
            (decoded.columns.unwrap(), reader.rest().to_vec())
        };
        let (first, rest) = decode(1, 1, &[&a[..], &[7]].concat());
        assert_eq!(rest, [7]);
        let (again, rest) = decode(1, 1, &[&a[..], &[8]].concat());
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!(rest, [8]);
        // Not shared: a changed column, one column more, and a table for each column. The last two begin
        // with the cached bytes.
        let (other, _) = decode(1, 1, &b);
        assert_eq!(&*other[0].name, "b");
        let (other, _) = decode(1, 2, &[&a[..], &[0, 1, b'c', 0, 9]].concat());
        assert_eq!(other.len(), 2);
        let (other, _) = decode(0, 1, &a);
        assert!(!Arc::ptr_eq(&first, &other));
        assert!(Arc::ptr_eq(&first, &decode(1, 1, &a).0));
    }

    #[test]
    fn refuses_a_negative_number_of_columns() {
        for flags in [0, 4] {
            let error = decode(Version::V4, flags, &[0xff; 4]).unwrap_err();
            assert_eq!(error, DecodeError::new(DecodeErrorKind::Negative(-1), "columns_count", 4));
        }
    }

    #[test]
    fn the_paging_state_comes_before_the_new_metadata_id() {
        let rest = [[0, 0, 0, 0, 0, 0, 0, 1, 0xaa].as_slice(), &[0, 1, 0xbb]].concat();
        let decoded = decode(Version::V5, 0x0a, &rest).unwrap();
        assert_eq!(decoded.paging_state.as_deref(), Some(&[0xaa][..]));
        assert_eq!(decoded.new_metadata_id.as_deref(), Some(&[0xbb][..]));
    }
}
