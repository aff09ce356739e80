//! The cells of a row, or of the static columns of a partition.

use super::cell::{Cell, Deletion, Expiry, Moment, is_past_grace};
use super::column::{Elements, Path, StoredColumn};
use crate::types::{CqlType, Value};

/// A row. The static columns of a partition are a row without clustering values.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::store) struct StoredRow {
    /// The values of the clustering columns.
    pub(super) clustering: Box<[Value]>,
    /// The marker that INSERT writes. It keeps the row alive while all other columns are null.
    pub(super) liveness: Option<Liveness>,
    pub(super) deletion: Option<Deletion>,
    /// The cells with the indexes of their columns, in ascending order.
    columns: Vec<(usize, StoredColumn)>,
}

/// The time at which an INSERT wrote a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Liveness {
    pub(in crate::store) timestamp: i64,
    pub(in crate::store) expiry: Option<Expiry>,
    /// The time of the write on the clock of the store, in seconds since 1970.
    written: i64,
}

impl Liveness {
    pub(in crate::store) const fn new(expiry: Option<Expiry>, at: Moment) -> Self {
        Self { timestamp: at.timestamp, expiry, written: at.seconds }
    }

    fn is_live(&self, seconds: i64) -> bool {
        self.expiry.is_none_or(|expiry| expiry.remaining(seconds).is_some())
    }
}

impl StoredRow {
    pub(super) fn new(clustering: Box<[Value]>) -> Self {
        Self { clustering, ..Self::default() }
    }

    /// Returns true if nothing is stored, so that the row can be removed.
    pub(super) fn is_empty(&self) -> bool {
        self.liveness.is_none() && self.deletion.is_none() && self.columns.is_empty()
    }

    /// Returns true if a read returns the row.
    pub(in crate::store) fn is_live(&self, seconds: i64) -> bool {
        self.liveness.is_some_and(|liveness| liveness.is_live(seconds))
            || self.columns.iter().any(|(_, column)| column.is_live(seconds))
    }

    /// Returns the value of a clustering column.
    pub(in crate::store) fn clustering(&self, index: usize) -> Option<&Value> {
        self.clustering.get(index)
    }

    /// Returns the cells of a column.
    pub(in crate::store) fn column(&self, index: usize) -> Option<&StoredColumn> {
        let position = self.columns.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        self.columns.get(position).map(|(_, column)| column)
    }

    /// Returns the value of a column, or null.
    pub(in crate::store) fn value(&self, index: usize, cql_type: &CqlType, seconds: i64) -> Value {
        self.column(index).map_or(Value::Null, |column| column.value(cql_type, seconds))
    }

    /// Marks the row as inserted.
    pub(in crate::store) fn mark_live(&mut self, liveness: Liveness) {
        if self.is_deleted(liveness.timestamp) {
            return;
        }
        let rank = |of: &Liveness| (of.timestamp, of.expiry.is_some(), of.expiry);
        if self.liveness.is_none_or(|known| rank(&liveness) >= rank(&known)) {
            self.liveness = Some(liveness);
        }
    }

    /// Writes the cell of a column that is not a collection of cells.
    pub(in crate::store) fn write(&mut self, index: usize, cell: Cell, cql_type: &CqlType) {
        if self.is_deleted(cell.timestamp) {
            return;
        }
        match self.columns.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(position) => {
                if let Some((_, column)) = self.columns.get_mut(position) {
                    match column {
                        StoredColumn::Cell(known) if !cell.supersedes(known, cql_type) => {}
                        _ => *column = StoredColumn::Cell(cell),
                    }
                }
            }
            Err(position) => self.columns.insert(position, (index, StoredColumn::Cell(cell))),
        }
    }

    /// Writes one cell of a collection.
    pub(in crate::store) fn write_element(
        &mut self,
        index: usize,
        path: Path,
        cell: Cell,
        cql_type: &CqlType,
    ) {
        if !self.is_deleted(cell.timestamp)
            && let Some(elements) = self.elements(index)
        {
            elements.write(path, cell, cql_type);
        }
    }

    /// Deletes the older elements of a collection.
    pub(in crate::store) fn delete_elements(&mut self, index: usize, deletion: Deletion) {
        if !self.is_deleted(deletion.timestamp)
            && let Some(elements) = self.elements(index)
        {
            elements.delete(deletion);
        }
    }

    fn elements(&mut self, index: usize) -> Option<&mut Elements> {
        let position = match self.columns.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(position) => position,
            Err(position) => {
                self.columns.insert(position, (index, StoredColumn::Elements(Box::default())));
                position
            }
        };
        match self.columns.get_mut(position)? {
            (_, StoredColumn::Elements(elements)) => Some(elements),
            (_, StoredColumn::Cell(_)) => None,
        }
    }

    /// Deletes the row: all cells that are not newer.
    pub(in crate::store) fn delete(&mut self, deletion: Deletion) {
        self.deletion = self.deletion.max(Some(deletion));
        self.remove_older(deletion.timestamp);
    }

    /// Removes the cells that are not newer than a deletion.
    pub(super) fn remove_older(&mut self, timestamp: i64) {
        self.liveness = self.liveness.filter(|liveness| liveness.timestamp > timestamp);
        self.columns.retain_mut(|(_, column)| column.remove_older(timestamp));
    }

    fn is_deleted(&self, timestamp: i64) -> bool {
        self.deletion.is_some_and(|deletion| deletion.timestamp >= timestamp)
    }

    /// Removes what need not be kept.
    pub(super) fn purge(&mut self, seconds: i64, gc_grace: i64) {
        self.columns.retain_mut(|(_, column)| column.purge(seconds, gc_grace));
        self.liveness = self.liveness.filter(|liveness| {
            liveness.is_live(seconds) || !is_past_grace(liveness.written, seconds, gc_grace)
        });
        let is_kept = |deletion: &Deletion| !is_past_grace(deletion.seconds, seconds, gc_grace);
        self.deletion = self.deletion.filter(is_kept);
    }

    /// Gives the cells new indexes. Cells for which `index` returns `None` are removed.
    pub(super) fn reindex(&mut self, index: impl Fn(usize) -> Option<usize>) {
        let columns = std::mem::take(&mut self.columns).into_iter();
        self.columns = columns.filter_map(|(old, column)| Some((index(old)?, column))).collect();
        self.columns.sort_by_key(|(index, _)| *index);
    }
}
