//! The traits of types that hold the values of a statement, and the binder that they fill.

use super::{BindError, BindErrorKind, ColumnSpec, ToCql};
use crate::wire::Writer;

/// The values of a whole statement: a tuple or slice, by position; a map from names, or a struct that
/// derives it (feature `derive`), by name.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` is not the values of a statement",
    label = "neither a tuple nor a slice, a map or a struct that derives `ToValues`",
    note = "derive `ToValues` for a struct; one value alone is the tuple `(value,)`",
    note = "tuples are of 16 values at most"
)]
pub trait ToValues {
    /// Binds every value.
    ///
    /// # Errors
    /// What [`Binder::value`] returns.
    fn bind(&self, binder: &mut Binder<'_>) -> Result<(), BindError>;

    /// Whether there are no values at all, so that the statement need not be prepared for them.
    fn is_empty(&self) -> bool {
        false
    }
}

/// Values that are bound to the variables of their names, in whatever order.
///
/// A variable is called as the column that it is compared with or written to, or as its marker
/// `:name`. Servers have names of their own for the others:
///
/// | in the statement | the variable's name |
/// |---|---|
/// | `a = ?`, `a < ?` | `a` |
/// | `a = :name` | `name` |
/// | `a IN ?` | `in(a)` |
/// | `a CONTAINS ?`, `a CONTAINS KEY ?` | `value(a)`, `key(a)` |
/// | `a[?] = ?` | `key(a)` and `value(a)` of a map, `idx(a)` and `value(a)` of a list |
/// | `token(a, b) > ?` | `partition key token` |
/// | `(a, b) > ?` | `(a,b)` |
/// | `LIMIT ?`, `PER PARTITION LIMIT ?` | `[limit]`, `[per_partition_limit]` |
/// | `USING TTL ? AND TIMESTAMP ?` | `[ttl]`, `[timestamp]` |
/// | `f(?)` | `arg0(ks.f)`, counting from 0 |
///
/// Variables of one name get the same value: give those of `a > ? AND a < ?` names of their own.
///
/// ```
/// use cqlwire::types::{ColumnSpec, NativeType, ValuesBuffer};
/// use std::collections::BTreeMap;
///
/// let variables = ["username", "password"]
///     .map(|name| ColumnSpec::new("ks", "users", name, NativeType::Text));
/// let user = BTreeMap::from([("password", "secret"), ("username", "ada")]);
/// let mut buffer = ValuesBuffer::new();
/// assert_eq!(
///     buffer.bind(&user, &variables)?,
///     ValuesBuffer::new().bind(&("ada", "secret"), &variables)?
/// );
/// # Ok::<(), cqlwire::types::BindError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "the values of a `{Self}` have no names",
    label = "neither a map nor a struct with named fields that derives `ToValues`"
)]
pub trait ToNamedValues {
    /// The struct, for messages.
    #[doc(hidden)]
    const STRUCT: Option<&'static str> = None;

    /// Whether every field must have a variable.
    #[doc(hidden)]
    const IS_STRICT: bool = false;

    /// Binds the value called `name`, if there is one, as the next variable, and says whether there
    /// is.
    ///
    /// # Errors
    /// What [`Binder::value`] returns.
    fn bind_named(&self, name: &str, binder: &mut Binder<'_>) -> Result<bool, BindError>;

    /// The first field that is not there.
    #[doc(hidden)]
    fn unused(&self, _has: &dyn Fn(&str) -> bool) -> Option<&'static str> {
        None
    }
}

/// Takes the values of a statement, one variable after the other.
#[derive(Debug)]
pub struct Binder<'b> {
    columns: &'b [ColumnSpec],
    next: usize,
    writer: Writer<'b>,
}

impl<'b> Binder<'b> {
    /// Returns a binder that appends to `out`.
    #[inline]
    pub(super) const fn new(columns: &'b [ColumnSpec], out: &'b mut Vec<u8>) -> Self {
        Self { columns, next: 0, writer: Writer::new(out) }
    }

    /// Returns the number of values bound so far.
    #[inline]
    pub(super) const fn count(&self) -> usize {
        self.next
    }

    /// Binds the next variable.
    ///
    /// # Errors
    /// A value that does not go with it. A value too many is counted, and refused at the end.
    #[inline(always)]
    pub fn value<V: ToCql + ?Sized>(&mut self, value: &V) -> Result<(), BindError> {
        let index = self.next;
        self.next = index.wrapping_add(1);
        let Some(column) = self.columns.get(index) else { return Ok(()) };
        let writer = &mut self.writer;
        let bound = V::check(&column.cql_type).map_err(Into::into);
        let bound = bound.and_then(|()| value.to_cql(&column.cql_type, writer));
        bound.map_err(|kind| misfit(kind, index, column))
    }

    /// The same, with the field of a struct, as `User::age`, which an error names.
    #[inline]
    pub fn field<V: ToCql + ?Sized>(
        &mut self,
        field: &'static str,
        value: &V,
    ) -> Result<(), BindError> {
        self.value(value).map_err(|error| error.with_field(field))
    }

    /// Binds all variables that are left, each to the value of its name.
    ///
    /// # Errors
    /// A variable whose name no value has, a value that does not go with its variable, and, where
    /// the values are strict, one that no variable asks for.
    pub fn by_name<V: ToNamedValues + ?Sized>(&mut self, values: &V) -> Result<(), BindError> {
        let columns = self.columns;
        for (index, column) in columns.iter().enumerate().skip(self.next) {
            if !values.bind_named(&column.name, self)? {
                return Err(missing(index, column, V::STRUCT));
            }
        }
        let has = |name: &str| columns.iter().any(|column| *column.name == *name);
        match values.unused(&has).filter(|_| V::IS_STRICT) {
            Some(field) => Err(BindError::new(BindErrorKind::Unused).with_field(field)),
            None => Ok(()),
        }
    }
}

#[cold]
fn missing(index: usize, column: &ColumnSpec, of: Option<&'static str>) -> BindError {
    let error = BindError::of(BindErrorKind::Missing, index, column);
    match of {
        Some(name) => error.with_field(name),
        None => error,
    }
}

#[cold]
fn misfit(kind: BindErrorKind, index: usize, column: &ColumnSpec) -> BindError {
    BindError::of(kind, index, column)
}
