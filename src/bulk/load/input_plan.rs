//! The inputs of a load, and the columns that they have.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::bulk::column_map::{TIMESTAMP, TTL};
use crate::bulk::{
    CsvArgs, CsvDialect, FileError, Format, InputFile, InputSource, RecordReader, Renames,
    RowParser, parse_header,
};
use crate::cli::Failure;
use crate::types::{ColumnSpec, NativeType};

/// The options of reading inputs.
#[derive(Debug)]
pub(super) struct InputOptions {
    /// The format of all inputs, or `None` if the name of each decides.
    pub(super) format: Option<Format>,
    pub(super) csv: CsvArgs,
    /// True if the inputs have the escapes of cqlsh.
    pub(super) is_cqlsh: bool,
    /// The names of the fields, which replace those of headers. Empty if there are none.
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

/// The inputs of a load, all of which have the same columns.
#[derive(Debug)]
pub(super) struct InputPlan {
    pub(super) inputs: Vec<PlannedInput>,
    /// The columns of the rows, in the order of the table; the write time and the time to live are the last.
    pub(super) columns: Vec<ColumnSpec>,
}

/// An input of a load.
#[derive(Debug)]
pub(super) struct PlannedInput {
    pub(super) source: InputSource,
    pub(super) format: Format,
    pub(super) parser: RowParser,
    /// The bytes of the header, if there is one.
    pub(super) header: Option<Vec<u8>>,
    /// The input after its header, if it is not a regular file and can be opened only once.
    records: Option<RecordReader<InputFile>>,
    dialect: CsvDialect,
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
            let (format, opened) = find_format(&source, options, read)?;
            let dialect = options.dialect(source.path())?;
            let fields = InputHeader::read(&source, format, opened, &dialect, read)?;
            let wrong = |reason: String| Failure::Arguments(format!("{source}: {reason}"));
            let indexes = fields.columns(options, table.len(), &all).map_err(wrong)?;
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
            let parser = match format {
                Format::Csv => {
                    let indexes = indexes.into_iter().map(position).collect();
                    RowParser::csv(&columns, indexes, &dialect)
                }
                Format::JsonLines => {
                    let others = table.iter().filter(|column| !columns.contains(column));
                    let others = others.map(|column| column.name.to_string()).collect();
                    RowParser::json(&columns, options.renames.clone()).skip(others)
                }
            };
            plan.inputs.push(PlannedInput {
                source,
                format,
                parser: parser.nulls_unset(options.nulls_unset),
                header: fields.header,
                records: fields.records,
                dialect,
            });
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

impl PlannedInput {
    /// Returns the records after the header. `read` counts the bytes of the file.
    ///
    /// # Errors
    /// Returns an error if the input cannot be read.
    pub(super) fn open(
        &mut self,
        read: &Arc<AtomicU64>,
    ) -> Result<RecordReader<InputFile>, FileError> {
        if let Some(records) = self.records.take() {
            return Ok(records);
        }
        let mut records = RecordReader::new(self.source.open(read)?, self.format, &self.dialect);
        if self.header.is_some() {
            records.next_record().map_err(|error| self.failed(error))?;
        }
        Ok(records)
    }

    /// Returns the error for an input that cannot be read.
    pub(super) fn failed(&self, error: std::io::Error) -> FileError {
        FileError::new("read", &self.source, error)
    }
}

/// Returns the format of an input: that of the options, that of its name, or that of its content. Returns the input if it
/// was opened and is not a regular file, which can be opened only once.
fn find_format(
    source: &InputSource,
    options: &InputOptions,
    read: &Arc<AtomicU64>,
) -> Result<(Format, Option<InputFile>), Failure> {
    if let Some(format) = options.format.or_else(|| source.format()) {
        return Ok((format, None));
    }
    let mut input = source.open(&counter(source, read)).map_err(FileError::into_failure)?;
    let format = input.detect_format();
    let format = format.map_err(|error| FileError::new("read", source, error).into_failure())?;
    Ok((format, Some(input).filter(|_| !source.is_regular())))
}

/// Returns the counter of bytes for an input whose start is read before its rows. Bytes of regular files are counted when
/// their rows are read.
fn counter(source: &InputSource, read: &Arc<AtomicU64>) -> Arc<AtomicU64> {
    if source.is_regular() { Arc::default() } else { Arc::clone(read) }
}

/// The header of an input, and the input after it.
struct InputHeader {
    /// The names in the header, or `None` if there is no header.
    names: Option<Vec<String>>,
    header: Option<Vec<u8>>,
    records: Option<RecordReader<InputFile>>,
}

impl InputHeader {
    /// Reads the header, if there is one. `opened` is the input if it has been opened before.
    fn read(
        source: &InputSource,
        format: Format,
        opened: Option<InputFile>,
        dialect: &CsvDialect,
        read: &Arc<AtomicU64>,
    ) -> Result<Self, Failure> {
        let mut fields = Self { names: None, header: None, records: None };
        if format != Format::Csv || !dialect.has_header {
            fields.records = opened.map(|input| RecordReader::new(input, format, dialect));
            return Ok(fields);
        }
        let input = match opened {
            Some(input) => input,
            None => source.open(&counter(source, read)).map_err(FileError::into_failure)?,
        };
        let mut records = RecordReader::new(input, format, dialect);
        let header = records.next_record();
        let header =
            header.map_err(|error| FileError::new("read", source, error).into_failure())?;
        if let Some(header) = header {
            let names = parse_header(&header);
            let names = names.map_err(|reason| {
                Failure::Text(format!("cannot read the header of {source}: {reason}"))
            })?;
            (fields.names, fields.header) = (Some(names), Some(header.raw.to_vec()));
        }
        fields.records = Some(records).filter(|_| !source.is_regular());
        Ok(fields)
    }

    /// Returns the index in `all` of the column of each field.
    fn columns(
        &self,
        options: &InputOptions,
        in_table: usize,
        all: &[ColumnSpec],
    ) -> Result<Vec<Option<usize>>, String> {
        let given = &options.fields;
        let names = match &self.names {
            Some(names) if !given.is_empty() && names.len() != given.len() => {
                return Err(format!(
                    "--columns has {} names, but the header has {}",
                    given.len(),
                    names.len()
                ));
            }
            _ if !given.is_empty() => given,
            Some(names) => names,
            None => {
                // All columns of the table, and those of fields with another name.
                let renamed = options.renames.targets();
                let is_used = |index: &usize| {
                    let name = all.get(*index).map_or("", |column| &column.name);
                    *index < in_table || renamed.clone().any(|target| target == name)
                };
                return Ok((0..all.len()).filter(is_used).map(Some).collect());
            }
        };
        options.renames.columns(names.iter().map(String::as_str), all)
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
