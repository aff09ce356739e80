//! A SELECT, compiled for the schema of its table.

use std::sync::Arc;

use super::check::{check_filtering, check_repetition, has_whole_key, restricts};
use super::expression::Expression;
use super::group::{Grouping, grouping};
use super::limit;
use super::metadata::CellPart;
use super::order::{RowOrder, row_order};
use super::restriction::{Restriction, restrictions};
use super::selector::{Projection, projection};
use crate::cql::{Select, Selection};
use crate::message::ServerError;
use crate::store::catalog::find_table;
use crate::store::error::{invalid, unsupported};
use crate::store::schema::{ColumnKind, TableSchema};
use crate::store::source::Database;
use crate::store::term::CompiledTerm;
use crate::store::variables::Variables;
use crate::types::{ColumnSpec, NativeType};

/// A SELECT that was checked against the schema of its table: what PREPARE returns, and how the rows
/// of the result are computed.
#[derive(Debug)]
pub(crate) struct SelectPlan {
    pub(super) table: Arc<TableSchema>,
    /// The columns of the result.
    pub(crate) columns: Vec<ColumnSpec>,
    pub(crate) variables: Vec<ColumnSpec>,
    /// The indexes of the bind variables that form the partition key, in key order. Empty if a part
    /// of the key has no bind variable.
    pub(crate) partition_key: Vec<u16>,
    pub(super) projection: Projection,
    /// The names of the columns, if the result has them in one JSON object.
    pub(super) json_names: Option<Vec<Box<str>>>,
    pub(super) restrictions: Vec<Restriction>,
    pub(super) grouping: Grouping,
    pub(super) order: RowOrder,
    pub(super) is_distinct: bool,
    /// True if a partition without rows is returned for its static values.
    pub(super) returns_static_rows: bool,
    pub(super) per_partition_limit: Option<CompiledTerm>,
    pub(super) limit: Option<CompiledTerm>,
    /// The warning that Cassandra adds to the result.
    pub(super) warning: Option<&'static str>,
}

impl SelectPlan {
    /// Compiles a SELECT for its table in `database`.
    ///
    /// # Errors
    /// Returns the error that Cassandra 5.0 returns to PREPARE, or an INVALID error if this server
    /// does not support a part of the statement.
    pub(crate) fn new(select: &Select, database: &dyn Database) -> Result<Self, ServerError> {
        let table = find_table(&select.table, None, database)?;
        let mut variables = Variables::new(&table);
        let projection = projection(&select.selection, &mut variables)?;
        if select.is_distinct {
            check_distinct(&projection, &table)?;
        }
        let restrictions = restrictions(&select.relations, &mut variables)?;
        check_repetition(&restrictions, &table)?;
        if select.is_distinct && select.per_partition_limit.is_some() {
            let message = "PER PARTITION LIMIT is not allowed with SELECT DISTINCT queries";
            return Err(invalid(message));
        }
        let restricts = |kind| restricts(kind, restrictions.iter(), &table);
        if select.is_distinct
            && (restricts(ColumnKind::Clustering) || restricts(ColumnKind::Regular))
        {
            return Err(invalid(
                "SELECT DISTINCT with WHERE clause only supports restriction by partition key and/or \
                 static columns.",
            ));
        }
        if !select.allow_filtering {
            check_filtering(&restrictions, &table)?;
        }
        if restricts(ColumnKind::Clustering)
            && selects_static_columns_only(select, &projection, &table)
        {
            let message = "Cannot restrict clustering columns when selecting only static columns";
            return Err(invalid(message));
        }
        let has_aggregate = !projection.aggregates.is_empty();
        let grouping = grouping(&select.group_by, has_aggregate, &restrictions, &table)?;
        if select.is_distinct && matches!(grouping, Grouping::By(1..)) {
            let message =
                "Grouping on clustering columns is not allowed for SELECT DISTINCT queries";
            return Err(invalid(message));
        }
        if grouping == Grouping::All && select.per_partition_limit.is_some() {
            return Err(invalid("PER PARTITION LIMIT is not allowed with aggregate queries."));
        }
        let order = row_order(&select.order_by, &restrictions, &table)?;
        if select.is_distinct
            && order.is_sorted()
            && let Some(ordering) = select.order_by.first()
        {
            return Err(invalid(format!(
                "SELECT DISTINCT queries must only request partition key columns and/or static columns \
                 (not {})",
                ordering.column
            )));
        }
        if order.is_sorted() && grouping != Grouping::None {
            return Err(unsupported("ORDER BY of the groups of several partitions"));
        }
        let per_partition_limit = limit::compile(
            select.per_partition_limit.as_ref(),
            "[per_partition_limit]",
            &mut variables,
        )?;
        let limit = limit::compile(select.limit.as_ref(), "[limit]", &mut variables)?;
        let (variables, table_name) = (variables.into_columns(), &table.name);
        if u16::try_from(variables.len()).is_err() {
            return Err(invalid(format!("too many bind variables for table {table_name}")));
        }
        let (columns, json_names) = match select.is_json {
            true => {
                let names = projection.columns.iter().map(|column| column.name.clone()).collect();
                (vec![table.spec("[json]", NativeType::Text)], Some(names))
            }
            false => (projection.columns.clone(), None),
        };
        let returns_static_rows =
            !restricts(ColumnKind::Clustering) && !restricts(ColumnKind::Regular);
        let partition_key = partition_key(&restrictions, &table).unwrap_or_default();
        Ok(Self {
            columns,
            variables,
            partition_key,
            projection,
            json_names,
            grouping,
            order,
            is_distinct: select.is_distinct,
            returns_static_rows,
            per_partition_limit,
            limit,
            warning: aggregation_warning(grouping, &restrictions, &table),
            restrictions,
            table,
        })
    }
}

