//! Checks that a CQL type fits a Rust type, before any value is read or written.

use super::{CqlType, NativeType, TypeMismatch};

/// What a type's own check is.
pub(super) type Check = fn(&CqlType) -> Result<(), TypeMismatch>;

pub(super) fn check_sequence(
    rust: &'static str,
    cql_type: &CqlType,
    check: Check,
) -> Result<(), TypeMismatch> {
    match cql_type {
        CqlType::List(element) | CqlType::Set(element) => part(check(element), "element"),
        CqlType::Vector(vector) => part(check(&vector.element), "element"),
        _ => Err(TypeMismatch::new(rust, "`list`, `set` or `vector`", cql_type)),
    }
}

pub(super) fn check_map(
    rust: &'static str,
    cql_type: &CqlType,
    key: Check,
    value: Check,
) -> Result<(), TypeMismatch> {
    match cql_type {
        CqlType::Map(types) => {
            part(key(&types.0), "key")?;
            part(value(&types.1), "value")
        }
        _ => Err(TypeMismatch::new(rust, "`map`", cql_type)),
    }
}

/// What was found of a part, said of the whole.
pub(super) fn part(
    checked: Result<(), TypeMismatch>,
    name: &'static str,
) -> Result<(), TypeMismatch> {
    checked.map_err(|mismatch| mismatch.within(name))
}

/// The check of a type that goes with some native types.
#[inline]
pub(super) fn check_native(
    rust: &'static str,
    fits: &[NativeType],
    cql_type: &CqlType,
) -> Result<(), TypeMismatch> {
    match cql_type {
        CqlType::Native(native) if fits.contains(native) => Ok(()),
        _ => Err(native_mismatch(rust, fits, cql_type)),
    }
}

#[cold]
fn native_mismatch(rust: &'static str, fits: &[NativeType], cql_type: &CqlType) -> TypeMismatch {
    let fits: Vec<String> = fits.iter().map(|native| format!("`{native}`")).collect();
    TypeMismatch::new(rust, fits.join(" or "), cql_type)
}
