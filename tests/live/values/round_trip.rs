//! Round trips of rows: one side writes a row, and the other reads it.

use std::fmt;

use cqlwire::session::Session;
use cqlwire::types::Value;
use cqlwire::wire::Version;
use libtest_mimic::Failed;
use serde_json::Value as Json;
use tokio::runtime::Runtime;

use super::known;
use super::python::Python;
use super::table::{Cell, Row, normalized};
use crate::fleet::{Node, runtime};
use crate::json_values::value_to_json;

/// Number of differences shown in an error.
const SHOWN: usize = 20;

/// The direction of a round trip: the side that writes, and the side that reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Ours,
    ToPython,
    FromPython,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::Ours, Self::ToPython, Self::FromPython];
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "from_rust_to_rust",
            Self::ToPython => "from_rust_to_python",
            Self::FromPython => "from_python_to_rust",
        })
    }
}

/// Checks the round trip of all values of all tables, except known differences.
pub(crate) fn all(node: &Node, protocol: Version, way: Way) -> Result<(), Failed> {
    let sides = Sides::new(node, protocol, way)?;
    let (mut count, mut differences) = (0, Vec::new());
    for table in node.shared.tables(node)? {
        for mut row in table.rows(&format!("{protocol} {way}")) {
            row.cells.retain(|cell| !known::differs(way, cell));
            count += row.cells.len();
            differences.extend(sides.differences(&row));
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    let first = differences.iter().take(SHOWN).map(|of| format!("\n{of}")).collect::<String>();
    Err(format!("{} of {count} values differ; the first:{first}", differences.len()).into())
}

/// The writing and the reading side.
pub(crate) struct Sides<'n> {
    way: Way,
    runtime: Runtime,
    session: Session,
    python: Option<&'n Python>,
}

impl<'n> Sides<'n> {
    pub(crate) fn new(node: &'n Node, protocol: Version, way: Way) -> Result<Self, Failed> {
        let runtime = runtime()?;
        let session = node.connect(&runtime, |builder| builder.protocol_version(protocol))?;
        let python = match way {
            Way::Ours => None,
            _ => Some(node.shared.python(node, protocol)?),
        };
        Ok(Self { way, runtime, session, python })
    }

    /// Writes and reads a row. Returns a description of each cell that differs.
    pub(crate) fn differences(&self, row: &Row<'_>) -> Vec<String> {
        if row.cells.is_empty() {
            return Vec::new();
        }
        match (self.write(row).and_then(|()| self.read(row)), &*row.cells) {
            (Ok(differences), _) => differences,
            (Err(error), [cell]) => vec![format!("{}: {}", shown(cell), short(error))],
            // Try each cell alone to find those that cannot be written or read.
            (Err(error), cells) => {
                let alone = |cell| Row { cells: vec![cell], key: row.key.clone(), ..*row };
                let found = cells.iter().flat_map(|&cell| self.differences(&alone(cell)));
                let found = found.collect::<Vec<_>>();
                match found.is_empty() {
                    true => vec![format!(
                        "{} fails, but each cell alone succeeds: {error}",
                        row.write()
                    )],
                    false => found,
                }
            }
        }
    }

    /// Writes the row with the writing side.
    pub(crate) fn write(&self, row: &Row<'_>) -> Result<(), String> {
        match (self.way, self.python) {
            (Way::FromPython, Some(python)) => python.write(row),
            _ => self.write_ours(row),
        }
    }

    /// Reads the row with the reading side. Returns a description of each cell that differs.
    pub(crate) fn read(&self, row: &Row<'_>) -> Result<Vec<String>, String> {
        match (self.way, self.python) {
            (Way::ToPython, Some(python)) => Ok(compare(row, &python.read(row)?, differs_as_json)),
            _ => Ok(compare(row, &self.read_ours(row)?, differs)),
        }
    }

    fn write_ours(&self, row: &Row<'_>) -> Result<(), String> {
        let values = row.cells.iter().map(|cell| cell.value.clone());
        let values = values.chain([Value::Text(row.key.clone())]).collect::<Vec<_>>();
        let written = self.session.execute(row.write(), values.as_slice());
        self.runtime.block_on(written).map(drop).map_err(|error| error.to_string())
    }

    /// Reads the values of the row's cells with cqlwire.
    pub(crate) fn read_ours(&self, row: &Row<'_>) -> Result<Vec<Value>, String> {
        let read = self.runtime.block_on(self.session.execute(row.read(), ()));
        read.and_then(|result| result.one()).map_err(|error| error.to_string())
    }
}

fn compare<R>(
    row: &Row<'_>,
    read: &[R],
    differs: fn(&Cell<'_>, &R) -> Option<String>,
) -> Vec<String> {
    if read.len() != row.cells.len() {
        return vec![format!("{} values were read, expected {}", read.len(), row.cells.len())];
    }
    let cells = row.cells.iter().zip(read);
    let found = cells.filter_map(|(cell, read)| {
        let read = differs(cell, read)?;
        Some(format!("{} is read as {}", shown(cell), short(read)))
    });
    found.collect()
}

fn shown(cell: &Cell<'_>) -> String {
    format!("{} {}", cell.column.cql_type, short(cell.value.to_string()))
}

/// Compares values. `==` alone is not enough: NaN is unequal to itself, and -0.0 is equal to 0.0.
fn differs(cell: &Cell<'_>, read: &Value) -> Option<String> {
    let expected = cell.column.stored(cell.value);
    let read = normalized(read, &cell.column.cql_type);
    let is_same = value_to_json(&read) == value_to_json(&expected)
        && (read == expected || format!("{read:?}") == format!("{expected:?}"));
    (!is_same).then(|| format!("{read:?}, not {}", short(format!("{expected:?}"))))
}

fn differs_as_json(cell: &Cell<'_>, read: &Json) -> Option<String> {
    let expected = value_to_json(&cell.column.stored(cell.value));
    (*read != expected).then(|| format!("{read}, not {}", short(expected.to_string())))
}

/// Truncates a text for display.
fn short(text: String) -> String {
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
