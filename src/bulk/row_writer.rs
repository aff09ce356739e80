//! Writes rows in a format.

use std::fmt;
use std::io::Write;

use super::csv_dialect::CsvDialect;
use super::csv_field::FieldWriter;
use super::format::Format;
use super::json_text::{json_name, write_json, write_json_string};
use super::scalar_text::write_text;
use crate::types::{
    Cell, ColumnSpec, CqlType, FromCql, FromRow, NativeType, Row, TypeError, Value, ValueError,
};

/// A writer of rows in a [`Format`], which appends them to a buffer.
///
/// Lines end with `\n`. One writer serves any number of buffers and tasks.
///
/// ```
/// use cqlwire::bulk::{CsvDialect, Format, RowWriter};
/// use cqlwire::types::{ColumnSpec, NativeType, Value};
///
/// let columns = ["name", "city"].map(|name| ColumnSpec::new("ks", "t", name, NativeType::Text));
/// let writer = RowWriter::new(Format::Csv, &CsvDialect::default(), &columns);
/// let mut out = Vec::new();
/// writer.write_header(&mut out);
/// writer.write_values(&["Ada, Countess".into(), Value::Null], &mut out);
/// assert_eq!(out, b"name,city\n\"Ada, Countess\",\n");
/// ```
#[derive(Debug, Clone)]
pub struct RowWriter {
    columns: Vec<Column>,
    style: Style,
}

#[derive(Debug, Clone)]
struct Column {
    name: Box<str>,
    cql_type: CqlType,
    /// The bytes before the value: in CSV the delimiter, in JSON also the name of the column.
    prefix: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Style {
    Csv { has_header: bool, fields: FieldWriter },
    Json,
}

impl RowWriter {
    /// Returns a writer of rows with these columns. `dialect` applies to CSV only.
    pub fn new(format: Format, dialect: &CsvDialect, columns: &[ColumnSpec]) -> Self {
        let style = match format {
            Format::Csv => Style::Csv {
                has_header: dialect.has_header,
                fields: FieldWriter::new(dialect, columns.len()),
            },
            Format::JsonLines => Style::Json,
        };
        let prefix = |index: usize, name: &str| match style {
            Style::Csv { .. } if index == 0 => Vec::new(),
            Style::Csv { .. } => vec![dialect.delimiter],
            Style::Json => {
                let mut prefix = if index == 0 { vec![b'{'] } else { vec![b','] };
                write_json_string(&json_name(name), &mut prefix);
                prefix.push(b':');
                prefix
            }
        };
        let column = |(index, column): (usize, &ColumnSpec)| Column {
            name: column.name.clone(),
            cql_type: column.cql_type.clone(),
            prefix: prefix(index, &column.name),
        };
        Self { columns: columns.iter().enumerate().map(column).collect(), style }
    }

    /// Appends the header line, if the format has one.
    pub fn write_header(&self, out: &mut Vec<u8>) {
        if let Style::Csv { has_header: true, fields } = &self.style {
            for column in &self.columns {
                out.extend_from_slice(&column.prefix);
                fields.write_text(&column.name, out);
            }
            out.push(b'\n');
        }
    }

    /// Appends a row. Cells of the most frequent types are written from their bytes, without an allocation.
    ///
    /// # Errors
    /// Returns an error if a cell is not a valid value of its type. Nothing of the row is written then.
    pub fn write_row(&self, row: &RawRow<'_>, out: &mut Vec<u8>) -> Result<(), CellError> {
        let (mut cells, start) = (row.0.clone(), out.len());
        for column in &self.columns {
            out.extend_from_slice(&column.prefix);
            let written = cells.cell().and_then(|cell| self.write_cell(column, cell, out));
            if let Err(cause) = written {
                out.truncate(start);
                let Column { name, cql_type, .. } = column.clone();
                return Err(CellError { column: name, cql_type, cause });
            }
        }
        self.end_row(out);
        Ok(())
    }

    /// Appends a row of values, in the order of the columns. Columns without a value are null.
    pub fn write_values(&self, values: &[Value], out: &mut Vec<u8>) {
        for (index, column) in self.columns.iter().enumerate() {
            out.extend_from_slice(&column.prefix);
            self.write_value(values.get(index).unwrap_or(&Value::Null), out);
        }
        self.end_row(out);
    }

    fn end_row(&self, out: &mut Vec<u8>) {
        match self.style {
            Style::Csv { .. } => out.push(b'\n'),
            Style::Json if self.columns.is_empty() => out.extend_from_slice(b"{}\n"),
            Style::Json => out.extend_from_slice(b"}\n"),
        }
    }

