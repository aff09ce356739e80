//! The rows of a partition.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};

use super::cell::{Deletion, is_past_grace};
use super::row::StoredRow;
use crate::store::key::ClusteringKey;
use crate::types::Value;

/// A range of clustering keys.
pub(in crate::store) type RowRange = (Bound<ClusteringKey>, Bound<ClusteringKey>);

/// The rows of a partition, and the deletions of ranges of them.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Partition {
    /// The values of the partition key.
    pub(super) key: Box<[Value]>,
    deletion: Option<Deletion>,
    ranges: Vec<(RowRange, Deletion)>,
    /// The static columns.
    pub(in crate::store) static_row: StoredRow,
    rows: BTreeMap<ClusteringKey, StoredRow>,
}

impl Partition {
    pub(super) fn new(key: Box<[Value]>) -> Self {
        Self { key, ..Self::default() }
    }

    /// Returns the value of a column of the partition key.
    pub(in crate::store) fn key(&self, index: usize) -> Option<&Value> {
        self.key.get(index)
    }

    /// Returns the row of a key.
    pub(in crate::store) fn row(&self, key: &ClusteringKey) -> Option<&StoredRow> {
        self.rows.get(key)
    }

    /// Returns the rows in a range.
    pub(in crate::store) fn rows(
        &self,
        range: &RowRange,
    ) -> impl DoubleEndedIterator<Item = (&ClusteringKey, &StoredRow)> {
        // `BTreeMap::range` does not accept a range that ends before it begins.
        let range = is_range(range).then(|| self.rows.range((range.0.as_ref(), range.1.as_ref())));
        range.into_iter().flatten()
    }

    /// Changes a row, which is created if it does not exist. `write` must not keep cells that are not
    /// newer than the timestamp it gets.
    pub(in crate::store) fn write(
        &mut self,
        key: &ClusteringKey,
        clustering: &[Value],
        write: impl FnOnce(&mut StoredRow),
    ) {
        let hidden = self.hidden(key);
        let row = match self.rows.get_mut(key) {
            Some(row) => row,
            None => {
                self.rows.entry(key.clone()).or_insert_with(|| StoredRow::new(clustering.into()))
            }
        };
        write(row);
        if let Some(timestamp) = hidden {
            row.remove_older(timestamp);
            row.deletion = row.deletion.filter(|deletion| deletion.timestamp > timestamp);
        }
        if row.is_empty() {
            self.rows.remove(key);
        }
    }

    /// Changes the static columns.
    pub(in crate::store) fn write_static(&mut self, write: impl FnOnce(&mut StoredRow)) {
        write(&mut self.static_row);
        if let Some(deletion) = self.deletion {
            self.static_row.remove_older(deletion.timestamp);
        }
    }

    /// Returns the timestamp of the newest deletion of the partition or of a range with this row.
    fn hidden(&self, key: &ClusteringKey) -> Option<i64> {
        let of_ranges = self.ranges.iter().filter(|(range, _)| range.contains(key));
        let of_ranges = of_ranges.map(|(_, deletion)| deletion.timestamp).max();
        of_ranges.max(self.deletion.map(|deletion| deletion.timestamp))
    }

    /// Deletes the partition.
    pub(in crate::store) fn delete(&mut self, deletion: Deletion) {
        self.deletion = self.deletion.max(Some(deletion));
        self.ranges.retain(|(_, known)| known.timestamp > deletion.timestamp);
        self.static_row.remove_older(deletion.timestamp);
        self.rows.retain(|_, row| remove_older(row, deletion.timestamp));
    }

    /// Deletes the rows in a range.
    pub(in crate::store) fn delete_range(&mut self, range: RowRange, deletion: Deletion) {
        if !is_range(&range) {
            return;
        }
        let mut emptied = Vec::new();
        for (key, row) in self.rows.range_mut((range.0.as_ref(), range.1.as_ref())) {
            if !remove_older(row, deletion.timestamp) {
                emptied.push(key.clone());
            }
        }
        for key in emptied {
            self.rows.remove(&key);
        }
        // A newer deletion replaces the older ones of the ranges in its own.
        self.ranges.retain(|(known, older)| {
            !contains(&range, known) || older.timestamp > deletion.timestamp
        });
        self.ranges.push((range, deletion));
    }

