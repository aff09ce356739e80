//! The options of CSV.

/// A dialect of CSV. The default is RFC 4180 with a header line.
///
/// The text of the options is checked by [`check`](Self::check), which the reader and the writer expect to have
/// succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvDialect {
    /// Byte between fields. Default: `,`.
    pub delimiter: u8,
    /// Byte around fields that contain special bytes. Default: `"`.
    pub quote: u8,
    /// Byte before a quote or itself in a field. Default: `None`: quotes in a field are doubled. cqlsh uses `\`.
    pub escape: Option<u8>,
    /// Text of a field without quotes that is null. Default: empty.
    pub null: String,
    /// True if the first record of a file contains the names of the columns. Default: true.
    pub has_header: bool,
    /// True if backslashes and control characters of values are escaped like in Python, such as `\\n`, in addition to
    /// the escapes of CSV. cqlsh's COPY TO does so, but COPY FROM does not resolve these escapes. Only readers use it.
    /// Default: false.
    pub has_value_escapes: bool,
}

impl Default for CsvDialect {
    fn default() -> Self {
        Self {
            delimiter: b',',
            quote: b'"',
            escape: None,
            null: String::new(),
            has_header: true,
            has_value_escapes: false,
        }
    }
}

/// Text of a null in a file of one column, whose null text is empty.
const NULL_OF_ONE_COLUMN: &str = "\\N";

impl CsvDialect {
    /// Checks that the options do not contradict each other.
    ///
    /// # Errors
    /// Returns the reason if two of the special bytes are equal, or if one of them may be part of a number, or if the
    /// null text contains one of them.
    pub fn check(&self) -> Result<(), String> {
        let special = [Some(self.delimiter), Some(self.quote), self.escape];
        for (name, byte) in ["delimiter", "quote", "escape"].into_iter().zip(special) {
            let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"\r\n\0+-.".contains(byte);
            if byte.is_some_and(|byte| is_plain(&byte) || !byte.is_ascii()) {
                return Err(format!(
                    "the {name} cannot be {:?}: use an ASCII character that is not part of a value, such as , ; | or tab",
                    char::from(byte.unwrap_or_default())
                ));
            }
        }
        if self.delimiter == self.quote || self.escape == Some(self.delimiter) {
            return Err("the delimiter must differ from the quote and the escape".to_owned());
        }
        let is_special = |byte: u8| special.contains(&Some(byte)) || b"\r\n".contains(&byte);
        match self.null.bytes().any(is_special) {
            true => Err(
                "the null text cannot contain the delimiter, the quote, the escape or a line break"
                    .to_owned(),
            ),
            false => Ok(()),
        }
    }

    /// Returns the byte that escapes quotes in a field, or `None` if quotes are doubled.
    pub(super) fn separate_escape(&self) -> Option<u8> {
        self.escape.filter(|escape| *escape != self.quote)
    }

    /// Returns the text of a null in a file with this number of columns.
    pub(super) fn null_text(&self, columns: usize) -> &str {
        match (columns, &*self.null) {
            (1, "") => NULL_OF_ONE_COLUMN,
            (_, null) => null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambiguous_options_are_errors() {
        let default = CsvDialect::default;
        for dialect in [
            CsvDialect { delimiter: b'"', ..default() },
            CsvDialect { delimiter: b'-', ..default() },
            CsvDialect { delimiter: b'\\', escape: Some(b'\\'), ..default() },
            CsvDialect { quote: b'\n', ..default() },
            CsvDialect { quote: 0xe9, ..default() },
            CsvDialect { null: "a,b".to_owned(), ..default() },
        ] {
            assert!(dialect.check().is_err(), "{dialect:?}");
        }
        for dialect in [
            default(),
            CsvDialect { delimiter: b'\t', ..default() },
            CsvDialect { escape: Some(b'\\'), ..default() },
            CsvDialect { escape: Some(b'"'), ..default() },
            CsvDialect { null: "NULL".to_owned(), ..default() },
        ] {
            assert_eq!(dialect.check(), Ok(()), "{dialect:?}");
        }
    }
}
