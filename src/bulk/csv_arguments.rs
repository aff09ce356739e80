//! The arguments for CSV.

use std::fmt;
use std::path::Path;

use clap::Args;

use super::csv_dialect::CsvDialect;
use super::format::Format;
use crate::cli::Failure;

/// The arguments for CSV. Other formats ignore them.
#[derive(Debug, Clone, Args)]
pub struct CsvArgs {
    /// Character between the fields of CSV, or `tab` [default: tab for files named *.tsv, else a comma]
    #[arg(long, value_name = "CHARACTER", value_parser = parse_character)]
    delimiter: Option<u8>,

    /// Character around fields of CSV that contain special characters
    #[arg(long, default_value = "\"", value_name = "CHARACTER", value_parser = parse_character)]
    quote: u8,

    /// Character before a quote in a field of CSV; `\` for files of cqlsh [default: quotes are doubled]
    #[arg(long, value_name = "CHARACTER", value_parser = parse_character)]
    escape: Option<u8>,

    /// Text of null in CSV: that of a field without quotes [default: the empty field; `\N` in a file of one
    /// column]
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    null: String,

    /// The first record of CSV is a row, not a header with the names of the columns
    #[arg(long)]
    no_header: bool,
}

impl CsvArgs {
    /// Returns the dialect of a file, or of standard input and output for `None`.
    ///
    /// # Errors
    /// Returns an error if the arguments do not fit each other.
    pub fn dialect(&self, file: Option<&Path>) -> Result<CsvDialect, Failure> {
        let by_name = if file.is_some_and(Format::is_tab_separated) { b'\t' } else { b',' };
        let dialect = CsvDialect {
            delimiter: self.delimiter.unwrap_or(by_name),
            quote: self.quote,
            escape: self.escape,
            null: self.null.clone(),
            has_header: !self.no_header,
            has_value_escapes: false,
        };
        dialect.check().map_err(Failure::Arguments)?;
        Ok(dialect)
    }
}

/// Formats the arguments that are given and differ from the default.
impl fmt::Display for CsvArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = CsvDialect::default();
        if let Some(delimiter) = self.delimiter {
            write!(f, "--delimiter {:?} ", char::from(delimiter))?;
        }
        if self.quote != default.quote {
            write!(f, "--quote {:?} ", char::from(self.quote))?;
        }
        if let Some(escape) = self.escape {
            write!(f, "--escape {:?} ", char::from(escape))?;
        }
        if self.null != default.null {
            write!(f, "--null {:?} ", self.null)?;
        }
        if self.no_header {
            f.write_str("--no-header ")?;
        }
        Ok(())
    }
}

fn parse_character(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        _ if text == "tab" || text == "\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() => Ok(*byte),
        _ => Err("not one ASCII character, or tab".to_owned()),
    }
}
