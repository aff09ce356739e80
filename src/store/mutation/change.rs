//! The changes that a statement makes.

use std::sync::Arc;

use crate::store::data::{Expiry, Moment, Path, RowRange};
use crate::store::key::{ClusteringKey, PartitionKey};
use crate::store::schema::TableSchema;
use crate::types::Value;

/// A change of one partition.
#[derive(Debug)]
pub(in crate::store) struct Change {
    pub(in crate::store) table: Arc<TableSchema>,
    pub(in crate::store) partition: PartitionKey,
    /// The values of the partition key.
    pub(in crate::store) key: Arc<[Value]>,
    pub(in crate::store) at: Moment,
    pub(in crate::store) kind: ChangeKind,
}

/// The kind of a [`Change`].
#[derive(Debug)]
pub(in crate::store) enum ChangeKind {
    DeletePartition,
    DeleteRange(RowRange),
    DeleteRow(ClusteringKey, Box<[Value]>),
    Write {
        /// The key and the clustering values of the row, or `None` for the static columns.
        row: Option<(ClusteringKey, Box<[Value]>)>,
        /// True for an INSERT, which creates a row in which all other columns are null.
        is_insert: bool,
        expiry: Option<Expiry>,
        writes: Vec<Write>,
    },
}

/// A write to one column.
#[derive(Debug, Clone)]
pub(in crate::store) enum Write {
    /// The value of a column that is one cell. `None` deletes it.
    Cell { column: usize, value: Option<Value> },
    /// The value of an element. `None` deletes it.
    Element { column: usize, path: Path, value: Option<Value> },
    /// The deletion of the elements that were written before the statement.
    DeleteElements { column: usize },
    /// The deletion of the elements that the following writes of the statement replace. The elements
    /// of another statement with the same timestamp remain.
    ReplaceElements { column: usize },
    /// A number that is added to a counter.
    Count { column: usize, delta: i64 },
}
