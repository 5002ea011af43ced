//! A struct of nodes.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput};

/// Implements `Mib`.
pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(syn::Error::new(input.ident.span(), "a struct is expected"));
    };
    let fields: Vec<_> = data.fields.iter().filter_map(|field| field.ident.clone()).collect();
    if fields.len() != data.fields.len() {
        return Err(syn::Error::new(input.ident.span(), "named fields are expected"));
    }
    let (count, positions) = (fields.len(), 0..fields.len());
    let again = positions.clone();
    let ident = &input.ident;
    let (with, of, bounds) = input.generics.split_for_impl();
    Ok(quote! {
        impl #with ::snmp_mib::mib::Mib for #ident #of #bounds {
            fn len(&self) -> usize {
                #count
            }
            fn node(&self, position: usize) -> ::core::option::Option<&dyn ::snmp_mib::mib::Node> {
                match position {
                    #(#positions => ::core::option::Option::Some(&self.#fields),)*
                    _ => ::core::option::Option::None,
                }
            }
            fn node_mut(&mut self, position: usize) -> ::core::option::Option<&mut dyn ::snmp_mib::mib::Node> {
                match position {
                    #(#again => ::core::option::Option::Some(&mut self.#fields),)*
                    _ => ::core::option::Option::None,
                }
            }
        }
    })
}
