//! Checks that a CQL type fits a Rust type, before any value is read or written.

use super::{CqlType, NativeType, TypeMismatch};

/// The `check` function of a Rust type, from [`FromCql`](super::FromCql) or
/// [`ToCql`](super::ToCql).
pub(super) type Check = fn(&CqlType) -> Result<(), TypeMismatch>;

/// Checks that `cql_type` is a list, a set or a vector, and calls `check` with the type of its
/// elements.
pub(super) fn check_sequence(
    rust: &'static str,
    cql_type: &CqlType,
    check: Check,
) -> Result<(), TypeMismatch> {
    match cql_type {
        CqlType::List(element) | CqlType::Set(element) => in_part(check(element), "element"),
        CqlType::Vector(vector) => in_part(check(&vector.element), "element"),
        _ => Err(TypeMismatch::new(rust, "`list`, `set` or `vector`", cql_type)),
    }
}

/// Checks that `cql_type` is a map, and calls `key` with the type of its keys and `value` with the
/// type of its values.
pub(super) fn check_map(
    rust: &'static str,
    cql_type: &CqlType,
    key: Check,
    value: Check,
) -> Result<(), TypeMismatch> {
    match cql_type {
        CqlType::Map(types) => {
            in_part(key(&types.0), "key")?;
            in_part(value(&types.1), "value")
        }
        _ => Err(TypeMismatch::new(rust, "`map`", cql_type)),
    }
}

/// Adds the `name` of the part that was checked, such as "element", to the error if the check
/// failed.
pub(super) fn in_part(
    checked: Result<(), TypeMismatch>,
    name: &'static str,
) -> Result<(), TypeMismatch> {
    checked.map_err(|mismatch| mismatch.within(name))
}

/// Checks that `cql_type` is one of the native types `fits`. `rust` is the name of the Rust type,
/// for the error.
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
