//! What the derived row types are made of: columns in the order of fields, or found by their names.

use super::check::Check;
use super::{ColumnSpec, FromCql, FromRow, Row, TypeError, ValueError};
use super::{NameMismatch, NameMismatchKind};

/// A field, and what it asks of its column.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The struct and the field, as `User::age`; nothing for tuples.
    pub path: Option<&'static str>,
    /// The name of its column.
    pub name: &'static str,
    /// What its type goes with.
    pub check: Check,
    /// Whether it has a value where there is no column.
    pub is_optional: bool,
}

/// Takes one field after the other, until one of them is wrong.
pub type Visit<'v> = dyn FnMut(&Field) -> Result<(), TypeError> + 'v;

/// A type made of one column after the other: a tuple, or a struct that derives `FromRow`.
#[diagnostic::on_unimplemented(
    message = "the columns of `{Self}` cannot be part of another row",
    label = "not a struct that derives `FromRow`",
    note = "`flatten` takes structs with named fields that derive `FromRow`"
)]
pub trait Columns<'r>: Sized {
    /// How many columns.
    const COUNT: usize;

    /// Shows every field.
    ///
    /// # Errors
    /// What `each` returns.
    fn fields(each: &mut Visit<'_>) -> Result<(), TypeError>;

    /// Reads the next cells, one for each field.
    fn in_order(row: &mut Row<'r>) -> Option<Self>;

    /// The first error of reading them.
    fn error(row: &mut Row<'r>) -> Option<ValueError>;
}

/// A struct whose columns have names.
#[diagnostic::on_unimplemented(
    message = "the columns of `{Self}` cannot be found by name",
    label = "not a struct that derives `FromRow`",
    note = "`flatten` takes structs with named fields that derive `FromRow`"
)]
pub trait NamedColumns<'r>: Columns<'r> {
    /// The struct.
    const NAME: &'static str;
    /// Whether every column must have a field.
    const IS_STRICT: bool;

    /// The fields that have been read so far.
    type Partial: Default;

    /// Reads the next cell as the field of this index.
    ///
    /// # Errors
    /// A cell that cannot be read.
    fn read(partial: &mut Self::Partial, field: usize, row: &mut Row<'r>)
    -> Result<(), ValueError>;

    /// The struct of these fields, and of the defaults for those that are not there.
    ///
    /// # Errors
    /// A field that is not there and has no default.
    fn build(partial: Self::Partial) -> Result<Self, ValueError>;
}

/// Which field each column is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan(Option<Box<[Option<usize>]>>);

impl Plan {
    /// The first columns are the fields, in their order.
    const IN_ORDER: Self = Self(None);
}

/// Checks columns that are read by position.
///
/// # Errors
/// Another number of columns than of fields, or a column that does not fit.
pub fn plan_by_position<'r, T: Columns<'r>>(columns: &[ColumnSpec]) -> Result<(), TypeError> {
    if columns.len() != T::COUNT {
        return Err(TypeError::ColumnCount { expected: T::COUNT, found: columns.len() });
    }
    let mut columns = columns.iter().enumerate();
    T::fields(&mut |field| {
        columns.next().map_or(Ok(()), |(index, column)| check(field, index, column))
    })
}

/// Reads a row by position.
///
/// # Errors
/// The first cell that cannot be read.
#[inline(always)]
pub fn read_by_position<'r, T: Columns<'r>>(row: &mut Row<'r>) -> Result<T, ValueError> {
    row.values(T::COUNT, T::in_order, T::error)
}

/// Finds the column of every field.
///
/// # Errors
/// A field without a column, or with one that it cannot be told to be or that does not fit; where
/// the struct is strict, a column without a field.
pub fn plan_by_name<'r, T: NamedColumns<'r>>(columns: &[ColumnSpec]) -> Result<Plan, TypeError> {
    let (mut next, mut in_order) = (0_usize, true);
    T::fields(&mut |field| {
        let found = find(field, columns)?;
        in_order &= found == Some(next);
        next = next.saturating_add(1);
        found
            .and_then(|index| Some((index, columns.get(index)?)))
            .map_or(Ok(()), |(index, column)| check(field, index, column))
    })?;
    if in_order {
        let excess = columns.get(T::COUNT).filter(|_| T::IS_STRICT);
        return excess.map_or(Ok(Plan::IN_ORDER), |column| Err(excess_column::<T>(column)));
    }
    let mut fields = vec![None; columns.len()];
    let mut next = 0_usize;
    T::fields(&mut |field| {
        if let Some(of_column) = find(field, columns)?.and_then(|index| fields.get_mut(index)) {
            if of_column.is_some() {
                return Err(wrong_name(NameMismatchKind::Taken, field, columns));
            }
            *of_column = Some(next);
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
/// The first cell that cannot be read.
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
            Some(field) => T::read(&mut partial, *field, row)?,
            None => drop(row.cell()?),
        }
    }
    T::build(partial)
}

/// The column of this name.
fn find(field: &Field, columns: &[ColumnSpec]) -> Result<Option<usize>, TypeError> {
    let mut named = columns.iter().enumerate().filter(|(_, column)| *column.name == *field.name);
    match (named.next(), named.next()) {
        (Some(_), Some(_)) => Err(wrong_name(NameMismatchKind::Ambiguous, field, columns)),
        (None, _) if !field.is_optional => {
            Err(wrong_name(NameMismatchKind::Missing, field, columns))
        }
        (found, _) => Ok(found.map(|(index, _)| index)),
    }
}

fn check(field: &Field, index: usize, column: &ColumnSpec) -> Result<(), TypeError> {
    (field.check)(&column.cql_type)
        .map_err(|mismatch| TypeError::column(index, column, field.path, mismatch))
}

#[cold]
fn wrong_name(kind: NameMismatchKind, field: &Field, columns: &[ColumnSpec]) -> TypeError {
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

            fn fields(each: &mut Visit<'_>) -> Result<(), TypeError> {
                let checks = [$first::check, $($rest::check),*];
                checks.into_iter().try_for_each(|check| {
                    each(&Field { path: None, name: "", check, is_optional: false })
                })
            }

            #[inline(always)]
            fn in_order(row: &mut Row<'r>) -> Option<Self> {
                Some((row.value::<$first>().ok()?, $(row.value::<$rest>().ok()?,)*))
            }

            #[cold]
            fn error(row: &mut Row<'r>) -> Option<ValueError> {
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
