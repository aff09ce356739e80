//! A struct as the macros see it: its fields with their names, and the generics of an `impl`.

use std::collections::HashMap;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Data, DeriveInput, Error, Fields, GenericArgument, GenericParam, Generics, Ident, Lifetime,
    LifetimeParam, Member, PathArguments, Result, Type, TypeGenerics, WherePredicate, parse_quote,
};

use crate::attributes::{FieldDefault, OnField, OnType};

/// A struct.
pub(crate) struct Struct<'i> {
    pub(crate) ident: &'i Ident,
    /// Its name in messages.
    pub(crate) name: String,
    /// The module `types` of cqlwire.
    pub(crate) types: TokenStream,
    pub(crate) is_strict: bool,
    /// Whether its fields have names; if not, they go by position.
    pub(crate) is_named: bool,
    pub(crate) fields: Vec<Field<'i>>,
    generics: &'i Generics,
}

/// A field of a struct.
pub(crate) struct Field<'i> {
    pub(crate) member: Member,
    pub(crate) ty: &'i Type,
    /// The name of its column.
    pub(crate) name: String,
    /// What messages call it: `User::age`.
    pub(crate) path: String,
    pub(crate) on: OnField,
}

impl<'i> Struct<'i> {
    /// The struct that `derive` is on.
    pub(crate) fn new(input: &'i DeriveInput, derive: &str) -> Result<Self> {
        let ident = &input.ident;
        let Data::Struct(data) = &input.data else {
            let message = format!(
                "derive({derive}) is for structs; an enum can derive FromCql and ToCql, as text or \
                 as an integer"
            );
            return Err(Error::new(ident.span(), message));
        };
        let on = OnType::parse(&input.attrs)?;
        if let Some(integer) = &on.integer {
            return Err(Error::new(integer.span(), "`as` is for enums: a struct has fields"));
        }
        let is_named = match &data.fields {
            Fields::Named(_) => true,
            Fields::Unnamed(_) => false,
            Fields::Unit => {
                let message = format!("derive({derive}) needs fields, and this struct has none");
                return Err(Error::new(ident.span(), message));
            }
        };
        let name = ident.unraw().to_string();
        let fields = data.fields.members().zip(&data.fields).map(|(member, field)| {
            let (name_in_path, column) = match &member {
                Member::Named(ident) => {
                    let plain = ident.unraw().to_string();
                    (plain.clone(), on.rename_all.map_or(plain, |rule| rule.apply(ident)))
                }
                Member::Unnamed(index) => (index.index.to_string(), String::new()),
            };
            let on = OnField::parse(&field.attrs)?;
            check_attributes(&on, is_named, &field.ty)?;
            let column = on.rename.as_ref().map_or(column, syn::LitStr::value);
            let path = format!("{name}::{name_in_path}");
            Ok(Field { member, ty: &field.ty, name: column, path, on })
        });
        let fields = fields.collect::<Result<Vec<_>>>()?;
        if is_named {
            check_names(&fields)?;
        }
        Ok(Self {
            ident,
            name,
            types: types(&on),
            is_strict: on.strict.is_some(),
            is_named,
            fields,
            generics: &input.generics,
        })
    }

    /// The fields that are read and written.
    pub(crate) fn used(&self) -> impl Iterator<Item = &Field<'i>> {
        self.fields.iter().filter(|field| field.on.skip.is_none())
    }

    /// Refuses a struct whose fields cannot be called by name.
    pub(crate) fn must_be_named(&self, derive: &str) -> Result<()> {
        let flattened = self.fields.iter().find_map(|field| field.on.flatten.as_ref());
        match (self.is_named, flattened) {
            (false, _) => {
                let message = format!(
                    "derive({derive}) finds fields by name, and these have none; a newtype can \
                     derive FromCql and ToCql"
                );
                Err(Error::new(self.ident.span(), message))
            }
            (true, Some(key)) => {
                let message = "a user-defined type has no flattened fields: give the field a type \
                               of its own";
                Err(Error::new(key.span(), message))
            }
            (true, None) => Ok(()),
        }
    }

    /// Generics of an `impl` of a trait that reads, and the lifetime it reads for.
    pub(crate) fn reading(&self) -> Result<(Generics, Lifetime)> {
        reading(self.generics)
    }

    /// Generics of an `impl` of a trait that writes.
    pub(crate) fn writing(&self) -> Generics {
        self.generics.clone()
    }

    /// Adds what has to hold of the fields' types where they are generic.
    pub(crate) fn bounds(
        &self,
        generics: &mut Generics,
        bounds: impl Fn(&Field<'i>) -> Vec<WherePredicate>,
    ) {
        for field in self.fields.iter().filter(|field| is_generic(field.ty, self.generics)) {
            generics.make_where_clause().predicates.extend(bounds(field));
        }
    }

    /// Its own generics, as in `User<'r, T>`.
    pub(crate) fn type_generics(&self) -> TypeGenerics<'_> {
        self.generics.split_for_impl().1
    }
}

