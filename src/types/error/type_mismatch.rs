//! The error of a Rust type that cannot read or write a CQL type.

use std::borrow::Cow;
use std::fmt;

use crate::types::CqlType;

/// The error of a Rust type that does not support a CQL type. It does not depend on the value.
///
/// ```
/// use cqlwire::types::{CqlType, FromCql, NativeType};
///
/// let texts = CqlType::List(Box::new(NativeType::Text.into()));
/// let mismatch = Vec::<i32>::check(&texts).unwrap_err();
/// assert_eq!(mismatch.to_string(), "the element is `text`, but Rust type `i32` supports `int`");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeMismatch(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    rust: Cow<'static, str>,
    fits: Cow<'static, str>,
    cql_type: CqlType,
    /// The mismatched part, then the parts that contain it: "element", "value" for a list that is
    /// the value of a map. Empty if the type as a whole is mismatched.
    path: Vec<Cow<'static, str>>,
}

impl TypeMismatch {
    /// Creates the error of a Rust type `rust` that does not support `cql_type`. `fits` names the
    /// CQL types that `rust` supports, such as "`list` or `set`".
    #[cold]
    pub fn new(
        rust: impl Into<Cow<'static, str>>,
        fits: impl Into<Cow<'static, str>>,
        cql_type: &CqlType,
    ) -> Self {
        let (rust, fits, cql_type) = (rust.into(), fits.into(), cql_type.clone());
        Self(Box::new(Inner { rust, fits, cql_type, path: Vec::new() }))
    }

    /// Records that the mismatched type is a part of another type. `part` names the part, such as
    /// "element" or "field `street`".
    #[cold]
    #[must_use]
    pub fn within(mut self, part: impl Into<Cow<'static, str>>) -> Self {
        self.0.path.push(part.into());
        self
    }

    /// Returns the name of the Rust type.
    pub fn rust(&self) -> &str {
        &self.0.rust
    }

    /// Returns the CQL type that the Rust type does not support: the column's type, or a part of it.
    pub fn cql_type(&self) -> &CqlType {
        &self.0.cql_type
    }

    /// Returns the CQL types that the Rust type supports, in words.
    pub fn supported_types(&self) -> &str {
        &self.0.fits
    }

    /// Writes the mismatched part, the Rust type and the CQL types that the Rust type supports.
    /// `verb` is "supports", "reads" or "binds to". `field` is the struct field, or `None` outside
    /// a struct.
    pub(super) fn describe(
        &self,
        f: &mut fmt::Formatter<'_>,
        field: Option<&str>,
        verb: &str,
    ) -> fmt::Result {
        let Inner { rust, fits, cql_type, path } = &*self.0;
        if !path.is_empty() {
            write!(f, "the {} is `{cql_type}`, but ", path.join(" of the "))?;
        }
        match (field, path.is_empty()) {
            (None, _) => write!(f, "Rust type `{rust}` {verb} {fits}"),
            (Some(field), true) => write!(f, "field `{field}` is `{rust}`, which {verb} {fits}"),
            (Some(field), false) => {
                write!(f, "field `{field}` has `{rust}` there, which {verb} {fits}")
            }
        }
    }

    /// Returns true if the mismatched type is a part of the column's type.
    pub(super) fn is_in_part(&self) -> bool {
        !self.0.path.is_empty()
    }
}

impl fmt::Display for TypeMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.describe(f, None, "supports")
    }
}

impl std::error::Error for TypeMismatch {}
