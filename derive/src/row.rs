//! `derive(FromRow)`, which reads named fields by column name and unnamed fields by position.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Lifetime, Result};

use crate::input::{Field, Struct};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let input = Struct::new(input, "FromRow")?;
    let (mut generics, lifetime) = input.reading()?;
    let (types, ident) = (&input.types, input.ident);
    input.bounds(&mut generics, |field| field.reading_bounds(types, &lifetime));
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let type_generics = input.type_generics();

    let columns = columns(&input, &lifetime);
    let named = input.is_named.then(|| {
        let body = named_columns(&input, &lifetime);
        quote! {
            #[automatically_derived]
            #[allow(unused_variables, unused_mut)]
            impl #impl_generics #types::derived::NamedColumns<#lifetime>
                for #ident #type_generics #where_clause { #body }
        }
    });
    let (plan, find, read) = if input.is_named {
        let plan = quote!(#types::derived::Plan);
        (plan, quote!(plan_by_name::<Self>(columns)), quote!(read_by_name(row, plan)))
    } else {
        (quote!(()), quote!(plan_by_position::<Self>(columns)), quote!(read_by_position(row)))
    };
    Ok(quote! {
        #[automatically_derived]
        #[allow(unused_variables)]
        impl #impl_generics #types::derived::Columns<#lifetime>
            for #ident #type_generics #where_clause { #columns }

        #named

        #[automatically_derived]
        #[allow(unused_variables)]
        impl #impl_generics #types::FromRow<#lifetime> for #ident #type_generics #where_clause {
            type Plan = #plan;

            fn plan(
                columns: &[#types::ColumnSpec],
            ) -> ::core::result::Result<Self::Plan, #types::TypeError> {
                #types::derived::#find
            }

            #[inline(always)]
            fn from_row(
                row: &mut #types::Row<#lifetime>,
                plan: &Self::Plan,
            ) -> ::core::result::Result<Self, #types::ValueError> {
                #types::derived::#read
            }
        }
    })
}

