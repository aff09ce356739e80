//! The imports of Rust source files, resolved to the files that define the imported items.
//!
//! A `mod.rs` that re-exports an item does not define it: `use super::Item` counts as an import of
//! the file that the re-export leads to. Items under `#[cfg(test)]` are skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, Macro, UseTree, Visibility};

/// A module's path or an item's path, from the root of the crate and without `crate`.
pub(crate) type ModulePath = Vec<String>;

/// The source files of a crate, by the module that each file holds.
pub(crate) struct SourceTree {
    files: BTreeMap<ModulePath, SourceFile>,
}

/// The imports and the paths of one file, which the checks read.
struct SourceFile {
    /// Names that `use` items bring into scope, and the paths that they stand for.
    names: BTreeMap<String, ModulePath>,
    /// The names that are imported for use in the file itself.
    imported: BTreeSet<String>,
    /// Paths that the code names outside `use` items, the first segment as it is written.
    mentions: BTreeSet<ModulePath>,
}

impl SourceTree {
    /// Reads every Rust file below `src` except `lib.rs`, `bin/` and files of tests.
    pub(crate) fn read(src: &Path) -> Self {
        let mut sources = Vec::new();
        collect(src, &mut Vec::new(), &mut sources);
        Self::parse(sources.iter().map(|(module, source)| (module.clone(), &**source)))
    }

    /// Parses files, given as module path and source text.
    pub(crate) fn parse<'a>(sources: impl IntoIterator<Item = (ModulePath, &'a str)>) -> Self {
        let sources: Vec<_> = sources.into_iter().collect();
        let modules: BTreeSet<ModulePath> = sources.iter().map(|(path, _)| path.clone()).collect();
        let parse = |(module, source): (ModulePath, &str)| {
            let file =
                syn::parse_file(source).unwrap_or_else(|error| panic!("{module:?}: {error}"));
            let mut collector = Collector::new(&module, &modules);
            collector.visit_file(&file);
            (module, collector.file)
        };
        Self { files: sources.into_iter().map(parse).collect() }
    }

    /// Returns the module of every file.
    pub(crate) fn modules(&self) -> impl Iterator<Item = &ModulePath> {
        self.files.keys()
    }

    /// Returns the modules whose items the file of `module` uses.
    pub(crate) fn imports(&self, module: &ModulePath) -> BTreeSet<ModulePath> {
        let file = &self.files[module];
        let imported = file.imported.iter().map(|name| file.names[name].clone());
        let mentioned = file.mentions.iter().filter_map(|path| {
            let (head, rest) = path.split_first()?;
            match file.names.get(head) {
                Some(target) => Some([target, rest].concat()),
                None => Some(path.clone()),
            }
        });
        let definitions = imported.chain(mentioned).filter_map(|path| self.definition(&path, 0));
        definitions.filter(|definition| definition != module).collect()
    }

    /// Returns the module whose file defines the item at `path`, or `None` if `path` is a module
    /// or leads out of the crate.
    fn definition(&self, path: &[String], depth: usize) -> Option<ModulePath> {
        assert!(depth < 16, "re-exports of {path:?} do not end");
        let length =
            (1..=path.len()).rev().find(|&length| self.files.contains_key(&path[..length]))?;
        let (module, rest) = path.split_at(length);
        let (name, rest) = rest.split_first()?;
        match self.files[module].names.get(name) {
            Some(target) if target.starts_with(module) && target.len() == length + 1 => {
                Some(module.to_vec()) // `use name;` of a macro makes a path for it.
            }
            Some(target) => self.definition(&[target, rest].concat(), depth + 1),
            None => Some(module.to_vec()),
        }
    }

    /// Returns a circle of imports among `modules` that contains no pair of `allowed`: its modules in
    /// order, the first one again at the end.
    pub(crate) fn circle(
        &self,
        modules: &BTreeSet<ModulePath>,
        allowed: &[(ModulePath, ModulePath)],
    ) -> Option<Vec<ModulePath>> {
        let mut finished = BTreeSet::new();
        modules.iter().find_map(|module| {
            self.circle_from(module, modules, allowed, &mut Vec::new(), &mut finished)
        })
    }

    fn circle_from(
        &self,
        module: &ModulePath,
        modules: &BTreeSet<ModulePath>,
        allowed: &[(ModulePath, ModulePath)],
        trail: &mut Vec<ModulePath>,
        finished: &mut BTreeSet<ModulePath>,
    ) -> Option<Vec<ModulePath>> {
        if let Some(start) = trail.iter().position(|earlier| earlier == module) {
            return Some([&trail[start..], std::slice::from_ref(module)].concat());
        }
        if finished.contains(module) {
            return None;
        }
        trail.push(module.clone());
        let circle = self.imports(module).intersection(modules).find_map(|import| {
            let is_allowed = allowed.iter().any(|(from, to)| from == module && to == import);
            (!is_allowed).then(|| self.circle_from(import, modules, allowed, trail, finished))?
        });
        trail.pop();
        finished.insert(module.clone());
        circle
    }
}

