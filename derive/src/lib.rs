//! The derive macros of cqlwire, which exports them as `cqlwire::types::FromRow` and so on.

use proc_macro::TokenStream;
use syn::{DeriveInput, Result, parse_macro_input};

mod attributes;
mod input;
mod messages;
mod names;
mod row;
mod udt;
mod value;
mod values;

/// Reads a struct from a row.
///
/// Each field is the column of its name, as the schema spells it, in whatever order they come. The
/// columns are looked at once for each result; a column that is missing or does not fit is an error
/// then, before any row is read. Rows are read without looking anything up, and without allocating for
/// borrowed fields: as tuples are, when the columns come in the order of the fields.
///
/// ```
/// use bytes::Bytes;
/// use cqlwire::types::{ColumnSpec, FromRow, NativeType, RowIter};
///
/// #[derive(FromRow)]
/// struct User<'r> {
///     username: &'r str,
///     age: Option<i32>,
///     #[cql(default = "unknown")]
///     city: String,
///     #[cql(flatten)]
///     login: Login<'r>,
/// }
///
/// #[derive(FromRow)]
/// #[cql(rename_all = "camelCase")]
/// struct Login<'r> {
///     last_host: &'r str,
///     #[cql(null_as_default)]
///     count: i32,
/// }
///
/// fn unknown() -> String {
///     "unknown".to_owned()
/// }
///
/// // What `session.execute` brings; then `result.rows::<User>()` reads it.
/// let columns = [("age", NativeType::Int), ("username", NativeType::Text),
///     ("count", NativeType::Int), ("lastHost", NativeType::Text)]
///     .map(|(name, native)| ColumnSpec::new("ks", "users", name, native));
/// let page = Bytes::from_static(b"\0\0\0\x04\0\0\0\x24\0\0\0\x03ada\xff\xff\xff\xff\0\0\0\x02pc");
///
/// for user in RowIter::<User>::new(&page, &columns, 1)? {
///     let user = user?;
///     assert_eq!((user.username, user.age, &*user.city), ("ada", Some(36), "unknown"));
///     assert_eq!((user.login.last_host, user.login.count), ("pc", 0));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// | on the struct | |
/// |---|---|
/// | `rename_all = "camelCase"` | how columns are called; also `snake_case`, `PascalCase`, `SCREAMING_SNAKE_CASE`, `kebab-case`, `lowercase` (`userid`) and `UPPERCASE` |
/// | `strict` | a column without a field is an error; else it is passed over |
/// | `crate = "path"` | where cqlwire is, if not at `::cqlwire` |
///
/// | on a field | |
/// |---|---|
/// | `rename = "name"` | what its column is called |
/// | `skip` | it has no column, and always its default |
/// | `default`, `default = "function"` | what it is when there is no such column; null is another thing |
/// | `null_as_default` | null is the default of its type |
/// | `flatten` | its fields, which derive `FromRow` by name, are read from columns of the same row |
///
/// Null is an error for a field that is neither an `Option` nor `null_as_default`. So is a column that a
/// field asks for and that is there twice, and one that two fields ask for. Of a flattened struct,
/// `strict` means nothing: what counts is what the outermost struct says.
///
/// A struct has at most one lifetime, that of the page; types that it is generic over are whatever can be
/// read from their columns. A struct without names of fields is read by position, as a tuple; one of one
/// field, such as `struct UserName(String)`, reads one column.
#[proc_macro_derive(FromRow, attributes(cql))]
pub fn from_row(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input), row::derive)
}

