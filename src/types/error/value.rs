//! Errors in a single value.

use std::fmt;

use crate::wire::Counted;

/// An error in a value: its bytes are invalid for its CQL type, or the Rust type cannot hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueError {
    /// Null, read as a Rust type that is not an `Option` and cannot represent null.
    Null,
    /// The empty value (zero bytes), read as a Rust type that cannot represent the empty value.
    Empty,
    /// A value whose size does not match its type.
    Size {
        /// Size that every value of the type has, in bytes.
        expected: usize,
        /// Size of the value, in bytes.
        found: usize,
    },
    /// A vector whose number of elements does not match its type.
    Dimensions {
        /// Number of elements that the vector type requires.
        expected: usize,
        /// Number of elements that were found.
        found: usize,
    },
    /// A value that ends inside one of its parts.
    TooShort,
    /// A value with extra bytes after its last part.
    TooLong,
    /// Text that is not UTF-8.
    InvalidUtf8,
    /// `ascii` that is not US-ASCII.
    InvalidAscii,
    /// A value outside the range of its type, such as a `time` of 24 hours or more.
    OutOfRange,
    /// An element count that is negative, or larger than the remaining bytes can hold.
    Count(i32),
    /// A set with a duplicate element, or a map with a duplicate key.
    Duplicate,
    /// Null in the struct field with this name, such as `Address::street`. The field's type is not
    /// an `Option`.
    NullField(&'static str),
    /// A null element of a vector, which cannot hold nulls.
    NullElement,
    /// A value that matches no variant of the enum with this name.
    NoVariant(&'static str),
    /// A number, time or date that does not fit into the Rust type with this name.
    TooLarge(&'static str),
    /// A custom message from a [`FromCql`](crate::types::FromCql) or
    /// [`ToCql`](crate::types::ToCql) implementation outside this crate.
    Other(&'static str),
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("the value is null, but the Rust type is not an `Option`"),
            Self::Empty => {
                f.write_str("the value is empty (0 bytes), which the Rust type cannot represent")
            }
            Self::Size { expected, found } => {
                write!(
                    f,
                    "the value has {}, but its type takes {expected}",
                    Counted(*found, "byte")
                )
            }
            Self::Dimensions { expected, found } => {
                let elements = Counted(*found, "element");
                write!(f, "the vector has {elements}, but its type has {expected}")
            }
            Self::TooShort => f.write_str("the value ends inside one of its parts"),
            Self::TooLong => f.write_str("the value has extra bytes after its last part"),
            Self::InvalidUtf8 => f.write_str("the text is not valid UTF-8"),
            Self::InvalidAscii => f.write_str("the text is not US-ASCII"),
            Self::OutOfRange => f.write_str("the value is out of range for its CQL type"),
            Self::Count(count) => {
                write!(f, "the value has an invalid element count: {count}")
            }
            Self::Duplicate => f.write_str("the value has a duplicate element or key"),
            Self::NullField(field) => {
                write!(f, "field `{field}` is null, but its type is not an `Option`")
            }
            Self::NullElement => f.write_str("an element is null, but vectors cannot hold nulls"),
            Self::NoVariant(name) => write!(f, "no variant of `{name}` matches the value"),
            Self::TooLarge(name) => write!(f, "the value does not fit into a `{name}`"),
            Self::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for ValueError {}