    /// Removes what need not be kept. Returns false if nothing is left.
    pub(super) fn purge(&mut self, seconds: i64, gc_grace: i64) -> bool {
        let is_kept = |deletion: &Deletion| !is_past_grace(deletion.seconds, seconds, gc_grace);
        self.deletion = self.deletion.filter(is_kept);
        self.ranges.retain(|(_, deletion)| is_kept(deletion));
        self.static_row.purge(seconds, gc_grace);
        self.rows.retain(|_, row| {
            row.purge(seconds, gc_grace);
            !row.is_empty()
        });
        self.deletion.is_some()
            || !self.ranges.is_empty()
            || !self.static_row.is_empty()
            || !self.rows.is_empty()
    }

    /// Calls `change` with each row and with the static columns.
    pub(super) fn for_each_row(&mut self, mut change: impl FnMut(&mut StoredRow)) {
        change(&mut self.static_row);
        self.rows.values_mut().for_each(change);
    }

    /// Returns the number of rows, with those that are not live.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}

/// Removes the cells and the deletion of a row that are not newer than a deletion. Returns false if
/// nothing is left.
fn remove_older(row: &mut StoredRow, timestamp: i64) -> bool {
    row.remove_older(timestamp);
    row.deletion = row.deletion.filter(|deletion| deletion.timestamp > timestamp);
    !row.is_empty()
}

/// Returns true if all keys of the range `inner` are in `outer`.
fn contains(outer: &RowRange, inner: &RowRange) -> bool {
    use Bound::{Excluded, Included, Unbounded};
    let starts_before = match (&outer.0, &inner.0) {
        (Unbounded, _) => true,
        (_, Unbounded) => false,
        (Excluded(outer), Included(inner)) => outer < inner,
        (Included(outer) | Excluded(outer), Included(inner) | Excluded(inner)) => outer <= inner,
    };
    let ends_after = match (&outer.1, &inner.1) {
        (Unbounded, _) => true,
        (_, Unbounded) => false,
        (Excluded(outer), Included(inner)) => outer > inner,
        (Included(outer) | Excluded(outer), Included(inner) | Excluded(inner)) => outer >= inner,
    };
    starts_before && ends_after
}

/// Returns true if a range can contain keys.
pub(super) fn is_range<T: Ord>((from, to): &(Bound<T>, Bound<T>)) -> bool {
    match (from, to) {
        (Bound::Included(from), Bound::Included(to)) => from <= to,
        (Bound::Included(from) | Bound::Excluded(from), Bound::Excluded(to))
        | (Bound::Excluded(from), Bound::Included(to)) => from < to,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_replaces_those_of_the_ranges_in_its_own() {
        let key = |number| ClusteringKey::of(&Value::Int(number));
        let below = |number| (Bound::Unbounded, Bound::Excluded(key(number)));
        let deletion = |timestamp| Deletion { timestamp, seconds: 1 };
        let mut partition = Partition::default();
        for number in 1..=100 {
            partition.delete_range(below(number), deletion(number.into()));
        }
        assert_eq!(partition.ranges, [(below(100), deletion(100))]);
        // Neither an older deletion nor one of another range replaces it.
        partition.delete_range((Bound::Unbounded, Bound::Unbounded), deletion(99));
        let included = |to| (Bound::Included(key(50)), Bound::Included(key(to)));
        partition.delete_range(included(100), deletion(101));
        assert_eq!(partition.ranges.len(), 3);
        let excluded = (Bound::Excluded(key(50)), Bound::Excluded(key(100)));
        assert!(!contains(&excluded, &included(99)));
        assert!(contains(&included(100), &excluded));
    }
}
