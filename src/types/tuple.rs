//! Rust tuples as CQL tuples (v4 §6.20).

use super::cell::Fields;
use super::check::Check;
use super::{BindErrorKind, Cell, CqlType, FromCql, ToCql, TypeMismatch, ValueError};
use crate::wire::Writer;

macro_rules! tuples {
    ($($name:ident $index:tt),+) => {
        impl<'r, $($name: FromCql<'r>),+> FromCql<'r> for ($($name,)+) {
            fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
                check(cql_type, &[$(<$name as FromCql<'r>>::check),+])
            }

            fn from_cell(cell: Cell<'r>, cql_type: &'r CqlType) -> Result<Self, ValueError> {
                let CqlType::Tuple(types) = cql_type else { return Err(ValueError::OutOfRange) };
                let (mut fields, mut types) = (Fields::new(cell)?, types.iter());
                let tuple = ($({
                    let cql_type = types.next().ok_or(ValueError::OutOfRange)?;
                    $name::from_optional(fields.read()?, cql_type)?
                },)+);
                fields.end()?;
                Ok(tuple)
            }
        }

        impl<$($name: ToCql),+> ToCql for ($($name,)+) {
            fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
                check(cql_type, &[$(<$name as ToCql>::check_part),+])
            }

            fn to_cql(
                &self,
                cql_type: &CqlType,
                writer: &mut Writer<'_>,
            ) -> Result<(), BindErrorKind> {
                let CqlType::Tuple(types) = cql_type else { return Ok(Self::check(cql_type)?) };
                let mut types = types.iter();
                let open = writer.open_length();
                $(self.$index.to_cql(types.next().ok_or(ValueError::OutOfRange)?, writer)?;)+
                Ok(writer.close_length(open, "value")?)
            }
        }
    };
}
tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);
tuples!(A 0, B 1, C 2, D 3, E 4);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14, P 15);

/// Checks that `cql_type` is a tuple of `checks.len()` fields, and passes the type of each field to
/// the check with the same index.
fn check(cql_type: &CqlType, checks: &[Check]) -> Result<(), TypeMismatch> {
    let types = match cql_type {
        CqlType::Tuple(types) if types.len() == checks.len() => types,
        _ => {
            let fits = format!("a `tuple` of {} fields", checks.len());
            return Err(TypeMismatch::new("tuple", fits, cql_type));
        }
    };
    types.iter().zip(checks).enumerate().try_for_each(|(index, (cql_type, check))| {
        check(cql_type).map_err(|mismatch| mismatch.within(format!("field {index}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::NativeType;

    type Pair<'r> = (i32, Option<&'r str>);

    fn pair() -> CqlType {
        CqlType::Tuple(vec![NativeType::Int.into(), NativeType::Text.into()])
    }

    fn read(bytes: &[u8]) -> Result<Pair<'_>, ValueError> {
        Pair::from_cell(Cell::new(bytes), Box::leak(Box::new(pair())))
    }

    #[test]
    fn missing_trailing_fields_are_null() {
        let mut out = Vec::new();
        (7, Some("x")).to_cql(&pair(), &mut Writer::new(&mut out)).unwrap();
        let bytes = &out[4..];
        assert_eq!(read(bytes), Ok((7, Some("x"))));
        assert_eq!(read(&bytes[..8]), Ok((7, None)));
        assert_eq!(read(&[0xff; 4]), Err(ValueError::Null));
        assert_eq!(read(&[]), Err(ValueError::Empty));
        for end in (1..8).chain(9..bytes.len()) {
            assert_eq!(read(&bytes[..end]), Err(ValueError::TooShort), "{end}");
        }
        assert_eq!(read(&[bytes, &[0]].concat()), Err(ValueError::TooLong));
    }

    #[test]
    fn tuples_with_another_length_or_other_types_are_mismatches() {
        let message = |checked: Result<(), TypeMismatch>| checked.unwrap_err().to_string();
        assert_eq!(
            message(<(i32,) as FromCql>::check(&pair())),
            "Rust type `tuple` supports a `tuple` of 1 fields"
        );
        assert_eq!(
            message(<(i32, i32) as ToCql>::check(&pair())),
            "the field 1 is `text`, but Rust type `i32` supports `int`"
        );
    }
}
