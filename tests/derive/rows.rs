//! `derive(FromRow)`.

use cqlwire::types::{FromRow, NameMismatchKind, RowIter, TypeError};
use proptest::prelude::*;

use crate::{INT, NULL, TEXT, columns, int, page, read, text};

#[derive(Debug, PartialEq, FromRow)]
struct User<'r> {
    username: &'r str,
    age: Option<i32>,
}

#[test]
fn reads_columns_by_name_in_any_order_and_ignores_others() {
    let ada = Ok(User { username: "ada", age: Some(36) });
    let (name, age) = (&text("ada")[..], &int(36)[..]);
    assert_eq!(read(&[("username", TEXT), ("age", INT)], &[name, age]), ada);
    assert_eq!(read(&[("age", INT), ("username", TEXT)], &[age, name]), ada);
    let more = [("age", INT), ("x", INT), ("username", TEXT), ("y", TEXT)];
    assert_eq!(read(&more, &[age, &NULL, name, name]), ada);
    let after = [("username", TEXT), ("age", INT), ("x", INT)];
    assert_eq!(read(&after, &[name, age, age]), ada);
}

#[test]
fn reads_the_rows_after_extra_columns_and_after_an_error() {
    for named in [
        [("username", TEXT), ("age", INT), ("x", INT)],
        [("x", INT), ("username", TEXT), ("age", INT)],
    ] {
        let row = |name: &[u8]| -> Vec<u8> {
            let cell = |column: &str| match column {
                "username" => name.to_vec(),
                "age" => int(1),
                _ => int(2),
            };
            named.iter().flat_map(|(column, _)| cell(column)).collect()
        };
        let page = page(&[&row(&text("ada")), &row(&NULL), &row(&text("bob"))]);
        let columns = columns(&named);
        let columns: &'static _ = Vec::leak(columns);
        let rows: Vec<_> = RowIter::<User<'_>>::new(page, columns, 3).unwrap().collect();
        assert_eq!(rows[0].as_ref().unwrap().username, "ada");
        assert!(rows[1].as_ref().unwrap_err().to_string().starts_with("cannot read row 1, "));
        assert_eq!(rows[2].as_ref().unwrap().username, "bob");
    }
}

#[test]
fn the_error_for_a_null_names_the_column_and_the_field() {
    let in_order = read::<User<'_>>(&[("username", TEXT), ("age", INT)], &[&NULL, &int(1)]);
    assert_eq!(
        in_order.unwrap_err(),
        "cannot read row 0, column 0 \"username\" of type `text`: field `User::username` is null, \
         but its type is not an `Option`"
    );
    let other = read::<User<'_>>(&[("age", INT), ("username", TEXT)], &[&int(1), &NULL]);
    assert_eq!(
        other.unwrap_err(),
        "cannot read row 0, column 1 \"username\" of type `text`: field `User::username` is null, \
         but its type is not an `Option`"
    );
}

#[test]
fn reports_mismatched_columns_before_reading_rows() {
    let error = |named| read::<User<'_>>(named, &[]).unwrap_err();
    assert_eq!(
        error(&[("age", INT), ("username", INT)]),
        "column 1 \"username\" of ks.users is `int`, \
         but field `User::username` is `&str`, which reads `text` or `ascii`"
    );
    assert_eq!(
        error(&[("age", INT), ("name", TEXT)]),
        "the result has no column \"username\" for field `User::username`; its columns are age, name"
    );
    assert_eq!(
        error(&[("age", INT), ("userName", TEXT)]),
        "the result has no column \"username\" for field `User::username`; \
         column \"userName\" differs only in case"
    );
    assert_eq!(
        error(&[("username", TEXT), ("age", INT), ("age", INT)]),
        "the result has more than one column \"age\" for field `User::age`; \
         rename one with AS"
    );
    let twice = columns(&[("username", TEXT), ("age", INT), ("age", INT)]);
    let Err(TypeError::Names(mismatch)) = User::plan(&twice) else { panic!() };
    assert_eq!(
        (mismatch.kind(), mismatch.field(), mismatch.name()),
        (NameMismatchKind::Ambiguous, "User::age", "age")
    );
}

