//! Enumerations: enums with a number for each variant.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields};

use crate::attr::{Mib, lower_camel};

/// Implements `Type`.
pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(syn::Error::new(input.ident.span(), "an enum is expected"));
    };
    let mut labels = Vec::new();
    let mut reads = Vec::new();
    let mut writes = Vec::new();
    for variant in &data.variants {
        let ident = &variant.ident;
        let (Fields::Unit, Some((_, number))) = (&variant.fields, &variant.discriminant) else {
            return Err(syn::Error::new(ident.span(), "every variant needs a number and no fields"));
        };
        let label = Mib::read(&variant.attrs)?.label.unwrap_or_else(|| lower_camel(&ident.to_string()));
        labels.push(quote!((#label, #number)));
        reads.push(quote!(Self::#ident => #number));
        writes.push(
            quote!(::snmp_mib::wire::Value::Integer(#number) => ::core::option::Option::Some(Self::#ident)),
        );
    }
    let ident = &input.ident;
    Ok(quote! {
        impl ::snmp_mib::mib::Type for #ident {
            const SYNTAX: ::snmp_mib::mib::Syntax = ::snmp_mib::mib::Syntax::labels(&[#(#labels),*]);
            fn value(&self) -> ::core::option::Option<::snmp_mib::wire::Value<'_>> {
                ::core::option::Option::Some(::snmp_mib::wire::Value::Integer(match self {
                    #(#reads,)*
                }))
            }
            fn from_value(value: ::snmp_mib::wire::Value<'_>) -> ::core::option::Option<Self> {
                match value {
                    #(#writes,)*
                    _ => ::core::option::Option::None,
                }
            }
        }
    })
}
