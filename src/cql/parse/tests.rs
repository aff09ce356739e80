//! Tests of the grammar.

mod hostile;
mod select;
mod statement_strategies;
mod statements;
mod strategies;

use super::parse_statement;

/// Checks that each text is a statement that is formatted as the second text, and that the formatted
/// text is an equal statement.
fn check_formats(statements: &[(&str, &str)]) {
    for (text, formatted) in statements {
        let parsed = parse_statement(text).map_err(|error| error.to_string());
        let shown = parsed.as_ref().map(ToString::to_string);
        assert_eq!(shown.as_deref(), Ok(*formatted), "{text}");
        assert_eq!(parse_statement(formatted).map_err(|error| error.to_string()), parsed, "{text}");
    }
}

/// Checks the error of each text.
fn check_errors(errors: &[(&str, &str)]) {
    for (text, error) in errors {
        let parsed = parse_statement(text).map_err(|error| error.to_string());
        assert_eq!(parsed, Err((*error).to_owned()), "{text}");
    }
}
