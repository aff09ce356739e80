//! The fields of a JSON object.

use serde_json::{Map, Value as Json};

/// The fields of a JSON object. Each is taken once, so that unknown fields remain.
#[derive(Debug)]
pub(super) struct Fields {
    object: Map<String, Json>,
    /// The names of the fields that the caller has requested, in order.
    known: Vec<&'static str>,
}

impl Fields {
    pub(super) const fn new(object: Map<String, Json>) -> Self {
        Self { object, known: Vec::new() }
    }

    /// Takes a field of any type. A field that is null counts as missing.
    pub(super) fn take(&mut self, name: &'static str) -> Option<Json> {
        self.known.push(name);
        self.object.shift_remove(name).filter(|value| !value.is_null())
    }

    /// Takes a text.
    ///
    /// # Errors
    /// Returns an error that names the field if it has another type.
    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<String>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(name, "a string", &other)),
        }
    }

    /// Takes a text and converts it.
    ///
    /// # Errors
    /// Returns an error that names the field if it has another type, or if the text is invalid.
    pub(super) fn parsed<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        let text = self.text(name)?;
        text.map(|text| parse(&text).map_err(|error| format!("\"{name}\": {error}"))).transpose()
    }

    /// Takes a whole number that fits `T`.
    ///
    /// # Errors
    /// Returns an error that names the field if it is no such number.
    pub(super) fn number<T: TryFrom<u64>>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>, String> {
        self.take(name).map(|value| as_number(name, &value)).transpose()
    }

    /// Takes a flag, which is false if it is missing.
    ///
    /// # Errors
    /// Returns an error that names the field if it is neither true nor false.
    pub(super) fn flag(&mut self, name: &'static str) -> Result<bool, String> {
        match self.take(name) {
            None => Ok(false),
            Some(Json::Bool(flag)) => Ok(flag),
            Some(other) => Err(wrong_type(name, "true or false", &other)),
        }
    }

    /// Takes an array.
    ///
    /// # Errors
    /// Returns an error that names the field if it has another type.
    pub(super) fn array(&mut self, name: &'static str) -> Result<Option<Vec<Json>>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Array(values)) => Ok(Some(values)),
            Some(other) => Err(wrong_type(name, "an array", &other)),
        }
    }

    /// Takes an object.
    ///
    /// # Errors
    /// Returns an error that names the field if it has another type.
    pub(super) fn object(
        &mut self,
        name: &'static str,
    ) -> Result<Option<Map<String, Json>>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Object(object)) => Ok(Some(object)),
            Some(other) => Err(wrong_type(name, "an object", &other)),
        }
    }

    /// Checks that all fields were taken.
    ///
    /// # Errors
    /// Returns an error that names the first field that was not, and lists the known ones.
    pub(super) fn finish(self) -> Result<(), String> {
        match self.object.keys().next() {
            None => Ok(()),
            Some(unknown) => {
                Err(format!("unknown field \"{unknown}\"; use {}", self.known.join(", ")))
            }
        }
    }
}

/// Converts a JSON number.
///
/// # Errors
/// Returns an error that names the field if the value is no whole number that fits `T`.
pub(super) fn as_number<T: TryFrom<u64>>(name: &str, value: &Json) -> Result<T, String> {
    let number = value.as_u64().and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| wrong_type(name, "a whole number of a possible size", value))
}

pub(super) fn wrong_type(name: &str, expected: &str, found: &Json) -> String {
    format!("\"{name}\" must be {expected}, not {found}")
}
