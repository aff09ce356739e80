//! A row of the page `SPARSE_EVENTS`, and arrow's builders, into which users of a driver push such rows.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, FixedSizeBinaryBuilder, Float64Builder, Int32Builder,
    Int64Builder, StringBuilder, TimestampMillisecondBuilder,
};
use cqlwire::FromRow;
use uuid::Uuid;

/// A row whose columns can be null, except its key.
#[derive(FromRow)]
pub struct Event<'r> {
    pub number: i32,
    pub total: Option<i64>,
    pub mean: Option<f64>,
    pub done: Option<bool>,
    pub at: Option<cqlwire::types::Timestamp>,
    pub id: Uuid,
    pub title: Option<&'r str>,
    pub payload: Option<&'r [u8]>,
}

/// The builders of the columns of [`Event`].
pub struct Builders {
    numbers: Int32Builder,
    totals: Int64Builder,
    means: Float64Builder,
    done: BooleanBuilder,
    at: TimestampMillisecondBuilder,
    ids: FixedSizeBinaryBuilder,
    titles: StringBuilder,
    payloads: BinaryBuilder,
}

impl Builders {
    pub fn new(rows: usize) -> Self {
        Self {
            numbers: Int32Builder::with_capacity(rows),
            totals: Int64Builder::with_capacity(rows),
            means: Float64Builder::with_capacity(rows),
            done: BooleanBuilder::with_capacity(rows),
            at: TimestampMillisecondBuilder::with_capacity(rows).with_timezone("UTC"),
            ids: FixedSizeBinaryBuilder::with_capacity(rows, 16),
            titles: StringBuilder::new(),
            payloads: BinaryBuilder::new(),
        }
    }

    pub fn push(&mut self, event: Event<'_>) {
        self.numbers.append_value(event.number);
        self.totals.append_option(event.total);
        self.means.append_option(event.mean);
        self.done.append_option(event.done);
        self.at.append_option(event.at.map(|at| at.0));
        self.ids.append_value(event.id.as_bytes()).unwrap();
        self.titles.append_option(event.title);
        self.payloads.append_option(event.payload);
    }

    pub fn finish(mut self) -> Vec<ArrayRef> {
        vec![
            Arc::new(self.numbers.finish()),
            Arc::new(self.totals.finish()),
            Arc::new(self.means.finish()),
            Arc::new(self.done.finish()),
            Arc::new(self.at.finish()),
            Arc::new(self.ids.finish()),
            Arc::new(self.titles.finish()),
            Arc::new(self.payloads.finish()),
        ]
    }
}
