//! A SELECT, compiled for the schema of its table.

use std::sync::Arc;

use super::expression::{self, Expression};
use super::order;
use super::restriction::{Restriction, restrictions};
use crate::cql::{Literal, Select, Term};
use crate::message::ServerError;
use crate::store::clock::{Clock, UuidSource};
use crate::store::error::{invalid, unsupported};
use crate::store::json;
use crate::store::schema::{ColumnKind, TableSchema};
use crate::store::source::{Database, Row, Scan};
use crate::store::term::CompiledTerm;
use crate::store::variables::{BoundValues, TermValue, Variables};
use crate::types::{ColumnSpec, NativeType, Value};

/// A SELECT that was checked against the schema of its table: what PREPARE returns, and how the rows
/// of the result are computed.
#[derive(Debug)]
pub(crate) struct SelectPlan {
    table: Arc<TableSchema>,
    /// The columns of the result.
    pub(crate) columns: Vec<ColumnSpec>,
    pub(crate) variables: Vec<ColumnSpec>,
    /// The indexes of the bind variables that form the partition key, in key order. Empty if a part
    /// of the key has no bind variable.
    pub(crate) partition_key: Vec<u16>,
    expressions: Vec<Expression>,
    /// The names of the columns, if the result has them in one JSON object.
    json_names: Option<Vec<Box<str>>>,
    restrictions: Vec<Restriction>,
    /// True if the rows of the partition are returned in reverse order.
    is_reversed: bool,
    is_distinct: bool,
    per_partition_limit: Option<CompiledTerm>,
    limit: Option<CompiledTerm>,
}

impl SelectPlan {
    /// Compiles a SELECT for its table in `database`.
    ///
    /// # Errors
    /// Returns the error that Cassandra 5.0 returns to PREPARE, or an INVALID error if this server
    /// does not support a part of the statement.
    pub(crate) fn new(select: &Select, database: &impl Database) -> Result<Self, ServerError> {
        let table = find_table(select, database)?;
        if !select.group_by.is_empty() {
            return Err(unsupported("GROUP BY"));
        }
        let selected = expression::select(&select.selection, &table)?;
        let (mut columns, expressions): (Vec<_>, Vec<_>) = selected.into_iter().unzip();
        if select.is_distinct {
            check_distinct(&expressions, &table)?;
        }
        let mut json_names = None;
        if select.is_json {
            json_names = Some(columns.into_iter().map(|column| column.name).collect());
            columns = vec![table.spec("[json]", NativeType::Text)];
        }
        let mut variables = Variables::new(&table);
        let restrictions =
            restrictions(&select.relations, &table, &mut variables, select.allow_filtering)?;
        let is_reversed = order::is_reversed(&select.order_by, &restrictions, &table)?;
        let mut limit = |limit: &Option<Term>, default| match limit {
            Some(term) => self::limit(term, default, &mut variables).map(Some),
            None => Ok(None),
        };
        let per_partition_limit = limit(&select.per_partition_limit, "[per_partition_limit]")?;
        let limit = limit(&select.limit, "[limit]")?;
        let (variables, table_name) = (variables.into_columns(), &table.name);
        if u16::try_from(variables.len()).is_err() {
            return Err(invalid(format!("too many bind variables for table {table_name}")));
        }
        let partition_key = partition_key(&restrictions, &table).unwrap_or_default();
        Ok(Self {
            columns,
            variables,
            partition_key,
            expressions,
            json_names,
            restrictions,
            is_reversed,
            is_distinct: select.is_distinct,
            per_partition_limit,
            limit,
            table,
        })
    }

    /// Returns the rows of the result. `values` are the bound values with the names of their
    /// variables.
    ///
    /// # Errors
    /// Returns the error that Cassandra 5.0 returns to EXECUTE.
    pub(crate) fn execute(
        &self,
        database: &impl Database,
        values: &[(Box<str>, Value)],
    ) -> Result<Vec<Vec<Value>>, ServerError> {
        let bound = BoundValues::new(&self.variables, values)?;
        let per_partition = number(self.per_partition_limit.as_ref(), &bound)?;
        let limit = number(self.limit.as_ref(), &bound)?;
        let uuids = UuidSource::new(0);
        let clock = Clock { now: 0, uuids: &uuids };
        let mut restrictions = Vec::new();
        for restriction in &self.restrictions {
            restrictions.push(restriction.bind(&self.table, &bound, &clock)?);
        }
        let scan = Scan { is_reversed: self.is_reversed, ..Scan::all(0) };
        let mut rows: Vec<_> = database.scan(&self.table, &scan).collect();
        rows.retain(|row| restrictions.iter().all(|condition| condition.matches(row)));
        let per_partition = if self.is_distinct { 1 } else { per_partition };
        let rows = self.limit_partitions(rows, per_partition);
        let is_aggregate = self.expressions.iter().any(Expression::is_aggregate);
        let mut result: Vec<Vec<Value>> = match is_aggregate {
            true => vec![self.expressions.iter().map(|of| of.of_rows(&rows)).collect()],
            false => {
                let evaluate =
                    |row| self.expressions.iter().map(|of| of.of_row(row)).collect::<Vec<_>>();
                rows.iter().take(limit).map(evaluate).collect()
            }
        };
        if let Some(names) = &self.json_names {
            for values in &mut result {
                let cells = names.iter().map(|name| &**name).zip(&*values);
                *values = vec![Value::Text(json::object(cells))];
            }
        }
        Ok(result)
    }

