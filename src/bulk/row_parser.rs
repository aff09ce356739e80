//! Parses the records of an input as rows of values.

use std::borrow::Cow;

use super::column_map::{Renames, TIMESTAMP};
use super::csv_dialect::CsvDialect;
use super::csv_record::{CsvFields, Field};
use super::json_line::{parse_object, parse_value};
use super::plain_value::encode_plain;
use super::record_reader::{InputRecord, RecordContent};
use super::scalar_text::parse_text;
use crate::types::{ColumnSpec, MaybeUnset, Value, encode_values};
use crate::wire::{Counted, RawValue, Version, Writer};

/// A parser of the records of one input as rows of a table.
///
/// A row has a value for each of the parser's columns. A null in the input is null, which deletes the value that an
/// existing row has, unless [`nulls_unset`](Self::nulls_unset) is set. A column whose key a JSON object lacks is
/// unset: an existing row keeps its value.
///
/// The column `[timestamp]`, if there is one, must have a value: a row without one is an error. A row whose column
/// `[ttl]` is null does not expire. If that column is unset, the row has the table's default time to live.
#[derive(Debug, Clone)]
pub struct RowParser {
    columns: Vec<ColumnSpec>,
    fields: FieldNames,
    nulls_unset: bool,
}

#[derive(Debug, Clone)]
enum FieldNames {
    Csv {
        /// The index of each field's column, `None` for fields that are skipped.
        indexes: Vec<Option<usize>>,
        /// The index of each column's field, `None` for columns without a field.
        fields: Vec<Option<usize>>,
        null: Box<[u8]>,
        escapes: Escapes,
    },
    Json {
        renames: Renames,
        /// The names of columns whose keys are skipped.
        skipped: Vec<String>,
    },
}

/// The escapes that csv-core does not resolve.
#[derive(Debug, Clone, Copy)]
struct Escapes {
    /// The byte before special bytes, also in fields without quotes.
    byte: Option<u8>,
    /// True if values are escaped like in Python.
    in_values: bool,
}

impl Escapes {
    /// Returns true if the text of the field may differ from its bytes.
    fn may_change(self, Field { bytes, is_quoted }: Field<'_>) -> bool {
        self.byte.is_some_and(|escape| !is_quoted && bytes.contains(&escape))
            || (self.in_values && bytes.contains(&b'\\'))
    }
}

impl RowParser {
    /// Returns a parser of CSV records whose fields have these columns, by index in `columns`.
    pub fn csv(columns: &[ColumnSpec], indexes: Vec<Option<usize>>, dialect: &CsvDialect) -> Self {
        let null = dialect.null_text(indexes.len()).as_bytes().into();
        let escapes =
            Escapes { byte: dialect.separate_escape(), in_values: dialect.has_value_escapes };
        let fields = 0..columns.len();
        let fields = fields.map(|index| indexes.iter().rposition(|own| *own == Some(index)));
        let fields = fields.collect();
        let fields = FieldNames::Csv { indexes, fields, null, escapes };
        Self { columns: columns.to_vec(), fields, nulls_unset: false }
    }

    /// Returns a parser of JSON lines, whose keys are the names of columns as `SELECT JSON` writes them.
    pub fn json(columns: &[ColumnSpec], renames: Renames) -> Self {
        let fields = FieldNames::Json { renames, skipped: Vec::new() };
        Self { columns: columns.to_vec(), fields, nulls_unset: false }
    }

    /// Sets the names of columns whose keys in JSON objects are skipped. Default: none, so that they are errors.
    #[must_use]
    pub fn skip(mut self, names: Vec<String>) -> Self {
        if let FieldNames::Json { skipped, .. } = &mut self.fields {
            *skipped = names;
        }
        self
    }

    /// Sets whether nulls are unset values, which neither delete a value nor leave a tombstone. Default: false.
    #[must_use]
    pub fn nulls_unset(self, nulls_unset: bool) -> Self {
        Self { nulls_unset, ..self }
    }

    /// Returns the columns of the rows.
    pub fn columns(&self) -> &[ColumnSpec] {
        &self.columns
    }

    /// Parses a record.
    ///
    /// # Errors
    /// Returns the reason if the record is not a row of the columns.
    pub fn parse(&self, record: &InputRecord<'_>) -> Result<Vec<MaybeUnset<Value>>, String> {
        let mut row = vec![MaybeUnset::Unset; self.columns.len()];
        match (&record.content, &self.fields) {
            (RecordContent::Invalid(fault), _) => return Err(fault.to_string()),
            (RecordContent::Fields(fields), FieldNames::Csv { indexes, null, escapes, .. }) => {
                check_count(*fields, indexes.len())?;
                for (field, index) in fields.iter().zip(indexes) {
                    if let Some((slot, column)) = index.and_then(|index| self.slot(&mut row, index))
                    {
                        *slot = self.set(parse_field(field, column, null, *escapes)?);
                    }
                }
            }
            (RecordContent::Line(line), FieldNames::Json { renames, skipped }) => {
                for (key, json) in parse_object(line)? {
                    let index = match json_column(&key, renames, &self.columns) {
                        Err(_) if is_one_of(&key, skipped) => None,
                        index => index?,
                    };
                    let Some((slot, column)) = index.and_then(|index| self.slot(&mut row, index))
                    else {
                        continue;
                    };
                    if *slot != MaybeUnset::Unset {
                        return Err(format!("two keys are for column \"{}\"", column.name));
                    }
                    let value = parse_value(&column.cql_type, json);
                    *slot = self.set(value.map_err(|reason| in_column(column, &reason))?);
                }
            }
            _ => return Err("the record has another format".to_owned()),
        }
        check_write_time(&self.columns, &row).map(|()| row)
    }

