//! `derive(FromCql)` and `derive(ToCql)`, which read and write newtypes, and enums as text or integers.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Data, DataEnum, DeriveInput, Error, Expr, Fields, Generics, Ident, Lifetime, Member, Result,
    Type, WherePredicate, parse_quote,
};

use crate::attributes::{FieldAttributes, TypeAttributes, VariantAttributes};
use crate::input::{is_generic, reading, types};

/// A newtype with its field, or an enum with its variants.
enum Shape<'i> {
    Newtype(Member, &'i Type),
    Enum(Vec<Variant<'i>>),
}

/// A variant of an enum.
struct Variant<'i> {
    ident: &'i Ident,
    /// An expression for the value of the variant: its text, or the constant of its discriminant.
    value: TokenStream,
    is_other: bool,
    /// The type of the field, or `None` if the variant has no field. Only the `other` variant can have a
    /// field.
    field: Option<&'i Type>,
}

/// A newtype or an enum with a derive macro.
struct ValueType<'i> {
    ident: &'i Ident,
    name: String,
    types: TokenStream,
    generics: &'i Generics,
    shape: Shape<'i>,
    /// The constants of the discriminants, if the type is an enum with `as`; otherwise empty.
    constants: Vec<TokenStream>,
    /// The type that an enum is written as: `str` or an integer.
    write_type: TokenStream,
    /// The type that an enum is read as: `&str` or an integer.
    read_type: TokenStream,
}

pub(crate) fn derive_from(input: &DeriveInput) -> Result<TokenStream> {
    let value = ValueType::new(input, "FromCql")?;
    let (mut generics, lifetime) = reading(value.generics)?;
    value.bounds(&mut generics, |ty, types| parse_quote!(#ty: #types::FromCql<#lifetime>));
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, type_generics, _) = value.generics.split_for_impl();
    let (types, ident) = (&value.types, value.ident);
    let body = match &value.shape {
        Shape::Newtype(member, ty) => newtype_from(member, ty, types, &lifetime),
        Shape::Enum(variants) => value.enum_from(variants, &lifetime),
    };
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #types::FromCql<#lifetime> for #ident #type_generics #where_clause {
            #body
        }
    })
}

pub(crate) fn derive_to(input: &DeriveInput) -> Result<TokenStream> {
    let value = ValueType::new(input, "ToCql")?;
    let mut generics = value.generics.clone();
    value.bounds(&mut generics, |ty, types| parse_quote!(#ty: #types::ToCql));
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let (types, ident) = (&value.types, value.ident);
    let body = match &value.shape {
        Shape::Newtype(member, ty) => newtype_to(member, ty, types),
        Shape::Enum(variants) => value.enum_to(variants),
    };
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #types::ToCql for #ident #type_generics #where_clause {
            #body
        }
    })
}

