//! Attributes that are invalid where they are used.

use cqlwire::types::{FromCql, FromRow, FromUdt, ToCql, ToValues};

#[derive(FromRow)]
struct Unknown {
    #[cql(renam = "b")]
    a: i32,
}

#[derive(FromRow)]
#[cql(rename = "b")]
struct OnTheStruct {
    a: i32,
}

#[derive(FromCql)]
enum OnAVariant {
    #[cql(skip)]
    A,
}

#[derive(ToValues)]
#[cql(rename_all = "Snake_Case")]
struct Rule {
    a: i32,
}

#[derive(ToValues)]
#[cql(strict = true)]
struct Value {
    a: i32,
}

#[derive(FromRow)]
struct Twice {
    #[cql(rename = "b", rename = "c")]
    a: i32,
}

#[derive(FromRow)]
struct Empty {
    #[cql(rename = "")]
    a: i32,
}

#[derive(FromRow)]
struct Skipped {
    #[cql(skip, rename = "b")]
    a: i32,
}

#[derive(FromRow)]
struct Flattened {
    #[cql(flatten, rename = "b")]
    a: Unknown,
}

#[derive(FromUdt)]
struct FlattenedUdt {
    #[cql(flatten)]
    a: Unknown,
}

#[derive(FromRow)]
struct Position(#[cql(rename = "b")] i32);

#[derive(ToValues)]
struct Unset {
    #[cql(unset_if_none)]
    a: i32,
}

#[derive(FromRow)]
#[cql(as = i32)]
struct Integer {
    a: i32,
}

#[derive(ToCql)]
struct Newtype(#[cql(null_as_default)] i32);

#[derive(ToCql)]
#[cql(strict)]
enum Strict {
    A,
}

fn main() {}