    /// Appends the values of a record to `out`: for each column a `[value]` of its type, which may be null or unset.
    ///
    /// # Errors
    /// Returns the reason if the record is not a row of the columns. Nothing is appended then.
    pub fn encode(&self, record: &InputRecord<'_>, out: &mut Vec<u8>) -> Result<(), String> {
        let start = out.len();
        if self.encode_fields(record, out).is_some() {
            return Ok(());
        }
        out.truncate(start);
        encode_row(&self.columns, &self.parse(record)?, out)
    }

    /// Appends the values of a CSV record. Returns `None` if [`parse`](Self::parse) must decide; some of the values may
    /// have been appended then.
    fn encode_fields(&self, record: &InputRecord<'_>, out: &mut Vec<u8>) -> Option<()> {
        let RecordContent::Fields(record) = &record.content else { return None };
        let FieldNames::Csv { indexes, fields, null, escapes } = &self.fields else { return None };
        if record.len() != indexes.len() {
            return None;
        }
        for (column, index) in self.columns.iter().zip(fields) {
            let field = index.and_then(|index| record.get(index));
            let Some(field) = field.filter(|field| !is_null(*field, column, null)) else {
                let is_unset = field.is_none() || self.nulls_unset;
                let value = if is_unset { RawValue::Unset } else { RawValue::Null };
                Writer::new(out).value(value, Version::V4, "value").ok()?;
                if *column.name == *TIMESTAMP {
                    return None;
                }
                continue;
            };
            if escapes.may_change(field) || !encode_plain(&column.cql_type, field.bytes, out) {
                let text = field_text(field, *escapes)?;
                let mut writer = Writer::new(out);
                match self.set(parse_text(&column.cql_type, &text).ok()?) {
                    MaybeUnset::Unset => {
                        writer.value(RawValue::Unset, Version::V4, "value").ok()?;
                    }
                    MaybeUnset::Set(value) => value.encode(&column.cql_type, &mut writer).ok()?,
                }
            }
        }
        Some(())
    }

    fn slot<'r>(
        &self,
        row: &'r mut [MaybeUnset<Value>],
        index: usize,
    ) -> Option<(&'r mut MaybeUnset<Value>, &ColumnSpec)> {
        Some((row.get_mut(index)?, self.columns.get(index)?))
    }

    fn set(&self, value: Value) -> MaybeUnset<Value> {
        match value {
            Value::Null if self.nulls_unset => MaybeUnset::Unset,
            value => MaybeUnset::Set(value),
        }
    }
}

/// Appends the values of a row to `out`: for each column a `[value]` of its type.
///
/// # Errors
/// Returns the reason if a value does not fit its column. Nothing is appended then.
pub(super) fn encode_row(
    columns: &[ColumnSpec],
    row: &[MaybeUnset<Value>],
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let start = out.len();
    let encoded = encode_values(row, columns, Writer::new(out));
    encoded.map(|_| ()).map_err(|error| {
        out.truncate(start);
        error.to_string()
    })
}

/// Returns an error if the row has a column for its write time, but no value in it.
pub(super) fn check_write_time(
    columns: &[ColumnSpec],
    row: &[MaybeUnset<Value>],
) -> Result<(), String> {
    match columns.iter().zip(row).find(|(column, _)| &*column.name == TIMESTAMP) {
        Some((column, MaybeUnset::Unset | MaybeUnset::Set(Value::Null))) => {
            Err(in_column(column, "the row has no write time"))
        }
        _ => Ok(()),
    }
}

/// Returns the names in a CSV record, which is the header of an input.
///
/// # Errors
/// Returns the reason if the record is not a list of names.
pub fn parse_header(record: &InputRecord<'_>) -> Result<Vec<String>, String> {
    match &record.content {
        RecordContent::Invalid(fault) => Err(fault.to_string()),
        RecordContent::Fields(fields) => {
            let name = |field: Field<'_>| std::str::from_utf8(field.bytes).map(str::to_owned);
            fields.iter().map(name).collect::<Result<_, _>>().map_err(|_| NOT_UTF8.to_owned())
        }
        RecordContent::Line(_) => Err("JSON lines have no header".to_owned()),
    }
}

