//! Writes the fields of a CSV record, with quotes where a reader needs them.

use super::csv_dialect::CsvDialect;

/// A writer of the fields of a CSV record.
#[derive(Debug, Clone)]
pub(super) struct FieldWriter {
    quote: u8,
    /// The byte before a quote in a field: the quote itself, or a separate escape.
    escape: u8,
    null: Box<[u8]>,
    /// True for each byte that makes a reader need quotes around the field.
    is_special: Box<[bool; 256]>,
}

/// The byte order mark, which readers remove at the start of a file.
pub(super) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

impl FieldWriter {
    pub(super) fn new(dialect: &CsvDialect, columns: usize) -> Self {
        let CsvDialect { delimiter, quote, .. } = *dialect;
        let mut is_special = Box::new([false; 256]);
        let separate = dialect.separate_escape();
        for byte in [delimiter, quote, separate.unwrap_or(quote), b'\r', b'\n'] {
            if let Some(is_special) = is_special.get_mut(usize::from(byte)) {
                *is_special = true;
            }
        }
        let null = dialect.null_text(columns).as_bytes().into();
        Self { quote, escape: separate.unwrap_or(quote), null, is_special }
    }

    /// Appends a null.
    pub(super) fn write_null(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.null);
    }

    /// Appends text.
    pub(super) fn write_text(&self, text: &str, out: &mut Vec<u8>) {
        let text = text.as_bytes();
        if self.needs_quotes(text) {
            self.write_quoted(text, out);
        } else {
            out.extend_from_slice(text);
        }
    }

    /// Adds quotes to the field from `start` to the end of `out` if it needs them.
    pub(super) fn quote_if_needed(&self, start: usize, out: &mut Vec<u8>) {
        if out.get(start..).is_some_and(|field| self.needs_quotes(field)) {
            let field = out.split_off(start);
            self.write_quoted(&field, out);
        }
    }

    /// Adds quotes to the field from `start` to the end of `out` if it equals the null text. This is enough for
    /// fields of letters, digits, `-`, `+` and `.`, which are never special.
    pub(super) fn quote_null_text(&self, start: usize, out: &mut Vec<u8>) {
        if out.get(start..) == Some(&*self.null) {
            self.quote_if_needed(start, out);
        }
    }

    fn needs_quotes(&self, field: &[u8]) -> bool {
        let is_special = |byte: &u8| self.is_special.get(usize::from(*byte)) == Some(&true);
        match field {
            // Some readers remove blanks around fields without quotes.
            [] | [b' ' | b'\t', ..] | [.., b' ' | b'\t'] => true,
            field => {
                field.iter().any(is_special)
                    || *field == *self.null
                    || field.starts_with(BYTE_ORDER_MARK)
            }
        }
    }

    fn write_quoted(&self, field: &[u8], out: &mut Vec<u8>) {
        out.push(self.quote);
        for &byte in field {
            if byte == self.quote || byte == self.escape {
                out.push(self.escape);
            }
            out.push(byte);
        }
        out.push(self.quote);
    }
}
