//! The options of WITH.

use crate::cql::{Literal, OptionValue, Options};
use crate::message::ServerError;
use crate::store::error::{config, syntax_error};

/// A map of an option, in the order of its keys.
pub(crate) type OptionMap = Vec<(String, String)>;

/// Returns a constant as the text of an option.
fn text(literal: &Literal) -> String {
    match literal {
        Literal::String(text) => text.clone(),
        _ => literal.to_string(),
    }
}

/// Returns an error if there is an option that is not in `known`.
pub(super) fn check_names(options: &Options, known: &[&str]) -> Result<(), ServerError> {
    match options.0.iter().find(|(name, _)| !known.contains(&&**name)) {
        Some((name, _)) => Err(syntax_error(&format!("Unknown property '{name}'"))),
        None => Ok(()),
    }
}

/// Returns the text of an option, or `None` if the statement does not have it.
pub(super) fn simple(options: &Options, name: &str) -> Result<Option<String>, ServerError> {
    match options.get(name) {
        None => Ok(None),
        Some(OptionValue::Literal(literal)) => Ok(Some(text(literal))),
        Some(OptionValue::Map(_)) => Err(syntax_error(&format!(
            "Invalid value for property '{name}'. It should be a string"
        ))),
    }
}

/// Returns the map of an option, or `None` if the statement does not have it.
pub(super) fn map(options: &Options, name: &str) -> Result<Option<OptionMap>, ServerError> {
    match options.get(name) {
        None => Ok(None),
        Some(OptionValue::Map(entries)) => {
            let mut entries: OptionMap =
                entries.iter().map(|(key, value)| (text(key), text(value))).collect();
            entries.sort();
            Ok(Some(entries))
        }
        Some(OptionValue::Literal(_)) => {
            Err(syntax_error(&format!("Invalid value for property '{name}'. It should be a map.")))
        }
    }
}

pub(super) fn boolean(options: &Options, name: &str) -> Result<Option<bool>, ServerError> {
    let Some(value) = simple(options, name)? else { return Ok(None) };
    match &*value.to_lowercase() {
        "1" | "true" | "yes" => Ok(Some(true)),
        "0" | "false" | "no" => Ok(Some(false)),
        _ => Err(syntax_error(&format!(
            "Invalid boolean value {value} for '{name}'. Positive values can be '1', 'true' or \
             'yes'. Negative values can be '0', 'false' or 'no'."
        ))),
    }
}

pub(super) fn int(options: &Options, name: &str) -> Result<Option<i32>, ServerError> {
    let Some(value) = simple(options, name)? else { return Ok(None) };
    match value.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(syntax_error(&format!("Invalid integer value {value} for '{name}'"))),
    }
}

pub(super) fn double(options: &Options, name: &str) -> Result<Option<f64>, ServerError> {
    let Some(value) = simple(options, name)? else { return Ok(None) };
    match value.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(syntax_error(&format!("Invalid double value {value} for '{name}'"))),
    }
}

/// Removes an entry from a map and returns its value.
pub(super) fn remove(map: &mut OptionMap, key: &str) -> Option<String> {
    let position = map.iter().position(|(known, _)| known == key)?;
    Some(map.remove(position).1)
}

/// Returns the name of a class with its package. A name with a dot has one.
pub(super) fn class(
    name: &str,
    package: &str,
    known: &[&str],
    kind: &str,
) -> Result<String, ServerError> {
    let full = match name.contains('.') {
        true => name.to_owned(),
        false => format!("{package}.{name}"),
    };
    let short = full.strip_prefix(package).and_then(|name| name.strip_prefix('.'));
    match short.is_some_and(|short| known.contains(&short)) {
        true => Ok(full),
        false => Err(config(format!("Unable to find {kind} class '{full}'"))),
    }
}
