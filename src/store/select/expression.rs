//! The columns of a result, and how they are computed from rows.

use crate::cql::{FunctionName, MetadataFunction, SelectedColumn, Selection, Selector};
use crate::message::ServerError;
use crate::store::error::{invalid, unsupported};
use crate::store::json::to_json;
use crate::store::schema::{Column, TableSchema};
use crate::store::source::{CellTimes, Row};
use crate::types::{ColumnSpec, CqlType, NativeType, Value};

/// An expression that is evaluated on a row, or on all rows of a result.
#[derive(Debug)]
pub(super) enum Expression {
    /// The column at an index of the table.
    Column(usize),
    WriteTime(usize),
    Ttl,
    ToJson(Box<Expression>),
    /// The number of rows.
    CountRows,
    /// The number of rows in which the expression is not null.
    Count(Box<Expression>),
}

/// Returns the columns of the result and their expressions.
///
/// # Errors
/// Returns an INVALID error if a column or function is unknown, or if this server does not support a
/// part of the selection.
pub(super) fn select(
    selection: &Selection,
    table: &TableSchema,
) -> Result<Vec<(ColumnSpec, Expression)>, ServerError> {
    let columns = match selection {
        Selection::All => {
            let columns = table.columns.iter().enumerate();
            return Ok(columns
                .map(|(index, column)| {
                    let spec = table.spec(&column.name, column.cql_type.clone());
                    (spec, Expression::Column(index))
                })
                .collect());
        }
        Selection::Columns(columns) => columns,
    };
    let compile = |SelectedColumn { selector, alias }: &SelectedColumn| {
        let (name, cql_type, expression) = compile(selector, table)?;
        Ok((table.spec(alias.as_ref().unwrap_or(&name), cql_type), expression))
    };
    columns.iter().map(compile).collect()
}

/// Returns the name, the type and the expression of a selector.
fn compile(
    selector: &Selector,
    table: &TableSchema,
) -> Result<(String, CqlType, Expression), ServerError> {
    match selector {
        Selector::Column(name) => {
            let (index, column) = find(name, table)?;
            Ok((name.clone(), column.cql_type.clone(), Expression::Column(index)))
        }
        Selector::CountRows => {
            Ok(("count".to_owned(), NativeType::BigInt.into(), Expression::CountRows))
        }
        Selector::Metadata { function, of } => metadata(*function, of, table),
        Selector::Function { name, arguments } => {
            let function = find_function(name)?;
            let [argument] = &**arguments else {
                let name = &name.name;
                let message =
                    format!("Invalid number of arguments for function system.{name}(any)");
                return Err(invalid(message));
            };
            let (inner, _, argument) = compile(argument, table)?;
            let label = format!("system.{}({inner})", name.name);
            let argument = Box::new(argument);
            Ok(match function {
                Known::Count => (label, NativeType::BigInt.into(), Expression::Count(argument)),
                Known::ToJson => (label, NativeType::Text.into(), Expression::ToJson(argument)),
            })
        }
        Selector::Term(term) => Err(invalid(format!(
            "Cannot infer type for term {term} in selection clause (try using a cast to force a type)"
        ))),
        Selector::Cast { .. }
        | Selector::Field { .. }
        | Selector::Element { .. }
        | Selector::Slice { .. }
        | Selector::Negation(_)
        | Selector::Arithmetic { .. } => {
            // An unknown column is an error of its own.
            check_columns(selector, table)?;
            Err(unsupported(&format!("the column {selector}")))
        }
    }
}

/// Returns an error if the innermost column of a selector is unknown.
fn check_columns(selector: &Selector, table: &TableSchema) -> Result<(), ServerError> {
    match selector {
        Selector::Column(name) => find(name, table).map(|_| ()),
        Selector::Cast { selector: of, .. }
        | Selector::Field { of, .. }
        | Selector::Element { of, .. }
        | Selector::Slice { of, .. } => check_columns(of, table),
        _ => Ok(()),
    }
}

fn find<'t>(name: &str, table: &'t TableSchema) -> Result<(usize, &'t Column), ServerError> {
    let index = table.index(name)?;
    // `index` is valid, because the table has just returned it.
    table.column(index).map(|column| (index, column)).ok_or_else(|| invalid("unknown column"))
}

fn metadata(
    function: MetadataFunction,
    of: &Selector,
    table: &TableSchema,
) -> Result<(String, CqlType, Expression), ServerError> {
    let Selector::Column(name) = of else {
        return Err(unsupported(&format!("the column {function}({of})")));
    };
    let (index, column) = find(name, table)?;
    if column.kind.is_key() {
        let message =
            format!("Cannot use selection function {function} on PRIMARY KEY part {name}");
        return Err(invalid(message));
    }
    if column.is_multi_cell() {
        return Err(unsupported(&format!("{function} of the collection {name}")));
    }
    let label = format!("{function}({name})");
    Ok(match function {
        MetadataFunction::WriteTime | MetadataFunction::MaxWriteTime => {
            (label, NativeType::BigInt.into(), Expression::WriteTime(index))
        }
        MetadataFunction::Ttl => (label, NativeType::Int.into(), Expression::Ttl),
    })
}

impl Expression {
    /// Returns true if the expression has one value for all rows of the result.
    pub(super) fn is_aggregate(&self) -> bool {
        match self {
            Self::CountRows | Self::Count(_) => true,
            Self::ToJson(of) => of.is_aggregate(),
            Self::Column(_) | Self::WriteTime(_) | Self::Ttl => false,
        }
    }

    /// Returns the value for one row. An aggregate is not evaluated on a row.
    pub(super) fn of_row(&self, row: &Row) -> Value {
        let value = |index: &usize| row.values.get(*index).cloned().unwrap_or(Value::Null);
        match self {
            Self::Column(index) => value(index),
            Self::WriteTime(index) => match row.times.get(*index) {
                Some(CellTimes::Cell(time)) => Value::BigInt(time.written),
                _ => Value::Null,
            },
            // Rows without a time to live have none.
            Self::Ttl | Self::CountRows | Self::Count(_) => Value::Null,
            Self::ToJson(of) => Value::Text(to_json(&of.of_row(row))),
        }
    }

    /// Returns the value for all rows. A column has its value in the first row.
    pub(super) fn of_rows(&self, rows: &[Row]) -> Value {
        let count = |count: usize| Value::BigInt(i64::try_from(count).unwrap_or(i64::MAX));
        match self {
            Self::CountRows => count(rows.len()),
            Self::Count(of) => {
                count(rows.iter().filter(|row| of.of_row(row) != Value::Null).count())
            }
            Self::ToJson(of) => Value::Text(to_json(&of.of_rows(rows))),
            Self::Column(_) | Self::WriteTime(_) | Self::Ttl => {
                rows.first().map_or(Value::Null, |row| self.of_row(row))
            }
        }
    }
}

enum Known {
    Count,
    ToJson,
}

fn find_function(name: &FunctionName) -> Result<Known, ServerError> {
    let is_native = name.keyspace.as_deref().is_none_or(|keyspace| keyspace == "system");
    match &*name.name {
        "count" if is_native => Ok(Known::Count),
        "tojson" | "to_json" if is_native => Ok(Known::ToJson),
        "max" if is_native => Err(unsupported("the function max")),
        _ => Err(invalid(format!("Unknown function '{name}'"))),
    }
}
