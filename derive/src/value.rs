//! `derive(FromCql)` and `derive(ToCql)`: newtypes, and enums as text or as integers.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Data, DataEnum, DeriveInput, Error, Expr, Fields, Generics, Ident, Lifetime, Member, Result,
    Type, WherePredicate, parse_quote,
};

use crate::attributes::{OnField, OnType, OnVariant};
use crate::input::{is_generic, reading, types};

/// What can be one value.
enum Shape<'i> {
    Newtype(Member, &'i Type),
    Enum(Vec<Variant<'i>>),
}

/// A variant of an enum.
struct Variant<'i> {
    ident: &'i Ident,
    /// The text that stands for it, or the integer, as a constant.
    value: TokenStream,
    is_other: bool,
    /// What it holds, which only the other variant can.
    holds: Option<&'i Type>,
}

/// A newtype or an enum.
struct One<'i> {
    ident: &'i Ident,
    name: String,
    types: TokenStream,
    generics: &'i Generics,
    shape: Shape<'i>,
    /// The discriminants as constants, of an enum that is an integer.
    constants: Vec<TokenStream>,
    /// What an enum is written as: `str` or an integer.
    is: TokenStream,
    /// And read as.
    read: TokenStream,
}

pub(crate) fn derive_from(input: &DeriveInput) -> Result<TokenStream> {
    let one = One::new(input, "FromCql")?;
    let (mut generics, lifetime) = reading(one.generics)?;
    one.bounds(&mut generics, |ty, types| parse_quote!(#ty: #types::FromCql<#lifetime>));
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, type_generics, _) = one.generics.split_for_impl();
    let (types, ident) = (&one.types, one.ident);
    let body = match &one.shape {
        Shape::Newtype(member, ty) => newtype_from(member, ty, types, &lifetime),
        Shape::Enum(variants) => one.enum_from(variants, &lifetime),
    };
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #types::FromCql<#lifetime> for #ident #type_generics #where_clause {
            #body
        }
    })
}

pub(crate) fn derive_to(input: &DeriveInput) -> Result<TokenStream> {
    let one = One::new(input, "ToCql")?;
    let mut generics = one.generics.clone();
    one.bounds(&mut generics, |ty, types| parse_quote!(#ty: #types::ToCql));
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let (types, ident) = (&one.types, one.ident);
    let body = match &one.shape {
        Shape::Newtype(member, ty) => newtype_to(member, ty, types),
        Shape::Enum(variants) => one.enum_to(variants),
    };
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #types::ToCql for #ident #type_generics #where_clause {
            #body
        }
    })
}