/// Returns the body of the `Columns` implementation.
fn columns(input: &Struct<'_>, lifetime: &Lifetime) -> TokenStream {
    let types = &input.types;
    let inner = |field: &Field<'_>| {
        let ty = field.ty;
        quote_spanned!(ty.span()=> <#ty as #types::derived::Columns<#lifetime>>)
    };
    let counts = input.used().map(|field| match &field.attributes.flatten {
        Some(_) => {
            let inner = inner(field);
            quote!(+ #inner::COUNT)
        }
        None => quote!(+ 1),
    });
    let fields = input.used().map(|field| match &field.attributes.flatten {
        Some(_) => {
            let inner = inner(field);
            quote!(#inner::visit_fields(visit)?;)
        }
        None => {
            let read = field.read_type(types);
            let check = quote_spanned!(field.ty.span()=>
                <#read as #types::FromCql<#lifetime>>::check);
            let description = field.description(types, &check);
            quote!(visit(&#description)?;)
        }
    });
    let in_order = input.fields.iter().map(|field| {
        let member = &field.member;
        let value = if field.attributes.flatten.is_some() {
            let inner = inner(field);
            quote!(#inner::read_in_order(row)?)
        } else if field.attributes.skip.is_some() {
            field.default().unwrap_or_default()
        } else {
            let read = field.read_type(types);
            field.read_value(&quote!(row.value::<#read>().ok()?))
        };
        quote!(#member: #value)
    });
    let errors = input.used().map(|field| match &field.attributes.flatten {
        Some(_) => {
            let inner = inner(field);
            quote!(.or_else(|| #inner::first_error(row)))
        }
        None => {
            let (read, path) = (field.read_type(types), &field.path);
            quote!(.or_else(|| row.field::<#read>(#path).err()))
        }
    });
    quote! {
        const COUNT: usize = 0 #(#counts)*;

        fn visit_fields(
            visit: &mut #types::derived::FieldVisitor<'_>,
        ) -> ::core::result::Result<(), #types::TypeError> {
            #(#fields)*
            ::core::result::Result::Ok(())
        }

        #[inline(always)]
        fn read_in_order(row: &mut #types::Row<#lifetime>) -> ::core::option::Option<Self> {
            ::core::option::Option::Some(Self { #(#in_order,)* })
        }

        #[cold]
        fn first_error(
            row: &mut #types::Row<#lifetime>,
        ) -> ::core::option::Option<#types::ValueError> {
            ::core::option::Option::None #(#errors)*
        }
    }
}

/// Returns the body of the `NamedColumns` implementation.
fn named_columns(input: &Struct<'_>, lifetime: &Lifetime) -> TokenStream {
    let (types, name, is_strict) = (&input.types, &input.name, input.is_strict);
    let named = |field: &Field<'_>| {
        let ty = field.ty;
        quote_spanned!(ty.span()=> <#ty as #types::derived::NamedColumns<#lifetime>>)
    };
    let parts = input.used().map(|field| match &field.attributes.flatten {
        Some(_) => {
            let named = named(field);
            quote!(#named::Partial)
        }
        None => {
            let read = field.read_type(types);
            quote!(::core::option::Option<#read>)
        }
    });
    let (partial, paths) = pairs(&parts.collect::<Vec<_>>());
    let reads = input.used().zip(&paths).map(|(field, path_in_partial)| match &field.attributes.flatten {
        Some(_) => {
            let (named, ty) = (named(field), field.ty);
            quote! {
                let count = <#ty as #types::derived::Columns<#lifetime>>::COUNT;
                if field < count {
                    return #named::read_field(&mut (*partial) #path_in_partial, field, row);
                }
                let field = field.wrapping_sub(count);
            }
        }
        None => {
            let (read, path) = (field.read_type(types), &field.path);
            quote! {
                if field == 0 {
                    (*partial) #path_in_partial = ::core::option::Option::Some(row.field::<#read>(#path)?);
                    return ::core::result::Result::Ok(());
                }
                let field = field.wrapping_sub(1);
            }
        }
    });
    let mut remaining_paths = paths.iter();
    let built = input.fields.iter().map(|field| {
        let member = &field.member;
        if field.attributes.skip.is_some() {
            let default = field.default();
            return quote!(#member: #default);
        }
        let path_in_partial = remaining_paths.next();
        if field.attributes.flatten.is_some() {
            let named = named(field);
            return quote!(#member: #named::build(partial #path_in_partial)?);
        }
        let value = field.read_value(&quote!(value));
        let default = field.default().unwrap_or_else(
            || quote!(return ::core::result::Result::Err(#types::ValueError::TooShort)),
        );
        quote! {
            #member: match partial #path_in_partial {
                ::core::option::Option::Some(value) => #value,
                ::core::option::Option::None => #default,
            }
        }
    });
    let built: Vec<_> = built.collect();
    quote! {
        const NAME: &'static str = #name;
        const IS_STRICT: bool = #is_strict;

        type Partial = #partial;

        fn read_field(
            partial: &mut Self::Partial,
            field: usize,
            row: &mut #types::Row<#lifetime>,
        ) -> ::core::result::Result<(), #types::ValueError> {
            #(#reads)*
            ::core::result::Result::Ok(())
        }

        fn build(
            partial: Self::Partial,
        ) -> ::core::result::Result<Self, #types::ValueError> {
            ::core::result::Result::Ok(Self { #(#built,)* })
        }
    }
}

/// Returns a type of nested pairs that contains all `parts`, and the path to each part in it, such as `.0.1`.
/// The depth of the pairs stays below the compiler's recursion limit for any number of fields.
fn pairs(parts: &[TokenStream]) -> (TokenStream, Vec<TokenStream>) {
    match parts {
        [] => (quote!(()), Vec::new()),
        [part] => (part.clone(), vec![TokenStream::new()]),
        _ => {
            let (left, right) = parts.split_at(parts.len() / 2);
            let ((left, lefts), (right, rights)) = (pairs(left), pairs(right));
            let lefts = lefts.iter().map(|path| quote!(.0 #path));
            let rights = rights.iter().map(|path| quote!(.1 #path));
            (quote!((#left, #right)), lefts.chain(rights).collect())
        }
    }
}
