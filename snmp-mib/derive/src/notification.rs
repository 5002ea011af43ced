//! Notifications: structs whose fields are the rows they speak of.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput};

use crate::attr::{Mib, docs, lower_camel};

/// Implements `Notification`.
pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    let own = Mib::read(&input.attrs)?;
    let Data::Struct(data) = &input.data else {
        return Err(syn::Error::new(input.ident.span(), "a struct is expected"));
    };
    let mut names = Vec::new();
    let mut reports = Vec::new();
    for field in &data.fields {
        let ident =
            field.ident.as_ref().ok_or_else(|| syn::Error::new(input.ident.span(), "named fields"))?;
        let objects = Mib::read(&field.attrs)?.objects;
        if objects.is_empty() {
            return Err(syn::Error::new(ident.span(), "missing objects(\"...\")"));
        }
        reports.push(quote!(::snmp_mib::notify::report(&self.#ident, &[#(#objects),*], each);));
        names.extend(objects);
    }
    let ident = &input.ident;
    let (name, oid) =
        (own.name.clone().unwrap_or_else(|| lower_camel(&ident.to_string())), own.oid_tokens(ident)?);
    let (description, generics) = (docs(&input.attrs), input.generics.split_for_impl());
    let (with, of, bounds) = generics;
    Ok(quote! {
        impl #with ::snmp_mib::notify::Notification for #ident #of #bounds {
            const DEF: ::snmp_mib::mib::NotificationDef = ::snmp_mib::mib::NotificationDef {
                name: #name,
                oid: #oid,
                objects: &[#(#names),*],
                description: #description,
            };
            fn objects<'object>(
                &'object self,
                each: &mut dyn FnMut(::snmp_mib::wire::OidBuf, ::snmp_mib::wire::Value<'object>),
            ) {
                let _ = &each;
                #(#reports)*
            }
        }
    })
}
