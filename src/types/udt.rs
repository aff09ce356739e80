//! Functions that the derive macros for user-defined types call.

use super::by_name::Field;
use super::cell::Fields;
use super::{BindErrorKind, Cell, CqlType, TypeMismatch, UdtType, ValueError};
use crate::wire::Writer;

/// Checks that `cql_type` is a user-defined type that has these `fields`. If `is_strict`, it must
/// have no other fields. Errors name the struct as `rust`.
///
/// # Errors
/// Returns an error if `cql_type` is not a user-defined type, if it lacks a required field, if a
/// field has an unsupported type, or if the struct is strict and lacks a field of the type.
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
        let mut is_present = field.is_optional;
        // A server may send several fields with the same name. All of them are decoded, and
        // therefore checked.
        for (name, cql_type) in udt.fields.iter().filter(|(name, _)| name == field.name) {
            (field.check)(cql_type)
                .map_err(|mismatch| mismatch.within(format!("field `{name}`")))?;
            is_present = true;
        }
        if !is_present {
            return Err(missing_field(rust, field, cql_type, udt));
        }
    }
    let is_known = |name: &String| fields.iter().any(|field| field.name == name);
    match udt.fields.iter().find(|(name, _)| is_strict && !is_known(name)) {
        Some((name, _)) => {
            let fits = format!("types without field `{name}`, because it is strict");
            Err(TypeMismatch::new(rust, fits, cql_type))
        }
        None => Ok(()),
    }
}

#[cold]
fn missing_field(
    rust: &'static str,
    field: &Field,
    cql_type: &CqlType,
    udt: &UdtType,
) -> TypeMismatch {
    let names: Vec<&str> = udt.fields.iter().map(|(name, _)| &**name).collect();
    let (name, names) = (field.name, names.join(", "));
    TypeMismatch::new(rust, format!("types with field `{name}`; this one has {names}"), cql_type)
}

/// Calls `read` with the name, cell and type of each field. The cell of a null field is `None`.
/// Trailing fields that the value does not contain are null: they were added to the type after the
/// value was written.
///
/// # Errors
/// Returns an error if the value ends inside a field or has bytes after its last field. Otherwise
/// returns the first error of `read`.
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

/// Encodes a value by calling `write` for each field of the type. If the struct has no such field,
/// `write` returns false, and the field is encoded as null.
///
/// # Errors
/// Returns the first error of `write`, or an error if the value is longer than 2 GiB.
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

/// Returns `mismatch` with the name of the enum, `rust`, in place of the Rust type that the enum is
/// encoded as.
#[cold]
pub fn rename(rust: &'static str, mismatch: &TypeMismatch) -> TypeMismatch {
    TypeMismatch::new(rust, mismatch.supported_types().to_owned(), mismatch.cql_type())
}
