//! What can go wrong between CQL values and Rust values.

use std::borrow::Cow;
use std::fmt;

use super::value::native_name;
use super::{ColumnSpec, CqlType};

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
    fn describe(&self, f: &mut fmt::Formatter<'_>, field: Option<&str>) -> fmt::Result {
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

/// The columns of a result do not fit the Rust type that is to be read from its rows.
///
/// Found when the result arrives, before any row is read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypeError {
    /// The row type reads another number of columns than the result has.
    ColumnCount {
        /// Columns that the row type reads.
        expected: usize,
        /// Columns that the result has.
        found: usize,
    },
    /// A column's type does not fit.
    Column(Box<ColumnMismatch>),
    /// The columns do not have the names that the row type wants.
    Names(Box<NameMismatch>),
}

impl TypeError {
    /// Column `index`, whose type does not fit; and the field that it was for, as `User::age`.
    #[cold]
    pub fn column(
        index: usize,
        column: &ColumnSpec,
        field: Option<&'static str>,
        mismatch: TypeMismatch,
    ) -> Self {
        let column = column.clone();
        Self::Column(Box::new(ColumnMismatch { index, column, field, mismatch }))
    }
}

/// A column whose CQL type does not fit the Rust type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMismatch {
    index: usize,
    column: ColumnSpec,
    field: Option<&'static str>,
    mismatch: TypeMismatch,
}

impl ColumnMismatch {
    /// The column's index, from zero.
    pub const fn index(&self) -> usize {
        self.index
    }

    /// The column.
    pub const fn column(&self) -> &ColumnSpec {
        &self.column
    }

    /// The field of a struct that was to be read from it, as `User::age`.
    pub const fn field(&self) -> Option<&'static str> {
        self.field
    }

    /// What does not fit, and what would.
    pub const fn mismatch(&self) -> &TypeMismatch {
        &self.mismatch
    }
}

/// A field without a column, a column that a field cannot be told to be, or a column too many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameMismatch {
    pub(super) kind: NameMismatchKind,
    /// The field, as `User::age`, or the struct.
    pub(super) field: &'static str,
    pub(super) name: String,
    /// The columns of the result.
    pub(super) columns: Vec<String>,
}

/// The kinds of [`NameMismatch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameMismatchKind {
    /// No column has the field's name.
    Missing,
    /// More than one column has it.
    Ambiguous,
    /// Another field has the same name: that of a struct and of one flattened into it.
    Taken,
    /// No field has the column's name, and the struct is to have one for every column.
    Excess,
}

impl NameMismatch {
    /// What is wrong.
    pub const fn kind(&self) -> NameMismatchKind {
        self.kind
    }

    /// The field, as `User::age`; of a column too many, the struct.
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// The name of the column.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for NameMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, field, name, columns } = self;
        match kind {
            NameMismatchKind::Missing => {
                write!(f, "the result has no column \"{name}\" for the field `{field}`; ")?;
                match columns.iter().find(|column| column.eq_ignore_ascii_case(name)) {
                    Some(column) => write!(f, "\"{column}\" differs in its case"),
                    None if columns.is_empty() => f.write_str("it has no columns"),
                    None => write!(f, "it has {}", columns.join(", ")),
                }
            }
            NameMismatchKind::Ambiguous => write!(
                f,
                "the result has more than one column \"{name}\" for the field `{field}`; name them \
                 apart with AS"
            ),
            NameMismatchKind::Taken => write!(
                f,
                "the column \"{name}\" is for another field already, and cannot be for the field \
                 `{field}`, too; rename one of them"
            ),
            NameMismatchKind::Excess => {
                write!(f, "`{field}` has no field for the column \"{name}\", and is strict")
            }
        }
    }
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ColumnCount { expected, found } => {
                write!(f, "the row type reads {expected} columns, the result has {found}")
            }
            Self::Column(mismatch) => {
                let ColumnMismatch { index, column, field, mismatch } = &**mismatch;
                let ColumnSpec { table, name, cql_type } = column;
                write!(f, "cannot read column {index} \"{name}\" of {table}: ")?;
                write!(f, "the server sends `{cql_type}`, ")?;
                mismatch.describe(f, *field)
            }
            Self::Names(mismatch) => mismatch.fmt(f),
        }
    }
}

impl std::error::Error for TypeError {}

/// A cell that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError(Box<BadCell>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct BadCell {
    row: usize,
    column: usize,
    name: String,
    cql_type: Option<CqlType>,
    cause: ValueError,
}

