//! Lists, sets and maps (v4 §6.11 to §6.13).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

use super::cell::{Parts, collect};
use super::check::{check_map, check_sequence, in_part};
use super::{BindErrorKind, Cell, CqlType, FromCql, ToCql, TypeMismatch, ValueError, vector};
use crate::wire::Writer;

/// Reads lists, sets and vectors.
impl<'r, T: FromCql<'r>> FromCql<'r> for Vec<T> {
    fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
        check_sequence("Vec", cql_type, T::check)
    }

    fn from_cell(cell: Cell<'r>, cql_type: &'r CqlType) -> Result<Self, ValueError> {
        match cql_type {
            CqlType::Vector(vector) => vector::read(vector, cell),
            _ => Elements::from_cell(cell, cql_type)?.read_all(cell),
        }
    }
}

/// An iterator over the elements of a list or set. Each call of `next` decodes one element. The
/// iterator itself does not allocate memory.
///
/// ```
/// use cqlwire::types::{Cell, CqlType, Elements, FromCql, NativeType};
///
/// let list = CqlType::List(Box::new(NativeType::Text.into()));
/// let elements = Elements::<&str>::from_cell(Cell::new(b"\0\0\0\x01\0\0\0\x03ada"), &list)?;
/// assert_eq!(elements.collect::<Result<Vec<_>, _>>()?, ["ada"]);
/// # Ok::<(), cqlwire::types::ValueError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Elements<'r, T> {
    parts: Parts<'r>,
    cql_type: &'r CqlType,
    marker: PhantomData<fn() -> T>,
}

impl<'r, T: FromCql<'r>> FromCql<'r> for Elements<'r, T> {
    fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
        match cql_type {
            CqlType::List(element) | CqlType::Set(element) => in_part(T::check(element), "element"),
            _ => Err(TypeMismatch::new("Elements", "`list` or `set`", cql_type)),
        }
    }

    fn from_cell(cell: Cell<'r>, cql_type: &'r CqlType) -> Result<Self, ValueError> {
        match cql_type {
            CqlType::List(element) | CqlType::Set(element) => {
                Ok(Self { parts: Parts::new(cell, 1)?, cql_type: element, marker: PhantomData })
            }
            _ => Err(ValueError::OutOfRange),
        }
    }
}

impl<'r, T: FromCql<'r>> Elements<'r, T> {
    /// Decodes all elements of `cell`.
    fn read_all(self, cell: Cell<'r>) -> Result<Vec<T>, ValueError> {
        let sized = T::SIZE.and_then(|size| self.parts.sized(size));
        match sized.and_then(T::unpack_parts) {
            Some(all) => Ok(all),
            None => collect(self, cell),
        }
    }
}

impl<'r, T: FromCql<'r>> Iterator for Elements<'r, T> {
    type Item = Result<T, ValueError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let element = self.parts.next()?;
        Some(element.and_then(|element| T::from_optional(element, self.cql_type)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.parts.size_hint()
    }
}

/// An iterator over the entries of a map. Each call of `next` decodes one key and its value. The
/// iterator itself does not allocate memory.
#[derive(Debug, Clone)]
pub struct Entries<'r, K, V> {
    parts: Parts<'r>,
    types: &'r (CqlType, CqlType),
    marker: PhantomData<fn() -> (K, V)>,
}

impl<'r, K: FromCql<'r>, V: FromCql<'r>> FromCql<'r> for Entries<'r, K, V> {
    fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
        check_map("Entries", cql_type, K::check, V::check)
    }

    fn from_cell(cell: Cell<'r>, cql_type: &'r CqlType) -> Result<Self, ValueError> {
        match cql_type {
            CqlType::Map(types) => {
                Ok(Self { parts: Parts::new(cell, 2)?, types, marker: PhantomData })
            }
            _ => Err(ValueError::OutOfRange),
        }
    }
}

