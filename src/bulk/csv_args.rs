//! The arguments for CSV, which `unload` and `load` share.

use std::fmt;

use super::csv_dialect::CsvDialect;

/// The arguments for CSV.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct CsvArgs {
    /// Character between the fields of CSV, or `tab`
    #[arg(long, value_name = "CHARACTER", default_value = ",", value_parser = parse_byte)]
    delimiter: u8,

    /// Character around fields of CSV that contain special characters
    #[arg(long, value_name = "CHARACTER", default_value = "\"", value_parser = parse_byte)]
    quote: u8,

    /// Character before a quote in a field of CSV; cqlsh uses `\` [default: quotes are doubled]
    #[arg(long, value_name = "CHARACTER", value_parser = parse_byte)]
    escape: Option<u8>,

    /// Text of null in CSV, without quotes [default: an empty field; `\N` in a file of one column]
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    null: String,

    /// The first line of CSV contains no column names
    #[arg(long)]
    no_header: bool,
}

impl CsvArgs {
    /// Returns the dialect.
    ///
    /// # Errors
    /// Returns the reason if the arguments contradict each other.
    pub(super) fn dialect(&self) -> Result<CsvDialect, String> {
        let dialect = CsvDialect {
            delimiter: self.delimiter,
            quote: self.quote,
            escape: self.escape,
            null: self.null.clone(),
            has_header: !self.no_header,
        };
        dialect.check()?;
        Ok(dialect)
    }
}

/// Formats the arguments that differ from the default.
impl fmt::Display for CsvArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = CsvDialect::default();
        if self.delimiter != default.delimiter {
            write!(f, "--delimiter {:?} ", char::from(self.delimiter))?;
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

fn parse_byte(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() => Ok(*byte),
        _ => Err("not one ASCII character, or tab".to_owned()),
    }
}
