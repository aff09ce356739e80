//! The target that builds record batches.

use bytes::Bytes;

use crate::arrow::{RecordBatchBuilder, RecordBatchError};
use crate::message::{Rows, RowsMetadata};
use crate::types::{ColumnSpec, CqlType, RowError, RowIter, Value, ValueError};
use crate::wire::Reader;

/// Builds a record batch from the number of rows, the type of their only column, and the cells. Asserts that it accepts
/// the cells that decode as [`Value`]s, and leaves the batch empty after an error.
pub fn arrow(data: &[u8]) {
    let Some((&count, data)) = data.split_first() else { return };
    let mut reader = Reader::new(data);
    let Ok(cql_type) = CqlType::decode(&mut reader) else { return };
    let columns = [ColumnSpec::new("ks", "t", "c", cql_type)];
    let (content, count) = (Bytes::copy_from_slice(reader.take_rest()), count.into());
    let page = Rows { metadata: RowsMetadata::new(columns.clone()), count, content };
    let Ok(mut builder) = RecordBatchBuilder::new(&columns) else { return };

    let values = RowIter::<Vec<Value>>::new(&page.content, &columns, count);
    let values = values.expect("a row of values reads all columns");
    let errors: Vec<_> = values.filter_map(Result::err).collect();
    match builder.append(&page) {
        Ok(()) => {
            // Arrow keeps duplicate elements.
            let is_duplicate = |error: &RowError| matches!(error.cause(), ValueError::Duplicate);
            let invalid = errors.iter().find(|error| !is_duplicate(error));
            assert!(invalid.is_none(), "an invalid cell was appended: {invalid:?}");
            let batch = builder.finish().expect("the arrays are valid");
            assert_eq!(batch.num_rows(), count);
            let data = batch.column(0).to_data();
            data.validate_full().expect("the data of the array are valid");
        }
        Err(error) => {
            assert_eq!((builder.len(), builder.byte_len()), (0, 0), "after {error}");
            // Arrow cannot represent a null key.
            let is_accepted = match &error {
                RecordBatchError::Row(error) => matches!(error.cause(), ValueError::Other(_)),
                error => matches!(error, RecordBatchError::NullsTooLarge { .. }),
            };
            assert!(is_accepted || !errors.is_empty(), "valid cells were not appended: {error}");
        }
    }
}
