//! What the derived user-defined types are made of: fields found by their names.

use super::by_name::Field;
use super::cell::Fields;
use super::{BindErrorKind, Cell, CqlType, TypeMismatch, UdtType, ValueError};
use crate::wire::Writer;

/// Whether the user-defined type has these `fields`, and, where `rust` is strict, no others.
///
/// # Errors
/// Another type, or a field that is missing, does not fit or is too many.
pub fn check_udt(
    rust: &'static str,
    fields: &[Field],
    is_strict: bool,
    cql_type: &CqlType,
) -> Result<(), TypeMismatch> {
    let CqlType::Udt(udt) = cql_type else {
        return Err(TypeMismatch::new(rust, "a user-defined type", cql_type));
    };
    for field in fields {
        let mut is_there = field.is_optional;
        // All of them, since each is read: nothing keeps a server from sending a name twice.
        for (name, cql_type) in udt.fields.iter().filter(|(name, _)| name == field.name) {
            (field.check)(cql_type)
                .map_err(|mismatch| mismatch.within(format!("field `{name}`")))?;
            is_there = true;
        }
        if !is_there {
            return Err(without_field(rust, field, cql_type, udt));
        }
    }
    let is_known = |name: &String| fields.iter().any(|field| field.name == name);
    match udt.fields.iter().find(|(name, _)| is_strict && !is_known(name)) {
        Some((name, _)) => {
            let fits = format!("a type that has no field `{name}`, since it is strict");
            Err(TypeMismatch::new(rust, fits, cql_type))
        }
        None => Ok(()),
    }
}

#[cold]
fn without_field(
    rust: &'static str,
    field: &Field,
    whole: &CqlType,
    udt: &UdtType,
) -> TypeMismatch {
    let names: Vec<&str> = udt.fields.iter().map(|(name, _)| &**name).collect();
    let (name, names) = (field.name, names.join(", "));
    TypeMismatch::new(rust, format!("a type that has a field `{name}`; it has {names}"), whole)
}

/// Reads the fields of a value, each with its name and type. Those that the value ends before are
/// null: they were added to the type after it was written.
///
/// # Errors
/// A value that ends inside a field or goes on after the last one, and what `read` returns.
pub fn read_udt<'r>(
    cell: Cell<'r>,
    cql_type: &'r CqlType,
    mut read: impl FnMut(&'r str, Option<Cell<'r>>, &'r CqlType) -> Result<(), ValueError>,
) -> Result<(), ValueError> {
    let CqlType::Udt(udt) = cql_type else { return Err(ValueError::OutOfRange) };
    let mut fields = Fields::new(cell)?;
    for (name, cql_type) in &udt.fields {
        read(name, fields.read()?, cql_type)?;
    }
    fields.end()
}

/// Writes a value: `write` is asked for each field of the type, and says whether it has it. Null is
/// written for one that it has not.
///
/// # Errors
/// What `write` returns, and a value that is too long.
pub fn write_udt(
    cql_type: &CqlType,
    writer: &mut Writer<'_>,
    mut write: impl FnMut(&str, &CqlType, &mut Writer<'_>) -> Result<bool, BindErrorKind>,
) -> Result<(), BindErrorKind> {
    let CqlType::Udt(udt) = cql_type else { return Err(ValueError::OutOfRange.into()) };
    let open = writer.open_length();
    for (name, cql_type) in &udt.fields {
        if !write(name, cql_type, writer)? {
            writer.int(-1);
        }
    }
    Ok(writer.close_length(open, "value")?)
}

/// The same mismatch, of an enum that is read and written as what does not fit.
#[cold]
pub fn rename(rust: &'static str, mismatch: &TypeMismatch) -> TypeMismatch {
    TypeMismatch::new(rust, mismatch.fits().to_owned(), mismatch.cql_type())
}