    /// Returns at most `limit` rows of each partition.
    fn limit_partitions(&self, rows: Vec<Row>, limit: usize) -> Vec<Row> {
        let key = |row: &Row| -> Vec<Value> {
            let indexes = self.table.indexes(ColumnKind::PartitionKey);
            indexes.filter_map(|index| row.values.get(index).cloned()).collect()
        };
        let mut current = None;
        let mut count = 0_usize;
        let is_within = |row: &Row| {
            let key = Some(key(row));
            count = if key == current { count.saturating_add(1) } else { 1 };
            current = key;
            count <= limit
        };
        match limit {
            usize::MAX => rows,
            _ => rows.into_iter().filter(is_within).collect(),
        }
    }
}

fn find_table(select: &Select, database: &impl Database) -> Result<Arc<TableSchema>, ServerError> {
    let name = &select.table.name;
    let Some(keyspace) = &select.table.keyspace else {
        let message = "No keyspace has been specified. USE a keyspace, or explicitly specify \
                       keyspace.tablename";
        return Err(invalid(message));
    };
    match database.table(keyspace, name) {
        Some(table) => Ok(table),
        None if !database.has_keyspace(keyspace) => {
            Err(invalid(format!("keyspace {keyspace} does not exist")))
        }
        None => Err(invalid(format!("table {name} does not exist"))),
    }
}

/// Returns an error if a SELECT DISTINCT does not select the whole partition key, or if it selects
/// other columns than the partition key and static columns.
fn check_distinct(expressions: &[Expression], table: &TableSchema) -> Result<(), ServerError> {
    for expression in expressions {
        let Expression::Column(index) = expression else {
            return Err(unsupported("DISTINCT with functions"));
        };
        let column = table
            .column(*index)
            .filter(|column| !matches!(column.kind, ColumnKind::PartitionKey | ColumnKind::Static));
        if let Some(column) = column {
            return Err(invalid(format!(
                "SELECT DISTINCT queries must only request partition key columns and/or static \
                 columns (not {})",
                column.name
            )));
        }
    }
    let is_selected = |index: &usize| {
        expressions.iter().any(|of| matches!(of, Expression::Column(selected) if selected == index))
    };
    let mut key = table.indexes(ColumnKind::PartitionKey);
    match key.find(|index| !is_selected(index)).and_then(|index| table.column(index)) {
        None => Ok(()),
        Some(column) => Err(invalid(format!(
            "SELECT DISTINCT queries must request all the partition key columns (missing {})",
            column.name
        ))),
    }
}

/// Returns the operand of LIMIT, and adds its bind variable.
fn limit(
    term: &Term,
    default: &str,
    variables: &mut Variables<'_>,
) -> Result<CompiledTerm, ServerError> {
    match term {
        Term::Marker(marker) => {
            Ok(CompiledTerm::Variable(variables.add(marker, default, NativeType::Int)))
        }
        Term::Literal(Literal::Integer(number)) => {
            let number = number.parse::<i32>();
            let number =
                number.map_err(|_| invalid(format!("Unable to make int from '{term}'")))?;
            Ok(CompiledTerm::Value(Value::Int(number)))
        }
        // The grammar has only integers and bind markers.
        _ => Err(unsupported("this LIMIT")),
    }
}

/// Returns the value of a limit, or the greatest number if there is no limit.
fn number(limit: Option<&CompiledTerm>, bound: &BoundValues) -> Result<usize, ServerError> {
    let Some(limit) = limit else { return Ok(usize::MAX) };
    let value = match limit {
        CompiledTerm::Variable(index) => bound.get(*index).clone(),
        CompiledTerm::Value(value) => TermValue::Value(value.clone()),
        _ => TermValue::Unset,
    };
    match value {
        TermValue::Unset => Ok(usize::MAX),
        TermValue::Value(Value::Int(number)) if number > 0 => {
            Ok(usize::try_from(number).unwrap_or(usize::MAX))
        }
        TermValue::Value(Value::Null) => Err(invalid("Invalid null value of limit")),
        // Cassandra uses these words for both kinds of limit.
        _ => Err(invalid("LIMIT must be strictly positive")),
    }
}

/// Returns the bind variables of the partition key, in key order, or `None` if a part of the key has
/// no bind variable. As in Cassandra, the last variable of several counts, whatever its condition is.
fn partition_key(restrictions: &[Restriction], table: &TableSchema) -> Option<Vec<u16>> {
    let variable = |index| {
        let of_column = restrictions.iter().filter(|restriction| restriction.column == index);
        let variable = of_column.filter_map(Restriction::last_variable).next_back();
        u16::try_from(variable?).ok()
    };
    table.indexes(ColumnKind::PartitionKey).map(variable).collect()
}
