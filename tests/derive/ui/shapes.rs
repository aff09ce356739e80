//! Types that the macros do not support.

use cqlwire::types::{FromCql, FromRow, FromUdt, ToCql, ToValues};

#[derive(FromRow)]
enum Enum {
    A,
}

#[derive(ToValues)]
union Union {
    a: i32,
}

#[derive(FromRow)]
struct Unit;

#[derive(FromUdt)]
struct Unnamed(i32);

#[derive(FromCql)]
struct Several {
    a: i32,
    b: i32,
}

#[derive(ToCql)]
union NoNewtype {
    a: i32,
}

#[derive(FromCql)]
enum Never {}

#[derive(FromRow)]
struct Lifetimes<'a, 'b> {
    a: &'a str,
    b: &'b str,
}

#[derive(FromCql)]
struct LifetimesInside<'a, 'b>((&'a str, &'b str));

fn main() {}