fn collect(folder: &Path, module: &mut ModulePath, sources: &mut Vec<(ModulePath, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            if !(module.is_empty() && name == "bin") {
                module.push(name);
                collect(&path, module, sources);
                module.pop();
            }
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !["lib", "tests"].contains(&&*name)
        {
            let mut file = module.clone();
            file.extend((name != "mod").then_some(name));
            sources.push((file, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Collects the names and paths of one file.
struct Collector<'a> {
    /// The module that is being visited: the file's, or one inside it.
    module: ModulePath,
    /// The modules that have files.
    modules: &'a BTreeSet<ModulePath>,
    file: SourceFile,
}

impl<'a> Collector<'a> {
    fn new(module: &ModulePath, modules: &'a BTreeSet<ModulePath>) -> Self {
        let (names, imported, mentions) = <_>::default();
        Self { module: module.clone(), modules, file: SourceFile { names, imported, mentions } }
    }

    /// Resolves the head of a path as far as syntax allows: `crate`, `self`, `super` and the names
    /// of child modules. Other heads, such as those of other crates, stay as they are.
    fn absolute(&self, path: &[String]) -> ModulePath {
        let mut base = self.module.clone();
        let mut rest = path;
        match rest.first().map(String::as_str) {
            Some("crate") => base.clear(),
            Some("self") => {}
            Some("super") => {
                while rest.first().is_some_and(|head| head == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
                return [base, rest.to_vec()].concat();
            }
            Some(head) if self.modules.contains(&[&*self.module, &[head.to_owned()]].concat()) => {
                return [&*base, path].concat();
            }
            _ => return path.to_vec(),
        }
        [&*base, &path[1..]].concat()
    }

    fn mention(&mut self, path: &[String]) {
        let path = self.absolute(path);
        self.file.mentions.insert(path);
    }

    fn use_tree(&mut self, tree: &UseTree, prefix: &mut ModulePath, is_reexport: bool) {
        let (segment, name) = match tree {
            UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.use_tree(&path.tree, prefix, is_reexport);
                prefix.pop();
                return;
            }
            UseTree::Group(group) => {
                return group
                    .items
                    .iter()
                    .for_each(|tree| self.use_tree(tree, prefix, is_reexport));
            }
            UseTree::Glob(_) => return self.mention(&[&**prefix, &["*".to_owned()]].concat()),
            UseTree::Name(name) => (name.ident.to_string(), name.ident.to_string()),
            UseTree::Rename(rename) => (rename.ident.to_string(), rename.rename.to_string()),
        };
        let is_self = segment == "self";
        let path = match is_self {
            true => prefix.clone(),
            false => [&**prefix, &[segment]].concat(),
        };
        let name = if is_self { prefix.last().unwrap().clone() } else { name };
        let path = self.absolute(&path);
        if !is_reexport {
            self.file.imported.insert(name.clone());
        }
        self.file.names.insert(name, path);
    }

    /// Mentions every path in the tokens of a macro, which syn does not parse.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path = ModulePath::new();
        let mut follows_colons = false;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if !follows_colons {
                        self.mention(&std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                    follows_colons = false;
                }
                TokenTree::Punct(punct) => follows_colons = punct.as_char() == ':',
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Literal(_) => follows_colons = false,
            }
        }
        self.mention(&path);
    }
}

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if let Item::Mod(module) = item {
            if !is_test(&module.attrs) {
                self.module.push(module.ident.to_string());
                visit::visit_item_mod(self, module);
                self.module.pop();
            }
        } else {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let is_reexport = !matches!(item.vis, Visibility::Inherited);
        if !is_test(&item.attrs) {
            self.use_tree(&item.tree, &mut Vec::new(), is_reexport);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|it| it.ident.to_string()).collect();
        self.mention(&segments);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        self.tokens(invocation.tokens.clone());
        visit::visit_macro(self, invocation);
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_test = |tokens: &syn::MetaList| tokens.tokens.to_string() == "test";
        attribute.path().is_ident("cfg") && attribute.meta.require_list().is_ok_and(is_test)
    })
}
