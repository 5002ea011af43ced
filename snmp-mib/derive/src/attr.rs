//! Reading `#[mib(..)]`.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{
    Attribute, Expr, ExprLit, Lit, LitInt, LitStr, Path, Token, parenthesized,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

/// Everything that `#[mib(..)]` can say, on a type, a field or a variant.
#[derive(Default)]
pub(crate) struct Mib {
    pub(crate) arc: Option<u32>,
    pub(crate) name: Option<String>,
    pub(crate) oid: Option<Vec<u32>>,
    pub(crate) index: Vec<Ident>,
    pub(crate) implied: bool,
    pub(crate) flatten: bool,
    pub(crate) prefix: Option<String>,
    pub(crate) entry: Option<String>,
    pub(crate) augments: Option<String>,
    pub(crate) foreign: Option<String>,
    pub(crate) units: String,
    pub(crate) range: Option<(Expr, Expr)>,
    pub(crate) status: Option<Ident>,
    pub(crate) access: Option<Ident>,
    pub(crate) syntax: Option<Expr>,
    pub(crate) check: Option<Path>,
    pub(crate) create: Option<Path>,
    pub(crate) complete: Option<Path>,
    pub(crate) label: Option<String>,
    pub(crate) objects: Vec<String>,
}

impl Mib {
    pub(crate) fn read(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut mib = Self::default();
        for attribute in attributes.iter().filter(|a| a.path().is_ident("mib")) {
            attribute.parse_args_with(|input: ParseStream<'_>| mib.parse(input))?;
        }
        Ok(mib)
    }

    fn parse(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        while !input.is_empty() {
            if input.peek(LitInt) {
                self.arc = Some(input.parse::<LitInt>()?.base10_parse()?);
            } else {
                let key: Ident = input.call(syn::ext::IdentExt::parse_any)?;
                self.key(&key, input)?;
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    }

    fn key(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match key.to_string().as_str() {
            "read_only" | "read_write" | "read_create" | "not_accessible" | "notify" => {
                self.access = Some(key.clone());
            }
            "implied" => self.implied = true,
            "flatten" => self.flatten = true,
            "index" => self.index = list::<Ident>(input)?,
            "objects" => self.objects = list::<LitStr>(input)?.iter().map(LitStr::value).collect(),
            "range" => {
                let bounds = list::<Expr>(input)?;
                let [least, greatest] =
                    bounds.try_into().map_err(|_| input.error("range(least, greatest)"))?;
                self.range = Some((least, greatest));
            }
            "name" => self.name = Some(text(input)?),
            "prefix" => self.prefix = Some(text(input)?),
            "entry" => self.entry = Some(text(input)?),
            "augments" => self.augments = Some(text(input)?),
            "foreign" => self.foreign = Some(text(input)?),
            "label" => self.label = Some(text(input)?),
            "units" => self.units = text(input)?,
            "oid" => self.oid = Some(oid(input)?),
            "status" => self.status = Some(value(input)?),
            "syntax" => self.syntax = Some(value(input)?),
            "check" => self.check = Some(value(input)?),
            "create" => self.create = Some(value(input)?),
            "complete" => self.complete = Some(value(input)?),
            _ => return Err(syn::Error::new(key.span(), "unknown key")),
        }
        Ok(())
    }

    /// The declared identifier as an expression.
    pub(crate) fn oid_tokens(&self, of: &Ident) -> syn::Result<TokenStream> {
        let arcs =
            self.oid.as_ref().ok_or_else(|| syn::Error::new(of.span(), "missing oid = \"1.3.6...\""))?;
        Ok(quote!(::snmp_mib::oid!(#(#arcs),*)))
    }

    pub(crate) fn status_tokens(&self) -> TokenStream {
        match &self.status {
            Some(status) => {
                let status = Ident::new(&upper_camel(&status.to_string()), status.span());
                quote!(::snmp_mib::mib::Status::#status)
            }
            None => quote!(::snmp_mib::mib::Status::Current),
        }
    }
}

fn value<T: Parse>(input: ParseStream<'_>) -> syn::Result<T> {
    input.parse::<Token![=]>()?;
    input.parse()
}

fn text(input: ParseStream<'_>) -> syn::Result<String> {
    value::<LitStr>(input).map(|text| text.value())
}

fn list<T: Parse>(input: ParseStream<'_>) -> syn::Result<Vec<T>> {
    let inside;
    parenthesized!(inside in input);
    Ok(Punctuated::<T, Token![,]>::parse_terminated(&inside)?.into_iter().collect())
}

fn oid(input: ParseStream<'_>) -> syn::Result<Vec<u32>> {
    let text: LitStr = value(input)?;
    let arcs: Result<Vec<u32>, _> = text.value().split('.').map(str::parse).collect();
    arcs.map_err(|_| syn::Error::new(text.span(), "dotted numbers are expected"))
}

/// The doc comment, with its lines joined into paragraphs.
pub(crate) fn docs(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter(|a| a.path().is_ident("doc")).filter_map(|a| match &a.meta {
        syn::Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    });
    let mut text = String::new();
    for line in lines {
        if line.is_empty() {
            text.push_str("\n\n");
        } else {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push(' ');
            }
            text.push_str(&line);
        }
    }
    text.trim().to_owned()
}

/// `up_time` and `UpTime` as `UpTime`.
pub(crate) fn upper_camel(name: &str) -> String {
    name.split('_')
        .filter_map(|word| {
            let mut chars = word.chars();
            chars.next().map(|first| first.to_uppercase().collect::<String>() + chars.as_str())
        })
        .collect()
}

/// `UpTime` as `upTime`.
pub(crate) fn lower_camel(name: &str) -> String {
    let name = upper_camel(name);
    let mut chars = name.chars();
    chars.next().map(|first| first.to_lowercase().collect::<String>() + chars.as_str()).unwrap_or_default()
}
