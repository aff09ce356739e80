//! A row of any columns.

use std::fmt;
use std::sync::Arc;

use super::{ColumnSpec, FromRow, Row, TypeError, Value, ValueError};

/// A row whose columns are only known at run time, for tools: its values, by name and by index.
///
/// Names are those of the schema, to the letter: `"userName"` is not `username`. The rows of a page
/// share them.
///
/// ```
/// use bytes::Bytes;
/// use cqlwire::types::{ColumnSpec, NativeType, Record, RowIter, Value};
///
/// let columns = [ColumnSpec::new("ks", "users", "username", NativeType::Text)];
/// let page = Bytes::from_static(b"\0\0\0\x03ada");
/// for record in RowIter::<Record>::new(&page, &columns, 1)? {
///     let record = record?;
///     assert_eq!(record.get("username"), Some(&Value::Text("ada".into())));
///     assert_eq!(record.get(0), record.get("username"));
///     assert_eq!(record.to_string(), "{username: 'ada'}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Record {
    names: Arc<[Box<str>]>,
    values: Vec<Value>,
}

impl Record {
    /// The value of a column, by its index from zero or by its name. Of columns of one name, the
    /// first.
    pub fn get(&self, column: impl ColumnIndex) -> Option<&Value> {
        self.values.get(column.index(&self.names)?)
    }

    /// The names of the columns.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// The values, in the order of the columns.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The names and values, in the order of the columns.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.names().zip(&self.values)
    }

    /// The values, in the order of the columns.
    pub fn into_values(self) -> Vec<Value> {
        self.values
    }
}

/// What a column of a [`Record`] is called by: its index or its name.
pub trait ColumnIndex {
    /// The index among columns of these names.
    fn index(self, names: &[Box<str>]) -> Option<usize>;
}

impl ColumnIndex for usize {
    fn index(self, _: &[Box<str>]) -> Option<usize> {
        Some(self)
    }
}

impl ColumnIndex for &str {
    fn index(self, names: &[Box<str>]) -> Option<usize> {
        names.iter().position(|name| &**name == self)
    }
}

impl<'r> FromRow<'r> for Record {
    type Plan = Arc<[Box<str>]>;

    fn plan(columns: &[ColumnSpec]) -> Result<Self::Plan, TypeError> {
        Ok(columns.iter().map(|column| column.name.clone()).collect())
    }

    fn from_row(row: &mut Row<'r>, names: &Self::Plan) -> Result<Self, ValueError> {
        Ok(Self { names: Arc::clone(names), values: Vec::from_row(row, &())? })
    }
}

/// As a map of CQL.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (name, value)) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{name}: {value}")?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::types::{NativeType, RowIter};

    #[test]
    fn names_are_of_their_case_and_the_first_of_a_name_is_found() {
        let columns = ["a", "A", "a"].map(|name| ColumnSpec::new("ks", "t", name, NativeType::Int));
        let page = Bytes::from_static(b"\0\0\0\x04\0\0\0\x01\0\0\0\x04\0\0\0\x02\xff\xff\xff\xff");
        let mut rows = RowIter::<Record>::new(&page, &columns, 1).unwrap();
        let record = rows.next().unwrap().unwrap();
        assert_eq!(record.get("a"), Some(&Value::Int(1)));
        assert_eq!(record.get("A"), Some(&Value::Int(2)));
        assert_eq!(record.get(2), Some(&Value::Null));
        assert_eq!((record.get("b"), record.get(3)), (None, None));
        assert_eq!(record.to_string(), "{a: 1, A: 2, a: null}");
    }
}
