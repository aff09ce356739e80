//! Compiles INSERT, UPDATE and DELETE.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::condition::ConditionPlan;
use super::context::Context;
use super::keys::{KeyPlan, StatementKind};
use super::operation::{Operation, OperationKind, assignment, deletion, set};
use crate::cql::{Delete, Insert, InsertValues, JsonValue, Mutation, Update, Using};
use crate::message::ServerError;
use crate::store::error::invalid;
use crate::store::json::object_fields;
use crate::store::schema::{ColumnKind, TableSchema};
use crate::store::term::{CompiledTerm, compile};
use crate::store::variables::{TermValue, Variables};
use crate::types::{ColumnSpec, NativeType, Value};

/// A statement that writes, compiled for its table.
#[derive(Debug)]
pub(in crate::store) struct MutationPlan {
    pub(in crate::store) table: Arc<TableSchema>,
    pub(super) kind: StatementKind,
    pub(super) keys: KeyPlan,
    pub(super) operations: Vec<Operation>,
    pub(super) condition: Option<ConditionPlan>,
    pub(super) timestamp: Option<CompiledTerm>,
    pub(super) ttl: Option<CompiledTerm>,
    /// The JSON object of an INSERT, if it is bound.
    json: Option<JsonInsert>,
    pub(in crate::store) variables: Vec<ColumnSpec>,
    /// The indexes of the bind variables that form the partition key, in key order. Empty if a part
    /// of the key has no bind variable.
    pub(in crate::store) partition_key: Vec<u16>,
}

/// The JSON object of an INSERT.
#[derive(Debug)]
struct JsonInsert {
    text: CompiledTerm,
    default_unset: bool,
}

/// The parts of a statement before they are checked against each other.
struct Parts {
    kind: StatementKind,
    keys: KeyPlan,
    operations: Vec<Operation>,
    condition: Option<ConditionPlan>,
    timestamp: Option<CompiledTerm>,
    ttl: Option<CompiledTerm>,
    json: Option<JsonInsert>,
}

impl MutationPlan {
    /// Compiles a statement for its table.
    ///
    /// # Errors
    /// Returns the error that Cassandra 5.0 returns to PREPARE, or an INVALID error if the store does
    /// not support a part of the statement.
    pub(in crate::store) fn new(
        statement: &Mutation,
        table: Arc<TableSchema>,
    ) -> Result<Self, ServerError> {
        let mut variables = Variables::new(&table);
        let parts = match statement {
            Mutation::Insert(insert) => self::insert(insert, &table, &mut variables)?,
            Mutation::Update(update) => self::update(update, &table, &mut variables)?,
            Mutation::Delete(delete) => self::delete(delete, &table, &mut variables)?,
        };
        let variables = variables.into_columns();
        if u16::try_from(variables.len()).is_err() {
            return Err(invalid(format!("too many bind variables for table {}", table.name)));
        }
        let Parts { kind, keys, operations, condition, timestamp, ttl, json } = parts;
        let partition_key = keys.partition_variables(&table);
        let plan = Self {
            table,
            kind,
            keys,
            operations,
            condition,
            timestamp,
            ttl,
            json,
            variables,
            partition_key,
        };
        plan.check()?;
        Ok(plan)
    }

    /// Returns true if the statement has an IF clause.
    pub(in crate::store) const fn is_conditional(&self) -> bool {
        self.condition.is_some()
    }

    /// Returns true if the statement has a timestamp of its own.
    pub(super) const fn has_timestamp(&self) -> bool {
        self.timestamp.is_some()
    }

    pub(super) fn has_operations(&self, kind: ColumnKind) -> bool {
        let kind_of = |operation: &Operation| self.table.column(operation.column).map(|of| of.kind);
        self.operations.iter().any(|operation| kind_of(operation) == Some(kind))
    }

    /// Returns true if the statement writes or checks rows, not only static columns.
    pub(super) fn writes_rows(&self) -> bool {
        let has_clustering_columns = self.table.indexes(ColumnKind::Clustering).next().is_some();
        !has_clustering_columns || self.keys.has_clustering(&self.table)
    }

    /// Returns true if the statement writes and checks static columns only.
    fn is_static_only(&self) -> bool {
        // A DELETE without columns deletes rows.
        if self.kind == StatementKind::Delete && self.operations.is_empty() {
            return false;
        }
        let of = |kind| {
            let conditions = self.condition.as_ref().is_some_and(|of| of.has(kind, &self.table));
            self.has_operations(kind) || conditions
        };
        !of(ColumnKind::Regular) && of(ColumnKind::Static)
    }

