//! Texts that cqlsh prints in the notation of Python.

use std::env;
use std::io;

/// Formats a string as a Python literal.
pub(super) fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut literal = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c if c == quote => literal.extend(['\\', c]),
            c if c.is_control() => literal.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => literal.push(c),
        }
    }
    literal.push(quote);
    literal
}

/// Formats the error of opening a file as Python does, such as `[Errno 2] No such file or directory: 'x'`.
pub(super) fn os_error(error: &io::Error, file: &str) -> String {
    match error.raw_os_error() {
        Some(code) => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            format!("[Errno {code}] {text}: {}", repr(file))
        }
        None => error.to_string(),
    }
}

/// Replaces `~` at the start of a file name by the user's home directory.
pub(super) fn expand_home(file: &str) -> String {
    match (file.strip_prefix('~'), env::var("HOME")) {
        (Some(rest), Ok(home)) if rest.is_empty() || rest.starts_with('/') => home + rest,
        _ => file.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_strings_like_python() {
        for (text, literal) in [
            ("a\\b\n\u{7f}", r"'a\\b\n\x7f'"),
            ("it's", r#""it's""#),
            ("'\"", r#"'\'"'"#),
            ("\u{e9}", "'\u{e9}'"),
        ] {
            assert_eq!(repr(text), literal);
        }
    }

    #[test]
    fn formats_errors_of_files_like_python() {
        let error = std::fs::File::open("no/such/file").unwrap_err();
        let expected = "[Errno 2] No such file or directory: 'no/such/file'";
        assert_eq!(os_error(&error, "no/such/file"), expected);
    }
}