    fn write_cell(
        &self,
        column: &Column,
        cell: Option<Cell<'_>>,
        out: &mut Vec<u8>,
    ) -> Result<(), ValueError> {
        let Some(cell) = cell else {
            self.write_value(&Value::Null, out);
            return Ok(());
        };
        let start = out.len();
        match &column.cql_type {
            CqlType::Native(NativeType::Text | NativeType::Ascii) => {
                let text = <&str>::from_cell(cell, &column.cql_type)?;
                match &self.style {
                    Style::Csv { fields, .. } => fields.write_text(text, out),
                    Style::Json => write_json_string(text, out),
                }
            }
            CqlType::Native(native) if write_number(*native, cell, out) => {
                if let Style::Csv { fields, .. } = &self.style {
                    fields.quote_null_text(start, out);
                }
            }
            CqlType::Native(native) if has_hex_text(*native) && !cell.bytes().is_empty() => {
                match &self.style {
                    Style::Csv { fields, .. } => {
                        write_hex(*native, cell, out)?;
                        fields.quote_null_text(start, out);
                    }
                    Style::Json => {
                        out.push(b'"');
                        write_hex(*native, cell, out)?;
                        out.push(b'"');
                    }
                }
            }
            cql_type => self.write_value(&Value::from_cell(cell, cql_type)?, out),
        }
        Ok(())
    }

    fn write_value(&self, value: &Value, out: &mut Vec<u8>) {
        match (&self.style, value) {
            (Style::Json, value) => write_json(value, out),
            (Style::Csv { fields, .. }, Value::Null) => fields.write_null(out),
            (Style::Csv { fields, .. }, Value::Ascii(text) | Value::Text(text)) => {
                fields.write_text(text, out);
            }
            (Style::Csv { fields, .. }, value) => {
                let start = out.len();
                write_text(value, out);
                fields.quote_if_needed(start, out);
            }
        }
    }
}

/// Appends the text of a number or a boolean, which is the same in each format. Returns false if the cell has another
/// type or an unusual size.
fn write_number(native: NativeType, cell: Cell<'_>, out: &mut Vec<u8>) -> bool {
    let written = match (native, cell.bytes().len()) {
        (NativeType::Int, 4) => {
            cell.array().map(|bytes| write!(out, "{}", i32::from_be_bytes(bytes)))
        }
        (NativeType::BigInt | NativeType::Counter, 8) => {
            cell.array().map(|bytes| write!(out, "{}", i64::from_be_bytes(bytes)))
        }
        (NativeType::SmallInt, 2) => {
            cell.array().map(|bytes| write!(out, "{}", i16::from_be_bytes(bytes)))
        }
        (NativeType::TinyInt, 1) => {
            cell.array().map(|bytes| write!(out, "{}", i8::from_be_bytes(bytes)))
        }
        (NativeType::Boolean, 1) => {
            cell.array().map(|[flag]: [u8; 1]| write!(out, "{}", flag != 0))
        }
        _ => return false,
    };
    written.is_ok_and(|written| written.is_ok())
}

const fn has_hex_text(native: NativeType) -> bool {
    matches!(native, NativeType::Uuid | NativeType::TimeUuid | NativeType::Blob)
}

/// Appends the text of a UUID or a blob, without quotes.
fn write_hex(native: NativeType, cell: Cell<'_>, out: &mut Vec<u8>) -> Result<(), ValueError> {
    if native == NativeType::Blob {
        out.extend_from_slice(b"0x");
        let (bytes, start) = (cell.bytes(), out.len());
        out.resize(start + 2 * bytes.len(), 0);
        let hex = out.get_mut(start..).unwrap_or_default();
        return base16ct::lower::encode(bytes, hex).map(drop).map_err(|_| ValueError::TooLong);
    }
    let uuid = uuid::Uuid::from_bytes(cell.array()?);
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    out.extend_from_slice(uuid.hyphenated().encode_lower(&mut text).as_bytes());
    Ok(())
}

/// A row whose cells have not been decoded: the row type of pages that a [`RowWriter`] writes.
#[derive(Debug, Clone)]
pub struct RawRow<'r>(Row<'r>);

impl<'r> FromRow<'r> for RawRow<'r> {
    type Plan = ();

    fn plan(_: &[ColumnSpec]) -> Result<(), TypeError> {
        Ok(())
    }

    #[inline]
    fn from_row(row: &mut Row<'r>, (): &()) -> Result<Self, ValueError> {
        Ok(Self(row.clone()))
    }
}

/// The error for a cell that is not a valid value of its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellError {
    column: Box<str>,
    cql_type: CqlType,
    cause: ValueError,
}

impl fmt::Display for CellError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { column, cql_type, cause } = self;
        write!(f, "cannot write column \"{column}\" of type `{cql_type}`: {cause}")
    }
}

