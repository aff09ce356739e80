//! [`ToValues`] and [`ToNamedValues`], the traits of values that can be bound, and [`Binder`],
//! which encodes them.

#[cfg(feature = "cli")]
use super::CqlType;
#[cfg(feature = "driver")]
use super::values::write;
use super::{BindError, BindErrorKind, ColumnSpec, ToCql};
#[cfg(feature = "driver")]
use crate::wire::RawValue;
use crate::wire::{MIN_SHARED, Writer};

/// The values of all bind variables of a statement.
///
/// Tuples, arrays, slices and `Vec`s bind by position. Maps whose keys are names bind by name.
/// Structs can derive this trait (feature `derive`): named fields bind by name, unnamed fields by
/// position.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be bound to a statement",
    label = "not a tuple, slice, map, or struct that derives `ToValues`",
    note = "bind a single value as the tuple `(value,)`, more than 16 as a struct that derives `ToValues`"
)]
pub trait ToValues {
    /// Binds all values with `binder`.
    ///
    /// # Errors
    /// Returns an error if a value cannot be bound, as [`Binder::value`] does.
    fn bind(&self, binder: &mut Binder<'_>) -> Result<(), BindError>;

    /// Returns true if there are no values. A statement text without values is sent without being
    /// prepared first. Default: false.
    fn is_empty(&self) -> bool {
        false
    }
}

/// Values that are bound by name, in any order.
///
/// The server names a bind variable after its marker `:name`, or after the column that the variable
/// is compared with or assigned to. All other variables are named after their place in the
/// statement:
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
/// | `f(?)` | `arg0(ks.f)`, with arguments counted from 0 |
///
/// Variables with the same name get the same value. Use markers to bind different values to two
/// variables of one column: `a > :low AND a < :high`.
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
    message = "the values of `{Self}` have no names",
    label = "not a map, or a struct with named fields that derives `ToValues`"
)]
pub trait ToNamedValues {
    /// Name of the struct, for error messages.
    #[doc(hidden)]
    const STRUCT: Option<&'static str> = None;

    /// True if every field must have a bind variable.
    #[doc(hidden)]
    const IS_STRICT: bool = false;

    /// Binds the value with this name to the next variable. Returns false, and binds nothing, if no
    /// value has the name.
    ///
    /// # Errors
    /// Returns an error if the value cannot be bound, as [`Binder::value`] does.
    fn bind_named(&self, name: &str, binder: &mut Binder<'_>) -> Result<bool, BindError>;

    /// Returns the first struct field for whose name `has_variable` returns false, or `None` if
    /// every field has a variable. Always `None` for maps.
    #[doc(hidden)]
    fn unused(&self, _has_variable: &dyn Fn(&str) -> bool) -> Option<&'static str> {
        None
    }
}

/// An encoder for the values of a statement. Values are bound in the order of the bind variables.
#[derive(Debug)]
pub struct Binder<'b> {
    columns: &'b [ColumnSpec],
    next: usize,
    writer: Writer<'b>,
}

impl<'b> Binder<'b> {
    /// Returns a binder for the bind variables `columns`, whose encoded values `writer` writes.
    #[inline]
    pub(super) const fn new(columns: &'b [ColumnSpec], writer: Writer<'b>) -> Self {
        Self { columns, next: 0, writer }
    }

    /// Returns the number of values bound so far, including values after the last variable.
    #[inline]
    pub(super) const fn count(&self) -> usize {
        self.next
    }

    /// Binds `value` to the next variable.
    ///
    /// # Errors
    /// Returns an error if `value` cannot be encoded as the variable's type. If no variable is
    /// left, this method only counts the value, and
    /// [`ValuesBuffer::bind`](super::ValuesBuffer::bind) returns an error after the last value.
    #[inline(always)]
    pub fn value<V: ToCql + ?Sized>(&mut self, value: &V) -> Result<(), BindError> {
        let index = self.next;
        self.next = index.wrapping_add(1);
        let Some(column) = self.columns.get(index) else { return Ok(()) };
        let writer = &mut self.writer;
        let bound = V::check(&column.cql_type).map_err(Into::into);
        let bound = bound.and_then(|()| match value.as_shared(&column.cql_type) {
            Some(bytes) if bytes.len() >= MIN_SHARED => {
                writer.length(bytes.len(), "value")?;
                writer.shared(bytes);
                Ok(())
            }
            _ => value.to_cql(&column.cql_type, writer),
        });
        bound.map_err(|kind| bind_error(kind, index, column))
    }

