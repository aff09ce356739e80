//! `derive(FromUdt)` and `derive(ToUdt)`, which read and write a struct as a user-defined type.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Result, parse_quote};

use crate::input::{Struct, variables};

pub(crate) fn derive_from(input: &DeriveInput) -> Result<TokenStream> {
    let input = Struct::new(input, "FromUdt")?;
    input.must_be_named("FromUdt")?;
    let (mut generics, lifetime) = input.reading()?;
    let (types, ident) = (&input.types, input.ident);
    input.bounds(&mut generics, |field| field.reading_bounds(types, &lifetime));
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let type_generics = input.type_generics();

    let check = check(&input, |field| {
        let read = field.read_type(types);
        quote_spanned!(field.ty.span()=> <#read as #types::FromCql<#lifetime>>::check)
    });
    let variables = variables(input.fields.len());
    let used =
        || variables.iter().zip(&input.fields).filter(|(_, field)| field.attributes.skip.is_none());
    let lets = used().map(|(variable, field)| {
        let read = field.read_type(types);
        quote!(let mut #variable: ::core::option::Option<#read> = ::core::option::Option::None;)
    });
    let arms = used().map(|(variable, field)| {
        let (name, path) = (&field.name, &field.path);
        let read = quote!(#types::derived::read_field(#path, cell, cql_type)?);
        quote!(#name => #variable = ::core::option::Option::Some(#read),)
    });
    let built = variables.iter().zip(&input.fields).map(|(variable, field)| {
        let (member, path, default) = (&field.member, &field.path, field.default());
        if field.attributes.skip.is_some() {
            return quote!(#member: #default);
        }
        let value = field.read_value(&quote!(value));
        let default = default.unwrap_or_else(
            || quote!(return ::core::result::Result::Err(#types::ValueError::NullField(#path))),
        );
        quote! {
            #member: match #variable {
                ::core::option::Option::Some(value) => #value,
                ::core::option::Option::None => #default,
            }
        }
    });
    Ok(quote! {
        #[automatically_derived]
        #[allow(unused_variables)]
        impl #impl_generics #types::FromCql<#lifetime> for #ident #type_generics #where_clause {
            #check

            fn from_cell(
                cell: #types::Cell<#lifetime>,
                cql_type: &#lifetime #types::CqlType,
            ) -> ::core::result::Result<Self, #types::ValueError> {
                #(#lets)*
                #types::derived::read_udt(cell, cql_type, |name, cell, cql_type| {
                    match name {
                        #(#arms)*
                        _ => {}
                    }
                    ::core::result::Result::Ok(())
                })?;
                ::core::result::Result::Ok(Self { #(#built,)* })
            }
        }
    })
}

pub(crate) fn derive_to(input: &DeriveInput) -> Result<TokenStream> {
    let input = Struct::new(input, "ToUdt")?;
    input.must_be_named("ToUdt")?;
    let (types, ident) = (&input.types, input.ident);
    let mut generics = input.writing();
    input.bounds(&mut generics, |field| {
        let (ty, used) = (field.ty, field.attributes.skip.is_none());
        used.then(|| parse_quote!(#ty: #types::ToCql)).into_iter().collect()
    });
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();

    let check = check(&input, |field| {
        let ty = field.ty;
        quote_spanned!(ty.span()=> <#ty as #types::ToCql>::check_part)
    });
    let arms = input.used().map(|field| {
        let (name, member, ty) = (&field.name, &field.member, field.ty);
        let to_cql = quote_spanned!(ty.span()=> <#ty as #types::ToCql>::to_cql);
        quote!(#name => #to_cql(&self.#member, cql_type, writer)?,)
    });
    Ok(quote! {
        #[automatically_derived]
        #[allow(unreachable_code, unused_variables)]
        impl #impl_generics #types::ToCql for #ident #type_generics #where_clause {
            #check

            fn to_cql(
                &self,
                cql_type: &#types::CqlType,
                writer: &mut #types::derived::Writer<'_>,
            ) -> ::core::result::Result<(), #types::BindErrorKind> {
                #types::derived::write_udt(cql_type, writer, |name, cql_type, writer| {
                    match name {
                        #(#arms)*
                        _ => return ::core::result::Result::Ok(false),
                    }
                    ::core::result::Result::Ok(true)
                })
            }
        }
    })
}

/// Returns the method `check`, which compares the fields of the struct with those of the user-defined type.
/// The argument `check` returns the function that checks the type of one field.
fn check(
    input: &Struct<'_>,
    check: impl Fn(&crate::input::Field<'_>) -> TokenStream,
) -> TokenStream {
    let (types, name, is_strict) = (&input.types, &input.name, input.is_strict);
    let fields = input.used().map(|field| field.description(types, &check(field)));
    quote! {
        fn check(
            cql_type: &#types::CqlType,
        ) -> ::core::result::Result<(), #types::TypeMismatch> {
            #types::derived::check_udt(#name, &[#(#fields),*], #is_strict, cql_type)
        }
    }
}
