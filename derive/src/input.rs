//! The parsed struct of a derive macro: its fields with their names, and the generics of an `impl`.

use std::collections::HashMap;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Data, DeriveInput, Error, Fields, GenericArgument, GenericParam, Generics, Ident, Lifetime,
    LifetimeParam, Member, PathArguments, Result, Type, TypeGenerics, WherePredicate, parse_quote,
};

use crate::attributes::{FieldAttributes, FieldDefault, TypeAttributes};

/// A struct that has a derive macro.
pub(crate) struct Struct<'i> {
    pub(crate) ident: &'i Ident,
    /// The name of the struct, for error messages.
    pub(crate) name: String,
    /// The path of the module `cqlwire::types`.
    pub(crate) types: TokenStream,
    pub(crate) is_strict: bool,
    /// True if the fields have names; otherwise they are read and bound by position.
    pub(crate) is_named: bool,
    pub(crate) fields: Vec<Field<'i>>,
    generics: &'i Generics,
}

/// A field of a struct.
pub(crate) struct Field<'i> {
    pub(crate) member: Member,
    pub(crate) ty: &'i Type,
    /// The name of the column, of the variable, or of the field of a user-defined type. Empty for a field of
    /// a struct with unnamed fields.
    pub(crate) name: String,
    /// The struct and the field, such as `User::age`, for error messages.
    pub(crate) path: String,
    pub(crate) attributes: FieldAttributes,
}

impl<'i> Struct<'i> {
    /// Parses the struct that has the derive macro `derive`.
    pub(crate) fn new(input: &'i DeriveInput, derive: &str) -> Result<Self> {
        let ident = &input.ident;
        let Data::Struct(data) = &input.data else {
            let message = format!(
                "derive({derive}) supports only structs; an enum can derive FromCql and ToCql"
            );
            return Err(Error::new(ident.span(), message));
        };
        let attributes = TypeAttributes::parse(&input.attrs)?;
        if let Some(integer) = &attributes.integer {
            return Err(Error::new(integer.span(), "`as` is only supported on enums"));
        }
        let is_named = match &data.fields {
            Fields::Named(_) => true,
            Fields::Unnamed(_) => false,
            Fields::Unit => {
                let message = format!("derive({derive}) requires a struct with fields");
                return Err(Error::new(ident.span(), message));
            }
        };
        let name = ident.unraw().to_string();
        let fields = data.fields.members().zip(&data.fields).map(|(member, field)| {
            let (name_in_path, column) = match &member {
                Member::Named(ident) => {
                    let plain = ident.unraw().to_string();
                    (plain.clone(), attributes.rename_all.map_or(plain, |rule| rule.apply(ident)))
                }
                Member::Unnamed(index) => (index.index.to_string(), String::new()),
            };
            let attributes = FieldAttributes::parse(&field.attrs)?;
            check_attributes(&attributes, is_named, &field.ty)?;
            let column = attributes.rename.as_ref().map_or(column, syn::LitStr::value);
            let path = format!("{name}::{name_in_path}");
            Ok(Field { member, ty: &field.ty, name: column, path, attributes })
        });
        let fields = fields.collect::<Result<Vec<_>>>()?;
        if is_named {
            check_names(&fields)?;
        }
        Ok(Self {
            ident,
            name,
            types: types(&attributes),
            is_strict: attributes.strict.is_some(),
            is_named,
            fields,
            generics: &input.generics,
        })
    }