impl<'i> ValueType<'i> {
    fn new(input: &'i DeriveInput, derive: &str) -> Result<Self> {
        let attributes = TypeAttributes::parse(&input.attrs)?;
        if let Some(strict) = &attributes.strict {
            return Err(Error::new(
                strict.span(),
                "`strict` is only supported on structs with named fields",
            ));
        }
        let mut constants = Vec::new();
        let shape = match &input.data {
            Data::Enum(data) => Shape::Enum(variants(input, data, &attributes, &mut constants)?),
            Data::Struct(data) => newtype(input, &data.fields, &attributes, derive)?,
            Data::Union(_) => {
                let message = format!("derive({derive}) supports only newtypes and enums");
                return Err(Error::new(input.ident.span(), message));
            }
        };
        let (write_type, read_type) = match &attributes.integer {
            Some(integer) => (quote!(#integer), quote!(#integer)),
            None => (quote!(str), quote!(&str)),
        };
        let (ident, name) = (&input.ident, input.ident.unraw().to_string());
        let (types, generics) = (types(&attributes), &input.generics);
        Ok(Self { ident, name, types, generics, shape, constants, write_type, read_type })
    }

    /// Adds a `where` bound for the type of the field, if that type contains a type parameter.
    fn bounds(
        &self,
        generics: &mut Generics,
        bound: impl Fn(&Type, &TokenStream) -> WherePredicate,
    ) {
        let inside = match &self.shape {
            Shape::Newtype(_, ty) => Some(*ty),
            Shape::Enum(variants) => variants.iter().find_map(|variant| variant.field),
        };
        if let Some(ty) = inside.filter(|ty| is_generic(ty, self.generics)) {
            generics.make_where_clause().predicates.push(bound(ty, &self.types));
        }
    }

    /// Returns the method `check` of an enum. The method accepts the CQL types that text or the integer
    /// supports, and names the enum in its error. `field_check` returns the function that checks the field of
    /// the `other` variant.
    fn enum_check(
        &self,
        variants: &[Variant<'_>],
        field_check: impl Fn(&Type) -> TokenStream,
    ) -> TokenStream {
        let Self { name, types, write_type, .. } = self;
        let field_checks = variants.iter().filter_map(|variant| variant.field).map(field_check);
        quote! {
            fn check(
                cql_type: &#types::CqlType,
            ) -> ::core::result::Result<(), #types::TypeMismatch> {
                <#write_type as #types::ToCql>::check(cql_type)
                    .map_err(|mismatch| #types::derived::rename(#name, &mismatch))?;
                #(#field_checks(cql_type)?;)*
                ::core::result::Result::Ok(())
            }
        }
    }

    fn enum_from(&self, variants: &[Variant<'_>], lifetime: &Lifetime) -> TokenStream {
        let Self { name, types, constants, read_type, .. } = self;
        let check = self.enum_check(
            variants,
            |ty| quote_spanned!(ty.span()=> <#ty as #types::FromCql<#lifetime>>::check),
        );
        let arms = variants.iter().filter(|variant| variant.field.is_none()).map(|variant| {
            let Variant { ident, value, .. } = variant;
            quote!(#value => ::core::result::Result::Ok(Self::#ident),)
        });
        let other = match variants.iter().find(|variant| variant.is_other) {
            Some(Variant { ident, field: Some(ty), .. }) => {
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
                match <#read_type as #types::FromCql<'_>>::from_cell(cell, cql_type)? {
                    #(#arms)*
                    #other
                }
            }
        }
    }

    fn enum_to(&self, variants: &[Variant<'_>]) -> TokenStream {
        let Self { types, constants, write_type, .. } = self;
        let check = self
            .enum_check(variants, |ty| quote_spanned!(ty.span()=> <#ty as #types::ToCql>::check));
        let arms = variants.iter().map(|Variant { ident, value, field, .. }| match field {
            Some(ty) => {
                let to_cql = quote_spanned!(ty.span()=> <#ty as #types::ToCql>::to_cql);
                quote!(Self::#ident(other) => #to_cql(other, cql_type, writer),)
            }
            None => {
                // A text is a reference already, and an integer is not.
                let value = if constants.is_empty() { value.clone() } else { quote!(&#value) };
                quote!(Self::#ident => <#write_type as #types::ToCql>::to_cql(#value, cql_type, writer),)
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
    attributes: &TypeAttributes,
    derive: &str,
) -> Result<Shape<'i>> {
    if let Some(integer) = &attributes.integer {
        return Err(Error::new(integer.span(), "`as` is only supported on enums"));
    }
    let mut members = fields.members().zip(fields);
    let (Some((member, field)), None) = (members.next(), members.next()) else {
        let message = format!(
            "derive({derive}) supports structs with one field, and enums; a struct with several \
             fields can derive FromUdt and ToUdt"
        );
        return Err(Error::new(input.ident.span(), message));
    };
    FieldAttributes::parse(&field.attrs)?.must_be_empty()?;
    Ok(Shape::Newtype(member, &field.ty))
}

fn variants<'i>(
    input: &DeriveInput,
    data: &'i DataEnum,
    type_attributes: &TypeAttributes,
    constants: &mut Vec<TokenStream>,
) -> Result<Vec<Variant<'i>>> {
    let mut variants: Vec<Variant<'_>> = Vec::new();
    let mut texts = std::collections::HashSet::new();
    for variant in &data.variants {
        let (ident, attributes) = (&variant.ident, VariantAttributes::parse(&variant.attrs)?);
        let is_other = attributes.other.is_some();
        let field = match (&variant.fields, is_other) {
            (Fields::Unit, _) => None,
            (Fields::Unnamed(fields), true) if fields.unnamed.len() == 1 => {
                fields.unnamed.first().map(|unnamed| &unnamed.ty)
            }
            _ => {
                let message = "a variant cannot have fields, except one field of the \
                               `#[cql(other)]` variant";
                return Err(Error::new(variant.span(), message));
            }
        };
        if let Some(other) = &attributes.other
            && variants.iter().any(|variant| variant.is_other)
        {
            return Err(Error::new(other.span(), "only one variant can be `other`"));
        }
        let value = match (&type_attributes.integer, &attributes.rename) {
            (Some(_), Some(rename)) => {
                let message = "`rename` has no effect on an enum with `as`";
                return Err(Error::new(rename.span(), message));
            }
            (Some(integer), None) => {
                let discriminant = variant.discriminant.as_ref().map(|(_, value)| value);
                let constant = constant(constants, integer, discriminant);
                quote!(#constant)
            }
            (None, rename) => {
                let renamed = || match type_attributes.rename_all {
                    Some(rule) => rule.apply(ident),
                    None => ident.unraw().to_string(),
                };
                let text = rename.as_ref().map_or_else(renamed, syn::LitStr::value);
                if field.is_none() && !texts.insert(text.clone()) {
                    let span = rename.as_ref().map_or(ident.span(), syn::LitStr::span);
                    return Err(Error::new(
                        span,
                        format!("two variants have the same text \"{text}\""),
                    ));
                }
                quote!(#text)
            }
        };
        variants.push(Variant { ident, value, is_other, field });
    }
    if variants.is_empty() {
        return Err(Error::new(input.ident.span(), "an enum needs at least one variant"));
    }
    Ok(variants)
}

/// Adds a constant for the discriminant of a variant and returns its name. The discriminant is `explicit` or,
/// if that is `None`, one more than that of the previous variant. The first discriminant is 0 by default.
fn constant(constants: &mut Vec<TokenStream>, integer: &Ident, explicit: Option<&Expr>) -> Ident {
    let name = |index: usize| format_ident!("VARIANT_{index}");
    let (index, constant) = (constants.len(), name(constants.len()));
    let value = match (explicit, index.checked_sub(1).map(name)) {
        (Some(value), _) => quote!(#value),
        (None, Some(previous)) => quote!(#previous + 1),
        (None, None) => quote!(0),
    };
    constants.push(quote!(#[allow(dead_code)] const #constant: #integer = #value;));
    constant
}