impl Field<'_> {
    /// What is read, which is not the field's type where null has a default.
    pub(crate) fn read_type(&self, types: &TokenStream) -> TokenStream {
        let ty = self.ty;
        match self.on.null_as_default {
            Some(_) => quote!(#types::OrDefault<#ty>),
            None => quote!(#ty),
        }
    }

    /// The field of what was read.
    pub(crate) fn of_read(&self, value: &TokenStream) -> TokenStream {
        match self.on.null_as_default {
            Some(_) => quote!(#value.0),
            None => value.clone(),
        }
    }

    /// The value of a field that nothing was read for, if it has one.
    pub(crate) fn default(&self) -> Option<TokenStream> {
        let by_trait = || quote_spanned!(self.ty.span()=> ::core::default::Default::default());
        match &self.on.default {
            Some(FieldDefault::Function(_, function)) => Some(quote!(#function())),
            Some(FieldDefault::Trait(_)) => Some(by_trait()),
            None => self.on.skip.as_ref().map(|_| by_trait()),
        }
    }

    /// What has to hold of its type for it to be read.
    pub(crate) fn reading_bounds(
        &self,
        types: &TokenStream,
        lifetime: &Lifetime,
    ) -> Vec<WherePredicate> {
        let (ty, read) = (self.ty, self.read_type(types));
        if self.on.flatten.is_some() {
            return vec![parse_quote!(#ty: #types::derived::NamedColumns<#lifetime>)];
        }
        let read = self.on.skip.is_none().then(|| parse_quote!(#read: #types::FromCql<#lifetime>));
        let by_function = matches!(self.on.default, Some(FieldDefault::Function(..)));
        let default = (!by_function && self.default().is_some())
            .then(|| parse_quote!(#ty: ::core::default::Default));
        read.into_iter().chain(default).collect()
    }

    /// What a `Field` of `types::derived` says of it.
    pub(crate) fn description(&self, types: &TokenStream, check: &TokenStream) -> TokenStream {
        let (name, path) = (&self.name, &self.path);
        let is_optional = self.on.default.is_some();
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

/// The module `types` of cqlwire.
pub(crate) fn types(on: &OnType) -> TokenStream {
    match &on.krate {
        Some(krate) => quote!(#krate::types),
        None => quote!(::cqlwire::types),
    }
}

/// Generics of an `impl` that reads for a lifetime: that of the type, or one of its own.
pub(crate) fn reading(of: &Generics) -> Result<(Generics, Lifetime)> {
    let mut generics = of.clone();
    let mut lifetimes = of.lifetimes();
    match (lifetimes.next(), lifetimes.next()) {
        (_, Some(second)) => Err(Error::new(
            second.span(),
            "what is read is borrowed for one lifetime: give all the fields the same",
        )),
        (Some(one), None) => Ok((generics, one.lifetime.clone())),
        (None, None) => {
            let lifetime = Lifetime::new("'cql", Span::call_site());
            let parameter = GenericParam::Lifetime(LifetimeParam::new(lifetime.clone()));
            generics.params.insert(0, parameter);
            Ok((generics, lifetime))
        }
    }
}

/// Whether the type names a type parameter.
pub(crate) fn is_generic(ty: &Type, generics: &Generics) -> bool {
    fn names(tokens: TokenStream, generics: &Generics) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => generics.type_params().any(|param| param.ident == ident),
            TokenTree::Group(group) => names(group.stream(), generics),
            _ => false,
        })
    }
    names(ty.to_token_stream(), generics)
}

/// The `T` of `Option<T>`.
pub(crate) fn inside_option(ty: &Type) -> Option<&Type> {
    let path = match ty {
        // A type that came through a `macro_rules`.
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

/// Names of variables, one for each field.
pub(crate) fn variables(count: usize) -> Vec<Ident> {
    (0..count).map(|index| format_ident!("field_{index}")).collect()
}

/// Refuses attributes that say nothing together, or on such a field.
fn check_attributes(on: &OnField, is_named: bool, ty: &Type) -> Result<()> {
    let rename = on.rename.as_ref().map(|rename| ("rename", rename.span()));
    let key = |name, key: &Option<syn::Path>| key.as_ref().map(|key| (name, key.span()));
    let default = on.default.as_ref().map(|default| ("default", default.key().span()));
    let flatten = key("flatten", &on.flatten);
    let null_as_default = key("null_as_default", &on.null_as_default);
    let unset_if_none = key("unset_if_none", &on.unset_if_none);
    if !is_named && let Some((name, span)) = rename.or(default).or(flatten) {
        let message = format!("fields without names go by position, where `{name}` means nothing");
        return Err(Error::new(span, message));
    }
    if on.skip.is_some()
        && let Some((name, span)) = rename.or(flatten).or(null_as_default).or(unset_if_none)
    {
        return Err(Error::new(span, format!("a field that is skipped has no use for `{name}`")));
    }
    if on.flatten.is_some()
        && let Some((name, span)) = rename.or(default).or(null_as_default).or(unset_if_none)
    {
        let message =
            format!("a flattened field has no column of its own: `{name}` belongs on its fields");
        return Err(Error::new(span, message));
    }
    match unset_if_none {
        Some((_, span)) if inside_option(ty).is_none() => {
            Err(Error::new(span, "`unset_if_none` is for a field that is an `Option`"))
        }
        _ => Ok(()),
    }
}

/// Refuses two fields of one name.
fn check_names(fields: &[Field<'_>]) -> Result<()> {
    let mut seen = HashMap::new();
    let named = |field: &&Field<'_>| field.on.skip.is_none() && field.on.flatten.is_none();
    for field in fields.iter().filter(named) {
        if let Some(first) = seen.insert(&field.name, &field.path) {
            let Field { name, path, .. } = field;
            let message = format!("`{first}` and `{path}` are both called \"{name}\"");
            let span = field.on.rename.as_ref().map_or(field.member.span(), syn::LitStr::span);
            return Err(Error::new(span, message));
        }
    }
    Ok(())
}
