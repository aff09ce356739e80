//! Row types that read columns by position or by name: tuples, and structs that derive `FromRow`.

use super::check::Check;
use super::{ColumnSpec, FromCql, FromRow, Row, TypeError, ValueError};
use super::{NameMismatch, NameMismatchKind};

/// A field of a tuple or struct that reads or writes a row or a user-defined type.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The names of the struct and the field, such as `User::age`, or `None` for tuples.
    pub path: Option<&'static str>,
    /// The name of the column, or of the field of a user-defined type. Empty for tuples.
    pub name: &'static str,
    /// The function that checks whether the field's Rust type supports a CQL type.
    pub check: Check,
    /// True if the field gets its default value when no column has its name. Otherwise, this is an
    /// error.
    pub is_optional: bool,
}

/// A function that is called for each field until it returns an error.
pub type FieldVisitor<'v> = dyn FnMut(&Field) -> Result<(), TypeError> + 'v;

/// A row type that reads a fixed number of columns: a tuple, or a struct that derives `FromRow`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be flattened into a row",
    label = "does not derive `FromRow`",
    note = "`flatten` requires a struct with named fields that derives `FromRow`"
)]
pub trait Columns<'r>: Sized {
    /// The number of columns.
    const COUNT: usize;

    /// Calls `visit` for every field in order, until `visit` returns an error.
    ///
    /// # Errors
    /// Returns the first error of `visit`.
    fn visit_fields(visit: &mut FieldVisitor<'_>) -> Result<(), TypeError>;

    /// Reads the next cells, one for each field. Returns `None` if one of them cannot be read.
    fn read_in_order(row: &mut Row<'r>) -> Option<Self>;

    /// Reads the same cells as [`read_in_order`](Self::read_in_order), and returns the first error,
    /// or `None` if all cells can be read.
    fn first_error(row: &mut Row<'r>) -> Option<ValueError>;
}

/// A row type that finds its columns by name: a struct with named fields that derives `FromRow`.
#[diagnostic::on_unimplemented(
    message = "the columns of `{Self}` cannot be found by name",
    label = "does not derive `FromRow`",
    note = "`flatten` requires a struct with named fields that derives `FromRow`"
)]
pub trait NamedColumns<'r>: Columns<'r> {
    /// The name of the struct.
    const NAME: &'static str;
    /// True if a column without a field is an error.
    const IS_STRICT: bool;

    /// The fields that have been read so far.
    type Partial: Default;

    /// Reads the next cell as the field at index `field`.
    ///
    /// # Errors
    /// Returns an error if the cell cannot be decoded.
    fn read_field(
        partial: &mut Self::Partial,
        field: usize,
        row: &mut Row<'r>,
    ) -> Result<(), ValueError>;

    /// Builds the struct from the fields that were read, and the default values of all other
    /// fields.
    ///
    /// # Errors
    /// Returns an error if a field was not read and has no default.
    fn build(partial: Self::Partial) -> Result<Self, ValueError>;
}

/// For each column, the index of the field that reads it, or `None` if the column is skipped. The
/// outer `Option` is `None` if each field `n` reads column `n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan(Option<Box<[Option<usize>]>>);

impl Plan {
    /// The plan for columns that are in the order of the fields.
    const IN_ORDER: Self = Self(None);
}

/// Checks that the fields of `T` can read `columns` by position.
///
/// # Errors
/// Returns an error if the number of columns differs from the number of fields, or if a column has
/// an unsupported type.
pub fn plan_by_position<'r, T: Columns<'r>>(columns: &[ColumnSpec]) -> Result<(), TypeError> {
    if columns.len() != T::COUNT {
        return Err(TypeError::ColumnCount { expected: T::COUNT, found: columns.len() });
    }
    let mut columns = columns.iter().enumerate();
    T::visit_fields(&mut |field| {
        columns.next().map_or(Ok(()), |(index, column)| check(field, index, column))
    })
}

/// Reads a row by position.
///
/// # Errors
/// Returns the error of the first cell that cannot be decoded.
#[inline(always)]
pub fn read_by_position<'r, T: Columns<'r>>(row: &mut Row<'r>) -> Result<T, ValueError> {
    row.values(T::COUNT, T::read_in_order, T::first_error)
}