/// Binds a struct to the variables of a statement.
///
/// Each variable takes the field of its name, in whatever order they are in the statement. A variable
/// without a field is an error that names it, and a field without a variable is passed over. Nothing is
/// allocated.
///
/// ```
/// use cqlwire::types::{ColumnSpec, NativeType, ToValues, ValuesBuffer};
///
/// #[derive(ToValues)]
/// struct Search<'a> {
///     username: &'a str,
///     // WHERE city IN ?
///     #[cql(rename = "in(city)")]
///     cities: Vec<&'a str>,
///     #[cql(rename = "[limit]")]
///     limit: i32,
/// }
///
/// #[derive(ToValues)]
/// #[cql(strict)]
/// struct User<'a> {
///     username: &'a str,
///     // Null deletes what is there; not set leaves it as it is.
///     #[cql(unset_if_none)]
///     password: Option<&'a str>,
/// }
///
/// // What the server says of the statement; `session.execute(statement, &user)` does the rest.
/// let variables = ["password", "username"]
///     .map(|name| ColumnSpec::new("ks", "users", name, NativeType::Text));
/// let user = User { username: "ada", password: Some("secret") };
/// assert_eq!(
///     ValuesBuffer::new().bind(&user, &variables)?,
///     ValuesBuffer::new().bind(&("secret", "ada"), &variables)?,
/// );
///
/// let search = Search { username: "ada", cities: vec!["London"], limit: 10 };
/// let error = ValuesBuffer::new().bind(&search, &variables).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "cannot bind value 0 to \"password\" of type `text`: `Search` has no field of that name; \
///      give it to one with `rename`"
/// );
/// # Ok::<(), cqlwire::types::BindError>(())
/// ```
///
/// | on the struct | |
/// |---|---|
/// | `rename_all = "camelCase"` | how variables are called; the rules are those of `FromRow` |
/// | `strict` | a field without a variable is an error, unless it has `default` |
/// | `crate = "path"` | where cqlwire is, if not at `::cqlwire` |
///
/// | on a field | |
/// |---|---|
/// | `rename = "name"` | what its variable is called |
/// | `skip` | it is not bound |
/// | `unset_if_none` | `None` is "not set" rather than null; not in v3 |
/// | `flatten` | its fields, of a struct or a map, are bound to variables of the same statement, after those of the struct itself |
///
/// The names that servers give to variables are in the table of `ToNamedValues`, which is derived, too.
/// A struct without names of fields is bound by position, as a tuple.
#[proc_macro_derive(ToValues, attributes(cql))]
pub fn to_values(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input), values::derive)
}

/// Reads a struct from a user-defined type: `FromCql` for it.
///
/// Each field is the type's field of its name, in whatever order. A field of the type that the struct
/// has not is passed over. A value that ends early was written before the type was given more fields,
/// which are null then.
///
/// ```
/// use cqlwire::types::{CqlType, FromCql, FromUdt, NativeType, UdtType};
///
/// #[derive(Debug, PartialEq, FromUdt)]
/// struct Address<'r> {
///     street: &'r str,
///     #[cql(rename = "zipCode")]
///     zip: Option<i32>,
///     #[cql(skip)]
///     is_known: bool,
/// }
///
/// let fields = [("street", NativeType::Text), ("zipCode", NativeType::Int)]
///     .map(|(name, native)| (name.to_owned(), native.into()));
/// let address = CqlType::Udt(
///     UdtType { keyspace: "ks".into(), name: "address".into(), fields: fields.into() }.into(),
/// );
/// Address::check(&address)?;
/// let value = Address::from_cell(cqlwire::types::Cell::new(b"\0\0\0\x03Elm"), &address)?;
/// assert_eq!(value, Address { street: "Elm", zip: None, is_known: false });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// | on the struct | |
/// |---|---|
/// | `rename_all = "camelCase"` | how the type's fields are called; the rules are those of `FromRow` |
/// | `strict` | a field of the type that the struct has not is an error |
/// | `crate = "path"` | where cqlwire is, if not at `::cqlwire` |
///
/// | on a field | |
/// |---|---|
/// | `rename = "name"` | what the type's field is called |
/// | `skip` | the type has no such field; it always has its default |
/// | `default`, `default = "function"` | what it is when the type has no such field; null is another thing |
/// | `null_as_default` | null is the default of its type |
#[proc_macro_derive(FromUdt, attributes(cql))]
pub fn from_udt(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input), udt::derive_from)
}

/// Writes a struct as a user-defined type: `ToCql` for it.
///
/// Each field of the type takes the field of its name, in whatever order; one that the struct has not is
/// null. A field that the type has not is an error, unless it has `default`. The attributes are those of
/// `FromUdt`; `strict` refuses types with a field that the struct has not.
///
/// ```
/// use cqlwire::types::{ColumnSpec, CqlType, NativeType, ToUdt, UdtType, ValuesBuffer};
///
/// #[derive(ToUdt)]
/// #[cql(rename_all = "camelCase")]
/// struct Address<'a> {
///     zip_code: i32,
///     street: &'a str,
/// }
///
/// let fields = [("street", NativeType::Text), ("zipCode", NativeType::Int)]
///     .map(|(name, native)| (name.to_owned(), native.into()));
/// let address = CqlType::Udt(
///     UdtType { keyspace: "ks".into(), name: "address".into(), fields: fields.into() }.into(),
/// );
/// let variables = [ColumnSpec::new("ks", "users", "address", address)];
/// let mut buffer = ValuesBuffer::new();
/// let values = buffer.bind(&(Address { zip_code: 5, street: "Elm" },), &variables)?;
/// let bytes = values.iter().next().and_then(|value| value.value.bytes());
/// assert_eq!(bytes, Some(&b"\0\0\0\x03Elm\0\0\0\x04\0\0\0\x05"[..]));
/// # Ok::<(), cqlwire::types::BindError>(())
/// ```
#[proc_macro_derive(ToUdt, attributes(cql))]
pub fn to_udt(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input), udt::derive_to)
}