#[test]
fn an_unused_column_may_occur_twice() {
    let named = [("x", INT), ("username", TEXT), ("x", INT), ("age", INT)];
    assert!(read::<User<'_>>(&named, &[&NULL, &text("ada"), &NULL, &NULL]).is_ok());
}

#[derive(Debug, PartialEq, FromRow)]
#[cql(strict)]
struct Strict {
    a: i32,
    b: i32,
}

#[test]
fn a_strict_struct_refuses_unknown_columns() {
    for named in [[("a", INT), ("b", INT), ("c", INT)], [("c", INT), ("b", INT), ("a", INT)]] {
        assert_eq!(
            read::<Strict>(&named, &[]).unwrap_err(),
            "`Strict` is strict and has no field for column \"c\"; add one or select fewer columns"
        );
    }
    let both = Ok(Strict { a: 1, b: 2 });
    assert_eq!(read(&[("b", INT), ("a", INT)], &[&int(2), &int(1)]), both);
    assert_eq!(read(&[("a", INT), ("b", INT)], &[&int(1), &int(2)]), both);
}

fn seven() -> i32 {
    7
}

#[derive(Debug, PartialEq, FromRow)]
#[cql(rename_all = "camelCase")]
struct Defaults {
    #[cql(skip)]
    not_a_column: String,
    user_id: i32,
    #[cql(default)]
    r#type: String,
    #[cql(default = "seven", rename = "Lucky")]
    lucky_number: i32,
    #[cql(null_as_default)]
    all_tags: Vec<String>,
    #[cql(skip, default = "seven")]
    made: i32,
}

#[test]
fn supports_rename_skip_and_default() {
    let list = cqlwire::types::CqlType::List(Box::new(TEXT));
    let all = [("userId", INT), ("type", TEXT), ("Lucky", INT), ("allTags", list.clone())];
    let tags = crate::cell(&["a"], &list);
    assert_eq!(
        read(&all, &[&int(1), &text("t"), &int(8), &tags]),
        Ok(Defaults {
            not_a_column: String::new(),
            user_id: 1,
            r#type: "t".into(),
            lucky_number: 8,
            all_tags: vec!["a".into()],
            made: 7,
        })
    );
    let fewest = [("allTags", list), ("userId", INT)];
    assert_eq!(
        read(&fewest, &[&NULL, &int(1)]),
        Ok(Defaults {
            not_a_column: String::new(),
            user_id: 1,
            r#type: String::new(),
            lucky_number: 7,
            all_tags: vec![],
            made: 7,
        })
    );
    // `default` replaces missing columns, but not nulls.
    assert!(read::<Defaults>(&all, &[&int(1), &NULL, &int(8), &NULL]).is_err());
}

#[derive(Debug, PartialEq, FromRow)]
struct UserName(String);

#[derive(Debug, PartialEq, FromRow)]
struct Pair<'a>(i32, #[cql(skip)] u8, #[cql(null_as_default)] &'a str);

#[test]
fn reads_tuple_structs_by_position() {
    assert_eq!(read(&[("x", TEXT)], &[&text("ada")]), Ok(UserName("ada".into())));
    let named = [("x", INT), ("y", TEXT)];
    assert_eq!(read(&named, &[&int(1), &text("b")]), Ok(Pair(1, 0, "b")));
    assert_eq!(read(&named, &[&int(1), &NULL]), Ok(Pair(1, 0, "")));
    assert_eq!(
        read::<UserName>(&named, &[]).unwrap_err(),
        "the result has 2 columns, but the row type reads 1"
    );
    assert_eq!(
        read::<Pair<'_>>(&[("x", INT), ("y", INT)], &[]).unwrap_err(),
        "column 1 \"y\" of ks.users is `int`, \
         but field `Pair::2` is `&str`, which reads `text` or `ascii`"
    );
}

#[derive(Debug, PartialEq, FromRow)]
struct Keyed<K, const N: usize, V: Clone = Option<i32>>
where
    K: PartialEq,
{
    key: K,
    value: Option<V>,
    #[cql(skip)]
    room: std::marker::PhantomData<[K; N]>,
}

#[test]
fn reads_generic_structs() {
    let named = [("value", TEXT), ("key", INT)];
    let row: Keyed<i32, 3, &str> = read(&named, &[&text("x"), &int(1)]).unwrap();
    assert_eq!(row, Keyed { key: 1, value: Some("x"), room: std::marker::PhantomData });
    assert!(read::<Keyed<String, 3, &str>>(&named, &[]).is_err());
}

#[derive(Debug, PartialEq, FromRow)]
struct Outer<'r, T> {
    id: i32,
    #[cql(flatten)]
    user: User<'r>,
    #[cql(flatten)]
    rest: T,
    last: i32,
}

