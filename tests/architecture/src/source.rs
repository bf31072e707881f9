//! One file, read with `syn`: its modules, the names they have, and the paths that are written in them.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// A path as it is written, and its line.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// Its names.
    pub path: Vec<String>,
    /// Where.
    pub line: usize,
}

/// A module: a file, or `mod x { … }` inside one.
#[derive(Debug, Default)]
pub struct Scope {
    /// What is defined here.
    pub items: BTreeSet<String>,
    /// What is imported, by the name that it has here. Imports inside functions count only where nothing else has the name.
    pub imports: BTreeMap<String, Vec<String>>,
    /// Modules whose names are all imported.
    pub globs: Vec<Vec<String>>,
    /// `mod x;`
    pub files: Vec<String>,
    /// `mod x { … }`
    pub inline: BTreeMap<String, Scope>,
    /// Imports, and paths of two names and more.
    pub written: Vec<Written>,
}

/// Reads a file. The message of an error begins with the line.
pub fn read(text: &str) -> Result<Scope, String> {
    let file = syn::parse_file(text).map_err(|error| format!("{}: {error}", error.span().start().line))?;
    let mut reader = Reader { scope: Scope::default(), local: BTreeMap::new(), depth: 0 };
    reader.items(&file.items)?;
    Ok(reader.finish())
}

struct Reader {
    scope: Scope,
    local: BTreeMap<String, Vec<String>>,
    /// How many items stand around the one that is read.
    depth: usize,
}

impl Reader {
    fn items(&mut self, items: &[syn::Item]) -> Result<(), String> {
        for item in items {
            let syn::Item::Mod(module) = item else {
                self.visit_item(item);
                continue;
            };
            if is_test(&module.attrs) {
                continue;
            }
            let name = module.ident.to_string();
            if module.attrs.iter().any(|attribute| attribute.path().is_ident("path")) {
                return Err(format!("{}: `#[path]` outside tests is not understood", module.span().start().line));
            }
            match &module.content {
                None => self.scope.files.push(name),
                Some((_, items)) => {
                    let mut reader = Reader { scope: Scope::default(), local: BTreeMap::new(), depth: 0 };
                    reader.items(items)?;
                    self.scope.inline.insert(name, reader.finish());
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Scope {
        for (name, path) in self.local {
            self.scope.imports.entry(name).or_insert(path);
        }
        self.scope
    }

    fn import(&mut self, tree: &syn::UseTree, before: &[String]) {
        let with = |ident: &syn::Ident| before.iter().cloned().chain([ident.to_string()]).collect::<Vec<_>>();
        match tree {
            syn::UseTree::Path(path) => self.import(&path.tree, &with(&path.ident)),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, before)),
            syn::UseTree::Name(name) if name.ident == "self" => {
                let alias = before.last().cloned().unwrap_or_default();
                self.imported(alias, before.to_vec(), name.span());
            }
            syn::UseTree::Name(name) => self.imported(name.ident.to_string(), with(&name.ident), name.span()),
            syn::UseTree::Rename(name) if name.ident == "self" => {
                self.imported(name.rename.to_string(), before.to_vec(), name.span());
            }
            syn::UseTree::Rename(name) => self.imported(name.rename.to_string(), with(&name.ident), name.span()),
            syn::UseTree::Glob(glob) => {
                self.scope.globs.push(before.to_vec());
                self.write(before.iter().cloned().chain(["*".into()]).collect(), glob.span());
            }
        }
    }

    fn imported(&mut self, alias: String, path: Vec<String>, span: proc_macro2::Span) {
        let names = if self.depth == 0 { &mut self.scope.imports } else { &mut self.local };
        names.entry(alias).or_insert_with(|| path.clone());
        self.write(path, span);
    }

    fn write(&mut self, path: Vec<String>, span: proc_macro2::Span) {
        self.scope.written.push(Written { path, line: span.start().line });
    }

    /// Paths among the tokens of a macro or of an attribute, which `syn` leaves as they are.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let colons = |at: usize| {
            matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':' && p.spacing() == Spacing::Joint)
                && matches!(tokens.get(at + 1), Some(TokenTree::Punct(p)) if p.as_char() == ':')
        };
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(first) => {
                    let mut path = vec![first.to_string()];
                    while let (true, Some(TokenTree::Ident(next))) = (colons(at + 1), tokens.get(at + 3)) {
                        path.push(next.to_string());
                        at += 3;
                    }
                    if path.len() > 1 {
                        self.write(path, first.span());
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}

impl<'a> Visit<'a> for Reader {
    fn visit_item(&mut self, item: &'a syn::Item) {
        if is_test(attributes(item)) {
            return;
        }
        if self.depth == 0 {
            self.scope.items.extend(name(item));
        }
        if let syn::Item::Use(item) = item {
            self.import(&item.tree, &[]);
            return;
        }
        self.depth += 1;
        visit::visit_item(self, item);
        self.depth -= 1;
    }

    fn visit_impl_item(&mut self, item: &'a syn::ImplItem) {
        let attributes = match item {
            syn::ImplItem::Fn(item) => &item.attrs,
            syn::ImplItem::Const(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if !is_test(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        if path.segments.len() > 1 && path.leading_colon.is_none() {
            self.write(path.segments.iter().map(|segment| segment.ident.to_string()).collect(), path.span());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'a syn::Macro) {
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'a syn::Attribute) {
        match &attribute.meta {
            syn::Meta::List(list) => self.tokens(list.tokens.clone()),
            syn::Meta::NameValue(pair) => self.visit_expr(&pair.value),
            syn::Meta::Path(_) => {}
        }
    }

    fn visit_visibility(&mut self, _: &'a syn::Visibility) {} // `pub(in crate::x)` uses nothing
}

/// `#[cfg(test)]`, or `#[cfg(all(test, …))]`.
fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        let tokens = list.tokens.clone().into_iter().collect::<Vec<_>>();
        match tokens.as_slice() {
            [TokenTree::Ident(word)] => word == "test",
            [TokenTree::Ident(word), TokenTree::Group(group)] if word == "all" => {
                group.stream().into_iter().any(|token| matches!(token, TokenTree::Ident(word) if word == "test"))
            }
            _ => false,
        }
    })
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name(item: &syn::Item) -> Option<String> {
    let ident = match item {
        syn::Item::Const(item) => &item.ident,
        syn::Item::Enum(item) => &item.ident,
        syn::Item::Fn(item) => &item.sig.ident,
        syn::Item::Macro(item) => item.ident.as_ref()?,
        syn::Item::Static(item) => &item.ident,
        syn::Item::Struct(item) => &item.ident,
        syn::Item::Trait(item) => &item.ident,
        syn::Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
