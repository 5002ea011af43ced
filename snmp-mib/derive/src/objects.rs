//! Tables and groups of scalars: structs whose fields are objects.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Data, DeriveInput, Expr, Type};

use crate::attr::{Mib, docs, upper_camel};

struct Field {
    ident: Ident,
    ty: Type,
    mib: Mib,
    description: String,
}

/// Implements `Row`.
pub(crate) fn table(input: &DeriveInput) -> syn::Result<TokenStream> {
    let own = Mib::read(&input.attrs)?;
    let name = own.name.clone().ok_or_else(|| fail(&input.ident, "missing name = \"...Table\""))?;
    let stem =
        name.strip_suffix("Table").ok_or_else(|| fail(&input.ident, "a table's name ends in Table"))?;
    let entry = own.entry.clone().unwrap_or_else(|| format!("{stem}Entry"));
    let prefix = own.prefix.clone().unwrap_or_else(|| stem.to_owned());
    let all = fields(input)?;
    let objects = rising(&all)?;
    let columns =
        objects.iter().map(|field| definition(field, &prefix, own.index.contains(&field.ident), true));
    let index = own.index.iter().enumerate().map(|(i, part)| {
        let field =
            all.iter().find(|field| field.ident == *part).ok_or_else(|| fail(part, "no such field"))?;
        let name = field.mib.foreign.clone().unwrap_or_else(|| object_name(field, &prefix));
        let implied = own.implied && i + 1 == own.index.len();
        Ok(quote!(::snmp_mib::mib::IndexDef { name: #name, implied: #implied }))
    });
    let index: Vec<_> = index.collect::<syn::Result<_>>()?;
    let writes = own.index.iter().enumerate().map(|(i, part)| {
        if own.implied && i + 1 == own.index.len() {
            quote!(out.implied(&self.#part);)
        } else {
            quote!(out.part(&self.#part);)
        }
    });
    let (values, sets) = accessors(&objects);
    let create = own.create.iter().map(|path| {
        quote! {
            fn create(index: ::snmp_mib::mib::IndexReader<'_>) -> ::core::option::Option<Self> {
                #path(index)
            }
        }
    });
    let check = own.check.iter().map(|path| {
        quote! {
            fn check(
                &self,
                before: ::core::option::Option<&Self>,
            ) -> ::core::result::Result<(), ::snmp_mib::wire::ErrorStatus> {
                #path(self, before)
            }
        }
    });
    let special = [("STATUS", "RowStatus"), ("STORAGE", "StorageType")].into_iter().filter_map(|(constant, ty)| {
        let position = objects.iter().position(|field| names(&field.ty, ty))?;
        let constant = Ident::new(constant, input.ident.span());
        Some(quote!(const #constant: ::core::option::Option<usize> = ::core::option::Option::Some(#position);))
    });
    let complete = own.complete.iter().map(|path| {
        quote! {
            fn complete(&self) -> bool {
                #path(self)
            }
        }
    });
    let (ident, oid, status) = (&input.ident, own.oid_tokens(&input.ident)?, own.status_tokens());
    let (description, augments) = (docs(&input.attrs), own.augments.clone().unwrap_or_default());
    Ok(quote! {
        impl ::snmp_mib::mib::Row for #ident {
            const TABLE: ::snmp_mib::mib::TableDef = ::snmp_mib::mib::TableDef {
                name: #name,
                entry: #entry,
                oid: #oid,
                description: #description,
                columns: &[#(#columns),*],
                index: &[#(#index),*],
                augments: #augments,
                status: #status,
            };
            #(#special)*
            #(#complete)*
            fn index(&self, out: &mut ::snmp_mib::mib::IndexWriter) {
                #(#writes)*
            }
            fn cell(&self, position: usize) -> ::core::option::Option<::snmp_mib::wire::Value<'_>> {
                #values
            }
            #sets
            #(#create)*
            #(#check)*
        }
    })
}

/// Implements `Scalars`.
pub(crate) fn scalars(input: &DeriveInput) -> syn::Result<TokenStream> {
    let own = Mib::read(&input.attrs)?;
    let name = own.name.clone().ok_or_else(|| fail(&input.ident, "missing name = \"...\""))?;
    let prefix = own.prefix.clone().unwrap_or_else(|| name.clone());
    let all = fields(input)?;
    let objects = rising(&all)?;
    let scalars = objects.iter().map(|field| definition(field, &prefix, false, false));
    let (values, sets) = accessors(&objects);
    let check = own.check.iter().map(|path| {
        quote! {
            fn check(&self, before: &Self) -> ::core::result::Result<(), ::snmp_mib::wire::ErrorStatus> {
                #path(self, before)
            }
        }
    });
    let (ident, oid) = (&input.ident, own.oid_tokens(&input.ident)?);
    Ok(quote! {
        impl ::snmp_mib::mib::Scalars for #ident {
            const GROUP: ::snmp_mib::mib::GroupDef = ::snmp_mib::mib::GroupDef {
                name: #name,
                oid: #oid,
                scalars: &[#(#scalars),*],
            };
            fn scalar(&self, position: usize) -> ::core::option::Option<::snmp_mib::wire::Value<'_>> {
                #values
            }
            #sets
            #(#check)*
        }
    })
}

fn fields(input: &DeriveInput) -> syn::Result<Vec<Field>> {
    let Data::Struct(data) = &input.data else {
        return Err(fail(&input.ident, "a struct with named fields is expected"));
    };
    let fields = data.fields.iter().map(|field| {
        let ident = field.ident.clone().ok_or_else(|| fail(&input.ident, "named fields are expected"))?;
        let mib = Mib::read(&field.attrs)?;
        Ok(Field { ident, ty: field.ty.clone(), mib, description: docs(&field.attrs) })
    });
    fields.collect()
}

/// The fields that are objects, which must stand by rising arc.
fn rising(fields: &[Field]) -> syn::Result<Vec<&Field>> {
    let objects: Vec<&Field> = fields.iter().filter(|field| field.mib.arc.is_some()).collect();
    for (one, next) in objects.iter().zip(objects.iter().skip(1)) {
        if one.mib.arc >= next.mib.arc {
            return Err(fail(&next.ident, "fields must stand by rising arc"));
        }
    }
    Ok(objects)
}

fn object_name(field: &Field, prefix: &str) -> String {
    field.mib.name.clone().unwrap_or_else(|| format!("{prefix}{}", upper_camel(&field.ident.to_string())))
}

fn definition(field: &Field, prefix: &str, is_index: bool, column: bool) -> TokenStream {
    let Field { ty, mib, description, .. } = field;
    let (name, arc, units, status) = (object_name(field, prefix), mib.arc, &mib.units, mib.status_tokens());
    let access = match mib.access.as_ref().map(ToString::to_string).as_deref() {
        Some("read_only") => quote!(ReadOnly),
        Some("read_write") => quote!(ReadWrite),
        Some("read_create") => quote!(ReadCreate),
        Some("notify") => quote!(AccessibleForNotify),
        Some(_) => quote!(NotAccessible),
        None if is_index => quote!(NotAccessible),
        None => quote!(ReadOnly),
    };
    let syntax: Expr = match &mib.syntax {
        Some(syntax) => syntax.clone(),
        None => syn::parse_quote!(<#ty as ::snmp_mib::mib::Type>::SYNTAX),
    };
    let within = mib.range.iter().map(|(least, greatest)| quote!(.within(#least, #greatest)));
    let def = if column { quote!(ColumnDef) } else { quote!(ScalarDef) };
    quote! {
        ::snmp_mib::mib::#def {
            arc: #arc,
            name: #name,
            syntax: #syntax #(#within)*,
            access: ::snmp_mib::mib::Access::#access,
            status: #status,
            units: #units,
            description: #description,
        }
    }
}

/// The body that reads an object by its position, and the method that writes one.
fn accessors(objects: &[&Field]) -> (TokenStream, TokenStream) {
    let reads = objects.iter().enumerate().map(|(position, Field { ident, ty, .. })| {
        quote!(#position => <#ty as ::snmp_mib::mib::Type>::value(&self.#ident))
    });
    let reads = quote! {
        match position {
            #(#reads,)*
            _ => ::core::option::Option::None,
        }
    };
    let writable = |field: &&&Field| {
        field.mib.access.as_ref().is_some_and(|access| access == "read_write" || access == "read_create")
    };
    let sets: Vec<_> = objects
        .iter()
        .enumerate()
        .filter(|(_, field)| writable(field))
        .map(|(position, Field { ident, ty, .. })| {
            quote! {
                #position => <#ty as ::snmp_mib::mib::Type>::write(&mut self.#ident, value),
            }
        })
        .collect();
    if sets.is_empty() {
        return (reads, TokenStream::new());
    }
    let set = quote! {
        fn set(
            &mut self,
            position: usize,
            value: ::snmp_mib::wire::Value<'_>,
        ) -> ::core::result::Result<(), ::snmp_mib::wire::ErrorStatus> {
            match position {
                #(#sets)*
                _ => ::core::result::Result::Err(::snmp_mib::wire::ErrorStatus::NOT_WRITABLE),
            }
        }
    };
    (reads, set)
}

/// Tells whether a type's last name is `name`.
fn names(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

fn fail(at: &Ident, message: &str) -> syn::Error {
    syn::Error::new(at.span(), message)
}