impl RowError {
    #[cold]
    pub(super) fn new(
        row: usize,
        column: usize,
        spec: Option<&super::ColumnSpec>,
        cause: ValueError,
    ) -> Self {
        let name = spec.map(|spec| spec.name.to_string()).unwrap_or_default();
        let cql_type = spec.map(|spec| spec.cql_type.clone());
        Self(Box::new(BadCell { row, column, name, cql_type, cause }))
    }

    /// The row's index within its page, from zero.
    pub fn row(&self) -> usize {
        self.0.row
    }

    /// The column's index, from zero.
    pub fn column(&self) -> usize {
        self.0.column
    }

    /// What is wrong with the cell.
    pub fn cause(&self) -> ValueError {
        self.0.cause
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BadCell { row, column, name, cql_type, cause } = &*self.0;
        write!(f, "cannot read row {row}, column {column} \"{name}\"")?;
        if let Some(cql_type) = cql_type {
            write!(f, " of type `{cql_type}`")?;
        }
        write!(f, ": {cause}")
    }
}

impl std::error::Error for RowError {}

/// Values that cannot be bound to the variables of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindError(Box<BadBinding>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct BadBinding {
    variable: Option<(usize, ColumnSpec)>,
    field: Option<&'static str>,
    kind: BindErrorKind,
}

/// The kinds of [`BindError`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BindErrorKind {
    /// The statement has another number of variables than there are values.
    Count {
        /// Variables of the statement.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// No value has the variable's name.
    Missing,
    /// No variable has the name of a value, all of which are to be used.
    Unused,
    /// The Rust type does not go with the variable's type.
    Type(TypeMismatch),
    /// The value does not fit the variable's type.
    Value(ValueError),
    /// The value is longer than the protocol can carry: 2 GiB, or 65,535 values.
    TooLong,
}

impl BindError {
    /// What is wrong with the values as a whole.
    #[cold]
    pub(super) fn new(kind: BindErrorKind) -> Self {
        Self(Box::new(BadBinding { variable: None, field: None, kind }))
    }

    /// What is wrong with the value of variable `index`.
    #[cold]
    pub(super) fn of(kind: BindErrorKind, index: usize, variable: &ColumnSpec) -> Self {
        Self(Box::new(BadBinding { variable: Some((index, variable.clone())), field: None, kind }))
    }

    /// The same, for the field of a struct that the value is, as `User::age`, or for the struct.
    #[cold]
    pub(super) fn with_field(mut self, field: &'static str) -> Self {
        self.0.field = Some(field);
        self
    }

    /// What is wrong.
    pub fn kind(&self) -> &BindErrorKind {
        &self.0.kind
    }

    /// The index and description of the variable.
    pub fn variable(&self) -> Option<(usize, &ColumnSpec)> {
        self.0.variable.as_ref().map(|(index, variable)| (*index, variable))
    }

    /// The field of a struct that was to be bound, as `User::age`; of a variable that is
    /// [missing](BindErrorKind::Missing), the struct.
    pub fn field(&self) -> Option<&'static str> {
        self.0.field
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BadBinding { variable, field, kind } = &*self.0;
        if let Some((index, ColumnSpec { name, cql_type, .. })) = variable {
            write!(f, "cannot bind value {index} to \"{name}\" of type `{cql_type}`: ")?;
        }
        match kind {
            BindErrorKind::Count { expected, found } => {
                write!(f, "the statement has {expected} variables, {found} values were given")
            }
            BindErrorKind::Missing => match field {
                Some(name) => {
                    write!(f, "`{name}` has no field of that name; give it to one with `rename`")
                }
                None => f.write_str("no value has that name"),
            },
            BindErrorKind::Unused => {
                let field = field.unwrap_or("a value");
                write!(f, "the statement has no variable for `{field}`")
            }
            BindErrorKind::Type(mismatch) => {
                mismatch.describe(f, *field)?;
                match mismatch.cql_type() {
                    CqlType::Native(native) => native_name(*native)
                        .map_or(Ok(()), |rust| write!(f, "; `{rust}` goes with `{native}`")),
                    _ => Ok(()),
                }
            }
            BindErrorKind::Value(cause) => {
                field.map_or(Ok(()), |field| write!(f, "the field `{field}`: "))?;
                cause.fmt(f)
            }
            BindErrorKind::TooLong => f.write_str("longer than the protocol can carry"),
        }
    }
}

impl std::error::Error for BindError {}
