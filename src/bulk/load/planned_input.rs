//! An input of a load: its format, its header, and the columns of its fields.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::input_options::InputOptions;
use crate::bulk::parquet::{ParquetFile, ParquetReader};
use crate::bulk::{
    CsvDialect, FileError, FileFormat, Format, InputFile, InputSource, RecordReader, RowParser,
    parse_header,
};
use crate::cli::Failure;
use crate::types::ColumnSpec;

/// An input of a load.
#[derive(Debug)]
pub(super) struct PlannedInput {
    pub(super) source: InputSource,
    pub(super) content: InputContent,
}

/// The way to read the rows of an input.
#[derive(Debug)]
pub(super) enum InputContent {
    Text(Box<TextInput>),
    Parquet(ParquetReader),
}

/// An input of text.
#[derive(Debug)]
pub(super) struct TextInput {
    pub(super) format: Format,
    pub(super) parser: RowParser,
    /// The bytes of the header, if there is one.
    pub(super) header: Option<Vec<u8>>,
    /// The input after its header, if it is not a regular file and can be opened only once.
    records: Option<RecordReader<InputFile>>,
    dialect: CsvDialect,
}

impl PlannedInput {
    /// Returns the name of a file that has rows of the input, without a folder.
    pub(super) fn file_name(&self) -> String {
        match (&self.source, &self.content) {
            (InputSource::File(path), content) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                match content {
                    InputContent::Text(_) => name.into_owned(),
                    InputContent::Parquet(_) => format!("{name}.jsonl"),
                }
            }
            (InputSource::Stdin, InputContent::Text(text)) => {
                format!("stdin.{}", text.format.extension())
            }
            (InputSource::Stdin, InputContent::Parquet(_)) => "stdin.jsonl".to_owned(),
        }
    }
}

impl TextInput {
    /// Returns the records after the header. `read` counts the bytes of the file.
    ///
    /// # Errors
    /// Returns an error if the input cannot be read.
    pub(super) fn open(
        &mut self,
        source: &InputSource,
        read: &Arc<AtomicU64>,
    ) -> Result<RecordReader<InputFile>, FileError> {
        if let Some(records) = self.records.take() {
            return Ok(records);
        }
        let mut records = RecordReader::new(source.open(read)?, self.format, &self.dialect);
        if self.header.is_some() {
            records.next_record().map_err(|error| FileError::new("read", source, error))?;
        }
        Ok(records)
    }
}

/// An input whose header has been read, and whose columns are not known yet.
pub(super) struct OpenInput {
    source: InputSource,
    header: Header,
}

enum Header {
    Text(Box<TextHeader>),
    Parquet(ParquetFile),
}

impl OpenInput {
    /// Opens an input. `read` counts the bytes of inputs that can be opened only once.
    ///
    /// # Errors
    /// Returns an error if the input cannot be read.
    pub(super) fn open(
        source: InputSource,
        options: &InputOptions,
        read: &Arc<AtomicU64>,
    ) -> Result<Self, Failure> {
        let (format, opened) = find_format(&source, options, read)?;
        let header = match (format, source.path().filter(|_| source.is_regular())) {
            (FileFormat::Text(format), _) => {
                let header = TextHeader::read(&source, format, opened, options, read)?;
                Header::Text(Box::new(header))
            }
            (FileFormat::Parquet, Some(path)) => {
                Header::Parquet(ParquetFile::open(path).map_err(FileError::into_failure)?)
            }
            (FileFormat::Parquet, None) => {
                return Err(Failure::Arguments(format!(
                    "{source}: Parquet is read from its end, so that pipes and standard input cannot be read: write it to a file first"
                )));
            }
        };
        Ok(Self { source, header })
    }

    /// Returns the index in `all` of the column of each field.
    ///
    /// # Errors
    /// Returns the reason if a field has no column.
    pub(super) fn columns(
        &self,
        options: &InputOptions,
        in_table: usize,
        all: &[ColumnSpec],
    ) -> Result<Vec<Option<usize>>, String> {
        match &self.header {
            Header::Text(header) => header.columns(options, in_table, all),
            Header::Parquet(file) => parquet_columns(file, options, all),
        }
    }

