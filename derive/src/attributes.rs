//! Parses the `#[cql(...)]` attributes of structs, enums, fields and variants.

use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Attribute, Error, ExprPath, Ident, LitStr, Path, Result};

use crate::messages::list;
use crate::names::Rule;

/// Declares a struct for the attributes that are allowed on one kind of item. `parse` returns an error if an
/// attribute is unknown or given twice.
macro_rules! attributes {
    ($( $(#[$doc:meta])* $place:literal $name:ident { $( $key:literal $field:ident: $type:ty = $read:expr, )+ } )+) => {$(
        $(#[$doc])*
        #[derive(Default)]
        pub(crate) struct $name {
            $( pub(crate) $field: Option<$type>, )+
        }

        impl $name {
            pub(crate) fn parse(attributes: &[Attribute]) -> Result<Self> {
                let mut all = Self::default();
                for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("cql")) {
                    attribute.parse_nested_meta(|meta| {
                        $(
                            if meta.path.is_ident($key) {
                                let read: fn(&ParseNestedMeta<'_>) -> Result<$type> = $read;
                                let value = read(&meta)?;
                                return match all.$field.replace(value) {
                                    Some(_) => Err(meta.error(concat!("`", $key, "` is given twice"))),
                                    None => Ok(()),
                                };
                            }
                        )+
                        Err(unknown(&meta, $place, &[$($key),+]))
                    })?;
                }
                Ok(all)
            }
        }
    )+};
}
attributes! {
    /// The attributes of a struct or an enum.
    "a struct or enum" TypeAttributes {
        "crate" krate: Path = |meta| text(meta)?.parse(),
        "rename_all" rename_all: Rule = |meta| Rule::parse(&text(meta)?),
        "strict" strict: Path = word,
        "as" integer: Ident = integer,
    }
    /// The attributes of a field.
    "a field" FieldAttributes {
        "rename" rename: LitStr = text,
        "skip" skip: Path = word,
        "default" default: FieldDefault = default,
        "flatten" flatten: Path = word,
        "null_as_default" null_as_default: Path = word,
        "unset_if_none" unset_if_none: Path = word,
    }
    /// The attributes of an enum variant.
    "a variant" VariantAttributes {
        "rename" rename: LitStr = text,
        "other" other: Path = word,
    }
}

/// The source of a field's value if the column, or the field of the user-defined type, is missing.
pub(crate) enum FieldDefault {
    Trait(Path),
    Function(Path, ExprPath),
}

impl FieldDefault {
    pub(crate) fn key(&self) -> &Path {
        match self {
            Self::Trait(key) | Self::Function(key, _) => key,
        }
    }
}

impl FieldAttributes {
    /// Returns an error if any attribute is present: the field of a newtype cannot have attributes.
    pub(crate) fn must_be_empty(&self) -> Result<()> {
        let Self { rename, skip, default, flatten, null_as_default, unset_if_none } = self;
        let words = [skip, flatten, null_as_default, unset_if_none].map(Option::as_ref);
        let keys = words.into_iter().flatten().chain(default.as_ref().map(FieldDefault::key));
        let mut spans = keys.map(Spanned::span).chain(rename.as_ref().map(LitStr::span));
        spans.next().map_or(Ok(()), |span| {
            Err(Error::new(span, "the field of a newtype cannot have attributes"))
        })
    }
}

/// Parses the string value of an attribute. Returns an error if the string is empty.
fn text(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let text: LitStr = meta.value()?.parse()?;
    if text.value().is_empty() {
        Err(Error::new(text.span(), "the value must not be empty"))
    } else {
        Ok(text)
    }
}

fn word(meta: &ParseNestedMeta<'_>) -> Result<Path> {
    if meta.input.peek(syn::Token![=]) || meta.input.peek(syn::token::Paren) {
        return Err(meta.error("this attribute takes no value; write only its name"));
    }
    Ok(meta.path.clone())
}

fn default(meta: &ParseNestedMeta<'_>) -> Result<FieldDefault> {
    let key = meta.path.clone();
    if meta.input.peek(syn::Token![=]) {
        return Ok(FieldDefault::Function(key, text(meta)?.parse()?));
    }
    Ok(FieldDefault::Trait(word(meta)?))
}

fn integer(meta: &ParseNestedMeta<'_>) -> Result<Ident> {
    const INTEGERS: [&str; 4] = ["i8", "i16", "i32", "i64"];
    let integer: Ident = meta.value()?.parse()?;
    if INTEGERS.iter().any(|known| integer == known) {
        return Ok(integer);
    }
    let message = format!("unsupported integer type `{integer}`: use one of {}", list(&INTEGERS));
    Err(Error::new(integer.span(), message))
}

fn unknown(meta: &ParseNestedMeta<'_>, place: &str, known: &[&str]) -> Error {
    let name = meta.path.segments.last().map(|name| name.ident.to_string()).unwrap_or_default();
    meta.error(format!("unknown attribute `{name}`: {place} supports {}", list(known)))
}