    fn check(&self) -> Result<(), ServerError> {
        let table = &self.table;
        if self.condition.is_some() {
            if table.is_counter() {
                return Err(invalid("Conditional updates are not supported on counter tables"));
            }
            if self.timestamp.is_some() {
                return Err(invalid("Cannot provide custom timestamp for conditional updates"));
            }
        }
        if table.is_counter() {
            if self.timestamp.is_some() {
                return Err(invalid("Cannot provide custom timestamp for counter updates"));
            }
            if self.ttl.is_some() {
                return Err(invalid("Cannot provide custom TTL for counter updates"));
            }
        }
        if self.json.is_some() {
            return Ok(());
        }
        self.check_rows()?;
        if self.condition.is_none() {
            return Ok(());
        }
        let kind = if self.kind == StatementKind::Update { "updates" } else { "deletions" };
        for (key, column_kind) in [
            ("partition key", ColumnKind::PartitionKey),
            ("clustering key columns", ColumnKind::Clustering),
        ] {
            if self.keys.has_in(column_kind, table) {
                return Err(invalid(format!(
                    "IN on the {key} is not supported with conditional {kind}"
                )));
            }
        }
        Ok(())
    }

    /// Checks the restrictions of the clustering columns.
    fn check_rows(&self) -> Result<(), ServerError> {
        let table = &self.table;
        let has_clustering = self.keys.has_clustering(table);
        if self.is_static_only() {
            return match self.kind {
                StatementKind::Insert if has_clustering => {
                    self.keys.check_clustering(self.kind, true, table)
                }
                StatementKind::Update | StatementKind::Delete if has_clustering => {
                    Err(invalid(format!(
                        "Invalid restrictions on clustering columns since the {} statement modifies only \
                         static columns",
                        self.kind.name()
                    )))
                }
                _ => Ok(()),
            };
        }
        if self.kind != StatementKind::Delete {
            return self.keys.check_clustering(self.kind, true, table);
        }
        self.keys.check_clustering(self.kind, false, table)?;
        if let Some(condition) = &self.condition
            && !self.keys.selects_rows(table)
        {
            let rule =
                "DELETE statements must restrict all PRIMARY KEY columns with equality relations";
            if self.has_operations(ColumnKind::Regular) || self.operations.is_empty() {
                return Err(invalid(format!("{rule} in order to delete non static columns")));
            }
            if condition.has(ColumnKind::Regular, table) {
                return Err(invalid(format!(
                    "{rule} in order to use IF condition on non static columns"
                )));
            }
        }
        if self.has_operations(ColumnKind::Regular) {
            let clustering = table.indexes(ColumnKind::Clustering).count();
            let is_range = clustering > 0 && !self.keys.selects_rows(table);
            if is_range {
                return Err(invalid("Range deletions are not supported for specific columns"));
            }
        }
        Ok(())
    }

    /// Returns the plan of an INSERT JSON with the fields of its bound object, or `None` for any other
    /// statement.
    pub(in crate::store) fn with_json(
        &self,
        context: &Context<'_>,
    ) -> Result<Option<Self>, ServerError> {
        let Some(JsonInsert { text, default_unset }) = &self.json else { return Ok(None) };
        let text = match text.evaluate(context.bound, &context.clock)? {
            TermValue::Value(Value::Text(text)) => text,
            TermValue::Value(_) => return Err(invalid("Got null for INSERT JSON values")),
            TermValue::Unset => return Err(invalid("Invalid unset value for INSERT JSON")),
        };
        let (keys, operations) = json_parts(&text, *default_unset, &self.table)?;
        let plan = Self {
            table: Arc::clone(&self.table),
            kind: self.kind,
            keys,
            operations,
            condition: self.condition.as_ref().map(ConditionPlan::existence),
            timestamp: self.timestamp.clone(),
            ttl: self.ttl.clone(),
            json: None,
            variables: Vec::new(),
            partition_key: Vec::new(),
        };
        plan.check()?;
        Ok(Some(plan))
    }
}

/// Compiles USING: the timestamp and the time to live.
fn using(
    using: &Using,
    variables: &mut Variables<'_>,
) -> Result<(Option<CompiledTerm>, Option<CompiledTerm>), ServerError> {
    let (mut timestamp, mut ttl) = (None, None);
    // The bind variables are in the order of the text.
    for attribute in &using.0 {
        match attribute {
            crate::cql::Attribute::Timestamp(term) => {
                let bigint = NativeType::BigInt.into();
                timestamp = Some(compile(term, &bigint, "[timestamp]", variables)?);
            }
            crate::cql::Attribute::Ttl(term) => {
                ttl = Some(compile(term, &NativeType::Int.into(), "[ttl]", variables)?);
            }
        }
    }
    Ok((timestamp, ttl))
}

