//! Values of all types.

use super::date_time::DateTimeFormats;
use super::float::{DEFAULT_PRECISION, format_float};
use super::formatted::{Formatted, Style};
use crate::types::{Duration, Value};

/// The format of values: that of cqlsh, whose output differs in details from CQL literals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::shell) struct ValueFormat {
    /// True to print escape codes for colours.
    pub(in crate::shell) is_colored: bool,
    /// The formats of timestamps, dates and times.
    pub(in crate::shell) date_time: DateTimeFormats,
    /// Number of digits after the decimal point of a `float`, and of any number inside a collection.
    pub(in crate::shell) float_precision: usize,
    /// Number of digits after the decimal point of a `double`.
    pub(in crate::shell) double_precision: usize,
}

impl Default for ValueFormat {
    fn default() -> Self {
        Self {
            is_colored: false,
            date_time: DateTimeFormats::default(),
            float_precision: DEFAULT_PRECISION,
            double_precision: DEFAULT_PRECISION,
        }
    }
}

impl ValueFormat {
    /// Formats a value that is a whole cell. Text, timestamps and addresses are not quoted.
    pub(in crate::shell) fn cell(&self, value: &Value) -> Formatted {
        let mut out = Formatted::new(self.is_colored);
        match value {
            Value::Ascii(text) | Value::Text(text) => out.push_escaped(Style::Text, text),
            Value::Inet(address) => out.push(Style::Scalar, &address.to_string()),
            Value::Timestamp(instant) => {
                out.push(Style::Scalar, &self.date_time.timestamp(*instant));
            }
            Value::Double(number) => {
                out.push(Style::Scalar, &format_float(*number, self.double_precision));
            }
            value => self.push_nested(&mut out, value),
        }
        out
    }

    /// Formats the name of a column.
    pub(in crate::shell) fn name(&self, style: Style, name: &str) -> Formatted {
        let mut out = Formatted::new(self.is_colored);
        out.push_escaped(style, name);
        out
    }

    /// Appends a value inside a collection, where text, timestamps and addresses are quoted.
    fn push_nested(&self, out: &mut Formatted, value: &Value) {
        let scalar = match value {
            Value::Null => return out.push(Style::Red, "null"),
            Value::Empty => return out.push(Style::Text, ""),
            Value::Ascii(text) | Value::Text(text) => {
                let quoted = format!("'{}'", text.replace('\'', "''"));
                return out.push_escaped(Style::Text, &quoted);
            }
            Value::Blob(_) | Value::Custom(_) => return out.push(Style::Blob, &value.to_string()),
            Value::List(values) | Value::Vector(values) => {
                return self.push_sequence(out, "[", values, "]");
            }
            Value::Set(values) => return self.push_sequence(out, "{", values, "}"),
            Value::Tuple(values) => return self.push_sequence(out, "(", values, ")"),
            Value::Map(entries) => {
                out.push(Style::Collection, "{");
                for (index, (key, value)) in entries.iter().enumerate() {
                    push_comma(out, index);
                    self.push_nested(out, key);
                    out.push(Style::Collection, ": ");
                    self.push_nested(out, value);
                }
                return out.push(Style::Collection, "}");
            }
            Value::Udt { udt, fields } => {
                // A value written before a field was added to the type lacks that field.
                let values = fields.iter().chain(std::iter::repeat(&Value::Null));
                out.push(Style::Collection, "{");
                for (index, ((name, _), value)) in udt.fields.iter().zip(values).enumerate() {
                    push_comma(out, index);
                    out.push_escaped(Style::Text, name);
                    out.push(Style::Collection, ": ");
                    self.push_nested(out, value);
                }
                return out.push(Style::Collection, "}");
            }
            Value::Inet(address) => format!("'{address}'"),
            Value::Timestamp(instant) => format!("'{}'", self.date_time.timestamp(*instant)),
            Value::Boolean(flag) => if *flag { "True" } else { "False" }.to_owned(),
            Value::Date(date) => date.to_string(),
            Value::Time(time) => time.to_string(),
            Value::Duration(duration) if *duration == Duration::default() => String::new(),
            Value::Duration(duration) => duration.to_string(),
            Value::Double(number) => format_float(*number, self.float_precision),
            Value::Float(number) => format_float((*number).into(), self.float_precision),
            value => value.to_string(),
        };
        out.push(Style::Scalar, &scalar);
    }

    fn push_sequence(&self, out: &mut Formatted, open: &str, values: &[Value], close: &str) {
        out.push(Style::Collection, open);
        for (index, value) in values.iter().enumerate() {
            push_comma(out, index);
            self.push_nested(out, value);
        }
        out.push(Style::Collection, close);
    }
}

fn push_comma(out: &mut Formatted, index: usize) {
    if index > 0 {
        out.push(Style::Collection, ", ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Timestamp;

    fn plain(value: &Value) -> String {
        ValueFormat::default().cell(value).as_str().to_owned()
    }

    #[test]
    fn quotes_only_inside_collections() {
        let text = Value::Text("it's\t\u{7f}".into());
        assert_eq!(plain(&text), "it's\\t\\x7f");
        assert_eq!(plain(&Value::List(vec![text, Value::Null])), "['it''s\\t\\x7f', null]");
        let address = Value::Inet([127, 0, 0, 1].into());
        assert_eq!(plain(&address), "127.0.0.1");
        let instant = Value::Timestamp(Timestamp(1));
        assert_eq!(plain(&instant), "1970-01-01 00:00:00.001000+0000");
        assert_eq!(
            plain(&Value::Map(vec![(instant, address)])),
            "{'1970-01-01 00:00:00.001000+0000': '127.0.0.1'}"
        );
    }

    #[test]
    fn formats_scalars_like_python() {
        for (value, printed) in [
            (Value::Boolean(true), "True"),
            (Value::Blob(vec![].into()), "0x"),
            (Value::Duration(Duration::default()), ""),
            (Value::Empty, ""),
            (Value::Null, "null"),
            (Value::Tuple(vec![Value::Int(1), Value::Null]), "(1, null)"),
            (Value::Vector(vec![Value::Float(0.1), Value::Float(2.5)]), "[0.1, 2.5]"),
        ] {
            assert_eq!(plain(&value), printed);
        }
    }

    #[test]
    fn colours_parts_by_their_type() {
        let format = ValueFormat { is_colored: true, ..ValueFormat::default() };
        let list = Value::List(vec![Value::Int(1), Value::Null]);
        assert_eq!(
            format.cell(&list).as_str(),
            "\u{1b}[0;1;34m[\u{1b}[0m\u{1b}[0;1;32m1\u{1b}[0m\u{1b}[0;1;34m, \u{1b}[0m\
             \u{1b}[0;1;31mnull\u{1b}[0m\u{1b}[0;1;34m]\u{1b}[0m"
        );
    }
}
