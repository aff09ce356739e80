//! `derive(ToValues)`, and maps as values.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use cqlwire::types::{BindErrorKind, ToValues, Value, ValuesBuffer};

use crate::{Bound, INT, TEXT, bind, bound, columns};

struct NotCql;

#[derive(ToValues)]
struct User<'a, 'b> {
    username: &'a str,
    age: Option<i32>,
    #[cql(rename = "in(tag)")]
    tag: Cow<'b, str>,
    #[cql(unset_if_none)]
    nick: Option<&'a str>,
    #[cql(skip)]
    _skipped: NotCql,
}

const ADA: User<'_, '_> =
    User { username: "ada", age: None, tag: Cow::Borrowed("t"), nick: None, _skipped: NotCql };

#[test]
fn binds_variables_by_name_in_any_order() {
    let named = [("in(tag)", TEXT), ("nick", TEXT), ("age", INT), ("username", TEXT)];
    let values = Ok(vec![bound("t"), Bound::Unset, Bound::Null, bound("ada")]);
    assert_eq!(bind(&ADA, &named), values);
    assert_eq!(bind(&User { nick: Some("a"), ..ADA }, &named[1..2]), Ok(vec![bound("a")]));
}

#[test]
fn binds_repeated_variables_and_ignores_unused_fields() {
    let named = [("username", TEXT), ("username", TEXT)];
    assert_eq!(bind(&ADA, &named), Ok(vec![bound("ada"), bound("ada")]));
    assert_eq!(bind(&ADA, &[]), Ok(vec![]));
}

#[test]
fn the_bind_error_names_the_variable_and_the_field() {
    assert_eq!(
        bind(&ADA, &[("username", TEXT), ("[limit]", INT)]).unwrap_err(),
        "cannot bind value 1 to \"[limit]\" of type `int`: `User` has no field with that name; \
         add one or use `rename`"
    );
    assert_eq!(
        bind(&ADA, &[("username", TEXT), ("age", TEXT)]).unwrap_err(),
        "cannot bind value 1 to \"age\" of type `text`: \
         field `User::age` is `i32`, which binds to `int`; use `String` for `text`"
    );
    let error = ValuesBuffer::new().bind(&ADA, &columns(&[("age", TEXT)])).unwrap_err();
    assert_eq!(error.field(), Some("User::age"));
    assert_eq!(error.variable().map(|(index, _)| index), Some(0));
}

macro_rules! struct_of {
    ($name:ident { $field:ident: $of:ty }) => {
        #[derive(ToValues)]
        struct $name {
            #[cql(unset_if_none)]
            $field: $of,
        }
    };
}
struct_of! { OfMacro { age: Option<i32> } }

#[test]
fn recognizes_an_option_whose_type_comes_from_a_macro() {
    assert_eq!(bind(&OfMacro { age: None }, &[("age", INT)]), Ok(vec![Bound::Unset]));
}

#[derive(ToValues)]
#[cql(strict, rename_all = "PascalCase")]
struct Strict<T> {
    user_id: T,
    #[cql(default)]
    #[cql(rename = "maybe")]
    optional: i32,
    #[cql(flatten)]
    inner: Inner<T>,
}

#[derive(ToValues)]
struct Inner<T> {
    city: T,
    #[cql(rename = "UserId")]
    hidden: T,
}

#[test]
fn a_strict_struct_must_use_all_fields_including_flattened_ones() {
    let values = Strict { user_id: "a", optional: 1, inner: Inner { city: "b", hidden: "c" } };
    let both = [("city", TEXT), ("UserId", TEXT)];
    // The struct's own field takes precedence over a flattened one.
    assert_eq!(bind(&values, &both), Ok(vec![bound("b"), bound("a")]));
    assert_eq!(
        bind(&values, &both[..1]).unwrap_err(),
        "the statement has no bind variable for `Strict::user_id`"
    );
    assert_eq!(
        bind(&values, &both[1..]).unwrap_err(),
        "the statement has no bind variable for `Inner::city`"
    );
    // Bound alone, the inner struct is not strict.
    assert_eq!(bind(&values.inner, &both[1..]), Ok(vec![bound("c")]));
    let error = ValuesBuffer::new().bind(&values, &columns(&both[..1])).unwrap_err();
    assert_eq!(error.kind(), &BindErrorKind::Unused);
}

#[derive(ToValues)]
struct Pair<T>(i32, T);

#[test]
fn binds_tuple_structs_by_position() {
    let named = [("x", INT), ("y", TEXT)];
    assert_eq!(bind(&Pair(1, "b"), &named), Ok(vec![Bound::Value(vec![0, 0, 0, 1]), bound("b")]));
    assert_eq!(
        bind(&Pair(1, 2), &named).unwrap_err(),
        "cannot bind value 1 to \"y\" of type `text`: \
         field `Pair::1` is `i32`, which binds to `int`; use `String` for `text`"
    );
    assert_eq!(
        bind(&Pair(1, "b"), &named[..1]).unwrap_err(),
        "the statement has 1 bind variable, but 2 values were given"
    );
}

#[test]
fn binds_maps_by_name() {
    let named = [("b", TEXT), ("a", INT)];
    let expected = Ok(vec![bound("x"), Bound::Null]);
    let values = [("a", Value::Null), ("b", Value::Text("x".into())), ("c", Value::Null)];
    assert_eq!(bind(&BTreeMap::from(values.clone()), &named), expected);
    assert_eq!(bind(&HashMap::from(values.clone()), &named), expected);
    let owned = values.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(bind(&&HashMap::<String, _>::from_iter(owned), &named), expected);
    assert_eq!(
        bind(&BTreeMap::from([("a", 1)]), &named).unwrap_err(),
        "cannot bind value 0 to \"b\" of type `text`: no value has that name"
    );
    assert!(BTreeMap::<String, i32>::new().is_empty());
}
