//! The type `vector<T, n>`. Elements of fixed size follow each other directly. Each element of
//! another type is preceded by its length.

use super::cell::collect;
use super::check::{Check, check_sequence, in_part};
use super::{
    BindErrorKind, Cell, CqlType, FromCql, ToCql, TypeMismatch, ValueError, VectorType, vint,
};
use crate::wire::Writer;

/// Reads vectors of `N` elements.
impl<'r, T: FromCql<'r>, const N: usize> FromCql<'r> for [T; N] {
    fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
        check_array(N, cql_type, T::check)
    }

    fn from_cell(cell: Cell<'r>, cql_type: &'r CqlType) -> Result<Self, ValueError> {
        let CqlType::Vector(vector) = cql_type else { return Err(ValueError::OutOfRange) };
        if vector.dimensions != N {
            return Err(ValueError::Dimensions { expected: N, found: vector.dimensions });
        }
        if let Some(size) = fixed_size::<T>(vector)
            && let Some(elements) = T::unpack_array(whole(vector, size, cell)?)
        {
            return Ok(elements);
        }
        let elements: Vec<T> = read(vector, cell)?;
        elements.try_into().map_err(|_| ValueError::TooShort)
    }
}

/// Encodes an array as a list, a set, or a vector of `N` elements.
impl<T: ToCql, const N: usize> ToCql for [T; N] {
    fn check(cql_type: &CqlType) -> Result<(), TypeMismatch> {
        match cql_type {
            CqlType::Vector(_) => check_array(N, cql_type, T::check_part),
            _ => check_sequence("array", cql_type, T::check_part),
        }
    }

    fn to_cql(&self, cql_type: &CqlType, writer: &mut Writer<'_>) -> Result<(), BindErrorKind> {
        self.as_slice().to_cql(cql_type, writer)
    }
}

fn check_array(length: usize, cql_type: &CqlType, check: Check) -> Result<(), TypeMismatch> {
    match cql_type {
        CqlType::Vector(vector) if vector.dimensions == length => {
            in_part(check(&vector.element), "element")
        }
        _ => {
            let rust = format!("[_; {length}]");
            Err(TypeMismatch::new(rust, format!("a `vector` of {length} elements"), cql_type))
        }
    }
}

/// Decodes the elements of a vector.
pub(super) fn read<'r, T: FromCql<'r>>(
    vector: &'r VectorType,
    cell: Cell<'r>,
) -> Result<Vec<T>, ValueError> {
    let element = &vector.element;
    let value = |bytes| T::from_cell(cell.part(bytes), element);
    match element.fixed_size_in_vector() {
        Some(0) => match vector.dimensions {
            // Elements of size zero have no bytes that would bound their number, so only an empty
            // vector is decoded.
            0 => whole(vector, 0, cell).map(|_| Vec::new()),
            _ => Err(ValueError::TooShort),
        },
        Some(size) => {
            let bytes = whole(vector, size, cell)?;
            let unpacked = fixed_size::<T>(vector).and_then(|_| T::unpack(bytes));
            unpacked.map_or_else(|| collect(bytes.chunks_exact(size).map(value), cell), Ok)
        }
        None => {
            let mut rest = cell.bytes();
            // The length in front of each element has at least one byte, so the bytes bound the
            // number of elements.
            if vector.dimensions > rest.len() {
                return Err(ValueError::TooShort);
            }
            let elements = (0..vector.dimensions).map(|_| {
                let length = usize::try_from(vint::read_unsigned(&mut rest)?);
                let length = length.map_err(|_| ValueError::TooShort)?;
                let (bytes, after) = rest.split_at_checked(length).ok_or(ValueError::TooShort)?;
                rest = after;
                value(bytes)
            });
            let elements = collect(elements, cell)?;
            if rest.is_empty() { Ok(elements) } else { Err(ValueError::TooLong) }
        }
    }
}

/// Returns the size of an element in bytes if elements of the vector and values of `T` have the
/// same fixed size, and `None` otherwise.
#[inline]
fn fixed_size<'r, T: FromCql<'r>>(vector: &VectorType) -> Option<usize> {
    vector.element.fixed_size_in_vector().filter(|size| T::SIZE == Some(*size))
}

/// Returns the bytes of a vector whose elements have `size` bytes each, or an error if the length
/// of the vector is wrong.
fn whole<'r>(vector: &VectorType, size: usize, cell: Cell<'r>) -> Result<&'r [u8], ValueError> {
    let expected = size.checked_mul(vector.dimensions).ok_or(ValueError::TooShort)?;
    match cell.bytes() {
        bytes if bytes.len() == expected => Ok(bytes),
        bytes if bytes.len() < expected => Err(ValueError::TooShort),
        _ => Err(ValueError::TooLong),
    }
}

