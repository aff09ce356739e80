//! Reads the rows of a Parquet file as rows of a table.

use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::new_empty_array;
use arrow_schema::SchemaRef;

use super::batches::{Batches, OpenFile};
use super::cell::{ArrowColumn, LeafKind};
use super::json::{JsonCell, JsonRows, cell_json};
use super::value::to_value;
use crate::bulk::FileError;
use crate::bulk::row_parser::{check_write_time, in_column, shortened};
use crate::types::{ColumnSpec, MaybeUnset, Value};

/// A Parquet file that has been opened, before its columns are known.
#[derive(Debug)]
pub struct ParquetFile {
    file: OpenFile,
    path: PathBuf,
}

impl ParquetFile {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, or is not a Parquet file.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let file = OpenFile::open(path)?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Returns the names of the fields.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.file.schema().fields().iter().map(|field| field.name().as_str())
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> u64 {
        self.file.rows()
    }

    /// Returns a reader of the file, which is closed until the rows are read: a load plans many files. The rows have the columns `columns`. `indexes` has the index of each field's column, or `None` if the field is skipped.
    ///
    /// # Errors
    /// Returns an error if no CQL type has values like those of a field.
    pub fn read(
        self,
        columns: &[ColumnSpec],
        indexes: &[Option<usize>],
    ) -> Result<ParquetReader, FileError> {
        let mut fields = Vec::new();
        for (index, field) in self.file.schema().fields().iter().enumerate() {
            let column = indexes.get(index).copied().flatten();
            if let Some(spec) = column.and_then(|column| columns.get(column)) {
                let leaves = self.file.leaves(index);
                let array = new_empty_array(field.data_type());
                ArrowColumn::new(&array, &mut leaves.iter().copied()).map_err(|reason| {
                    self.file.failed(format!("field \"{}\": {reason}", field.name()))
                })?;
                fields.push(Field {
                    index,
                    leaves: leaves.to_vec(),
                    column: column.unwrap_or_default(),
                    spec: spec.clone(),
                });
            }
        }
        let mut names = vec![("", ""); columns.len()];
        for field in &fields {
            if let Some(slot) = names.get_mut(field.column) {
                *slot = (self.file.schema().field(field.index).name(), &field.spec.name);
            }
        }
        let json = JsonRows::new(names);
        let columns = columns.to_vec();
        let (path, schema) = (self.path, Arc::clone(self.file.schema()));
        Ok(ParquetReader { path, schema, fields, columns, json, nulls_unset: false })
    }
}

/// A reader of the rows of a Parquet file.
#[derive(Debug)]
pub struct ParquetReader {
    path: PathBuf,
    schema: SchemaRef,
    fields: Vec<Field>,
    columns: Vec<ColumnSpec>,
    json: JsonRows,
    nulls_unset: bool,
}

/// A field that has a column.
#[derive(Debug)]
struct Field {
    index: usize,
    leaves: Vec<LeafKind>,
    column: usize,
    spec: ColumnSpec,
}

/// A row of a Parquet file.
#[derive(Debug)]
pub struct ParquetRow {
    /// Number of the row, from 1.
    pub number: u64,
    /// The values, in the order of the columns.
    pub values: Result<Vec<MaybeUnset<Value>>, InvalidRow>,
}

/// The reason why a row of a file is no row of the table.
#[derive(Debug, PartialEq)]
pub struct InvalidRow {
    /// The reason, in one line.
    pub reason: String,
    /// The row as a JSON object.
    pub json: Vec<u8>,
}

impl ParquetReader {
    /// Sets whether nulls are unset values, which neither delete a value nor leave a tombstone. Default: false.
    #[must_use]
    pub fn nulls_unset(self, nulls_unset: bool) -> Self {
        Self { nulls_unset, ..self }
    }

    /// Returns the keys of the rows as JSON lines.
    pub fn json(&self) -> &JsonRows {
        &self.json
    }

    /// Returns the columns of the rows.
    pub fn columns(&self) -> &[ColumnSpec] {
        &self.columns
    }

