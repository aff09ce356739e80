//! The metadata of a Parquet file, for types that the crate parquet would read with a loss.

use std::fs::File;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::{ConvertedType, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};

/// Reads the footer of a file.
///
/// # Errors
/// Returns an error if the file cannot be read, or is damaged.
pub(super) fn load(file: &File) -> Result<ArrowReaderMetadata, ParquetError> {
    let metadata = ArrowReaderMetadata::load(file, ArrowReaderOptions::new())?;
    let schema = metadata.parquet_schema();
    let has = |is_one: &dyn Fn(&Type) -> bool| {
        schema.columns().iter().any(|column| is_one(column.self_type()))
    };
    let (has_intervals, has_int96) = (has(&is_interval), has(&is_int96));
    let metadata = match has_intervals {
        true => {
            let root = Arc::new(without_intervals(schema.root_schema())?);
            let schema = Arc::new(SchemaDescriptor::new(root));
            let options = ArrowReaderOptions::new().with_parquet_schema(schema);
            ArrowReaderMetadata::load(file, options)?
        }
        false => metadata,
    };
    match has_int96 {
        true => with_long_timestamps(&metadata),
        false => Ok(metadata),
    }
}

fn is_interval(leaf: &Type) -> bool {
    leaf.get_basic_info().converted_type() == ConvertedType::INTERVAL
}

fn is_int96(leaf: &Type) -> bool {
    leaf.get_physical_type() == PhysicalType::INT96
}

/// Returns the schema with intervals as 12 bytes: the crate reads either their months, or their days and milliseconds.
fn without_intervals(of: &Type) -> Result<Type, ParquetError> {
    let info = of.get_basic_info();
    if of.is_primitive() {
        let bytes = Type::primitive_type_builder(info.name(), PhysicalType::FIXED_LEN_BYTE_ARRAY);
        return bytes.with_length(12).with_repetition(info.repetition()).build();
    }
    let field = |field: &TypePtr| match field.is_primitive() && !is_interval(field) {
        true => Ok(Arc::clone(field)),
        false => without_intervals(field).map(Arc::new),
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

/// Returns the metadata with which timestamps of 96 bits, which older versions of Spark write, are read as microseconds. As
/// nanoseconds, which is the default, those after the year 2262 would be wrong.
fn with_long_timestamps(
    metadata: &ArrowReaderMetadata,
) -> Result<ArrowReaderMetadata, ParquetError> {
    let leaves = metadata.parquet_schema();
    let roots: Vec<usize> = leaves
        .columns()
        .iter()
        .enumerate()
        .filter(|(_, column)| is_int96(column.self_type()))
        .map(|(leaf, _)| leaves.get_column_root_idx(leaf))
        .collect();
    let field = |(index, field): (usize, &Arc<Field>)| match field.data_type() {
        DataType::Timestamp(_, zone) if roots.contains(&index) => {
            let micros = DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
            Arc::new(field.as_ref().clone().with_data_type(micros))
        }
        _ => Arc::clone(field),
    };
    let schema = metadata.schema();
    let fields: Vec<_> = schema.fields().iter().enumerate().map(field).collect();
    let schema = Schema::new_with_metadata(fields, schema.metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)
}
