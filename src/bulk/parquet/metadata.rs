//! The metadata of a Parquet file, for types that the crate parquet would read with a loss.

use std::fs::File;
use std::sync::Arc;

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::{ConvertedType, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};

use super::cell::LeafKind;
use super::schema_depth::check_schema_depth;

/// Reads the footer of a file. Returns the kinds of the leaves of each field, too.
///
/// # Errors
/// Returns an error if the file cannot be read, or is damaged.
pub(super) fn load(file: &File) -> Result<(ArrowReaderMetadata, Vec<Vec<LeafKind>>), ParquetError> {
    check_schema_depth(file)?;
    let metadata = ArrowReaderMetadata::load(file, ArrowReaderOptions::new())?;
    let schema = metadata.parquet_schema();
    let mut leaves = vec![Vec::new(); schema.root_schema().get_fields().len()];
    for (leaf, column) in schema.columns().iter().enumerate() {
        if let Some(leaves) = leaves.get_mut(schema.get_column_root_idx(leaf)) {
            leaves.push(kind(column.self_type()));
        }
    }
    let metadata = match leaves.iter().flatten().all(|kind| *kind == LeafKind::Plain) {
        true => metadata,
        false => {
            let root = Arc::new(as_bytes(schema.root_schema())?);
            let schema = Arc::new(SchemaDescriptor::new(root));
            let options = ArrowReaderOptions::new().with_parquet_schema(schema);
            ArrowReaderMetadata::load(file, options)?
        }
    };
    // The crate leaves out groups without fields, and the indexes of the fields after them would be wrong.
    match metadata.schema().fields().len() == leaves.len() {
        true => Ok((metadata, leaves)),
        false => Err(ParquetError::General("a group of its schema has no fields".to_owned())),
    }
}

fn kind(leaf: &Type) -> LeafKind {
    match (leaf.get_physical_type(), leaf.get_basic_info().converted_type()) {
        (PhysicalType::INT96, _) => LeafKind::Int96,
        (_, ConvertedType::INTERVAL) => LeafKind::Interval,
        _ => LeafKind::Plain,
    }
}

/// Returns the schema with 12 bytes in place of intervals and timestamps of 96 bits. The crate reads either the months of an
/// interval, or its days and milliseconds. It reads a timestamp as 64 bits, which overflow or lack its last digits.
fn as_bytes(of: &Type) -> Result<Type, ParquetError> {
    let info = of.get_basic_info();
    if of.is_primitive() {
        let bytes = Type::primitive_type_builder(info.name(), PhysicalType::FIXED_LEN_BYTE_ARRAY);
        return bytes.with_length(12).with_repetition(info.repetition()).build();
    }
    let field = |field: &TypePtr| match field.is_primitive() && kind(field) == LeafKind::Plain {
        true => Ok(Arc::clone(field)),
        false => as_bytes(field).map(Arc::new),
    };
    let fields = of.get_fields().iter().map(field).collect::<Result<_, _>>()?;
    let mut group = Type::group_type_builder(info.name())
        .with_converted_type(info.converted_type())
        .with_logical_type(info.logical_type_ref().cloned())
        .with_fields(fields);
    if info.has_repetition() {
        group = group.with_repetition(info.repetition());
    }
    group.build()
}