impl std::error::Error for CellError {}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::types::RowIter;
    use crate::wire::Writer;

    fn columns(types: &[(&str, &str)]) -> Vec<ColumnSpec> {
        let column = |(name, cql_type): &(&str, &str)| {
            ColumnSpec::new("ks", "t", name, cql_type.parse::<CqlType>().unwrap())
        };
        types.iter().map(column).collect()
    }

    /// Returns the rows that are written from cells, after checking that the same rows are written from values.
    fn written(writer: &RowWriter, columns: &[ColumnSpec], rows: &[Vec<Value>]) -> String {
        let (mut page, mut by_value, mut by_cell) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            for (value, column) in row.iter().zip(columns) {
                value.encode(&column.cql_type, &mut Writer::new(&mut page)).unwrap();
            }
            writer.write_values(row, &mut by_value);
        }
        let page = Bytes::from(page);
        for row in RowIter::<RawRow<'_>>::new(&page, columns, rows.len()).unwrap() {
            writer.write_row(&row.unwrap(), &mut by_cell).unwrap();
        }
        assert_eq!(by_cell.escape_ascii().to_string(), by_value.escape_ascii().to_string());
        String::from_utf8(by_cell).unwrap()
    }

    fn rows() -> (Vec<ColumnSpec>, Vec<Vec<Value>>) {
        let columns =
            columns(&[("id", "int"), ("Name", "text"), ("b", "blob"), ("l", "list<text>")]);
        let list = Value::List(vec!["a".into(), "b".into()]);
        let rows = vec![
            vec![Value::Int(-1), "a \"b\", c\n".into(), vec![1].into(), list],
            vec![Value::Empty, "".into(), vec![].into(), Value::List(vec![])],
            vec![Value::Int(0), " x".into(), Value::Null, Value::Null],
            vec![Value::Null; 4],
        ];
        (columns, rows)
    }

    #[test]
    fn csv_distinguishes_null_from_empty_text() {
        let (columns, rows) = rows();
        let writer = RowWriter::new(Format::Csv, &CsvDialect::default(), &columns);
        let mut header = Vec::new();
        writer.write_header(&mut header);
        assert_eq!(header, b"id,Name,b,l\n");
        let expected = "-1,\"a \"\"b\"\", c\n\",0x01,\"['a', 'b']\"\n\
                        '',\"\",0x,[]\n0,\" x\",,\n,,,\n";
        assert_eq!(written(&writer, &columns, &rows), expected);
    }

    #[test]
    fn csv_options_change_the_text() {
        let (columns, rows) = rows();
        let dialect = CsvDialect {
            delimiter: b'\t',
            escape: Some(b'\\'),
            null: "0".to_owned(),
            has_header: false,
            ..CsvDialect::default()
        };
        let writer = RowWriter::new(Format::Csv, &dialect, &columns);
        let mut header = Vec::new();
        writer.write_header(&mut header);
        assert!(header.is_empty());
        let expected = "-1\t\"a \\\"b\\\", c\n\"\t0x01\t['a', 'b']\n\
                        ''\t\"\"\t0x\t[]\n\"0\"\t\" x\"\t0\t0\n0\t0\t0\t0\n";
        assert_eq!(written(&writer, &columns, &rows), expected);
    }

    #[test]
    fn the_only_column_is_never_an_empty_line() {
        let columns = columns(&[("name", "text")]);
        let writer = RowWriter::new(Format::Csv, &CsvDialect::default(), &columns);
        let rows = [Value::Null, "".into(), "\\N".into()].map(|value| vec![value]);
        assert_eq!(written(&writer, &columns, &rows), "\\N\n\"\"\n\"\\N\"\n");
    }

    #[test]
    fn json_lines_have_the_form_of_select_json() {
        let (columns, rows) = rows();
        let writer = RowWriter::new(Format::JsonLines, &CsvDialect::default(), &columns);
        let mut header = Vec::new();
        writer.write_header(&mut header);
        assert!(header.is_empty());
        let expected = [
            r#"{"id":-1,"\"Name\"":"a \"b\", c\n","b":"0x01","l":["a","b"]}"#,
            r#"{"id":"","\"Name\"":"","b":"0x","l":[]}"#,
            r#"{"id":0,"\"Name\"":" x","b":null,"l":null}"#,
            r#"{"id":null,"\"Name\"":null,"b":null,"l":null}"#,
            "",
        ];
        assert_eq!(written(&writer, &columns, &rows), expected.join("\n"));
    }

    #[test]
    fn a_row_with_an_invalid_cell_is_an_error_and_not_written() {
        let columns = columns(&[("id", "int"), ("t", "time")]);
        let writer = RowWriter::new(Format::Csv, &CsvDialect::default(), &columns);
        let page =
            Bytes::from_static(b"\0\0\0\x04\0\0\0\x01\0\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xff");
        let mut out = b"before".to_vec();
        let mut rows = RowIter::<RawRow<'_>>::new(&page, &columns, 1).unwrap();
        let error = writer.write_row(&rows.next().unwrap().unwrap(), &mut out).unwrap_err();
        assert!(error.to_string().starts_with("cannot write column \"t\" of type `time`: "));
        assert_eq!(out, b"before");
    }
}