    /// Opens the file, and returns the rows after the first `skipped` ones.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, or if its schema has changed.
    pub fn rows_after(self, skipped: u64) -> Result<ParquetRows, FileError> {
        let Self { path, schema, fields, columns, json, nulls_unset } = self;
        let file = OpenFile::open(&path)?;
        let is_same = |field: &Field| file.leaves(field.index) == field.leaves;
        if *file.schema() != schema || !fields.iter().all(is_same) {
            return Err(file.failed("its schema has changed since the load began"));
        }
        let indexes = fields.iter().map(|field| field.index).collect();
        let batches = Batches::new(file, indexes, skipped);
        Ok(ParquetRows { batches, fields, columns, json, nulls_unset, read: skipped })
    }
}

/// The rows of a Parquet file, a part at a time.
pub struct ParquetRows {
    batches: Batches,
    fields: Vec<Field>,
    columns: Vec<ColumnSpec>,
    json: JsonRows,
    nulls_unset: bool,
    /// Number of rows that have been read or skipped.
    read: u64,
}

impl ParquetRows {
    /// Reads the next rows, about 1 MiB, and passes them to `each` one after the other. Returns false at the end of the file, or
    /// if `each` breaks, after which no more rows are read.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or is damaged.
    pub fn read_batch(
        &mut self,
        each: &mut dyn FnMut(ParquetRow) -> ControlFlow<()>,
    ) -> Result<bool, FileError> {
        let Some(batch) = self.batches.next()? else { return Ok(false) };
        let columns = batch.columns().iter().zip(&self.fields);
        let columns = columns
            .map(|(array, field)| ArrowColumn::new(array, &mut field.leaves.iter().copied()));
        let columns = columns.collect::<Result<Vec<_>, _>>();
        let columns = columns.map_err(|reason| self.batches.file().failed(reason))?;
        for index in 0..batch.num_rows() {
            self.read += 1;
            let row = ParquetRow { number: self.read, values: self.row(&columns, index) };
            if each(row).is_break() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns the part of the file's rows that have been read or skipped, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a fraction for a progress bar")]
    pub fn progress(&self) -> f64 {
        self.read as f64 / self.batches.file().rows().max(1) as f64
    }

    fn row(
        &self,
        columns: &[ArrowColumn<'_>],
        index: usize,
    ) -> Result<Vec<MaybeUnset<Value>>, InvalidRow> {
        let mut row = vec![MaybeUnset::Unset; self.columns.len()];
        let mut reason = None;
        for (field, column) in self.fields.iter().zip(columns) {
            let value = to_value(column.cell(index), &field.spec.cql_type);
            let Some(slot) = row.get_mut(field.column) else { continue };
            match value {
                Ok(Value::Null) if self.nulls_unset => {}
                Ok(value) => *slot = MaybeUnset::Set(value),
                Err(cause) => {
                    let text = cell_json(column.cell(index)).to_string();
                    let text = format!("{} is not a value: {cause}", shortened(&text));
                    reason.get_or_insert_with(|| in_column(&field.spec, &text));
                }
            }
        }
        match reason.map_or_else(|| check_write_time(&self.columns, &row), Err) {
            Ok(()) => Ok(row),
            Err(reason) => Err(InvalidRow { reason, json: self.row_json(columns, index, &row) }),
        }
    }

    /// Returns the JSON of a row whose columns in `row` are unset if their cells are not values.
    fn row_json(
        &self,
        columns: &[ArrowColumn<'_>],
        index: usize,
        row: &[MaybeUnset<Value>],
    ) -> Vec<u8> {
        let mut cells: Vec<_> = row.iter().map(JsonCell::of_value).collect();
        for (field, column) in self.fields.iter().zip(columns) {
            if let Some(cell @ None) = cells.get_mut(field.column) {
                *cell = Some(JsonCell::Raw(cell_json(column.cell(index))));
            }
        }
        self.json.write(cells.into_iter())
    }
}

impl fmt::Debug for ParquetRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetRows").field("read", &self.read).finish_non_exhaustive()
    }
}
