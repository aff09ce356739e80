//! The rows of columns as a table keeps them until it is built.

use super::column::{ClusteringOrder, ColumnKind};
use crate::wire::{DecodeError, Reader, Writer};

/// The columns of one table, in a compact form: the names of the columns, and 11 bytes each.
#[derive(Debug, Default)]
pub(super) struct ColumnRows(Vec<u8>);

/// A row of a columns table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ColumnRow<'r> {
    pub(super) name: &'r str,
    /// The index of the type in the types of the keyspace.
    pub(super) type_index: u32,
    pub(super) kind: ColumnKind,
    /// The position within the key. Negative for columns that are not part of the key.
    pub(super) position: i32,
    pub(super) order: ClusteringOrder,
}

/// The kinds of columns, in the order of their numbers in [`ColumnRows`].
const KINDS: [ColumnKind; 4] =
    [ColumnKind::PartitionKey, ColumnKind::Clustering, ColumnKind::Static, ColumnKind::Regular];

/// The bit of a kind's number that says that the order is descending.
const DESCENDING: u8 = 0x80;

impl ColumnRow<'_> {
    /// Writes the row at the end of `rows`. Returns false, and leaves `rows` unchanged, if the name is
    /// longer than any column's.
    pub(super) fn write(self, rows: &mut Vec<u8>) -> bool {
        let Ok(length) = u16::try_from(self.name.len()) else { return false };
        let kind = KINDS.iter().zip(0_u8..).find(|(kind, _)| **kind == self.kind);
        let kind = kind.map(|(_, number)| number).unwrap_or_default();
        let descending = if self.order == ClusteringOrder::Desc { DESCENDING } else { 0 };
        let mut writer = Writer::new(rows);
        writer.byte(kind | descending);
        writer.int(self.position);
        writer.int(self.type_index.cast_signed());
        writer.short(length);
        writer.raw(self.name.as_bytes());
        true
    }
}

impl ColumnRows {
    /// Adds rows that [`ColumnRow::write`] has written.
    pub(super) fn append(&mut self, rows: &[u8]) {
        self.0.extend_from_slice(rows);
    }

    /// Releases unused memory once all rows have been added.
    pub(super) fn shrink_to_fit(&mut self) {
        self.0.shrink_to_fit();
    }

    /// Returns the rows, in the order in which they were added.
    pub(super) fn iter(&self) -> impl Iterator<Item = ColumnRow<'_>> {
        let mut reader = Reader::new(&self.0);
        std::iter::from_fn(move || read(&mut reader).ok())
    }
}

/// Reads the next row.
///
/// # Errors
/// Returns an error at the end.
fn read<'r>(reader: &mut Reader<'r>) -> Result<ColumnRow<'r>, DecodeError> {
    let first = reader.byte("kind")?;
    let kind = KINDS.get(usize::from(first & !DESCENDING)).copied();
    let position = reader.int("position")?;
    let type_index = reader.int("type")?.cast_unsigned();
    Ok(ColumnRow {
        name: reader.string("name")?,
        type_index,
        kind: kind.unwrap_or(ColumnKind::Regular),
        position,
        order: match first & DESCENDING {
            0 => ClusteringOrder::Asc,
            _ => ClusteringOrder::Desc,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_returned_as_they_were_added() {
        let long = "x".repeat(usize::from(u16::MAX));
        let rows = [("k", 0), ("", -1), ("é", 2), (&*long, 1)].map(|(name, position)| ColumnRow {
            name,
            type_index: u32::MAX,
            kind: KINDS[name.len() % 4],
            position,
            order: if position < 0 { ClusteringOrder::Desc } else { ClusteringOrder::Asc },
        });
        let mut kept = ColumnRows::default();
        for part in rows.chunks(3) {
            let mut written = Vec::new();
            assert!(part.iter().all(|row| row.write(&mut written)));
            kept.append(&written);
        }
        assert_eq!(kept.iter().collect::<Vec<_>>(), rows);
    }

    #[test]
    fn a_name_that_is_too_long_is_left_out() {
        let name = "x".repeat(usize::from(u16::MAX) + 1);
        let (kind, order) = (ColumnKind::Static, ClusteringOrder::Asc);
        let row = ColumnRow { name: &name, type_index: 0, kind, position: 0, order };
        let mut written = Vec::new();
        assert!(!row.write(&mut written));
        assert!(written.is_empty());
    }
}
