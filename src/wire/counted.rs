//! Counts with their noun, for error texts.

use std::fmt;

/// A count with its noun in the singular or plural, such as "1 byte" or "2 bytes".
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted<N>(pub(crate) N, pub(crate) &'static str);

impl<N: fmt::Display + PartialEq + From<u8>> fmt::Display for Counted<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number, noun) = self;
        let plural = if *number == N::from(1) { "" } else { "s" };
        write!(f, "{number} {noun}{plural}")
    }
}
