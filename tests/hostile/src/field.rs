//! The fields of a body.

/// A field of a body, at its position in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) at: usize,
    pub(crate) kind: FieldKind,
}

/// The notation of a field, which decides how it can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldKind {
    /// A `[string]` or `[short bytes]`, with this length.
    Short(usize),
    /// A `[long string]`, `[bytes]` or `[value]`, with this length. A null value has length 0.
    Long(usize),
    /// A number of elements, in this number of bytes.
    Count(usize),
    /// Flags, in this number of bytes.
    Flags(usize),
    /// A code with few known values, in this number of bytes.
    Code(usize),
    /// The option id of a type.
    Type,
    /// Any other number or address, in this number of bytes.
    Fixed(usize),
}

impl FieldKind {
    /// Returns the number of bytes of the field's own number, without the content that follows.
    pub(crate) const fn width(self) -> usize {
        match self {
            Self::Short(_) | Self::Type => 2,
            Self::Long(_) => 4,
            Self::Count(width) | Self::Flags(width) | Self::Code(width) | Self::Fixed(width) => {
                width
            }
        }
    }

    /// Returns the number of bytes of the content that follows the number.
    pub(crate) const fn content(self) -> usize {
        match self {
            Self::Short(length) | Self::Long(length) => length,
            _ => 0,
        }
    }
}