/// Finds the column of every field, checks its type, and returns the plan for reading rows by name.
///
/// # Errors
/// Returns an error if a required field has no column, if several columns have the name of a field,
/// if several fields have the name of a column, if a column has an unsupported type, or if the
/// struct is strict and a column has no field.
pub fn plan_by_name<'r, T: NamedColumns<'r>>(columns: &[ColumnSpec]) -> Result<Plan, TypeError> {
    let (mut next, mut is_in_order) = (0_usize, true);
    T::visit_fields(&mut |field| {
        let found = find(field, columns)?;
        is_in_order &= found == Some(next);
        next = next.saturating_add(1);
        found
            .and_then(|index| Some((index, columns.get(index)?)))
            .map_or(Ok(()), |(index, column)| check(field, index, column))
    })?;
    if is_in_order {
        let excess = columns.get(T::COUNT).filter(|_| T::IS_STRICT);
        return excess.map_or(Ok(Plan::IN_ORDER), |column| Err(excess_column::<T>(column)));
    }
    let mut fields = vec![None; columns.len()];
    let mut next = 0_usize;
    T::visit_fields(&mut |field| {
        if let Some(column_field) = find(field, columns)?.and_then(|index| fields.get_mut(index)) {
            if column_field.is_some() {
                return Err(name_mismatch(NameMismatchKind::Duplicate, field, columns));
            }
            *column_field = Some(next);
        }
        next = next.saturating_add(1);
        Ok(())
    })?;
    let mut excess = columns.iter().zip(&fields).filter(|(_, field)| field.is_none());
    match excess.next().filter(|_| T::IS_STRICT) {
        Some((column, _)) => Err(excess_column::<T>(column)),
        None => Ok(Plan(Some(fields.into()))),
    }
}

/// Reads a row by name.
///
/// # Errors
/// Returns the error of the first cell that cannot be decoded.
#[inline(always)]
pub fn read_by_name<'r, T: NamedColumns<'r>>(
    row: &mut Row<'r>,
    plan: &Plan,
) -> Result<T, ValueError> {
    match &plan.0 {
        None => read_by_position(row),
        Some(fields) => read_in_any_order(row, fields),
    }
}

fn read_in_any_order<'r, T: NamedColumns<'r>>(
    row: &mut Row<'r>,
    fields: &[Option<usize>],
) -> Result<T, ValueError> {
    let mut partial = T::Partial::default();
    for field in fields {
        match field {
            Some(field) => T::read_field(&mut partial, *field, row)?,
            None => drop(row.cell()?),
        }
    }
    T::build(partial)
}

/// Returns the index of the column with the field's name, or `None` if the field is optional and no
/// column has its name.
fn find(field: &Field, columns: &[ColumnSpec]) -> Result<Option<usize>, TypeError> {
    let mut named = columns.iter().enumerate().filter(|(_, column)| *column.name == *field.name);
    match (named.next(), named.next()) {
        (Some(_), Some(_)) => Err(name_mismatch(NameMismatchKind::Ambiguous, field, columns)),
        (None, _) if !field.is_optional => {
            Err(name_mismatch(NameMismatchKind::Missing, field, columns))
        }
        (found, _) => Ok(found.map(|(index, _)| index)),
    }
}

fn check(field: &Field, index: usize, column: &ColumnSpec) -> Result<(), TypeError> {
    (field.check)(&column.cql_type)
        .map_err(|mismatch| TypeError::column(index, column, field.path, mismatch))
}

#[cold]
fn name_mismatch(kind: NameMismatchKind, field: &Field, columns: &[ColumnSpec]) -> TypeError {
    let columns = columns.iter().map(|column| column.name.to_string()).collect();
    let (field, name) = (field.path.unwrap_or_default(), field.name.to_owned());
    TypeError::Names(Box::new(NameMismatch { kind, field, name, columns }))
}

#[cold]
fn excess_column<'r, T: NamedColumns<'r>>(column: &ColumnSpec) -> TypeError {
    let (kind, name) = (NameMismatchKind::Excess, column.name.to_string());
    let mismatch = NameMismatch { kind, field: T::NAME, name, columns: Vec::new() };
    TypeError::Names(Box::new(mismatch))
}

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        impl<'r, $first: FromCql<'r>, $($rest: FromCql<'r>),*> Columns<'r>
            for ($first, $($rest,)*)
        {
            const COUNT: usize = [stringify!($first), $(stringify!($rest)),*].len();

            fn visit_fields(visit: &mut FieldVisitor<'_>) -> Result<(), TypeError> {
                let checks = [$first::check, $($rest::check),*];
                checks.into_iter().try_for_each(|check| {
                    visit(&Field { path: None, name: "", check, is_optional: false })
                })
            }

            #[inline(always)]
            fn read_in_order(row: &mut Row<'r>) -> Option<Self> {
                Some((row.value::<$first>().ok()?, $(row.value::<$rest>().ok()?,)*))
            }

            #[cold]
            fn first_error(row: &mut Row<'r>) -> Option<ValueError> {
                let first = row.value::<$first>().err();
                first$(.or_else(|| row.value::<$rest>().err()))*
            }
        }

        impl<'r, $first: FromCql<'r>, $($rest: FromCql<'r>),*> FromRow<'r> for ($first, $($rest,)*) {
            type Plan = ();

            fn plan(columns: &[ColumnSpec]) -> Result<(), TypeError> {
                plan_by_position::<Self>(columns)
            }

            #[inline(always)]
            fn from_row(row: &mut Row<'r>, (): &()) -> Result<Self, ValueError> {
                read_by_position(row)
            }
        }

        tuples!($($rest)*);
    };
    () => {};
}
tuples!(A B C D E F G H I J K L M N O P);
