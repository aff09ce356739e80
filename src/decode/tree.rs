//! Prints an object as an indented tree.

use std::io::{self, Write};

use serde_json::Value;

/// Writes `value`, one field per line. The fields of a nested object go on the lines below it, and are
/// indented by two more spaces.
pub(super) fn write(out: &mut impl Write, value: &Value) -> io::Result<()> {
    match one_line(value) {
        Some(text) => writeln!(out, "{text}"),
        None => write_parts(out, value, ""),
    }
}

/// Writes a value that needs several lines. The cursor is already at the start of the first part; each
/// further part starts with `indent`.
fn write_parts(out: &mut impl Write, value: &Value, indent: &str) -> io::Result<()> {
    let parts: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (format!("{}:", quote_if_needed(name)), value))
            .collect(),
        Value::Array(elements) => elements.iter().map(|value| ("-".to_owned(), value)).collect(),
        _ => return Ok(()),
    };
    for (index, (label, value)) in parts.iter().enumerate() {
        let before = if index == 0 { "" } else { indent };
        write!(out, "{before}{label}")?;
        match one_line(value) {
            Some(text) => writeln!(out, " {text}")?,
            None => {
                let below = format!("{indent}  ");
                match value {
                    // The fields of an element start beside its dash.
                    Value::Object(_) if label == "-" => write!(out, " ")?,
                    _ => write!(out, "\n{below}")?,
                }
                write_parts(out, value, &below)?;
            }
        }
    }
    Ok(())
}

/// Returns the text of a scalar, a list of scalars or an empty object. Returns `None` for any other
/// value, which needs several lines.
fn one_line(value: &Value) -> Option<String> {
    Some(match value {
        Value::String(string) => quote_if_needed(string),
        Value::Array(elements) => {
            let scalars = elements.iter().map(|element| match element {
                Value::Array(_) | Value::Object(_) => None,
                scalar => one_line(scalar),
            });
            format!("[{}]", scalars.collect::<Option<Vec<_>>>()?.join(", "))
        }
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(_) => return None,
        scalar => scalar.to_string(),
    })
}

/// Returns `text` unchanged if it consists of ASCII letters, digits and `_.-`. Otherwise, or if it is
/// empty, returns it quoted and escaped.
fn quote_if_needed(text: &str) -> String {
    let is_clear = text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    match is_clear && !text.is_empty() {
        true => text.to_owned(),
        false => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tree(value: &Value) -> String {
        let mut out = Vec::new();
        write(&mut out, value).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn indents_nested_fields() {
        let value = json!({
            "version": 4,
            "none": [],
            "message": { "names": ["a", null], "empty": {}, "deep": { "x": true } },
            "list": [{ "a": 1, "b": { "c": 2 } }, { "a": 3 }, null],
            "rows": [["00", null], ["01", "02"], []],
        });
        let expected = "\
version: 4
none: []
message:
  names: [a, null]
  empty: {}
  deep:
    x: true
list:
  - a: 1
    b:
      c: 2
  - a: 3
  - null
rows:
  - [00, null]
  - [01, 02]
  - []
";
        assert_eq!(tree(&value), expected);
    }

    #[test]
    fn escapes_control_characters() {
        assert_eq!(tree(&json!({ "text": "SELECT 1" })), "text: \"SELECT 1\"\n");
        assert_eq!(
            tree(&json!({ "a\nb": "\u{1b}[2J\u{9b}" })),
            "\"a\\nb\": \"\\u{1b}[2J\\u{9b}\"\n"
        );
        assert_eq!(tree(&json!({ "text": "" })), "text: \"\"\n");
    }
}
