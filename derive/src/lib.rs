//! The derive macros of cqlwire. Use them through cqlwire: `cqlwire::types::FromRow` and so on.

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

/// Derives `FromRow`, which reads a struct from a row.
///
/// Each field reads the column with its name. The order of the columns does not matter, and names are
/// case-sensitive. Columns are checked once for each page: a missing column or an unsupported type is an
/// error before the first row is read. Reading a row involves no lookup by name, and borrowed fields do not
/// allocate. If the columns are in the order of the fields, structs are read as fast as tuples.
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
/// // With a session, `result.rows::<User>()` does this.
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
/// | attribute of the struct | effect |
/// |---|---|
/// | `rename_all = "camelCase"` | the case of column names: `snake_case`, `camelCase`, `PascalCase`, `SCREAMING_SNAKE_CASE`, `kebab-case`, `lowercase` (`userid`) or `UPPERCASE`; default: the name of the field |
/// | `strict` | a column that no field reads is an error; default: such columns are skipped |
/// | `crate = "path"` | the path of the cqlwire crate; default: `::cqlwire` |
///
/// | attribute of a field | effect |
/// |---|---|
/// | `rename = "name"` | the name of the column |
/// | `skip` | no column is read; the field always gets its `Default` or the result of its `default` function |
/// | `default`, `default = "function"` | if the column is missing, the field gets its `Default` or the result of the function; null does not count as missing |
/// | `null_as_default` | null is read as the `Default` of the field's type |
/// | `flatten` | the field is a struct with named fields that derives `FromRow`; its fields read columns of the same row |
///
/// Null is an error, unless the field has a type that accepts null, such as `Option`, or has
/// `null_as_default`. Two columns that have the name of one field are an error, and so are two fields that
/// read one column. `strict` on a flattened struct has no effect; only `strict` on the outermost struct
/// counts.
///
/// A struct has at most one lifetime parameter, for borrowing from the page. A type parameter can be any type
/// that supports the type of the column. A struct with unnamed fields is read by position, like a tuple: for
/// example, `struct UserName(String)` reads one column.
#[proc_macro_derive(FromRow, attributes(cql))]
pub fn from_row(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input), row::derive)
}

/// Derives `ToValues` and `ToNamedValues`, which bind a struct to the variables of a statement.
///
/// Each bind variable is bound to the field with its name. The order of the fields does not matter. A
/// variable that has the name of no field is an error. A field that has the name of no variable is ignored.
/// Binding does not allocate.
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
///     // Null would delete the password; unset leaves it unchanged.
///     #[cql(unset_if_none)]
///     password: Option<&'a str>,
/// }
///
/// // With a session, `session.execute(statement, &user)` does this.
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
///     "cannot bind value 0 to \"password\" of type `text`: `Search` has no field with that name; \
///      add one or use `rename`"
/// );
/// # Ok::<(), cqlwire::types::BindError>(())
/// ```
///
/// | attribute of the struct | effect |
/// |---|---|
/// | `rename_all = "camelCase"` | the case of variable names; the values are those of `FromRow` |
/// | `strict` | a field that has the name of no variable is an error, unless the field has `default` |
/// | `crate = "path"` | the path of the cqlwire crate; default: `::cqlwire` |
///
/// | attribute of a field | effect |
/// |---|---|
/// | `rename = "name"` | the name of the variable |
/// | `skip` | the field is not bound |
/// | `default` | the field may have no variable, even if the struct is `strict` |
/// | `unset_if_none` | `None` is bound as unset instead of null; on a v3 connection, unset is an error |
/// | `flatten` | the field is a struct or a map; its values are bound to the variables that have the name of no other field |
///
/// `ToNamedValues` documents the names that servers give to variables. A struct with unnamed fields is bound
/// by position, like a tuple.
#[proc_macro_derive(ToValues, attributes(cql))]
pub fn to_values(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input), values::derive)
}

/// Derives `FromCql` for a struct that is read from a value of a user-defined type.
///
/// Each field of the struct reads the field of the type with the same name. The order of the fields does not
/// matter. Other fields of the type are skipped. Fields that were added to the type after a value was written
/// are missing at the end of the value; they are read as null.
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
/// | attribute of the struct | effect |
/// |---|---|
/// | `rename_all = "camelCase"` | the case of the type's field names; the values are those of `FromRow` |
/// | `strict` | a field of the type that the struct lacks is an error; default: it is skipped |
/// | `crate = "path"` | the path of the cqlwire crate; default: `::cqlwire` |
///
/// | attribute of a field | effect |
/// |---|---|
/// | `rename = "name"` | the name of the type's field |
/// | `skip` | no field of the type is read; the struct's field always gets its `Default` or the result of its `default` function |
/// | `default`, `default = "function"` | if the type has no such field, the struct's field gets its `Default` or the result of the function; null does not count as missing |
/// | `null_as_default` | null is read as the `Default` of the field's type |
#[proc_macro_derive(FromUdt, attributes(cql))]
pub fn from_udt(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input), udt::derive_from)
}

/// Derives `ToCql` for a struct that is written as a value of a user-defined type.
///
/// Each field of the type is written from the field of the struct with the same name. The order of the fields
/// does not matter. A field of the type that the struct lacks is written as null, or is an error if the
/// struct is `strict`. A field of the struct that the type lacks is an error, unless it has `default`. The
/// attributes are those of `FromUdt`.
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

/// Derives `FromCql` for a newtype, which is read as its field, or for an enum, which is read from text or an
/// integer.
///
/// An enum variant is represented by its name as text or, with `as`, by its discriminant as an integer. A
/// value that matches no variant is an error, unless one variant is `other`.
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
/// | attribute of the type | effect |
/// |---|---|
/// | `rename_all = "snake_case"` | the case of the variants' texts; the values are those of `FromRow` |
/// | `as = i32` | the enum is an `i8`, `i16`, `i32` or `i64`; default: text |
/// | `crate = "path"` | the path of the cqlwire crate; default: `::cqlwire` |
///
/// | attribute of a variant | effect |
/// |---|---|
/// | `rename = "text"` | the text of the variant |
/// | `other` | the variant matches all values that no other variant matches; it may have one field, which stores the value |
///
/// If an enum has both explicit discriminants and a variant with a field, Rust requires a representation such
/// as `#[repr(i32)]` on the enum. To read a newtype from a row of one column, derive `FromRow`, too.
#[proc_macro_derive(FromCql, attributes(cql))]
pub fn from_cql(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input), value::derive_from)
}

/// Derives `ToCql` for a newtype, which is written as its field, or for an enum, which is written as text or
/// an integer.
///
/// The attributes are those of `FromCql`. The `other` variant is written as its field. If it has no field, it
/// is written like every other variant.
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

/// Runs a derive macro and turns its error into a compile error.
fn expand(
    input: &DeriveInput,
    derive: fn(&DeriveInput) -> Result<proc_macro2::TokenStream>,
) -> TokenStream {
    derive(input).unwrap_or_else(syn::Error::into_compile_error).into()
}
