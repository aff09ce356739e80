//! Tables of one column for each type, and the rows that take their values through it.

use cqlwire::types::{CqlType, NativeType, Value};

use crate::plain::plain;

/// A table whose key is a text, and the values for it.
pub(crate) struct Table {
    /// With its keyspace before it.
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
}

/// A column, and the values that go through it, one to a row.
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

/// What is written and read at once.
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
                true => format!(", {name} {}", in_another(&column.cql_type)),
                false => format!(", {name} {}", in_cql(&column.cql_type)),
            }
        });
        format!("CREATE TABLE {} (k text PRIMARY KEY{})", self.name, columns.collect::<String>())
    }

    /// The values of the columns side by side, and after the last of each a null. The keys begin with
    /// `key`.
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

    /// What is read of a value that was written. Collections that are not frozen are their elements,
    /// and nothing where there are none.
    pub(crate) fn stored(&self, value: &Value) -> Value {
        let is_nothing = !self.is_frozen
            && match value {
                Value::List(parts) | Value::Set(parts) => parts.is_empty(),
                Value::Map(entries) => entries.is_empty(),
                Value::Empty => matches!(self.cql_type, CqlType::Udt(_)),
                Value::Udt { fields, .. } => fields.iter().all(|field| *field == Value::Null),
                _ => false,
            };
        if is_nothing { Value::Null } else { ordered(value, &self.cql_type) }
    }
}

impl Row<'_> {
    /// The statement that writes the row; its values are those of the cells, and the key.
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

    /// The statement that reads the cells.
    pub(crate) fn read(&self) -> String {
        let names = self.cells.iter().map(|cell| &*cell.column.name).collect::<Vec<_>>();
        format!("SELECT {} FROM {} WHERE k = '{}'", names.join(", "), self.table.name, self.key)
    }
}

/// A type as CREATE TABLE and CREATE TYPE have it.
fn in_cql(cql_type: &CqlType) -> String {
    match cql_type {
        CqlType::List(element) => format!("list<{}>", in_another(element)),
        CqlType::Set(element) => format!("set<{}>", in_another(element)),
        CqlType::Map(pair) => format!("map<{}, {}>", in_another(&pair.0), in_another(&pair.1)),
        CqlType::Tuple(elements) => {
            let elements = elements.iter().map(in_another).collect::<Vec<_>>();
            format!("tuple<{}>", elements.join(", "))
        }
        CqlType::Vector(vector) => {
            format!("vector<{}, {}>", in_another(&vector.element), vector.dimensions)
        }
        native_or_named => native_or_named.to_string(),
    }
}

/// A type inside another one.
pub(crate) fn in_another(cql_type: &CqlType) -> String {
    match cql_type {
        CqlType::Native(_) | CqlType::Custom(_) => in_cql(cql_type),
        _ => format!("frozen<{}>", in_cql(cql_type)),
    }
}

/// Sets and maps in the order of their texts, and nulls for the fields that are missing at the end,
/// so that values that are the same look the same.
pub(crate) fn ordered(value: &Value, cql_type: &CqlType) -> Value {
    let all = |parts: &[Value], of: &CqlType| {
        parts.iter().map(|part| ordered(part, of)).collect::<Vec<_>>()
    };
    match (value, cql_type) {
        (Value::List(parts), CqlType::List(element)) => Value::List(all(parts, element)),
        (Value::Vector(parts), CqlType::Vector(vector)) => {
            Value::Vector(all(parts, &vector.element))
        }
        (Value::Set(parts), CqlType::Set(element)) => {
            let mut parts = all(parts, element);
            parts.sort_by_key(|part| plain(part).to_string());
            Value::Set(parts)
        }
        (Value::Map(entries), CqlType::Map(pair)) => {
            let entries = entries.iter();
            let mut entries = entries
                .map(|(key, value)| (ordered(key, &pair.0), ordered(value, &pair.1)))
                .collect::<Vec<_>>();
            entries.sort_by_key(|(key, _)| plain(key).to_string());
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
    let field = |(index, of)| ordered(parts.get(index).unwrap_or(&Value::Null), of);
    types.enumerate().map(field).collect()
}
