//! `derive(FromUdt)` and `derive(ToUdt)`.

use std::borrow::Cow;

use cqlwire::types::{
    Cell, CqlType, FromCql, FromUdt, MaybeUnset, NativeType, ToCql, ToUdt, ValueError,
};

use crate::{INT, NULL, TEXT, cell, int, text, udt};

#[derive(Debug, PartialEq, FromUdt, ToUdt)]
struct Address<'r> {
    street: Cow<'r, str>,
    #[cql(rename = "zipCode")]
    zip: Option<i32>,
}

fn address() -> CqlType {
    udt(&[("street", TEXT), ("zipCode", INT)])
}

fn read<T: FromCql<'static>>(cql_type: &CqlType, parts: &[&[u8]]) -> Result<T, ValueError> {
    let bytes = Vec::leak(parts.concat());
    T::from_cell(Cell::new(bytes), Box::leak(Box::new(cql_type.clone())))
}

fn message<T>(checked: Result<T, cqlwire::types::TypeMismatch>) -> String {
    checked.map(|_| ()).unwrap_err().to_string()
}

#[test]
fn reads_and_writes_fields_by_name_in_any_order() {
    let value = Address { street: "Elm".into(), zip: Some(5) };
    let turned = udt(&[("zipCode", INT), ("more", TEXT), ("street", TEXT)]);
    for (cql_type, parts) in
        [(address(), vec![text("Elm"), int(5)]), (turned, vec![int(5), NULL.to_vec(), text("Elm")])]
    {
        assert_eq!(<Address<'_> as ToCql>::check(&cql_type), Ok(()));
        assert_eq!(<Address<'_> as FromCql<'_>>::check(&cql_type), Ok(()));
        let written = cell(&value, &cql_type);
        assert_eq!(written[4..], parts.concat());
        assert_eq!(read(&cql_type, &[&written[4..]]).as_ref(), Ok(&value));
    }
}

#[test]
fn a_short_value_reads_as_nulls_and_a_long_value_is_an_error() {
    let whole = [text("Elm"), int(5)].concat();
    let short = Address { street: "Elm".into(), zip: None };
    assert_eq!(read(&address(), &[&whole[..7]]), Ok(short));
    assert_eq!(read::<Address<'_>>(&address(), &[&whole, &NULL]), Err(ValueError::TooLong));
    assert_eq!(read::<Address<'_>>(&address(), &[]), Err(ValueError::Empty));
    for end in (1..7).chain(8..whole.len()) {
        let cut = read::<Address<'_>>(&address(), &[&whole[..end]]);
        assert_eq!(cut, Err(ValueError::TooShort), "{end}");
    }
    let turned = udt(&[("zipCode", INT), ("street", TEXT)]);
    let missing = Err(ValueError::NullField("Address::street"));
    assert_eq!(read::<Address<'_>>(&turned, &[&int(5)]), missing);
    assert_eq!(read::<Address<'_>>(&turned, &[&int(5), &NULL]), missing);
}

#[test]
fn the_type_error_names_the_field() {
    let check = <Address<'_> as FromCql<'_>>::check;
    assert_eq!(
        message(check(&udt(&[("street", INT), ("zipCode", INT)]))),
        "the field `street` is `int`, but Rust type `Cow<str>` supports `text` or `ascii`"
    );
    assert_eq!(
        message(check(&udt(&[("street", TEXT), ("zip", INT)]))),
        "Rust type `Address` supports types with field `zipCode`; this one has street, zip"
    );
    assert_eq!(message(check(&INT)), "Rust type `Address` supports a user-defined type");
    assert!(<Address<'_> as ToCql>::check(&udt(&[("street", TEXT)])).is_err());
}

#[test]
fn a_field_that_occurs_twice_must_have_the_right_type_both_times() {
    let twice = udt(&[("street", TEXT), ("zipCode", INT), ("zipCode", TEXT)]);
    let not_an_int = "the field `zipCode` is `text`, but Rust type `i32` supports `int`";
    assert_eq!(message(<Address<'_> as FromCql<'_>>::check(&twice)), not_an_int);
    assert_eq!(message(<Address<'_> as ToCql>::check(&twice)), not_an_int);
}

fn nine() -> u64 {
    9
}

#[derive(Debug, PartialEq, FromUdt, ToUdt)]
#[cql(strict)]
struct Strict<T> {
    a: T,
    #[cql(default)]
    b: i32,
    #[cql(null_as_default)]
    c: i32,
    #[cql(skip, default = "nine")]
    d: u64,
}

#[test]
fn strict_types_refuse_unknown_fields_and_defaults_replace_missing_ones() {
    let value = Strict { a: Some("x".to_owned()), b: 1, c: 2, d: 9 };
    let all = udt(&[("c", INT), ("b", INT), ("a", TEXT)]);
    assert_eq!(read(&all, &[&cell(&value, &all)[4..]]).as_ref(), Ok(&value));
    let fewer = udt(&[("a", TEXT), ("c", INT)]);
    assert_eq!(<Strict<&str> as ToCql>::check(&fewer), Ok(()));
    assert_eq!(read(&fewer, &[&NULL, &NULL]), Ok(Strict { a: None::<&str>, b: 0, c: 0, d: 9 }));
    let more = udt(&[("a", TEXT), ("c", INT), ("e", INT)]);
    assert_eq!(
        message(<Strict<&str> as FromCql<'_>>::check(&more)),
        "Rust type `Strict` supports types without field `e`, because it is strict"
    );
}

#[test]
fn a_field_cannot_be_unset() {
    let cql_type = udt(&[("a", TEXT), ("c", INT)]);
    assert_eq!(
        message(<Strict<MaybeUnset<&str>> as ToCql>::check(&cql_type)),
        "the field `a` is `text`, \
         but Rust type `Unset` supports whole values only, not parts of a value"
    );
}

#[test]
fn reads_and_writes_nested_types() {
    type Many<'r> = Vec<Strict<Address<'r>>>;
    let inner = udt(&[("a", address()), ("c", INT)]);
    let list = CqlType::List(Box::new(inner));
    let value: Many<'_> =
        vec![Strict { a: Address { street: "Elm".into(), zip: None }, b: 0, c: 1, d: 9 }];
    let written = cell(&value, &list);
    assert_eq!(read::<Many<'_>>(&list, &[&written[4..]]), Ok(value));
    let wrong = udt(&[("street", NativeType::Blob.into()), ("zipCode", INT)]);
    assert_eq!(
        message(<Many<'_> as FromCql<'_>>::check(&CqlType::List(Box::new(udt(&[
            ("a", wrong),
            ("c", INT)
        ]))))),
        "the field `street` of the field `a` of the element is `blob`, \
         but Rust type `Cow<str>` supports `text` or `ascii`"
    );
}
