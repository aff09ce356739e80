//! Scripts of commands.

use serde_json::{Deserializer, Value as Json};

use super::command::Command;

/// Parses a script: JSON objects, one after another, each on one line or on several. Lines that begin
/// with `#` are comments. Returns each command with its file and line, as in `faults.json:7`.
///
/// # Errors
/// Returns an error that names the file, the line and the problem.
pub(super) fn parse_script(file: &str, text: &str) -> Result<Vec<(String, Command)>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_comment = |line: &str| line.trim_start().starts_with('#');
    // Empty lines in place of the comments keep the numbers of the lines.
    let lines = text.lines().map(|line| if is_comment(line) { "" } else { line });
    let text = lines.collect::<Vec<_>>().join("\n");
    let mut values = Deserializer::from_str(&text).into_iter::<Json>();
    let mut commands = Vec::new();
    loop {
        let rest = text.get(values.byte_offset()..).unwrap_or_default();
        let start = text.len() - rest.trim_start().len();
        let line = 1 + text.get(..start).unwrap_or_default().matches('\n').count();
        match values.next() {
            None => return Ok(commands),
            Some(Ok(json)) => match Command::from_json(json) {
                Ok(command) => commands.push((format!("{file}:{line}"), command)),
                Err(error) => return Err(format!("{file}:{line}: {error}")),
            },
            Some(Err(error)) => {
                let (line, column) = (error.line(), error.column());
                let problem = error.to_string();
                let problem = problem.split(" at line ").next().unwrap_or(&problem);
                return Err(format!("{file}:{line}: invalid JSON at column {column}: {problem}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = r##"
# A comment.
{"on": "SELECT %", "columns": {"id": "int"},
  "rows": [[1], [2]]}
  # Another comment.
{"on": "INSERT %", "error": "overloaded"} {"on": "UPDATE %", "void": true}
"##;

    #[test]
    fn objects_may_span_lines_and_share_lines() {
        assert_eq!(parse_script("s.json", SCRIPT).unwrap().len(), 3);
        assert!(parse_script("s.json", "# nothing\n").unwrap().is_empty());
    }

    #[test]
    fn errors_name_the_file_and_the_line() {
        for (script, expected) in [
            (SCRIPT.replace("[2]", "[\"x\"]"), "s.json:3: row 2: column \"id\": "),
            (SCRIPT.replace("overloaded", "busy"), "s.json:6: unknown error \"busy\""),
            (
                SCRIPT.replace("[2]]", "[2]"),
                "s.json:4: invalid JSON at column 20: expected `,` or `]`",
            ),
            (format!("{SCRIPT}\n{{\"on\": "), "s.json:8: invalid JSON at column"),
            ("\n\n[]".to_owned(), "s.json:3: a command is a JSON object, not []"),
        ] {
            let error = parse_script("s.json", &script).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