    /// Returns the fields that are not skipped.
    pub(crate) fn used(&self) -> impl Iterator<Item = &Field<'i>> {
        self.fields.iter().filter(|field| field.attributes.skip.is_none())
    }

    /// Returns an error if the fields are unnamed or if one of them is flattened. User-defined types support
    /// neither.
    pub(crate) fn must_be_named(&self, derive: &str) -> Result<()> {
        let flattened = self.fields.iter().find_map(|field| field.attributes.flatten.as_ref());
        match (self.is_named, flattened) {
            (false, _) => {
                let message = format!(
                    "derive({derive}) requires named fields; a newtype can derive FromCql and ToCql"
                );
                Err(Error::new(self.ident.span(), message))
            }
            (true, Some(key)) => {
                let message = "`flatten` is not supported for user-defined types";
                Err(Error::new(key.span(), message))
            }
            (true, None) => Ok(()),
        }
    }

    /// Returns the generics for implementing a trait that reads values, such as `FromRow`, and the lifetime
    /// of the data that these values borrow.
    pub(crate) fn reading(&self) -> Result<(Generics, Lifetime)> {
        reading(self.generics)
    }

    /// Returns the generics for implementing a trait that writes values, such as `ToCql`.
    pub(crate) fn writing(&self) -> Generics {
        self.generics.clone()
    }

    /// Adds the `where` predicates that `bounds` returns, for each field whose type contains a type
    /// parameter.
    pub(crate) fn bounds(
        &self,
        generics: &mut Generics,
        bounds: impl Fn(&Field<'i>) -> Vec<WherePredicate>,
    ) {
        for field in self.fields.iter().filter(|field| is_generic(field.ty, self.generics)) {
            generics.make_where_clause().predicates.extend(bounds(field));
        }
    }

    /// Returns the generic arguments of the struct, as in `User<'r, T>`.
    pub(crate) fn type_generics(&self) -> TypeGenerics<'_> {
        self.generics.split_for_impl().1
    }
}

