//! Rows for other programs: JSON and CSV.

use std::io::{self, Write};

use serde_json::{Map, Value as Json};

use super::faults::Faults;
use super::page::ReadRow;
use crate::session::{Error, QueryResult};
use crate::types::Value;

/// A format of rows for other programs. Numbers have all their digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::shell) enum RecordFormat {
    /// One array of objects for each result.
    Json,
    /// One object a line.
    JsonLines,
    /// The names of the columns, then one line for each row (RFC 4180). A null is empty.
    Csv,
}

/// Prints the pages of one result.
#[derive(Debug)]
pub(in crate::shell) struct RecordPrinter {
    format: RecordFormat,
    has_begun: bool,
    rows: usize,
}

impl RecordPrinter {
    pub(in crate::shell) const fn new(format: RecordFormat) -> Self {
        Self { format, has_begun: false, rows: 0 }
    }

    /// Returns the text of a page. Adds the values that cannot be decoded to `faults`.
    ///
    /// # Errors
    /// Returns an error if the page is shorter than its rows.
    pub(in crate::shell) fn page(
        &mut self,
        result: &QueryResult,
        faults: &mut Faults,
    ) -> Result<String, Error> {
        let names: Vec<&str> = result.columns().iter().map(|column| &*column.name).collect();
        let mut text = String::new();
        if !self.has_begun {
            self.has_begun = true;
            match self.format {
                RecordFormat::Json => text.push('['),
                RecordFormat::JsonLines => {}
                RecordFormat::Csv => push_csv_line(&mut text, names.iter().copied()),
            }
        }
        for row in result.rows::<ReadRow>()? {
            let values = row?.into_values(result.columns(), faults);
            let object = || {
                let members = names.iter().zip(&values);
                let members = members.map(|(name, value)| ((*name).to_owned(), Json::from(value)));
                Json::Object(members.collect::<Map<_, _>>()).to_string()
            };
            match self.format {
                RecordFormat::Json => {
                    text.push_str(if self.rows == 0 { "\n" } else { ",\n" });
                    text.push_str(&object());
                }
                RecordFormat::JsonLines => {
                    text.push_str(&object());
                    text.push('\n');
                }
                RecordFormat::Csv => {
                    let fields: Vec<String> = values.iter().map(csv_field).collect();
                    push_csv_line(&mut text, fields.iter().map(String::as_str));
                }
            }
            self.rows += 1;
        }
        Ok(text)
    }

    /// Prints the end of the result.
    ///
    /// # Errors
    /// Returns the error of writing.
    pub(in crate::shell) fn finish(&self, out: &mut dyn Write) -> io::Result<()> {
        match self.format {
            RecordFormat::Json if self.has_begun => writeln!(out, "\n]"),
            _ => Ok(()),
        }
    }
}

/// Returns the text of a value in a field: text as it is, other values as CQL without quotation marks.
fn csv_field(value: &Value) -> String {
    match value {
        Value::Null | Value::Empty => String::new(),
        Value::Ascii(text) | Value::Text(text) => text.clone(),
        Value::Inet(address) => address.to_string(),
        Value::Timestamp(instant) => instant.to_string(),
        Value::Date(date) => date.to_string(),
        Value::Time(time) => time.to_string(),
        value => value.to_string(),
    }
}

fn push_csv_line<'f>(text: &mut String, fields: impl Iterator<Item = &'f str>) {
    for (index, field) in fields.enumerate() {
        if index > 0 {
            text.push(',');
        }
        match field.contains([',', '"', '\r', '\n']) {
            true => text.push_str(&format!("\"{}\"", field.replace('"', "\"\""))),
            false => text.push_str(field),
        }
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_fields_that_need_it() {
        let mut line = String::new();
        push_csv_line(&mut line, ["a", "b,c", "\"", "d\ne", ""].into_iter());
        assert_eq!(line, "a,\"b,c\",\"\"\"\",\"d\ne\",\r\n");
    }

    #[test]
    fn fields_have_no_quotation_marks_of_cql() {
        for (value, field) in [
            (Value::Text("it's".into()), "it's"),
            (Value::Null, ""),
            (Value::Double(1.0 / 3.0), "0.3333333333333333"),
            (Value::Inet([127, 0, 0, 1].into()), "127.0.0.1"),
            (Value::List(vec![Value::Text("a".into())]), "['a']"),
        ] {
            assert_eq!(csv_field(&value), field);
        }
    }
}
