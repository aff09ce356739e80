//! An error of one value.

use std::fmt;

/// A value whose bytes do not fit its type, or whose content does not fit the Rust type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueError {
    /// Null, where the Rust type has no place for it: `Option` has.
    Null,
    /// The empty value (no bytes at all), where the Rust type has no place for it.
    Empty,
    /// A value of the wrong size for its type.
    Size {
        /// The bytes that its type takes.
        expected: usize,
        /// The bytes that are there.
        found: usize,
    },
    /// A vector of another number of elements than its type has.
    Dimensions {
        /// The elements that its type has.
        expected: usize,
        /// The elements that are there.
        found: usize,
    },
    /// The value ends inside one of its parts.
    TooShort,
    /// The value goes on after its last part.
    TooLong,
    /// Text that is not UTF-8.
    InvalidUtf8,
    /// `ascii` that is not US-ASCII.
    InvalidAscii,
    /// A number that its type does not allow, such as a time after midnight.
    OutOfRange,
    /// A count of elements that is negative or more than the bytes that are left.
    Count(i32),
    /// A set or map that has an element or a key twice.
    Duplicate,
    /// Null in a field, as `Address::street`, that has no place for it.
    NullField(&'static str),
    /// Null among the elements of a vector, which has no place for it.
    NullElement,
    /// Nothing that this enum has a variant for.
    NoVariant(&'static str),
    /// A number, time or date that the Rust type, of this name, is too small for.
    TooLarge(&'static str),
    /// What a type of one's own says of a value that it does not take, in its own words.
    Other(&'static str),
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("the value is null, and the Rust type is not an Option"),
            Self::Empty => f.write_str("the value is empty, which the Rust type cannot say"),
            Self::Size { expected, found } => {
                write!(f, "the value has {found} bytes, its type takes {expected}")
            }
            Self::Dimensions { expected, found } => {
                write!(f, "the vector has {found} elements, its type has {expected}")
            }
            Self::TooShort => f.write_str("the value ends inside one of its parts"),
            Self::TooLong => f.write_str("the value goes on after its last part"),
            Self::InvalidUtf8 => f.write_str("the text is not valid UTF-8"),
            Self::InvalidAscii => f.write_str("the text is not US-ASCII"),
            Self::OutOfRange => f.write_str("the value is out of the range of its type"),
            Self::Count(count) => {
                write!(f, "{count} elements are claimed, which the value cannot hold")
            }
            Self::Duplicate => f.write_str("the value has an element or a key twice"),
            Self::NullField(field) => {
                write!(f, "the value is null in the field `{field}`, which is not an Option")
            }
            Self::NullElement => f.write_str("an element is null, which a vector has no place for"),
            Self::NoVariant(name) => write!(f, "no variant of `{name}` stands for the value"),
            Self::TooLarge(name) => write!(f, "a `{name}` cannot hold the value"),
            Self::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for ValueError {}