impl Field<'_> {
    /// Returns the type that the generated code reads: the field's type or, with
    /// `#[cql(null_as_default)]`, an `OrDefault` of it.
    pub(crate) fn read_type(&self, types: &TokenStream) -> TokenStream {
        let ty = self.ty;
        match self.attributes.null_as_default {
            Some(_) => quote!(#types::OrDefault<#ty>),
            None => quote!(#ty),
        }
    }

    /// Returns an expression for the field's value. `value` is the expression for the value that
    /// was read.
    pub(crate) fn read_value(&self, value: &TokenStream) -> TokenStream {
        match self.attributes.null_as_default {
            Some(_) => quote!(#value.0),
            None => value.clone(),
        }
    }

    /// Returns an expression for the value of a field that was not read, or `None` if the field has no
    /// default.
    pub(crate) fn default(&self) -> Option<TokenStream> {
        let by_trait = || quote_spanned!(self.ty.span()=> ::core::default::Default::default());
        match &self.attributes.default {
            Some(FieldDefault::Function(_, function)) => Some(quote!(#function())),
            Some(FieldDefault::Trait(_)) => Some(by_trait()),
            None => self.attributes.skip.as_ref().map(|_| by_trait()),
        }
    }

    /// Returns the `where` predicates for the field's type that the code for reading the field requires.
    pub(crate) fn reading_bounds(
        &self,
        types: &TokenStream,
        lifetime: &Lifetime,
    ) -> Vec<WherePredicate> {
        let (ty, read) = (self.ty, self.read_type(types));
        if self.attributes.flatten.is_some() {
            return vec![parse_quote!(#ty: #types::derived::NamedColumns<#lifetime>)];
        }
        let read =
            self.attributes.skip.is_none().then(|| parse_quote!(#read: #types::FromCql<#lifetime>));
        let by_function = matches!(self.attributes.default, Some(FieldDefault::Function(..)));
        let default = (!by_function && self.default().is_some())
            .then(|| parse_quote!(#ty: ::core::default::Default));
        read.into_iter().chain(default).collect()
    }

    /// Returns an expression for the `types::derived::Field` that describes this field. `check` is the
    /// function that checks the CQL type.
    pub(crate) fn description(&self, types: &TokenStream, check: &TokenStream) -> TokenStream {
        let (name, path) = (&self.name, &self.path);
        let is_optional = self.attributes.default.is_some();
        quote! {
            #types::derived::Field {
                path: ::core::option::Option::Some(#path),
                name: #name,
                check: #check,
                is_optional: #is_optional,
            }
        }
    }
}

/// Returns the path of the module `cqlwire::types`.
pub(crate) fn types(attributes: &TypeAttributes) -> TokenStream {
    match &attributes.krate {
        Some(krate) => quote!(#krate::types),
        None => quote!(::cqlwire::types),
    }
}

/// Returns the generics for implementing a trait that reads values, such as `FromRow`, and the lifetime of
/// the data that these values borrow. The lifetime is the lifetime parameter of the type, or a new parameter
/// if the type has none. Returns an error if the type has several.
pub(crate) fn reading(type_generics: &Generics) -> Result<(Generics, Lifetime)> {
    let mut generics = type_generics.clone();
    let mut lifetimes = type_generics.lifetimes();
    match (lifetimes.next(), lifetimes.next()) {
        (_, Some(second)) => Err(Error::new(
            second.span(),
            "only one lifetime parameter is supported: use the same one for all fields",
        )),
        (Some(only), None) => Ok((generics, only.lifetime.clone())),
        (None, None) => {
            let lifetime = Lifetime::new("'cql", Span::call_site());
            let parameter = GenericParam::Lifetime(LifetimeParam::new(lifetime.clone()));
            generics.params.insert(0, parameter);
            Ok((generics, lifetime))
        }
    }
}

/// Returns true if the type contains a type parameter.
pub(crate) fn is_generic(ty: &Type, generics: &Generics) -> bool {
    fn contains_parameter(tokens: TokenStream, generics: &Generics) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => generics.type_params().any(|param| param.ident == ident),
            TokenTree::Group(group) => contains_parameter(group.stream(), generics),
            _ => false,
        })
    }
    contains_parameter(ty.to_token_stream(), generics)
}

/// Returns the `T` of `Option<T>`, or `None` for any other type.
pub(crate) fn inside_option(ty: &Type) -> Option<&Type> {
    let path = match ty {
        // A type that was an argument of a `macro_rules` macro.
        Type::Group(group) => return inside_option(&group.elem),
        Type::Paren(paren) => return inside_option(&paren.elem),
        Type::Path(path) => path,
        _ => return None,
    };
    let last = path.path.segments.last().filter(|last| last.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(inside) => Some(inside),
        _ => None,
    }
}

/// Returns `count` names for local variables, one for each field.
pub(crate) fn variables(count: usize) -> Vec<Ident> {
    (0..count).map(|index| format_ident!("field_{index}")).collect()
}

/// Returns an error if an attribute has no effect on this kind of field, or beside another attribute of the
/// field.
fn check_attributes(attributes: &FieldAttributes, is_named: bool, ty: &Type) -> Result<()> {
    let rename = attributes.rename.as_ref().map(|rename| ("rename", rename.span()));
    let key = |name, key: &Option<syn::Path>| key.as_ref().map(|key| (name, key.span()));
    let default = attributes.default.as_ref().map(|default| ("default", default.key().span()));
    let flatten = key("flatten", &attributes.flatten);
    let null_as_default = key("null_as_default", &attributes.null_as_default);
    let unset_if_none = key("unset_if_none", &attributes.unset_if_none);
    if !is_named && let Some((name, span)) = rename.or(default).or(flatten) {
        let message = format!("`{name}` requires named fields");
        return Err(Error::new(span, message));
    }
    if attributes.skip.is_some()
        && let Some((name, span)) = rename.or(flatten).or(null_as_default).or(unset_if_none)
    {
        return Err(Error::new(span, format!("`{name}` has no effect on a skipped field")));
    }
    if attributes.flatten.is_some()
        && let Some((name, span)) = rename.or(default).or(null_as_default).or(unset_if_none)
    {
        let message = format!(
            "`{name}` has no effect on a flattened field; use it on the fields of its struct"
        );
        return Err(Error::new(span, message));
    }
    match unset_if_none {
        Some((_, span)) if inside_option(ty).is_none() => {
            Err(Error::new(span, "`unset_if_none` requires a field of type `Option`"))
        }
        _ => Ok(()),
    }
}

/// Returns an error if two fields have the same name. Skipped and flattened fields are not compared.
fn check_names(fields: &[Field<'_>]) -> Result<()> {
    let mut seen = HashMap::new();
    let named =
        |field: &&Field<'_>| field.attributes.skip.is_none() && field.attributes.flatten.is_none();
    for field in fields.iter().filter(named) {
        if let Some(first) = seen.insert(&field.name, &field.path) {
            let Field { name, path, .. } = field;
            let message = format!("`{first}` and `{path}` have the same name \"{name}\"");
            let span =
                field.attributes.rename.as_ref().map_or(field.member.span(), syn::LitStr::span);
            return Err(Error::new(span, message));
        }
    }
    Ok(())
}
