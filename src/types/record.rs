//! Rows with columns that are only known at run time.

use std::fmt;
use std::sync::Arc;

use super::{ColumnSpec, FromRow, Row, TypeError, Value, ValueError};

/// A row with columns that are only known at run time. Values are found by index or by name.
///
/// Names are case-sensitive: `userName` differs from `username`. All records of a page share one
/// list of names.
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
    /// Returns the value of the column with this index (from zero) or name, or `None` if there is
    /// no such column. If several columns have the name, returns the value of the first.
    pub fn get(&self, column: impl ColumnIndex) -> Option<&Value> {
        self.values.get(column.index(&self.names)?)
    }

    /// Returns the names of the columns.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// Returns the values, in the order of the columns.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// Returns the names and values, in the order of the columns.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.names().zip(&self.values)
    }

    /// Converts the record to its values, in the order of the columns.
    pub fn into_values(self) -> Vec<Value> {
        self.values
    }
}

/// The index or the name of a column of a [`Record`].
pub trait ColumnIndex {
    /// Returns the index of the column in a record with these column `names`, or `None` if no
    /// column has the name. An index is returned unchanged, even if it is out of range.
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

/// Formats the record like a CQL map.
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
    fn names_are_case_sensitive_and_the_first_of_equal_names_is_found() {
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