    /// Binds `values` to all variables except the last ones, of which there are `rest`.
    ///
    /// # Errors
    /// Returns an error if a value cannot be bound, or if the number of values differs from that of the variables.
    #[cfg(feature = "driver")]
    pub(crate) fn all_but_last<V: ToValues + ?Sized>(
        &mut self,
        rest: usize,
        values: &V,
    ) -> Result<(), BindError> {
        let all = self.columns;
        let expected = all.len().saturating_sub(rest);
        self.columns = all.get(..expected).unwrap_or_default();
        values.bind(self)?;
        self.columns = all;
        match self.next {
            found if found == expected => Ok(()),
            found => Err(BindError::new(BindErrorKind::Count { expected, found })),
        }
    }

    /// Returns the bind variables.
    #[cfg(feature = "driver")]
    pub(super) const fn columns(&self) -> &'b [ColumnSpec] {
        self.columns
    }

    /// Binds encoded values to the next variables, for whose types they were encoded.
    ///
    /// # Errors
    /// Returns an error if a value is too long.
    #[cfg(feature = "driver")]
    pub(super) fn encoded<'v>(
        &mut self,
        values: impl IntoIterator<Item = RawValue<'v>>,
    ) -> Result<(), BindError> {
        for value in values {
            write(&mut self.writer, None, value)
                .map_err(|_| BindError::new(BindErrorKind::TooLong))?;
            self.next = self.next.wrapping_add(1);
        }
        Ok(())
    }

    /// Binds values to the next variables, if these have the types of `columns`, for which the values were encoded.
    /// Otherwise returns false and binds nothing.
    #[cfg(feature = "cli")]
    pub(crate) fn encoded_for(&mut self, columns: &[ColumnSpec], values: &[u8]) -> bool {
        let end = self.next.saturating_add(columns.len());
        let variables = self.columns.get(self.next..end);
        let is_same = |(variable, column): (&ColumnSpec, &ColumnSpec)| {
            match (&variable.cql_type, &column.cql_type) {
                // Compared here, because the comparison of all types is not inlined.
                (CqlType::Native(variable), CqlType::Native(column)) => variable == column,
                (variable, column) => variable == column,
            }
        };
        let fits = variables.is_some_and(|variables| variables.iter().zip(columns).all(is_same));
        if fits {
            self.writer.raw(values);
            self.next = end;
        }
        fits
    }

    /// Binds `value` to the next variable, like [`value`](Self::value). An error names the struct
    /// `field`, such as `User::age`.
    ///
    /// # Errors
    /// Returns an error if `value` cannot be encoded as the variable's type.
    #[inline]
    pub fn field<V: ToCql + ?Sized>(
        &mut self,
        field: &'static str,
        value: &V,
    ) -> Result<(), BindError> {
        self.value(value).map_err(|error| error.with_field(field))
    }

    /// Binds all remaining variables, each to the value with its name.
    ///
    /// # Errors
    /// Returns an error if a variable has a name that no value has, if a value cannot be encoded as
    /// the type of its variable, or if `values` is a strict struct and a field has no variable.
    pub fn by_name<V: ToNamedValues + ?Sized>(&mut self, values: &V) -> Result<(), BindError> {
        let columns = self.columns;
        for (index, column) in columns.iter().enumerate().skip(self.next) {
            if !values.bind_named(&column.name, self)? {
                return Err(missing(index, column, V::STRUCT));
            }
        }
        let has_variable = |name: &str| columns.iter().any(|column| *column.name == *name);
        match values.unused(&has_variable).filter(|_| V::IS_STRICT) {
            Some(field) => Err(BindError::new(BindErrorKind::Unused).with_field(field)),
            None => Ok(()),
        }
    }
}

#[cold]
fn missing(index: usize, column: &ColumnSpec, struct_name: Option<&'static str>) -> BindError {
    let error = BindError::for_variable(BindErrorKind::Missing, index, column);
    match struct_name {
        Some(name) => error.with_field(name),
        None => error,
    }
}

#[cold]
fn bind_error(kind: BindErrorKind, index: usize, column: &ColumnSpec) -> BindError {
    BindError::for_variable(kind, index, column)
}