const NOT_UTF8: &str = "the text is not UTF-8";

fn check_count(fields: CsvFields<'_>, expected: usize) -> Result<(), String> {
    match fields.len() {
        found if found == expected => Ok(()),
        found => Err(format!("{} instead of {expected}", Counted(found, "field"))),
    }
}

/// Returns the index of the column for a key of a JSON object: see [`Renames::column`]. A key in double quotes is the
/// exact name.
fn json_column(
    key: &str,
    renames: &Renames,
    columns: &[ColumnSpec],
) -> Result<Option<usize>, String> {
    let exact = key.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    let position = |name: &str| columns.iter().position(|column| &*column.name == name);
    match exact.and_then(position) {
        Some(index) => Ok(Some(index)),
        None => renames.column(key, columns),
    }
}

fn is_one_of(key: &str, names: &[String]) -> bool {
    let exact = key.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    let lower = key.to_lowercase();
    names.iter().any(|name| *name == *exact.unwrap_or(key) || *name == lower)
}

fn is_null(Field { bytes, is_quoted }: Field<'_>, column: &ColumnSpec, null: &[u8]) -> bool {
    match is_quoted {
        true => bytes.is_empty() && !column.cql_type.is_text(),
        false => *bytes == *null,
    }
}

fn parse_field(
    field: Field<'_>,
    column: &ColumnSpec,
    null: &[u8],
    escapes: Escapes,
) -> Result<Value, String> {
    if is_null(field, column, null) {
        return Ok(Value::Null);
    }
    let text = field_text(field, escapes).ok_or_else(|| in_column(column, NOT_UTF8))?;
    parse_text(&column.cql_type, &text).map_err(|reason| {
        in_column(column, &format!("{:?} is not a value: {reason}", shortened(&text)))
    })
}

/// Returns the text of a field without its escapes, or `None` if it is not UTF-8.
fn field_text(Field { bytes, is_quoted }: Field<'_>, escapes: Escapes) -> Option<Cow<'_, str>> {
    let text = match escapes.byte {
        // cqlsh also escapes in fields without quotes.
        Some(escape) if !is_quoted && bytes.contains(&escape) => {
            Cow::Owned(String::from_utf8(unescape(bytes, escape)).ok()?)
        }
        _ => Cow::Borrowed(std::str::from_utf8(bytes).ok()?),
    };
    Some(match (escapes.in_values, text) {
        (false, text) => text,
        (true, Cow::Borrowed(text)) => resolve_value_escapes(text),
        (true, Cow::Owned(text)) => resolve_value_escapes(&text).into_owned().into(),
    })
}

fn unescape(bytes: &[u8], escape: u8) -> Vec<u8> {
    let mut unescaped = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(&byte) = rest.next() {
        let is_last = rest.len() == 0;
        match byte == escape && !is_last {
            true => unescaped.extend(rest.next()),
            false => unescaped.push(byte),
        }
    }
    unescaped
}

/// Resolves the escapes `\\`, `\n`, `\r`, `\t` and `\x` with two hexadecimal digits. Other backslashes are kept.
fn resolve_value_escapes(text: &str) -> Cow<'_, str> {
    let Some((start, mut rest)) = text.split_once('\\') else { return text.into() };
    let mut resolved = start.to_owned();
    loop {
        let is_hex = |digits: &&str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code = rest.strip_prefix('x').and_then(|rest| rest.get(..2)).filter(is_hex);
        let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let (c, length) = match (rest.as_bytes().first(), code) {
            (Some(b'\\'), _) => ('\\', 1),
            (Some(b'n'), _) => ('\n', 1),
            (Some(b'r'), _) => ('\r', 1),
            (Some(b't'), _) => ('\t', 1),
            (_, Some(code)) => (char::from(code), 3),
            _ => ('\\', 0),
        };
        resolved.push(c);
        let after = rest.get(length..).unwrap_or_default();
        let Some((before, next)) = after.split_once('\\') else {
            resolved.push_str(after);
            return resolved.into();
        };
        resolved.push_str(before);
        rest = next;
    }
}

/// Returns a reason that names the column.
pub(super) fn in_column(column: &ColumnSpec, reason: &str) -> String {
    format!("column \"{}\" of type `{}`: {reason}", column.name, column.cql_type)
}

/// Longest part of a field shown in an error, in characters.
const EXCERPT: usize = 40;

/// Returns the start of a text, for an error.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()).into(),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_in_values_are_resolved() {
        for (text, expected) in [
            ("a", "a"),
            (r"a\nb\tc\r", "a\nb\tc\r"),
            (r"\\n\\\n", "\\n\\\n"),
            (r"\x00\x7f\xa0é", "\0\u{7f}\u{a0}é"),
            (r"\x0\xé\q\", r"\x0\xé\q\"),
        ] {
            assert_eq!(resolve_value_escapes(text), expected);
        }
    }
}