impl<'i> One<'i> {
    fn new(input: &'i DeriveInput, derive: &str) -> Result<Self> {
        let on = OnType::parse(&input.attrs)?;
        if let Some(strict) = &on.strict {
            return Err(Error::new(
                strict.span(),
                "`strict` is for structs that have named fields",
            ));
        }
        let mut constants = Vec::new();
        let shape = match &input.data {
            Data::Enum(data) => Shape::Enum(variants(input, data, &on, &mut constants)?),
            Data::Struct(data) => newtype(input, &data.fields, &on, derive)?,
            Data::Union(_) => {
                let message = format!("derive({derive}) is for newtypes and enums, not for unions");
                return Err(Error::new(input.ident.span(), message));
            }
        };
        let (is, read) = match &on.integer {
            Some(integer) => (quote!(#integer), quote!(#integer)),
            None => (quote!(str), quote!(&str)),
        };
        let (ident, name) = (&input.ident, input.ident.unraw().to_string());
        let (types, generics) = (types(&on), &input.generics);
        Ok(Self { ident, name, types, generics, shape, constants, is, read })
    }

    /// Adds what has to hold of the type inside, if it is generic.
    fn bounds(
        &self,
        generics: &mut Generics,
        bound: impl Fn(&Type, &TokenStream) -> WherePredicate,
    ) {
        let inside = match &self.shape {
            Shape::Newtype(_, ty) => Some(*ty),
            Shape::Enum(variants) => variants.iter().find_map(|variant| variant.holds),
        };
        if let Some(ty) = inside.filter(|ty| is_generic(ty, self.generics)) {
            generics.make_where_clause().predicates.push(bound(ty, &self.types));
        }
    }

    /// The method `check` of an enum, which is that of text or of an integer in its own name.
    /// What the other variant holds is read and written, too, by its own `held` check.
    fn enum_check(
        &self,
        variants: &[Variant<'_>],
        held: impl Fn(&Type) -> TokenStream,
    ) -> TokenStream {
        let Self { name, types, is, .. } = self;
        let held = variants.iter().filter_map(|variant| variant.holds).map(held);
        quote! {
            fn check(
                cql_type: &#types::CqlType,
            ) -> ::core::result::Result<(), #types::TypeMismatch> {
                <#is as #types::ToCql>::check(cql_type)
                    .map_err(|mismatch| #types::derived::rename(#name, &mismatch))?;
                #(#held(cql_type)?;)*
                ::core::result::Result::Ok(())
            }
        }
    }

    fn enum_from(&self, variants: &[Variant<'_>], lifetime: &Lifetime) -> TokenStream {
        let Self { name, types, constants, read, .. } = self;
        let check = self.enum_check(
            variants,
            |ty| quote_spanned!(ty.span()=> <#ty as #types::FromCql<#lifetime>>::check),
        );
        let arms = variants.iter().filter(|variant| variant.holds.is_none()).map(|variant| {
            let Variant { ident, value, .. } = variant;
            quote!(#value => ::core::result::Result::Ok(Self::#ident),)
        });
        let other = match variants.iter().find(|variant| variant.is_other) {
            Some(Variant { ident, holds: Some(ty), .. }) => {
                let from =
                    quote_spanned!(ty.span()=> <#ty as #types::FromCql<#lifetime>>::from_cell);
                quote!(_ => #from(cell, cql_type).map(Self::#ident),)
            }
            Some(Variant { ident, .. }) => quote!(_ => ::core::result::Result::Ok(Self::#ident),),
            None => quote!(_ => ::core::result::Result::Err(#types::ValueError::NoVariant(#name)),),
        };
        quote! {
            #check

            fn from_cell(
                cell: #types::Cell<#lifetime>,
                cql_type: &#lifetime #types::CqlType,
            ) -> ::core::result::Result<Self, #types::ValueError> {
                #(#constants)*
                match <#read as #types::FromCql<'_>>::from_cell(cell, cql_type)? {
                    #(#arms)*
                    #other
                }
            }
        }
    }

    fn enum_to(&self, variants: &[Variant<'_>]) -> TokenStream {
        let Self { types, constants, is, .. } = self;
        let check = self
            .enum_check(variants, |ty| quote_spanned!(ty.span()=> <#ty as #types::ToCql>::check));
        let arms = variants.iter().map(|Variant { ident, value, holds, .. }| match holds {
            Some(ty) => {
                let to_cql = quote_spanned!(ty.span()=> <#ty as #types::ToCql>::to_cql);
                quote!(Self::#ident(other) => #to_cql(other, cql_type, writer),)
            }
            None => {
                // Texts are references already.
                let value = if constants.is_empty() { value.clone() } else { quote!(&#value) };
                quote!(Self::#ident => <#is as #types::ToCql>::to_cql(#value, cql_type, writer),)
            }
        });
        quote! {
            #check

            fn to_cql(
                &self,
                cql_type: &#types::CqlType,
                writer: &mut #types::derived::Writer<'_>,
            ) -> ::core::result::Result<(), #types::BindErrorKind> {
                #(#constants)*
                match self {
                    #(#arms)*
                }
            }
        }
    }
}

fn newtype_from(
    member: &Member,
    ty: &Type,
    types: &TokenStream,
    lifetime: &Lifetime,
) -> TokenStream {
    let inside = quote_spanned!(ty.span()=> <#ty as #types::FromCql<#lifetime>>);
    quote! {
        const SIZE: ::core::option::Option<usize> = #inside::SIZE;

        fn check(
            cql_type: &#types::CqlType,
        ) -> ::core::result::Result<(), #types::TypeMismatch> {
            #inside::check(cql_type)
        }

        #[inline]
        fn from_cell(
            cell: #types::Cell<#lifetime>,
            cql_type: &#lifetime #types::CqlType,
        ) -> ::core::result::Result<Self, #types::ValueError> {
            #inside::from_cell(cell, cql_type).map(|value| Self { #member: value })
        }

        #[inline]
        fn from_null() -> ::core::result::Result<Self, #types::ValueError> {
            #inside::from_null().map(|value| Self { #member: value })
        }
    }
}

fn newtype_to(member: &Member, ty: &Type, types: &TokenStream) -> TokenStream {
    let inside = quote_spanned!(ty.span()=> <#ty as #types::ToCql>);
    quote! {
        fn check(
            cql_type: &#types::CqlType,
        ) -> ::core::result::Result<(), #types::TypeMismatch> {
            #inside::check(cql_type)
        }

        fn check_part(
            cql_type: &#types::CqlType,
        ) -> ::core::result::Result<(), #types::TypeMismatch> {
            #inside::check_part(cql_type)
        }

        #[inline]
        fn to_cql(
            &self,
            cql_type: &#types::CqlType,
            writer: &mut #types::derived::Writer<'_>,
        ) -> ::core::result::Result<(), #types::BindErrorKind> {
            #inside::to_cql(&self.#member, cql_type, writer)
        }
    }
}

fn newtype<'i>(
    input: &DeriveInput,
    fields: &'i Fields,
    on: &OnType,
    derive: &str,
) -> Result<Shape<'i>> {
    if let Some(integer) = &on.integer {
        return Err(Error::new(integer.span(), "`as` is for enums: a newtype is what it holds"));
    }
    let mut members = fields.members().zip(fields);
    let (Some((member, field)), None) = (members.next(), members.next()) else {
        let message = format!(
            "derive({derive}) is for newtypes, which have one field, and for enums; a struct of \
             several fields can derive FromUdt and ToUdt"
        );
        return Err(Error::new(input.ident.span(), message));
    };
    OnField::parse(&field.attrs)?.must_be_empty()?;
    Ok(Shape::Newtype(member, &field.ty))
}

fn variants<'i>(
    input: &DeriveInput,
    data: &'i DataEnum,
    on: &OnType,
    constants: &mut Vec<TokenStream>,
) -> Result<Vec<Variant<'i>>> {
    let mut variants: Vec<Variant<'_>> = Vec::new();
    let mut texts = std::collections::HashSet::new();
    for variant in &data.variants {
        let (ident, attributes) = (&variant.ident, OnVariant::parse(&variant.attrs)?);
        let is_other = attributes.other.is_some();
        let holds = match (&variant.fields, is_other) {
            (Fields::Unit, _) => None,
            (Fields::Unnamed(fields), true) if fields.unnamed.len() == 1 => {
                fields.unnamed.first().map(|field| &field.ty)
            }
            _ => {
                let message = "a variant holds nothing, but the one that is `#[cql(other)]`, which \
                               can hold the value";
                return Err(Error::new(variant.span(), message));
            }
        };
        if let Some(other) = &attributes.other
            && variants.iter().any(|variant| variant.is_other)
        {
            return Err(Error::new(other.span(), "only one variant can stand for all others"));
        }
        let value = match (&on.integer, &attributes.rename) {
            (Some(_), Some(rename)) => {
                let message = "an enum that is an integer has no texts: remove `rename`";
                return Err(Error::new(rename.span(), message));
            }
            (Some(integer), None) => {
                let discriminant = variant.discriminant.as_ref().map(|(_, value)| value);
                let constant = constant(constants, integer, discriminant);
                quote!(#constant)
            }
            (None, rename) => {
                let renamed = || match on.rename_all {
                    Some(rule) => rule.apply(ident),
                    None => ident.unraw().to_string(),
                };
                let text = rename.as_ref().map_or_else(renamed, syn::LitStr::value);
                if holds.is_none() && !texts.insert(text.clone()) {
                    let span = rename.as_ref().map_or(ident.span(), syn::LitStr::span);
                    return Err(Error::new(span, format!("two variants are the text \"{text}\"")));
                }
                quote!(#text)
            }
        };
        variants.push(Variant { ident, value, is_other, holds });
    }
    if variants.is_empty() {
        return Err(Error::new(input.ident.span(), "an enum without variants has no values"));
    }
    Ok(variants)
}

/// Adds the constant that a variant's discriminant is: what the enum says, or one more than that of
/// the variant before.
fn constant(constants: &mut Vec<TokenStream>, integer: &Ident, says: Option<&Expr>) -> Ident {
    let name = |index: usize| format_ident!("VARIANT_{index}");
    let (index, constant) = (constants.len(), name(constants.len()));
    let value = match (says, index.checked_sub(1).map(name)) {
        (Some(value), _) => quote!(#value),
        (None, Some(before)) => quote!(#before + 1),
        (None, None) => quote!(0),
    };
    constants.push(quote!(#[allow(dead_code)] const #constant: #integer = #value;));
    constant
}
