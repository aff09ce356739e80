//! The options of reading inputs.

use std::path::Path;

use crate::bulk::{CsvArgs, CsvDialect, FileFormat, Renames};
use crate::cli::Failure;

/// The options of reading inputs.
#[derive(Debug)]
pub(super) struct InputOptions {
    /// The format of all inputs, or `None` if the name of each decides.
    pub(super) format: Option<FileFormat>,
    pub(super) csv: CsvArgs,
    /// True if the inputs have the escapes of cqlsh.
    pub(super) is_cqlsh: bool,
    /// The names of the fields, which replace those of CSV headers. Empty if there are none.
    pub(super) fields: Vec<String>,
    pub(super) renames: Renames,
    pub(super) nulls_unset: bool,
}

impl InputOptions {
    /// Returns the dialect of an input.
    ///
    /// # Errors
    /// Returns an error if the options do not fit each other.
    pub(super) fn dialect(&self, file: Option<&Path>) -> Result<CsvDialect, Failure> {
        let mut dialect = self.csv.dialect(file)?;
        if self.is_cqlsh {
            (dialect.escape, dialect.has_value_escapes) = (Some(b'\\'), true);
            dialect.check().map_err(Failure::Arguments)?;
        }
        Ok(dialect)
    }
}
