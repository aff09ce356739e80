//! `derive(ToValues)`, which binds named fields by name and unnamed fields by position.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Result, parse_quote};

use crate::input::{Field, Struct, inside_option};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let input = Struct::new(input, "ToValues")?;
    let (types, ident) = (&input.types, input.ident);
    let mut generics = input.writing();
    input.bounds(&mut generics, |field| {
        let ty = field.ty;
        if field.attributes.flatten.is_some() {
            return vec![parse_quote!(#ty: #types::ToNamedValues)];
        }
        let ty =
            inside_option(ty).filter(|_| field.attributes.unset_if_none.is_some()).unwrap_or(ty);
        let used = field.attributes.skip.is_none();
        used.then(|| parse_quote!(#ty: #types::ToCql)).into_iter().collect()
    });
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let named = input.is_named.then(|| {
        let body = named_values(&input);
        quote! {
            #[automatically_derived]
            #[allow(unreachable_code, unused_variables)]
            impl #impl_generics #types::ToNamedValues for #ident #type_generics #where_clause {
                #body
            }
        }
    });
    let bind = if input.is_named {
        quote!(binder.by_name(self))
    } else {
        let binds = input.used().map(|field| bind(field, types));
        quote! {
            #(#binds?;)*
            ::core::result::Result::Ok(())
        }
    };
    Ok(quote! {
        #named

        #[automatically_derived]
        #[allow(unused_variables)]
        impl #impl_generics #types::ToValues for #ident #type_generics #where_clause {
            fn bind(
                &self,
                binder: &mut #types::Binder<'_>,
            ) -> ::core::result::Result<(), #types::BindError> {
                #bind
            }
        }
    })
}

/// Returns the body of the `ToNamedValues` implementation.
fn named_values(input: &Struct<'_>) -> TokenStream {
    let (types, name, is_strict) = (&input.types, &input.name, input.is_strict);
    let arms = input.used().filter(|field| field.attributes.flatten.is_none()).map(|field| {
        let (name, bind) = (&field.name, bind(field, types));
        quote!(#name => #bind?,)
    });
    let flattened: Vec<_> = input
        .used()
        .filter(|field| field.attributes.flatten.is_some())
        .map(|field| {
            let (member, ty) = (&field.member, field.ty);
            let inner = quote_spanned!(ty.span()=> <#ty as #types::ToNamedValues>);
            (inner, member)
        })
        .collect();
    let bind_inner = flattened.iter().map(|(inner, member)| {
        quote! {
            if #inner::bind_named(&self.#member, name, binder)? {
                return ::core::result::Result::Ok(true);
            }
        }
    });
    let is_required = |field: &&Field<'_>| {
        field.attributes.flatten.is_none() && field.attributes.default.is_none()
    };
    let unused = input.used().filter(is_required).map(|field| {
        let (name, path) = (&field.name, &field.path);
        quote! {
            if !has_variable(#name) {
                return ::core::option::Option::Some(#path);
            }
        }
    });
    let unused_inner = flattened
        .iter()
        .map(|(inner, member)| quote!(.or_else(|| #inner::unused(&self.#member, has_variable))));
    quote! {
        const STRUCT: ::core::option::Option<&'static str> = ::core::option::Option::Some(#name);
        const IS_STRICT: bool = #is_strict;

        fn bind_named(
            &self,
            name: &str,
            binder: &mut #types::Binder<'_>,
        ) -> ::core::result::Result<bool, #types::BindError> {
            match name {
                #(#arms)*
                _ => {
                    #(#bind_inner)*
                    return ::core::result::Result::Ok(false);
                }
            }
            ::core::result::Result::Ok(true)
        }

        fn unused(
            &self,
            has_variable: &dyn ::core::ops::Fn(&str) -> bool,
        ) -> ::core::option::Option<&'static str> {
            #(#unused)*
            ::core::option::Option::None #(#unused_inner)*
        }
    }
}

/// Returns the call that binds one field.
fn bind(field: &Field<'_>, types: &TokenStream) -> TokenStream {
    let Field { member, path, ty, .. } = field;
    let value = match &field.attributes.unset_if_none {
        Some(_) => quote!(&#types::MaybeUnset::from(self.#member.as_ref())),
        None => quote_spanned!(ty.span()=> &self.#member),
    };
    quote_spanned!(ty.span()=> binder.field(#path, #value))
}