impl<'r, K: FromCql<'r>, V: FromCql<'r>> Iterator for Entries<'r, K, V> {
    type Item = Result<(K, V), ValueError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let key = self.parts.next()?;
        // `Parts` yields an even number of parts, so a value follows every key.
        let value = self.parts.next().unwrap_or(Ok(None));
        Some(key.and_then(|key| {
            let key = K::from_optional(key, &self.types.0)?;
            Ok((key, V::from_optional(value?, &self.types.1)?))
        }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let parts = self.parts.size_hint().0;
        (parts / 2, Some(parts / 2))
    }
}

/// Implements [`FromCql`] and [`ToCql`] for the sets and maps of the standard library. Reading a
/// duplicate element or key is an error.
macro_rules! std_collections {
    (sets: $( $set:ident [$($bound:tt)+] $(, $hasher:ident)?; )+) => {$(
        impl<'r, T, $($hasher)?> FromCql<'r> for $set<T, $($hasher)?>
        where
            T: FromCql<'r> + $($bound)+,
            $( $hasher: BuildHasher + Default, )?
        {
            fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
                match cql_type {
                    CqlType::Set(element) => in_part(T::check(element), "element"),
                    _ => Err(TypeMismatch::new(stringify!($set), "`set`", cql_type)),
                }
            }

            fn from_cell(cell: Cell<'r>, cql_type: &'r CqlType) -> Result<Self, ValueError> {
                let elements = Elements::from_cell(cell, cql_type)?.read_all(cell)?;
                let count = elements.len();
                let set: Self = elements.into_iter().collect();
                if set.len() == count { Ok(set) } else { Err(ValueError::Duplicate) }
            }
        }

        impl<T: ToCql, $($hasher)?> ToCql for $set<T, $($hasher)?> {
            fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
                match cql_type {
                    CqlType::Set(element) => in_part(T::check_part(element), "element"),
                    _ => Err(TypeMismatch::new(stringify!($set), "`set`", cql_type)),
                }
            }

            fn to_cql(
                &self,
                cql_type: &CqlType,
                writer: &mut Writer<'_>,
            ) -> Result<(), BindErrorKind> {
                let CqlType::Set(element) = cql_type else { return Ok(Self::check(cql_type)?) };
                write_counted(self, writer, |value, writer| value.to_cql(element, writer))
            }
        }
    )+};
    (maps: $( $map:ident [$($bound:tt)+] $(, $hasher:ident)?; )+) => {$(
        impl<'r, K, V, $($hasher)?> FromCql<'r> for $map<K, V, $($hasher)?>
        where
            K: FromCql<'r> + $($bound)+,
            V: FromCql<'r>,
            $( $hasher: BuildHasher + Default, )?
        {
            fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
                check_map(stringify!($map), cql_type, K::check, V::check)
            }

            fn from_cell(cell: Cell<'r>, cql_type: &'r CqlType) -> Result<Self, ValueError> {
                let entries = collect(Entries::from_cell(cell, cql_type)?, cell)?;
                let count = entries.len();
                let map: Self = entries.into_iter().collect();
                if map.len() == count { Ok(map) } else { Err(ValueError::Duplicate) }
            }
        }

        impl<K: ToCql, V: ToCql, $($hasher)?> ToCql for $map<K, V, $($hasher)?> {
            fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
                check_map(stringify!($map), cql_type, K::check_part, V::check_part)
            }

            fn to_cql(
                &self,
                cql_type: &CqlType,
                writer: &mut Writer<'_>,
            ) -> Result<(), BindErrorKind> {
                write_map(self.iter(), cql_type, writer)
            }
        }
    )+};
}
std_collections! { sets: BTreeSet [Ord]; HashSet [Eq + Hash], S; }
std_collections! { maps: BTreeMap [Ord]; HashMap [Eq + Hash], S; }

