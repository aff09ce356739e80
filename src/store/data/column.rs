//! The cells of one column in one row.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cell::{Cell, Deletion, is_past_grace};
use crate::store::key::ClusteringKey;
use crate::store::source::{CellTime, CellTimes};
use crate::types::{CqlType, NativeType, Value};

/// The cells of one column in one row.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) enum StoredColumn {
    Cell(Cell),
    Elements(Box<Elements>),
}

/// The cells of a collection or a user-defined type that is not frozen.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::store) struct Elements {
    pub(super) deletion: Option<Deletion>,
    pub(super) cells: BTreeMap<ClusteringKey, (Path, Cell)>,
}

/// The position of a cell in a collection.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) enum Path {
    /// The position in a list. Positions are unique in a store.
    Position(i64),
    /// The element of a set or the key of a map.
    Key(Value),
    /// The index of a field.
    Field(usize),
}

impl Path {
    pub(super) fn key(&self) -> ClusteringKey {
        match self {
            Self::Position(position) => ClusteringKey::of(&Value::BigInt(*position)),
            Self::Key(value) => ClusteringKey::of(value),
            Self::Field(index) => {
                ClusteringKey::of(&Value::BigInt(i64::try_from(*index).unwrap_or(i64::MAX)))
            }
        }
    }
}

impl Elements {
    /// Adds a cell, if no deletion and no other cell hides it.
    pub(super) fn write(&mut self, path: Path, cell: Cell, cql_type: &CqlType) {
        if self.deletion.is_some_and(|deletion| deletion.timestamp >= cell.timestamp) {
            return;
        }
        let key = path.key();
        let value_type = element_type(cql_type, &path);
        match self.cells.get(&key) {
            Some((_, known)) if !cell.supersedes(known, &value_type) => {}
            _ => {
                self.cells.insert(key, (path, cell));
            }
        }
    }

    /// Deletes older cells.
    pub(super) fn delete(&mut self, deletion: Deletion) {
        self.deletion = self.deletion.max(Some(deletion));
        self.remove_older(deletion.timestamp);
    }

    fn remove_older(&mut self, timestamp: i64) {
        self.cells.retain(|_, (_, cell)| cell.timestamp > timestamp);
    }

    /// Returns the live cells in order.
    pub(in crate::store) fn live(
        &self,
        seconds: i64,
    ) -> impl DoubleEndedIterator<Item = (&Path, &Value, &Cell)> {
        let cells = self.cells.values();
        cells.filter_map(move |(path, cell)| Some((path, cell.live(seconds)?, cell)))
    }
}

/// Returns the type of an element's cell.
fn element_type(cql_type: &CqlType, path: &Path) -> CqlType {
    match (cql_type, path) {
        (CqlType::List(element), _) => (**element).clone(),
        (CqlType::Map(types), _) => types.1.clone(),
        (CqlType::Udt(udt), Path::Field(index)) => {
            udt.fields.get(*index).map_or(NativeType::Blob.into(), |(_, of)| of.clone())
        }
        _ => NativeType::Blob.into(),
    }
}

impl StoredColumn {
    /// Removes cells that are not newer than a deletion. Returns false if nothing is left.
    pub(super) fn remove_older(&mut self, timestamp: i64) -> bool {
        match self {
            Self::Cell(cell) => cell.timestamp > timestamp,
            Self::Elements(elements) => {
                elements.remove_older(timestamp);
                elements.deletion = elements.deletion.filter(|own| own.timestamp > timestamp);
                !elements.cells.is_empty() || elements.deletion.is_some()
            }
        }
    }

    /// Removes what need not be kept. Returns false if nothing is left.
    pub(super) fn purge(&mut self, seconds: i64, gc_grace: i64) -> bool {
        match self {
            Self::Cell(cell) => !cell.is_purgeable(seconds, gc_grace),
            Self::Elements(elements) => {
                elements.cells.retain(|_, (_, cell)| !cell.is_purgeable(seconds, gc_grace));
                let is_kept =
                    |deletion: &Deletion| !is_past_grace(deletion.seconds, seconds, gc_grace);
                elements.deletion = elements.deletion.filter(is_kept);
                !elements.cells.is_empty() || elements.deletion.is_some()
            }
        }
    }

    /// Returns true if a part of the column is not null.
    pub(super) fn is_live(&self, seconds: i64) -> bool {
        match self {
            Self::Cell(cell) => cell.live(seconds).is_some(),
            Self::Elements(elements) => elements.live(seconds).next().is_some(),
        }
    }

    /// Returns the value, or null if nothing of it is live.
    pub(in crate::store) fn value(&self, cql_type: &CqlType, seconds: i64) -> Value {
        let elements = match self {
            Self::Cell(cell) => return cell.live(seconds).cloned().unwrap_or(Value::Null),
            Self::Elements(elements) => elements,
        };
        let key = |path: &Path| match path {
            Path::Key(key) => key.clone(),
            Path::Position(_) | Path::Field(_) => Value::Null,
        };
        let mut live = elements.live(seconds).peekable();
        if live.peek().is_none() {
            return Value::Null;
        }
        match cql_type {
            CqlType::List(_) => Value::List(live.map(|(_, value, _)| value.clone()).collect()),
            CqlType::Set(_) => Value::Set(live.map(|(path, ..)| key(path)).collect()),
            CqlType::Map(_) => {
                Value::Map(live.map(|(path, value, _)| (key(path), value.clone())).collect())
            }
            CqlType::Udt(udt) => {
                let mut fields = vec![Value::Null; udt.fields.len()];
                for (path, value, _) in live {
                    if let Path::Field(index) = path
                        && let Some(field) = fields.get_mut(*index)
                    {
                        *field = value.clone();
                    }
                }
                Value::Udt { udt: Arc::clone(udt), fields }
            }
            _ => Value::Null,
        }
    }

    /// Returns the times of the live cells.
    pub(super) fn times(&self, cql_type: &CqlType, seconds: i64) -> CellTimes {
        let time = |cell: &Cell| CellTime {
            written: cell.timestamp,
            ttl: cell.expiry.and_then(|expiry| expiry.remaining(seconds)),
        };
        let elements = match self {
            Self::Cell(cell) => {
                return cell
                    .live(seconds)
                    .map_or(CellTimes::Absent, |_| CellTimes::Cell(time(cell)));
            }
            Self::Elements(elements) => elements,
        };
        let live = elements.live(seconds);
        let times: Vec<_> = match cql_type {
            CqlType::Udt(udt) => {
                let mut times = vec![None; udt.fields.len()];
                for (path, _, cell) in live {
                    if let Path::Field(index) = path
                        && let Some(of_field) = times.get_mut(*index)
                    {
                        *of_field = Some(time(cell));
                    }
                }
                times
            }
            _ => live.map(|(_, _, cell)| Some(time(cell))).collect(),
        };
        match times.iter().any(Option::is_some) {
            true => CellTimes::Elements(times),
            false => CellTimes::Absent,
        }
    }
}
