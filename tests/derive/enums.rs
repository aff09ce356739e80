//! `derive(FromCql)` and `derive(ToCql)`: newtypes and enums.

use cqlwire::types::{Cell, CqlType, FromCql, NativeType, ToCql, Unset, ValueError};

use crate::{INT, TEXT, cell, int, text};

fn read<T: FromCql<'static>>(cql_type: &CqlType, cell: &[u8]) -> Result<T, ValueError> {
    let cql_type = Box::leak(Box::new(cql_type.clone()));
    T::from_cell(Cell::new(Vec::leak(cell[4..].to_vec())), cql_type)
}

/// Asserts that the value encodes to the cell `bytes`, and that the cell decodes to the value.
fn assert_round_trip<T: FromCql<'static> + ToCql + PartialEq + std::fmt::Debug>(
    value: T,
    cql_type: &CqlType,
    bytes: &[u8],
) {
    assert_eq!(<T as ToCql>::check(cql_type), Ok(()));
    assert_eq!(<T as FromCql<'_>>::check(cql_type), Ok(()));
    assert_eq!(cell(&value, cql_type), bytes);
    assert_eq!(read(cql_type, bytes), Ok(value));
}

#[derive(Debug, PartialEq, FromCql, ToCql)]
struct UserName<'r>(&'r str);

#[derive(Debug, PartialEq, FromCql, ToCql)]
struct Wrapper<T> {
    inside: T,
}

#[test]
fn a_newtype_reads_and_writes_its_field() {
    assert_round_trip(UserName("ada"), &TEXT, &text("ada"));
    assert_round_trip(
        Wrapper { inside: vec![1] },
        &CqlType::List(Box::new(INT)),
        &[0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1],
    );
    assert_eq!(Wrapper::<Option<i32>>::from_null(), Ok(Wrapper { inside: None }));
    assert_eq!(UserName::from_null(), Err(ValueError::Null));
    assert_eq!(<Wrapper<i32> as FromCql<'_>>::SIZE, Some(4));
    let error = <UserName<'_> as FromCql<'_>>::check(&INT).unwrap_err();
    assert_eq!(error.to_string(), "Rust type `&str` supports `text` or `ascii`");
    assert!(Wrapper::<Unset>::check(&INT).is_ok());
    assert!(Wrapper::<Unset>::check_part(&INT).is_err());
}

#[derive(Debug, PartialEq, FromCql, ToCql)]
#[cql(rename_all = "snake_case")]
enum Role {
    SuperUser,
    #[cql(rename = "Guest!")]
    Guest,
}

#[test]
fn an_enum_reads_and_writes_the_name_of_its_variant() {
    assert_round_trip(Role::SuperUser, &TEXT, &text("super_user"));
    assert_round_trip(Role::Guest, &NativeType::Ascii.into(), &text("Guest!"));
    for unknown in ["SuperUser", "guest", ""] {
        assert_eq!(read::<Role>(&TEXT, &text(unknown)), Err(ValueError::NoVariant("Role")));
    }
    for error in
        [<Role as ToCql>::check(&INT).unwrap_err(), <Role as FromCql<'_>>::check(&INT).unwrap_err()]
    {
        assert_eq!(error.to_string(), "Rust type `Role` supports `text` or `ascii`");
    }
}

#[derive(Debug, PartialEq, FromCql, ToCql)]
enum Open<T> {
    Known,
    #[cql(other)]
    Unknown(T),
}

#[derive(Debug, PartialEq, FromCql, ToCql)]
enum WithoutField {
    A,
    #[cql(other)]
    Rest,
}

#[test]
fn the_other_variant_takes_unknown_names() {
    assert_round_trip(Open::<String>::Known, &TEXT, &text("Known"));
    assert_round_trip(Open::Unknown("new".to_owned()), &TEXT, &text("new"));
    assert_round_trip(Open::Unknown("new"), &TEXT, &text("new"));
    assert_round_trip(WithoutField::A, &TEXT, &text("A"));
    assert_round_trip(WithoutField::Rest, &TEXT, &text("Rest"));
    assert_eq!(read(&TEXT, &text("new")), Ok(WithoutField::Rest));
}

#[test]
fn the_field_of_the_other_variant_must_fit_the_cql_type() {
    // Four bytes of text would be an integer.
    for error in [
        <Open<i32> as FromCql<'_>>::check(&TEXT).unwrap_err(),
        <Open<i32> as ToCql>::check(&TEXT).unwrap_err(),
    ] {
        assert_eq!(error.to_string(), "Rust type `i32` supports `int`");
    }
    let error = <Open<&str> as FromCql<'_>>::check(&INT).unwrap_err();
    assert_eq!(error.to_string(), "Rust type `Open` supports `text` or `ascii`");
}

const BASE: i32 = 10;

#[derive(Debug, PartialEq, FromCql, ToCql)]
#[cql(as = i32)]
#[repr(i32)]
enum Level {
    None,
    Low,
    High = BASE + 1,
    Higher,
    Negative = -2,
    #[cql(other)]
    Other(i32),
}

#[derive(Debug, PartialEq, FromCql, ToCql)]
#[cql(as = i8)]
enum Tiny {
    Least = -128,
    Most = 127,
}

#[test]
fn an_integer_enum_reads_and_writes_its_discriminant() {
    for (level, value) in [
        (Level::None, 0),
        (Level::Low, 1),
        (Level::High, 11),
        (Level::Higher, 12),
        (Level::Negative, -2),
        (Level::Other(2), 2),
    ] {
        assert_round_trip(level, &INT, &int(value));
    }
    let tiny = NativeType::TinyInt.into();
    assert_round_trip(Tiny::Least, &tiny, &[0, 0, 0, 1, 0x80]);
    assert_round_trip(Tiny::Most, &tiny, &[0, 0, 0, 1, 0x7f]);
    assert_eq!(read::<Tiny>(&tiny, &[0, 0, 0, 1, 0]), Err(ValueError::NoVariant("Tiny")));
    let error = <Tiny as FromCql<'_>>::check(&INT).unwrap_err();
    assert_eq!(error.to_string(), "Rust type `Tiny` supports `tinyint`");
}
