//! Columns of durations.

use arrow_array::ArrayRef;
use arrow_array::types::IntervalMonthDayNanoType;
use arrow_buffer::IntervalMonthDayNano;
use arrow_schema::ArrowError;

use super::column::{Column, Failure, Limits, RawCell};
use super::fixed::primitive;
use super::validity::Validity;
use crate::types::{Cell, CqlType, Duration, FromCql, NativeType};

#[derive(Default)]
pub(super) struct DurationColumn {
    values: Vec<IntervalMonthDayNano>,
    validity: Validity,
}

impl Column for DurationColumn {
    fn extend(&mut self, cells: &[RawCell<'_>], limits: &mut Limits) -> Result<(), Failure> {
        for cell in cells {
            self.values.push(match cell.filter(|bytes| !bytes.is_empty()) {
                Some(bytes) => {
                    let cql_type = CqlType::Native(NativeType::Duration);
                    let Duration { months, days, nanoseconds } =
                        Duration::from_cell(Cell::new(bytes), &cql_type)?;
                    IntervalMonthDayNano { months, days, nanoseconds }
                }
                None => IntervalMonthDayNano::default(),
            });
        }
        self.validity.extend_non_empty(cells, limits);
        Ok(())
    }

    fn extend_nulls(&mut self, count: usize) {
        self.values
            .resize(self.values.len().saturating_add(count), IntervalMonthDayNano::default());
        self.validity.extend_nulls(count);
    }

    fn null_len(&self) -> usize {
        size_of::<IntervalMonthDayNano>()
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
        self.validity.truncate(len);
    }

    fn byte_len(&self) -> usize {
        size_of_val(self.values.as_slice()).saturating_add(self.validity.byte_len())
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        primitive::<IntervalMonthDayNanoType>(
            std::mem::take(&mut self.values),
            self.validity.finish(),
        )
    }
}
