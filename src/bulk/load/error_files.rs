//! The error files of all inputs of a load.

use std::collections::HashMap;
use std::path::Path;

use super::input_plan::InputPlan;
use super::input_row::InputRow;
use super::input_thread::InvalidRecord;
use super::planned_input::InputContent;
use crate::bulk::parquet::JsonRows;
use crate::bulk::{BadRow, BadRowSizes, BadRows, FileError};
use crate::cli::Failure;
use crate::session::Error;

/// The rows that could not be loaded, in files for each input.
#[derive(Debug)]
pub(super) struct ErrorFiles(Vec<InputErrors>);

/// The rows of one input that could not be loaded.
#[derive(Debug)]
struct InputErrors {
    rows: BadRows,
    /// The form of the rows, if the input is not text.
    json: Option<JsonRows>,
}

impl ErrorFiles {
    /// Returns the error files in a folder. `kept` has the sizes in the checkpoint of a load that is resumed; it is
    /// empty for a new load. A dry run has files of its own, and replaces those of the dry run before.
    ///
    /// # Errors
    /// Returns an error if a new load would change the files of another load, or if files cannot be changed.
    pub(super) fn new(
        folder: &Path,
        plan: &InputPlan,
        kept: &[BadRowSizes],
        is_dry_run: bool,
    ) -> Result<Self, Failure> {
        let mut files = Vec::new();
        let mut names: HashMap<String, u32> = HashMap::new();
        for (index, input) in plan.inputs.iter().enumerate() {
            let mut name = input.file_name();
            // Inputs in different folders may have the same name.
            let count = names.entry(name.clone()).or_default();
            *count += 1;
            if *count > 1 {
                name = format!("{count}-{name}");
            }
            let mut kept = kept.get(index).copied();
            if is_dry_run {
                name.push_str(".dry-run");
                kept = Some(BadRowSizes::default());
            }
            let source = input.source.to_string();
            let mut rows =
                BadRows::new(folder, &name, &source, kept).map_err(FileError::into_failure)?;
            let json = match &input.content {
                InputContent::Text(text) => {
                    rows.set_header(text.header.as_deref().unwrap_or_default());
                    None
                }
                InputContent::Parquet(reader) => {
                    rows.set_numbered_rows();
                    Some(reader.json().clone())
                }
            };
            files.push(InputErrors { rows, json });
        }
        Ok(Self(files))
    }

    /// Writes a record that does not parse as a row.
    ///
    /// # Errors
    /// Returns an error if a file cannot be written.
    pub(super) fn write_invalid(
        &mut self,
        input: usize,
        record: &InvalidRecord,
    ) -> Result<(), Failure> {
        let InvalidRecord { place, record, is_open, reason } = record;
        let record = record.as_deref();
        self.write(input, BadRow { place: *place, record, is_open: *is_open, reason })
    }

    /// Writes a row that was not written to the table.
    ///
    /// # Errors
    /// Returns an error if a file cannot be written.
    pub(super) fn write_failed(&mut self, row: &InputRow, error: &Error) -> Result<(), Failure> {
        let reason = error.to_string();
        let json = self.0.get(row.input).and_then(|input| input.json.as_ref());
        let line = json.map(|json| json.line(&row.values()));
        let record = Some(line.as_deref().unwrap_or(row.record()));
        let bad = BadRow { place: row.place, record, is_open: false, reason: &reason };
        self.write(row.input, bad)
    }

    fn write(&mut self, input: usize, row: BadRow<'_>) -> Result<(), Failure> {
        self.0
            .get_mut(input)
            .map_or(Ok(()), |input| input.rows.write(row))
            .map_err(FileError::into_failure)
    }

    /// Writes all rows to the disk, and returns the sizes of the files. No row may be in flight.
    ///
    /// # Errors
    /// Returns an error if a file cannot be written.
    pub(super) fn flush(&mut self) -> Result<Vec<BadRowSizes>, Failure> {
        let files = self.0.iter_mut();
        files.map(|input| input.rows.flush().map_err(FileError::into_failure)).collect()
    }

    /// Returns the files that are not empty.
    pub(super) fn non_empty(&self) -> impl Iterator<Item = &BadRows> {
        self.0.iter().map(|input| &input.rows).filter(|rows| rows.reasons().exists())
    }
}