    /// Returns the plan of the input. `indexes` has the index in `columns` of the column of each field, and `table` has all
    /// columns of the table.
    ///
    /// # Errors
    /// Returns an error if a field cannot have its column.
    pub(super) fn plan(
        self,
        columns: &[ColumnSpec],
        indexes: Vec<Option<usize>>,
        table: &[ColumnSpec],
        options: &InputOptions,
    ) -> Result<PlannedInput, Failure> {
        let content = match self.header {
            Header::Text(header) => {
                let text = header.plan(columns, indexes, table, options);
                InputContent::Text(Box::new(text))
            }
            Header::Parquet(file) => {
                let reader = file.read(columns, &indexes).map_err(FileError::into_failure)?;
                InputContent::Parquet(reader.nulls_unset(options.nulls_unset))
            }
        };
        Ok(PlannedInput { source: self.source, content })
    }
}

/// Returns the format of an input: that of the options, that of its name, or that of its content. Returns the input if it
/// was opened and is not a regular file, which can be opened only once.
fn find_format(
    source: &InputSource,
    options: &InputOptions,
    read: &Arc<AtomicU64>,
) -> Result<(FileFormat, Option<InputFile>), Failure> {
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

/// Returns the columns of the fields of a Parquet file. If the options name columns, other fields are skipped.
fn parquet_columns(
    file: &ParquetFile,
    options: &InputOptions,
    all: &[ColumnSpec],
) -> Result<Vec<Option<usize>>, String> {
    let InputOptions { fields: names, renames, .. } = options;
    if names.is_empty() {
        return renames.columns(file.fields(), all);
    }
    let wanted = renames.columns(names.iter().map(String::as_str), all)?;
    // A field without a column is skipped, unless an option names its column.
    let column = |field: &str| match renames.column(field, all) {
        Err(_) if !renames.contains(field) => Ok(None),
        column => column,
    };
    let columns = file.fields().map(column).collect::<Result<Vec<_>, _>>()?;
    let lacking = wanted.iter().find(|wanted| !columns.contains(wanted)).copied().flatten();
    if let Some(column) = lacking.and_then(|index| all.get(index)) {
        return Err(format!(
            "the file has no field for the column \"{}\" of --columns",
            column.name
        ));
    }
    let is_read = |column: &Option<usize>| column.is_some() && wanted.contains(column);
    let fields = file.fields().zip(&columns).filter(|(_, column)| is_read(column));
    // Two fields for one column are an error.
    renames.columns(fields.map(|(field, _)| field), all)?;
    Ok(columns.into_iter().map(|column| Some(column).filter(is_read).flatten()).collect())
}

/// The header of an input of text, and the input after it.
struct TextHeader {
    format: Format,
    dialect: CsvDialect,
    /// The names in the header, or `None` if there is no header.
    names: Option<Vec<String>>,
    header: Option<Vec<u8>>,
    records: Option<RecordReader<InputFile>>,
}

impl TextHeader {
    /// Reads the header, if there is one. `opened` is the input if it has been opened before.
    fn read(
        source: &InputSource,
        format: Format,
        opened: Option<InputFile>,
        options: &InputOptions,
        read: &Arc<AtomicU64>,
    ) -> Result<Self, Failure> {
        let dialect = options.dialect(source.path())?;
        let mut fields = Self { format, dialect, names: None, header: None, records: None };
        let dialect = &fields.dialect;
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

    fn plan(
        self,
        columns: &[ColumnSpec],
        indexes: Vec<Option<usize>>,
        table: &[ColumnSpec],
        options: &InputOptions,
    ) -> TextInput {
        let Self { format, dialect, header, records, .. } = self;
        let parser = match format {
            Format::Csv => RowParser::csv(columns, indexes, &dialect),
            Format::JsonLines => {
                let others = table.iter().filter(|column| !columns.contains(column));
                let others = others.map(|column| column.name.to_string()).collect();
                RowParser::json(columns, options.renames.clone()).skip(others)
            }
        };
        let parser = parser.nulls_unset(options.nulls_unset);
        TextInput { format, parser, header, records, dialect }
    }
}
