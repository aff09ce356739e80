//! The rows of a table: cells with their times, and deletions.
//!
//! A deletion removes older cells when it is written, and is kept, because a write with an older
//! timestamp may follow. No stored cell is therefore hidden by a stored deletion, and a read looks only
//! at cells.

mod cell;
mod column;
mod partition;
mod row;
mod table;

pub(in crate::store) use cell::{Cell, Expiry, Moment};
pub(in crate::store) use column::{Path, StoredColumn};
pub(in crate::store) use partition::{Partition, RowRange};
pub(in crate::store) use row::{Liveness, StoredRow};
pub(in crate::store) use table::TableData;
