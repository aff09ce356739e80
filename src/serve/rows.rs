//! The rows that a command describes.

use serde_json::{Map, Value as Json};

use super::fields::{Fields, wrong_type};
use crate::testing::Reply;
use crate::types::{ColumnSpec, CqlType, Value, ValuesBuffer};

/// The keyspace and the table of the columns. Clients do not use them.
const TABLE: (&str, &str) = ("serve", "serve");

/// Takes the canned answer of a command: its rows with their columns, or a result without rows.
/// Returns `None` if the command has no answer.
///
/// # Errors
/// Returns an error if a column has no valid type, or if a row does not fit the columns.
pub(super) fn take_answer(fields: &mut Fields) -> Result<Option<Reply>, String> {
    let columns = take_columns(fields, "columns")?;
    let rows = fields.array("rows")?;
    let is_void = fields.flag("void")?;
    let variables = take_columns(fields, "variables")?;
    let warnings = fields.array("warnings")?;
    let reply = match (rows, is_void) {
        (None, false) if columns.is_some() || variables.is_some() || warnings.is_some() => {
            let names = "columns, variables and warnings";
            return Err(format!("{names} need \"rows\" or \"void\""));
        }
        (None, false) => return Ok(None),
        (None, true) => Reply::void(),
        (Some(_), true) => return Err("use \"rows\" or \"void\", not both".to_owned()),
        (Some(rows), false) => {
            let columns = columns.ok_or(
                "\"rows\" needs \"columns\", as in {\"id\": \"int\", \"tags\": \"set<text>\"}",
            )?;
            let rows = rows.iter().enumerate().map(|(index, row)| {
                values(&columns, row).map_err(|error| format!("row {}: {error}", index + 1))
            });
            Reply::rows(columns.clone(), rows.collect::<Result<Vec<_>, _>>()?)
        }
    };
    let reply = match variables {
        Some(variables) => reply.variables(variables),
        None => reply,
    };
    let warn = |reply: Reply, warning: &Json| match warning {
        Json::String(text) => Ok(reply.warning(text)),
        other => Err(wrong_type("warnings", "an array of strings", other)),
    };
    warnings.unwrap_or_default().iter().try_fold(reply, warn).map(Some)
}

/// Takes an object from names to CQL types.
fn take_columns(
    fields: &mut Fields,
    name: &'static str,
) -> Result<Option<Vec<ColumnSpec>>, String> {
    let Some(object) = fields.object(name)? else { return Ok(None) };
    let column = |(column, cql_type): (&String, &Json)| {
        let Json::String(text) = cql_type else {
            return Err(wrong_type(column, "a CQL type", cql_type));
        };
        let cql_type: CqlType = text
            .parse()
            .map_err(|error| format!("\"{name}\": the type of \"{column}\": {error}"))?;
        Ok(ColumnSpec::new(TABLE.0, TABLE.1, column, cql_type))
    };
    object.iter().map(column).collect::<Result<_, _>>().map(Some)
}

/// Converts a row: an array with a value for each column, or an object by the names of the columns.
fn values(columns: &[ColumnSpec], row: &Json) -> Result<Vec<Value>, String> {
    let cells = match row {
        Json::Array(cells) if cells.len() == columns.len() => cells.iter().collect(),
        Json::Array(cells) => {
            return Err(format!("{} values for {} columns", cells.len(), columns.len()));
        }
        Json::Object(cells) => by_name(columns, cells)?,
        other => return Err(wrong_type("rows", "an array of arrays or of objects", other)),
    };
    let value = |(column, cell): (&ColumnSpec, &Json)| {
        let value = Value::from_json(&column.cql_type, cell);
        value.map_err(|error| format!("column \"{}\": {error}", column.name))
    };
    let values = columns.iter().zip(cells).map(value).collect::<Result<Vec<_>, _>>()?;
    let fits = ValuesBuffer::new().bind(&values, columns).map(drop);
    fits.map_err(|error| error.to_string())?;
    Ok(values)
}

/// Returns the cells of an object in the order of the columns. A missing cell is null.
fn by_name<'j>(
    columns: &[ColumnSpec],
    cells: &'j Map<String, Json>,
) -> Result<Vec<&'j Json>, String> {
    let is_column = |name: &str| columns.iter().any(|column| *column.name == *name);
    if let Some(unknown) = cells.keys().find(|name| !is_column(name)) {
        return Err(format!("\"{unknown}\" is not one of the columns"));
    }
    Ok(columns.iter().map(|column| cells.get(&*column.name).unwrap_or(&Json::Null)).collect())
}
