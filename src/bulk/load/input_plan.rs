//! The inputs of a load, and the columns that they have.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::input_options::InputOptions;
use super::planned_input::{OpenInput, PlannedInput};
use crate::bulk::InputSource;
use crate::bulk::column_map::{TIMESTAMP, TTL};
use crate::cli::Failure;
use crate::types::{ColumnSpec, NativeType};

/// The inputs of a load, all of which have the same columns.
#[derive(Debug)]
pub(super) struct InputPlan {
    pub(super) inputs: Vec<PlannedInput>,
    /// The columns of the rows, in the order of the table; the write time and the time to live are the last.
    pub(super) columns: Vec<ColumnSpec>,
}

impl InputPlan {
    /// Reads the headers of the inputs, and finds the columns of their fields. `table` has all columns of the table.
    ///
    /// # Errors
    /// Returns an error if an input cannot be read, if a field has no column, or if the
    /// inputs have different columns.
    pub(super) fn new(
        sources: Vec<InputSource>,
        options: &InputOptions,
        table: &[ColumnSpec],
        read: &Arc<AtomicU64>,
    ) -> Result<Self, Failure> {
        let all = with_row_options(table);
        let mut plan = Self { inputs: Vec::new(), columns: Vec::new() };
        for source in sources {
            let wrong = |reason: String| Failure::Arguments(format!("{source}: {reason}"));
            let input = OpenInput::open(source.clone(), options, read)?;
            let indexes = input.columns(options, table.len(), &all).map_err(wrong)?;
            let mut own: Vec<usize> = indexes.iter().copied().flatten().collect();
            own.sort_unstable();
            let columns: Vec<ColumnSpec> =
                own.iter().filter_map(|index| all.get(*index).cloned()).collect();
            match plan.inputs.first() {
                None => plan.columns.clone_from(&columns),
                Some(first) if plan.columns != columns => {
                    return Err(wrong(format!(
                        "its columns are {}, but those of {} are {}: load them one after the other",
                        names(&columns),
                        first.source,
                        names(&plan.columns)
                    )));
                }
                Some(_) => {}
            }
            let position = |index: Option<usize>| {
                index.and_then(|index| own.iter().position(|own| *own == index))
            };
            let indexes = indexes.into_iter().map(position).collect();
            plan.inputs.push(input.plan(&columns, indexes, table, options)?);
        }
        Ok(plan)
    }

    /// Returns true if the rows have a column with this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|column| &*column.name == name)
    }

    /// Returns the size of all inputs in bytes, or `None` if it is unknown.
    pub(super) fn size(&self) -> Option<u64> {
        self.inputs.iter().map(|input| input.source.size()).sum()
    }
}

/// Returns the columns of the table, and those of the write time and the time to live.
fn with_row_options(table: &[ColumnSpec]) -> Vec<ColumnSpec> {
    let other = [(TIMESTAMP, NativeType::BigInt), (TTL, NativeType::Int)];
    let other = other.map(|(name, native)| ColumnSpec::new("", "", name, native));
    table.iter().cloned().chain(other).collect()
}

fn names(columns: &[ColumnSpec]) -> String {
    columns.iter().map(|column| &*column.name).collect::<Vec<_>>().join(", ")
}