/// Encodes a slice as a list, a set or a vector.
impl<T: ToCql> ToCql for [T] {
    fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
        check_sequence("slice", cql_type, T::check_part)
    }

    fn to_cql(&self, cql_type: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
        match cql_type {
            CqlType::List(element) | CqlType::Set(element) => {
                write_counted(self, writer, |value, writer| value.to_cql(element, writer))
            }
            CqlType::Vector(vector) => vector::write(vector, self, writer),
            _ => Ok(Self::check(cql_type)?),
        }
    }
}

impl<T: ToCql> ToCql for Vec<T> {
    fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
        check_sequence("Vec", cql_type, T::check_part)
    }

    fn to_cql(&self, cql_type: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
        self.as_slice().to_cql(cql_type, writer)
    }
}

/// Encodes `entries` as a value of the map type `cql_type`.
pub(super) fn write_map<'v, K: ToCql + 'v, V: ToCql + 'v>(
    entries: impl ExactSizeIterator<Item = (&'v K, &'v V)>,
    cql_type: &CqlType,
    writer: &mut Writer<'_>,
) -> Result<(), BindErrorKind> {
    let CqlType::Map(types) = cql_type else {
        return Ok(check_map("map", cql_type, K::check, V::check)?);
    };
    write_counted(entries, writer, |(key, value), writer| {
        key.to_cql(&types.0, writer)?;
        value.to_cql(&types.1, writer)
    })
}