/// Returns the columns whose values an expression reads.
fn columns_of(expression: &Expression) -> Vec<usize> {
    match expression {
        Expression::Column(index) => vec![*index],
        Expression::Metadata(
            _,
            CellPart::Column(index)
            | CellPart::Field(index, _)
            | CellPart::Element(index, _)
            | CellPart::Slice(index, ..),
        ) => vec![*index],
        Expression::Field(of, _) | Expression::Element(of, _) | Expression::Slice { of, .. } => {
            columns_of(of)
        }
        Expression::Call(_, arguments) => arguments.iter().flat_map(columns_of).collect(),
        Expression::Term(_) | Expression::Aggregate(_) => Vec::new(),
    }
}

/// Returns the columns that the result reads.
fn selected_columns(projection: &Projection) -> Vec<usize> {
    let arguments = projection.aggregates.iter().filter_map(|(_, argument)| argument.as_ref());
    projection.expressions.iter().chain(arguments).flat_map(columns_of).collect()
}

/// Returns true if the result has static columns and, apart from the partition key, no others.
fn selects_static_columns_only(
    select: &Select,
    projection: &Projection,
    table: &TableSchema,
) -> bool {
    if select.selection == Selection::All {
        return false;
    }
    let columns = selected_columns(projection);
    let kinds = || columns.iter().filter_map(|index| table.column(*index)).map(|of| of.kind);
    kinds().any(|kind| kind == ColumnKind::Static)
        && kinds().all(|kind| matches!(kind, ColumnKind::PartitionKey | ColumnKind::Static))
}

/// Returns an error if a SELECT DISTINCT does not select the whole partition key, or if it selects
/// other columns than the partition key and static columns.
fn check_distinct(projection: &Projection, table: &TableSchema) -> Result<(), ServerError> {
    let selected = selected_columns(projection);
    let others = selected.iter().filter_map(|index| table.column(*index));
    let mut others =
        others.filter(|of| !matches!(of.kind, ColumnKind::PartitionKey | ColumnKind::Static));
    if let Some(column) = others.next() {
        return Err(invalid(format!(
            "SELECT DISTINCT queries must only request partition key columns and/or static columns \
             (not {})",
            column.name
        )));
    }
    let mut key = table.indexes(ColumnKind::PartitionKey);
    match key.find(|index| !selected.contains(index)).and_then(|index| table.column(index)) {
        None => Ok(()),
        Some(column) => Err(invalid(format!(
            "SELECT DISTINCT queries must request all the partition key columns (missing {})",
            column.name
        ))),
    }
}

/// Returns the warning for an aggregation that reads several partitions.
fn aggregation_warning(
    grouping: Grouping,
    restrictions: &[Restriction],
    table: &TableSchema,
) -> Option<&'static str> {
    let is_in =
        |index| restrictions.iter().any(|of| of.columns().contains(&index) && !of.is_equal());
    match grouping {
        Grouping::None => None,
        _ if !has_whole_key(restrictions.iter(), table) => {
            Some("Aggregation query used without partition key")
        }
        _ if table.indexes(ColumnKind::PartitionKey).any(is_in) => {
            Some("Aggregation query used on multiple partition keys (IN restriction)")
        }
        _ => None,
    }
}

/// Returns the bind variables of the partition key, in key order, or `None` if a part of the key has
/// no bind variable. As in Cassandra, the last variable of several counts, whatever its condition is.
fn partition_key(restrictions: &[Restriction], table: &TableSchema) -> Option<Vec<u16>> {
    let variable = |index| {
        let of_column = restrictions.iter().filter(|of| of.columns().contains(&index));
        let variable = of_column.filter_map(Restriction::last_variable).next_back();
        u16::try_from(variable?).ok()
    };
    table.indexes(ColumnKind::PartitionKey).map(variable).collect()
}