/// Encodes the length of the vector in bytes, then its elements.
pub(super) fn write<T: ToCql>(
    vector: &VectorType,
    values: &[T],
    writer: &mut Writer<'_>,
) -> Result<(), BindErrorKind> {
    if values.len() != vector.dimensions {
        let (expected, found) = (vector.dimensions, values.len());
        return Err(ValueError::Dimensions { expected, found }.into());
    }
    let open = writer.open_length();
    let size = vector.element.fixed_size_in_vector();
    if size.is_none() || !T::pack(values, writer) {
        let mut buffer = Vec::new();
        for value in values {
            buffer.clear();
            value.to_cql(&vector.element, &mut Writer::new(&mut buffer))?;
            write_element(&buffer, size, writer)?;
        }
    }
    Ok(writer.close_length(open, "value")?)
}

/// Encodes one element. `value` is its `[value]`, whose `[int]` length is left out. `size` is the
/// fixed size of elements, or `None` if a vint length precedes each element. A null element is an
/// error.
fn write_element(
    value: &[u8],
    size: Option<usize>,
    writer: &mut Writer<'_>,
) -> Result<(), BindErrorKind> {
    let (length, element) = value.split_first_chunk().ok_or(ValueError::NullElement)?;
    if i32::from_be_bytes(*length) < 0 {
        return Err(ValueError::NullElement.into());
    }
    match size {
        Some(expected) if element.len() != expected => {
            return Err(ValueError::Size { expected, found: element.len() }.into());
        }
        Some(_) => {}
        None => {
            let mut prefix = Vec::with_capacity(9);
            vint::write_unsigned(u64::try_from(element.len()).unwrap_or(u64::MAX), &mut prefix);
            writer.raw(&prefix);
        }
    }
    writer.raw(element);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::NativeType;

    fn assert_round_trips<T>(value: &T, cql_type: &CqlType, bytes: &[u8])
    where
        T: ToCql + for<'r> FromCql<'r> + PartialEq + std::fmt::Debug,
    {
        <T as ToCql>::check(cql_type).unwrap();
        <T as FromCql<'_>>::check(cql_type).unwrap();
        let mut out = Vec::new();
        value.to_cql(cql_type, &mut Writer::new(&mut out)).unwrap();
        assert_eq!(&out[4..], bytes);
        assert_eq!(T::from_cell(Cell::new(bytes), cql_type).as_ref(), Ok(value));
        for end in 0..bytes.len() {
            let cut = T::from_cell(Cell::new(&bytes[..end]), cql_type);
            assert_eq!(cut, Err(ValueError::TooShort), "{end}");
        }
        let longer = [bytes, &[0]].concat();
        assert_eq!(T::from_cell(Cell::new(&longer), cql_type), Err(ValueError::TooLong));
    }

    #[test]
    fn vectors_of_every_layout_round_trip_as_arrays_and_vecs() {
        let floats = CqlType::vector(NativeType::Float.into(), 2);
        let bytes = [0x3f, 0x80, 0, 0, 0xbf, 0, 0, 0];
        assert_round_trips(&[1.0_f32, -0.5], &floats, &bytes);
        assert_round_trips(&vec![1.0_f32, -0.5], &floats, &bytes);
        // `Option<f32>` has no `unpack`, so its elements are decoded one by one.
        assert_round_trips(&[Some(1.0_f32), Some(-0.5)], &floats, &bytes);
        // Cassandra writes a length before each `smallint`.
        let shorts = CqlType::vector(NativeType::SmallInt.into(), 2);
        assert_round_trips(&[1_i16, -2], &shorts, &[2, 0, 1, 2, 0xff, 0xfe]);
        let texts = CqlType::vector(NativeType::Text.into(), 2);
        assert_round_trips(&[String::new(), "ab".into()], &texts, &[0, 2, b'a', b'b']);
        let nested = CqlType::vector(CqlType::vector(NativeType::Int.into(), 1), 2);
        assert_round_trips(&[[1], [2]], &nested, &[0, 0, 0, 1, 0, 0, 0, 2]);
    }

    #[test]
    fn wrong_numbers_of_elements_and_null_elements_are_errors() {
        let floats = CqlType::vector(NativeType::Float.into(), 2);
        let write = |values: &[Option<f32>]| {
            values.to_cql(&floats, &mut Writer::new(&mut Vec::new())).unwrap_err()
        };
        let three = ValueError::Dimensions { expected: 2, found: 3 };
        assert_eq!(write(&[None; 3]), BindErrorKind::Value(three));
        assert_eq!(write(&[None; 2]), BindErrorKind::Value(ValueError::NullElement));
        let mismatch = <[f32; 3] as FromCql>::check(&floats).unwrap_err();
        assert_eq!(mismatch.to_string(), "Rust type `[_; 3]` supports a `vector` of 3 elements");
        let endless = CqlType::vector(NativeType::Float.into(), usize::MAX);
        let cell = Cell::new(&[0; 8]);
        assert_eq!(Vec::<f32>::from_cell(cell, &endless), Err(ValueError::TooShort));
        let endless = CqlType::vector(CqlType::vector(NativeType::Int.into(), 0), usize::MAX);
        assert_eq!(Vec::<[i32; 0]>::from_cell(Cell::new(&[]), &endless), Err(ValueError::TooShort));
    }
}
