//! A struct of nodes.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Data, DeriveInput};

use crate::attr::Mib;

/// Implements `Mib`: fields are nodes, and those marked `flatten` are MIBs themselves.
pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(syn::Error::new(input.ident.span(), "a struct is expected"));
    };
    let (mut nodes, mut inner): (Vec<Ident>, Vec<Ident>) = (Vec::new(), Vec::new());
    for field in &data.fields {
        let missing = || syn::Error::new(input.ident.span(), "named fields are expected");
        let ident = field.ident.clone().ok_or_else(missing)?;
        if Mib::read(&field.attrs)?.flatten { inner.push(ident) } else { nodes.push(ident) }
    }
    let (count, positions) = (nodes.len(), 0..nodes.len());
    let again = positions.clone();
    let ident = &input.ident;
    let (with, of, bounds) = input.generics.split_for_impl();
    Ok(quote! {
        impl #with ::snmp_mib::mib::Mib for #ident #of #bounds {
            fn len(&self) -> usize {
                let count: usize = #count;
                #(let count = count.saturating_add(::snmp_mib::mib::Mib::len(&self.#inner));)*
                count
            }
            fn node(&self, position: usize) -> ::core::option::Option<&dyn ::snmp_mib::mib::Node> {
                match position {
                    #(#positions => return ::core::option::Option::Some(&self.#nodes),)*
                    _ => {}
                }
                let position = position.saturating_sub(#count);
                #(
                    let count = ::snmp_mib::mib::Mib::len(&self.#inner);
                    if position < count {
                        return ::snmp_mib::mib::Mib::node(&self.#inner, position);
                    }
                    let position = position.saturating_sub(count);
                )*
                let _ = position;
                ::core::option::Option::None
            }
            fn node_mut(&mut self, position: usize) -> ::core::option::Option<&mut dyn ::snmp_mib::mib::Node> {
                match position {
                    #(#again => return ::core::option::Option::Some(&mut self.#nodes),)*
                    _ => {}
                }
                let position = position.saturating_sub(#count);
                #(
                    let count = ::snmp_mib::mib::Mib::len(&self.#inner);
                    if position < count {
                        return ::snmp_mib::mib::Mib::node_mut(&mut self.#inner, position);
                    }
                    let position = position.saturating_sub(count);
                )*
                let _ = position;
                ::core::option::Option::None
            }
        }
    })
}
