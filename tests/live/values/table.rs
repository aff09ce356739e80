//! Test tables with a column per type, and their rows.

use cqlwire::types::{CqlType, NativeType, Value};

use crate::json_values::value_to_json;

/// A table with a `text` key, and its columns with their test values.
pub(crate) struct Table {
    /// The qualified name, with the keyspace.
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
}

/// A column and its test values, one per row.
#[derive(Clone)]
pub(crate) struct Column {
    name: String,
    pub(crate) cql_type: CqlType,
    is_frozen: bool,
    values: Vec<Value>,
}

/// A value of a column.
#[derive(Clone, Copy)]
pub(crate) struct Cell<'s> {
    pub(crate) column: &'s Column,
    pub(crate) value: &'s Value,
}

/// Cells that are written and read together.
pub(crate) struct Row<'s> {
    pub(crate) table: &'s Table,
    pub(crate) key: String,
    pub(crate) cells: Vec<Cell<'s>>,
}

impl Table {
    pub(crate) fn new(name: String, columns: Vec<Column>) -> Self {
        let named = |(index, column)| Column { name: format!("c{index}"), ..column };
        Self { name, columns: columns.into_iter().enumerate().map(named).collect() }
    }

    pub(crate) fn create(&self) -> String {
        let columns = self.columns.iter().map(|column| {
            let name = &column.name;
            match column.is_frozen {
                true => format!(", {name} {}", element_in_cql(&column.cql_type)),
                false => format!(", {name} {}", in_cql(&column.cql_type)),
            }
        });
        format!("CREATE TABLE {} (k text PRIMARY KEY{})", self.name, columns.collect::<String>())
    }

    /// Returns the rows: the n-th values of all columns side by side. Each column has a null after its
    /// last value. The row keys start with `key`.
    pub(crate) fn rows(&self, key: &str) -> Vec<Row<'_>> {
        let count = self.columns.iter().map(|column| column.values().len()).max().unwrap_or(0);
        let row = |index: usize| {
            let cells = self.columns.iter().filter_map(|column| {
                let value = column.values().nth(index)?;
                Some(Cell { column, value })
            });
            Row { table: self, key: format!("{key} {index}"), cells: cells.collect() }
        };
        (0..count).map(row).collect()
    }
}

impl Column {
    pub(crate) fn new(cql_type: CqlType, values: impl Into<Vec<Value>>) -> Self {
        Self { name: String::new(), cql_type, is_frozen: false, values: values.into() }
    }

    pub(crate) fn frozen(cql_type: CqlType, values: impl Into<Vec<Value>>) -> Self {
        Self { is_frozen: true, ..Self::new(cql_type, values) }
    }

    fn values(&self) -> impl ExactSizeIterator<Item = &Value> {
        let nulls = usize::from(!self.is_counter());
        let at = |index| self.values.get(index).unwrap_or(&Value::Null);
        (0..self.values.len() + nulls).map(at)
    }

    fn is_counter(&self) -> bool {
        self.cql_type == NativeType::Counter.into()
    }

    /// Returns the value that Cassandra returns for a written value. Empty non-frozen collections and
    /// user-defined values are stored as null.
    pub(crate) fn stored(&self, value: &Value) -> Value {
        let is_nothing = !self.is_frozen
            && match value {
                Value::List(parts) | Value::Set(parts) => parts.is_empty(),
                Value::Map(entries) => entries.is_empty(),
                Value::Empty => matches!(self.cql_type, CqlType::Udt(_)),
                Value::Udt { fields, .. } => fields.iter().all(|field| *field == Value::Null),
                _ => false,
            };
        if is_nothing { Value::Null } else { normalized(value, &self.cql_type) }
    }
}

impl Row<'_> {
    /// Returns the statement that writes the row. Its values are those of the cells, and then the key.
    pub(crate) fn write(&self) -> String {
        let name = &self.table.name;
        let names = || self.cells.iter().map(|cell| &*cell.column.name);
        if self.cells.iter().any(|cell| cell.column.is_counter()) {
            let added = names().map(|name| format!("{name} = {name} + ?")).collect::<Vec<_>>();
            return format!("UPDATE {name} SET {} WHERE k = ?", added.join(", "));
        }
        let (names, marks): (String, String) =
            names().map(|name| (format!("{name}, "), "?, ")).unzip();
        format!("INSERT INTO {name} ({names}k) VALUES ({marks}?)")
    }

    /// Returns the statement that reads the cells.
    pub(crate) fn read(&self) -> String {
        let names = self.cells.iter().map(|cell| &*cell.column.name).collect::<Vec<_>>();
        format!("SELECT {} FROM {} WHERE k = '{}'", names.join(", "), self.table.name, self.key)
    }
}

/// Returns a type in the notation of CREATE TABLE.
fn in_cql(cql_type: &CqlType) -> String {
    match cql_type {
        CqlType::List(element) => format!("list<{}>", element_in_cql(element)),
        CqlType::Set(element) => format!("set<{}>", element_in_cql(element)),
        CqlType::Map(pair) => {
            format!("map<{}, {}>", element_in_cql(&pair.0), element_in_cql(&pair.1))
        }
        CqlType::Tuple(elements) => {
            let elements = elements.iter().map(element_in_cql).collect::<Vec<_>>();
            format!("tuple<{}>", elements.join(", "))
        }
        CqlType::Vector(vector) => {
            format!("vector<{}, {}>", element_in_cql(&vector.element), vector.dimensions)
        }
        native_or_named => native_or_named.to_string(),
    }
}

/// Returns a type in the notation for elements of another type.
pub(crate) fn element_in_cql(cql_type: &CqlType) -> String {
    match cql_type {
        CqlType::Native(_) | CqlType::Custom(_) => in_cql(cql_type),
        _ => format!("frozen<{}>", in_cql(cql_type)),
    }
}

/// Normalizes a value so that equal values compare equal: sorts sets and maps by text, and adds nulls
/// for missing fields.
pub(crate) fn normalized(value: &Value, cql_type: &CqlType) -> Value {
    let all = |parts: &[Value], of: &CqlType| {
        parts.iter().map(|part| normalized(part, of)).collect::<Vec<_>>()
    };
    match (value, cql_type) {
        (Value::List(parts), CqlType::List(element)) => Value::List(all(parts, element)),
        (Value::Vector(parts), CqlType::Vector(vector)) => {
            Value::Vector(all(parts, &vector.element))
        }
        (Value::Set(parts), CqlType::Set(element)) => {
            let mut parts = all(parts, element);
            parts.sort_by_key(|part| value_to_json(part).to_string());
            Value::Set(parts)
        }
        (Value::Map(entries), CqlType::Map(pair)) => {
            let entries = entries.iter();
            let mut entries = entries
                .map(|(key, value)| (normalized(key, &pair.0), normalized(value, &pair.1)))
                .collect::<Vec<_>>();
            entries.sort_by_key(|(key, _)| value_to_json(key).to_string());
            Value::Map(entries)
        }
        (Value::Tuple(parts), CqlType::Tuple(types)) => Value::Tuple(fields(parts, types.iter())),
        (Value::Udt { fields: parts, udt }, CqlType::Udt(of)) => {
            let types = of.fields.iter().map(|(_, field)| field);
            Value::Udt { udt: udt.clone(), fields: fields(parts, types) }
        }
        _ => value.clone(),
    }
}

fn fields<'t>(parts: &[Value], types: impl Iterator<Item = &'t CqlType>) -> Vec<Value> {
    let field = |(index, of)| normalized(parts.get(index).unwrap_or(&Value::Null), of);
    types.enumerate().map(field).collect()
}