/// Reads a newtype as what it holds, or an enum from text or an integer.
///
/// An enum is the text of its variant's name. With `as`, it is the integer of its variant's discriminant.
/// A value that no variant stands for is an error, unless one variant is `other`.
///
/// ```
/// use cqlwire::types::{Cell, CqlType, FromCql, NativeType};
///
/// #[derive(Debug, PartialEq, FromCql)]
/// struct UserName<'r>(&'r str);
///
/// #[derive(Debug, PartialEq, FromCql)]
/// #[cql(rename_all = "snake_case")]
/// enum Role {
///     SuperUser,
///     #[cql(rename = "visitor")]
///     Guest,
///     #[cql(other)]
///     Unknown(String),
/// }
///
/// #[derive(Debug, PartialEq, FromCql)]
/// #[cql(as = i8)]
/// enum Level {
///     Low = 1,
///     High,
/// }
///
/// let text = CqlType::from(NativeType::Text);
/// assert_eq!(UserName::from_cell(Cell::new(b"ada"), &text)?, UserName("ada"));
/// assert_eq!(Role::from_cell(Cell::new(b"super_user"), &text)?, Role::SuperUser);
/// assert_eq!(Role::from_cell(Cell::new(b"editor"), &text)?, Role::Unknown("editor".to_owned()));
/// let tiny = CqlType::from(NativeType::TinyInt);
/// assert_eq!(Level::from_cell(Cell::new(&[2]), &tiny)?, Level::High);
/// assert!(Level::from_cell(Cell::new(&[9]), &tiny).is_err());
/// # Ok::<(), cqlwire::types::ValueError>(())
/// ```
///
/// | on the type | |
/// |---|---|
/// | `rename_all = "snake_case"` | the texts of an enum's variants; the rules are those of `FromRow` |
/// | `as = i32` | the enum is an integer: `i8`, `i16`, `i32` or `i64` |
/// | `crate = "path"` | where cqlwire is, if not at `::cqlwire` |
///
/// | on a variant | |
/// |---|---|
/// | `rename = "text"` | the text that stands for it |
/// | `other` | it stands for every other value, and can hold it |
///
/// Where a variant that holds the integer stands beside variants with discriminants, Rust asks for a
/// `#[repr(i32)]` on the enum. A newtype is no row: `FromRow` makes it one, of one column.
#[proc_macro_derive(FromCql, attributes(cql))]
pub fn from_cql(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input), value::derive_from)
}

/// Writes a newtype as what it holds, or an enum as text or as an integer.
///
/// The attributes are those of `FromCql`. A variant that is `other` is written as what it holds, or, where
/// it holds nothing, as any other variant.
///
/// ```
/// use cqlwire::types::{ColumnSpec, NativeType, ToCql, ValuesBuffer};
///
/// #[derive(ToCql)]
/// struct UserName(String);
///
/// #[derive(ToCql)]
/// #[cql(rename_all = "UPPERCASE")]
/// enum Role {
///     Admin,
///     Guest,
/// }
///
/// let variables = ["username", "role"]
///     .map(|name| ColumnSpec::new("ks", "users", name, NativeType::Text));
/// let mut buffer = ValuesBuffer::new();
/// let values = buffer.bind(&(UserName("ada".to_owned()), Role::Admin), &variables)?;
/// let bytes: Vec<_> = values.iter().filter_map(|named| named.value.bytes()).collect();
/// assert_eq!(bytes, [&b"ada"[..], b"ADMIN"]);
/// # assert!(buffer.bind(&("ada", Role::Guest), &variables).is_ok());
/// # Ok::<(), cqlwire::types::BindError>(())
/// ```
#[proc_macro_derive(ToCql, attributes(cql))]
pub fn to_cql(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input), value::derive_to)
}

/// What the macro makes, or its error at the place that is wrong.
fn expand(
    input: &DeriveInput,
    derive: fn(&DeriveInput) -> Result<proc_macro2::TokenStream>,
) -> TokenStream {
    derive(input).unwrap_or_else(syn::Error::into_compile_error).into()
}
