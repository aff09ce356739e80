//! An error of a Rust type and a CQL type.

use std::borrow::Cow;
use std::fmt;

use crate::types::CqlType;

/// A Rust type that does not go with a CQL type, whatever the value.
///
/// ```
/// use cqlwire::types::{CqlType, FromCql, NativeType};
///
/// let texts = CqlType::List(Box::new(NativeType::Text.into()));
/// let mismatch = Vec::<i32>::check(&texts).unwrap_err();
/// assert_eq!(mismatch.to_string(), "its element is `text`, and a Rust `i32` goes with `int`");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeMismatch(Box<Misfit>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Misfit {
    rust: Cow<'static, str>,
    fits: Cow<'static, str>,
    cql_type: CqlType,
    /// Where in the whole type that is, the innermost part first.
    within: Vec<Cow<'static, str>>,
}

impl TypeMismatch {
    /// `rust` does not go with `cql_type`, but with `fits`, such as "`list` or `set`".
    #[cold]
    pub fn new(
        rust: impl Into<Cow<'static, str>>,
        fits: impl Into<Cow<'static, str>>,
        cql_type: &CqlType,
    ) -> Self {
        let (rust, fits, cql_type) = (rust.into(), fits.into(), cql_type.clone());
        Self(Box::new(Misfit { rust, fits, cql_type, within: Vec::new() }))
    }

    /// The same, of a whole whose `part` has been looked at: its "element", its "field `street`".
    #[cold]
    #[must_use]
    pub fn within(mut self, part: impl Into<Cow<'static, str>>) -> Self {
        self.0.within.push(part.into());
        self
    }

    /// The Rust type.
    pub fn rust(&self) -> &str {
        &self.0.rust
    }

    /// The CQL type that it does not go with: of the column, or of a part of it.
    pub fn cql_type(&self) -> &CqlType {
        &self.0.cql_type
    }

    /// What CQL types the Rust type goes with.
    pub fn fits(&self) -> &str {
        &self.0.fits
    }

    /// Writes what does not fit, and of which field that is.
    pub(super) fn describe(&self, f: &mut fmt::Formatter<'_>, field: Option<&str>) -> fmt::Result {
        let Misfit { rust, fits, cql_type, within } = &*self.0;
        if !within.is_empty() {
            let path = within.iter().rev().map(|part| &**part).collect::<Vec<_>>().join("'s ");
            write!(f, "its {path} is `{cql_type}`, and ")?;
        }
        match (field, within.is_empty()) {
            (None, _) => write!(f, "a Rust `{rust}` goes with {fits}"),
            (Some(field), true) => {
                write!(f, "the field `{field}` is of type `{rust}`, which goes with {fits}")
            }
            (Some(field), false) => {
                write!(f, "the field `{field}` has a `{rust}` there, which goes with {fits}")
            }
        }
    }
}

impl fmt::Display for TypeMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.describe(f, None)
    }
}

impl std::error::Error for TypeMismatch {}