/// Encodes a collection: its length in bytes, the number of `parts`, and each part with `write`.
fn write_counted<P>(
    parts: impl IntoIterator<Item = P, IntoIter: ExactSizeIterator>,
    writer: &mut Writer<'_>,
    mut write: impl FnMut(P, &mut Writer<'_>) -> Result<(), BindErrorKind>,
) -> Result<(), BindErrorKind> {
    let mut parts = parts.into_iter();
    let open = writer.open_length();
    writer.length(parts.len(), "count")?;
    parts.try_for_each(|part| write(part, writer))?;
    Ok(writer.close_length(open, "value")?)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::types::{Date, NativeType, Timestamp};

    fn encoded(value: &impl ToCql, cql_type: &CqlType) -> Vec<u8> {
        let mut out = Vec::new();
        value.to_cql(cql_type, &mut Writer::new(&mut out)).unwrap();
        out.split_off(4)
    }

    /// Asserts that the bytes of `value` decode to `value`, and that fewer or more bytes are an
    /// error.
    fn assert_round_trips<T>(value: &T, cql_type: &CqlType)
    where
        T: ToCql + for<'r> FromCql<'r> + PartialEq + std::fmt::Debug,
    {
        <T as ToCql>::check(cql_type).unwrap();
        <T as FromCql<'_>>::check(cql_type).unwrap();
        let bytes = encoded(value, cql_type);
        assert_eq!(T::from_cell(Cell::new(&bytes), cql_type).as_ref(), Ok(value));
        for end in 0..bytes.len() {
            assert!(T::from_cell(Cell::new(&bytes[..end]), cql_type).is_err(), "{end}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(T::from_cell(Cell::new(&longer), cql_type), Err(ValueError::TooLong));
    }

    fn list(element: impl Into<CqlType>) -> CqlType {
        CqlType::List(Box::new(element.into()))
    }

    fn map(key: impl Into<CqlType>, value: impl Into<CqlType>) -> CqlType {
        CqlType::Map(Box::new((key.into(), value.into())))
    }

    const INT: NativeType = NativeType::Int;
    const TEXT: NativeType = NativeType::Text;

    #[test]
    fn collections_of_every_kind_and_depth_round_trip() {
        let set = CqlType::Set(Box::new(TEXT.into()));
        let words = ["a", "é", ""].map(String::from);
        assert_round_trips(&vec![Some(1), None, Some(-1)], &list(INT));
        assert_round_trips(&words.to_vec(), &set);
        assert_round_trips(&BTreeSet::from(words.clone()), &set);
        assert_round_trips(&HashSet::<_>::from(words.clone()), &set);
        assert_round_trips(
            &BTreeMap::from([(1, words.to_vec()), (2, vec![])]),
            &map(INT, list(TEXT)),
        );
        assert_round_trips(
            &HashMap::from([(vec![1, 2], Some(words[0].clone()))]),
            &map(list(INT), TEXT),
        );
    }

    #[test]
    fn lists_of_every_type_of_fixed_size_round_trip() {
        assert_round_trips(&vec![true, false], &list(NativeType::Boolean));
        assert_round_trips(&vec![-1_i8, 2], &list(NativeType::TinyInt));
        assert_round_trips(&vec![-1_i16, 2], &list(NativeType::SmallInt));
        assert_round_trips(&vec![i32::MIN, 2, 3], &list(INT));
        assert_round_trips(&vec![i64::MIN, 2], &list(NativeType::BigInt));
        assert_round_trips(&vec![0.5_f32, -0.0], &list(NativeType::Float));
        assert_round_trips(&vec![0.5_f64, -0.0], &list(NativeType::Double));
        assert_round_trips(&vec![Uuid::max(), Uuid::nil()], &list(NativeType::Uuid));
        assert_round_trips(&vec![Date(-1), Date(2)], &list(NativeType::Date));
        assert_round_trips(&vec![Timestamp(-1), Timestamp(2)], &list(NativeType::Timestamp));
        assert_round_trips(&Vec::<i32>::new(), &list(INT));
    }

    #[test]
    fn lists_whose_length_fits_elements_of_other_sizes_are_errors() {
        let read = |parts: [&[u8]; 2]| {
            let bytes = [&[0, 0, 0, 2], parts[0], parts[1]].concat();
            Vec::<i32>::from_cell(Cell::new(&bytes), &list(INT)).unwrap_err()
        };
        let (null, empty) = ([0xff; 4], [0; 4]);
        let (three, five, eight) = ([0, 0, 0, 3], [0, 0, 0, 5], [0, 0, 0, 8]);
        let eight = [&eight[..], &[1; 8]].concat();
        let size = |found| ValueError::Size { expected: 4, found };
        assert_eq!(
            read([&[&three[..], &[1; 3]].concat(), &[&five[..], &[1; 5]].concat()]),
            size(3)
        );
        assert_eq!(read([&null, &eight]), ValueError::Null);
        assert_eq!(read([&empty, &eight]), ValueError::Empty);
        assert_eq!(read([&eight, &null]), size(8));
    }

    #[test]
    fn a_duplicate_element_or_key_is_an_error() {
        let twice = encoded(&[7, 7].as_slice(), &list(INT));
        let set = CqlType::Set(Box::new(INT.into()));
        assert_eq!(Vec::<i32>::from_cell(Cell::new(&twice), &set), Ok(vec![7, 7]));
        let cell = Cell::new(&twice);
        assert_eq!(BTreeSet::<i32>::from_cell(cell, &set), Err(ValueError::Duplicate));
        assert_eq!(HashSet::<i32>::from_cell(cell, &set), Err(ValueError::Duplicate));
        let key_twice = [&[0, 0, 0, 2][..], &twice[4..], &twice[4..]].concat();
        let cell = Cell::new(&key_twice);
        let ints = map(INT, INT);
        assert_eq!(BTreeMap::<i32, i32>::from_cell(cell, &ints), Err(ValueError::Duplicate));
        assert_eq!(HashMap::<i32, i32>::from_cell(cell, &ints), Err(ValueError::Duplicate));
    }

    #[test]
    fn a_type_mismatch_names_the_part_that_it_is_in() {
        let mismatch = <HashMap<String, Vec<i32>> as FromCql>::check(&map(TEXT, list(TEXT)));
        assert_eq!(
            mismatch.unwrap_err().to_string(),
            "the element of the value is `text`, but Rust type `i32` supports `int`"
        );
        let mismatch = <HashSet<i32> as ToCql>::check(&list(INT)).unwrap_err();
        assert_eq!(mismatch.to_string(), "Rust type `HashSet` supports `set`");
        assert_eq!(mismatch.cql_type(), &list(INT));
    }
}
