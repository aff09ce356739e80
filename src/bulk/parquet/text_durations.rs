//! Durations as text in Arrow, because Parquet has no type for their months, days and nanoseconds.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::IntervalMonthDayNanoType;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray, make_array};
use arrow_schema::{ArrowError, DataType, Field, Fields, IntervalUnit, Schema, SchemaRef};

use crate::types::Duration;

/// A schema whose durations are text, and the conversion of batches to it.
#[derive(Debug)]
pub(super) struct TextDurations(SchemaRef);

impl TextDurations {
    pub(super) fn new(schema: &Schema) -> Self {
        let fields = text_fields(schema.fields());
        Self(Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.0
    }

    pub(super) fn batch(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let columns = batch.columns().iter().map(text_array).collect::<Result<_, _>>()?;
        RecordBatch::try_new(Arc::clone(&self.0), columns)
    }
}

const DURATION: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

fn text_fields(fields: &Fields) -> Fields {
    fields.iter().map(text_field).collect()
}

fn text_field(field: &Arc<Field>) -> Arc<Field> {
    Arc::new(field.as_ref().clone().with_data_type(text_type(field.data_type())))
}

fn text_type(data_type: &DataType) -> DataType {
    match data_type {
        &DURATION => DataType::Utf8,
        DataType::List(element) => DataType::List(text_field(element)),
        DataType::FixedSizeList(element, size) => {
            DataType::FixedSizeList(text_field(element), *size)
        }
        DataType::Map(entries, is_sorted) => DataType::Map(text_field(entries), *is_sorted),
        DataType::Struct(fields) => DataType::Struct(text_fields(fields)),
        other => other.clone(),
    }
}

fn text_array(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if let Some(durations) = array.as_primitive_opt::<IntervalMonthDayNanoType>() {
        let text = durations.iter().map(|duration| {
            let duration = duration?;
            let (months, days, nanoseconds) =
                (duration.months, duration.days, duration.nanoseconds);
            Some(Duration { months, days, nanoseconds }.to_string())
        });
        return Ok(Arc::new(text.collect::<StringArray>()));
    }
    let data_type = text_type(array.data_type());
    if data_type == *array.data_type() {
        return Ok(Arc::clone(array));
    }
    let data = array.to_data();
    let children = data.child_data().iter().map(|child| make_array(child.clone()));
    let children = children.map(|child| Ok(text_array(&child)?.to_data()));
    let children = children.collect::<Result<_, ArrowError>>()?;
    Ok(make_array(data.into_builder().data_type(data_type).child_data(children).build()?))
}