fn insert(
    insert: &Insert,
    table: &TableSchema,
    variables: &mut Variables<'_>,
) -> Result<Parts, ServerError> {
    let kind = StatementKind::Insert;
    if table.is_counter() {
        return Err(invalid(
            "INSERT statements are not allowed on counter tables, use UPDATE instead",
        ));
    }
    let mut json = None;
    let (keys, operations) = match &insert.values {
        InsertValues::Columns { columns, terms } => {
            insert_columns(columns, terms, table, variables)?
        }
        InsertValues::Json { value: JsonValue::Text(text), default_unset } => {
            json_parts(text, *default_unset, table)?
        }
        InsertValues::Json { value: JsonValue::Marker(marker), default_unset } => {
            let variable = variables.add(marker, "[json]", NativeType::Text);
            let text = CompiledTerm::Variable(variable);
            json = Some(JsonInsert { text, default_unset: *default_unset });
            Default::default()
        }
    };
    let (timestamp, ttl) = using(&insert.using, variables)?;
    if json.is_none() {
        keys.check_partition(kind, table)?;
    }
    let condition = insert.if_not_exists.then_some(ConditionPlan::NotExists);
    Ok(Parts { kind, keys, operations, condition, timestamp, ttl, json })
}

fn insert_columns(
    columns: &[String],
    terms: &[crate::cql::Term],
    table: &TableSchema,
    variables: &mut Variables<'_>,
) -> Result<(KeyPlan, Vec<Operation>), ServerError> {
    if columns.len() != terms.len() {
        return Err(invalid("Unmatched column names/values"));
    }
    let mut known = HashSet::with_capacity(columns.len());
    if !columns.iter().all(|name| known.insert(name)) {
        return Err(invalid("The column names contains duplicates"));
    }
    let (mut keys, mut operations) = (KeyPlan::default(), Vec::new());
    for (name, term) in columns.iter().zip(terms) {
        let index = table.index(name)?;
        let Some(column) = table.column(index) else { continue };
        if column.kind.is_key() {
            keys.push_equal(index, compile(term, &column.cql_type, name, variables)?);
        } else {
            operations.push(Operation { column: index, kind: set(term, column, variables)? });
        }
    }
    Ok((keys, operations))
}

/// Returns the values of all columns that a JSON object gives. Columns that it lacks become null, or
/// keep their values if `default_unset` is true.
fn json_parts(
    text: &str,
    default_unset: bool,
    table: &TableSchema,
) -> Result<(KeyPlan, Vec<Operation>), ServerError> {
    let fields = object_fields(text)?;
    // Of fields with the same name, the last one counts.
    let mut by_name: HashMap<_, _> =
        fields.iter().map(|(name, field)| (name.as_str(), field)).collect();
    let (mut keys, mut operations) = (KeyPlan::default(), Vec::new());
    for (index, column) in table.columns.iter().enumerate() {
        let value = match by_name.remove(&*column.name) {
            Some(field) => Some(field.value(&column.name, &column.cql_type)?),
            None => None,
        };
        if column.kind.is_key() {
            keys.push_equal(index, CompiledTerm::Value(value.unwrap_or(Value::Null)));
        } else if value.is_some() || !default_unset {
            let term = CompiledTerm::Value(value.unwrap_or(Value::Null));
            operations.push(Operation { column: index, kind: OperationKind::Set(term) });
        }
    }
    match fields.iter().find(|(name, _)| by_name.contains_key(&**name)) {
        Some((name, _)) => {
            Err(invalid(format!("JSON values map contains unrecognized column: {name}")))
        }
        None => Ok((keys, operations)),
    }
}

fn update(
    update: &Update,
    table: &TableSchema,
    variables: &mut Variables<'_>,
) -> Result<Parts, ServerError> {
    let kind = StatementKind::Update;
    let (timestamp, ttl) = using(&update.using, variables)?;
    let mut operations: Vec<Operation> = Vec::with_capacity(update.assignments.len());
    // The columns that are assigned, with true if the whole column is.
    let mut assigned: HashMap<usize, bool> = HashMap::new();
    for part in &update.assignments {
        let operation = assignment(part, update.condition.is_some(), table, variables)?;
        let is_set = operation.kind.is_set();
        if let Some(was_set) = assigned.insert(operation.column, is_set)
            && (was_set || is_set)
        {
            return Err(crate::store::error::syntax_error(&format!(
                "Multiple incompatible setting of column {}",
                part.target.column()
            )));
        }
        operations.push(operation);
    }
    let keys = KeyPlan::new(&update.relations, kind, table, variables)?;
    let condition = ConditionPlan::new(update.condition.as_ref(), table, variables)?;
    Ok(Parts { kind, keys, operations, condition, timestamp, ttl, json: None })
}

fn delete(
    delete: &Delete,
    table: &TableSchema,
    variables: &mut Variables<'_>,
) -> Result<Parts, ServerError> {
    let kind = StatementKind::Delete;
    let targets = delete.targets.iter().map(|target| deletion(target, table, variables));
    let operations = targets.collect::<Result<_, _>>()?;
    let (timestamp, ttl) = using(&delete.using, variables)?;
    let keys = KeyPlan::new(&delete.relations, kind, table, variables)?;
    let condition = ConditionPlan::new(delete.condition.as_ref(), table, variables)?;
    Ok(Parts { kind, keys, operations, condition, timestamp, ttl, json: None })
}
