//! Reads the Markdown tables of `protocol-spec/tables/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cqlwire::wire::Version;

/// A row, as the text of each column by the column's name.
#[derive(Debug)]
pub(crate) struct Row(BTreeMap<String, String>);

impl Row {
    pub(crate) fn text(&self, column: &str) -> &str {
        self.0.get(column).unwrap_or_else(|| panic!("there is no column {column} in {self:?}"))
    }

    pub(crate) fn number(&self, column: &str) -> u32 {
        let text = self.text(column);
        let number = match text.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => text.parse(),
        };
        number.unwrap_or_else(|_| panic!("column {column} is not a number in {self:?}"))
    }

    pub(crate) fn is_in(&self, version: Version) -> bool {
        self.text("versions").split(' ').any(|named| named == version.to_string())
    }

    /// Returns the field name in the column, or `None` if the column has none.
    pub(crate) fn field(&self, column: &str) -> Option<&str> {
        Some(self.text(column)).filter(|&field| field != "-")
    }

    /// Returns the fields of a message and their notations, from `name:notation name:notation`.
    pub(crate) fn fields(&self, column: &str) -> Vec<(&str, &str)> {
        let fields = self.field(column).into_iter().flat_map(str::split_whitespace);
        fields.map(|field| field.split_once(':').expect("name:notation")).collect()
    }
}

/// Reads the rows of the table in `protocol-spec/tables/{name}.md`.
pub(crate) fn table(name: &str) -> Vec<Row> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-spec/tables");
    let text = fs::read_to_string(folder.join(name).with_extension("md")).unwrap();
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
        inner.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut lines = text.lines().filter(|line| line.starts_with('|')).map(cells);
    let columns = lines.next().expect("a table should have a header");
    lines
        .skip(1)
        .map(|row| {
            assert_eq!(row.len(), columns.len(), "{name}: {row:?}");
            Row(columns.iter().cloned().zip(row).collect())
        })
        .collect()
}