#[derive(Debug, PartialEq, FromRow)]
struct Rest {
    city: String,
    #[cql(default)]
    zip: i32,
}

const FLAT: [(&str, cqlwire::types::CqlType); 6] =
    [("id", INT), ("username", TEXT), ("age", INT), ("city", TEXT), ("zip", INT), ("last", INT)];

fn flat_cells() -> [Vec<u8>; 6] {
    [int(1), text("ada"), int(36), text("London"), int(5), int(9)]
}

fn outer() -> Outer<'static, Rest> {
    Outer {
        id: 1,
        user: User { username: "ada", age: Some(36) },
        rest: Rest { city: "London".into(), zip: 5 },
        last: 9,
    }
}

proptest! {
    #[test]
    fn the_order_of_columns_does_not_matter(
        order in Just((0..8_usize).collect::<Vec<_>>()).prop_shuffle(),
        left_out in 0..3_usize,
    ) {
        // Up to two columns have no field.
        let (mut named, mut cells) = (FLAT.to_vec(), flat_cells().to_vec());
        named.extend([("x", INT), ("x", TEXT)]);
        cells.extend([int(0), NULL.to_vec()]);
        let order: Vec<_> = order.into_iter().filter(|index| *index < 8 - left_out).collect();
        let named: Vec<_> = order.iter().map(|index| named[*index].clone()).collect();
        let cells: Vec<_> = order.iter().map(|index| &cells[*index][..]).collect();
        prop_assert_eq!(read::<Outer<'_, Rest>>(&named, &cells), Ok(outer()));
    }
}

#[test]
fn flattened_structs_keep_their_own_errors_and_defaults() {
    let cells = flat_cells();
    let without = |name: &str| {
        let kept = FLAT.iter().zip(&cells).filter(|((column, _), _)| *column != name);
        let (named, cells): (Vec<_>, Vec<_>) =
            kept.map(|(column, cell)| (column.clone(), &cell[..])).unzip();
        read::<Outer<'_, Rest>>(&named, &cells)
    };
    assert_eq!(read(&FLAT, &cells.each_ref().map(|cell| &cell[..])), Ok(outer()));
    assert_eq!(without("zip").unwrap().rest.zip, 0);
    assert_eq!(
        without("age").unwrap_err(),
        "the result has no column \"age\" for field `User::age`; \
         its columns are id, username, city, zip, last"
    );
    let with_null = |index: usize| {
        let cells: Vec<&[u8]> =
            (0..6).map(|cell| if cell == index { &NULL[..] } else { &cells[cell] }).collect();
        read::<Outer<'_, Rest>>(&FLAT, &cells).unwrap_err()
    };
    for (index, field) in [(1, "User::username"), (3, "Rest::city"), (5, "Outer::last")] {
        let error = with_null(index);
        assert!(error.contains(&format!("column {index} ")), "{error}");
        assert!(error.contains(&format!("`{field}`")), "{error}");
    }
}

#[derive(Debug, FromRow)]
#[expect(dead_code, reason = "only its columns are checked")]
struct Clash<'r> {
    age: i32,
    #[cql(flatten)]
    user: User<'r>,
}

#[test]
fn refuses_two_fields_for_one_column() {
    assert_eq!(
        read::<Clash<'_>>(&[("age", INT), ("username", TEXT)], &[]).unwrap_err(),
        "column \"age\" belongs to field `User::age` and to another field; rename one of the fields"
    );
}

#[test]
fn a_truncated_page_is_an_error() {
    let (name, age) = (text("ada"), int(36));
    for (named, whole) in [
        ([("username", TEXT), ("age", INT)], [&name[..], &age].concat()),
        ([("age", INT), ("username", TEXT)], [&age[..], &name].concat()),
    ] {
        for end in 0..whole.len() {
            let error = read::<User<'_>>(&named, &[&whole[..end]]).unwrap_err();
            assert!(error.ends_with("the value ends inside one of its parts"), "{error}");
        }
    }
}

/// Reexports the crate under another name.
mod reexport {
    pub(crate) use cqlwire as wire;
}

#[derive(Debug, PartialEq, FromRow)]
#[cql(crate = "crate::rows::reexport::wire")]
struct Elsewhere<T> {
    a: T,
}

#[test]
fn the_crate_attribute_sets_the_path() {
    assert_eq!(read(&[("a", INT)], &[&int(1)]), Ok(Elsewhere { a: 1 }));
}
