//! The user-defined types of a keyspace, which may refer to each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Display;
use std::sync::Arc;

use super::UserType;
use super::fields::Fields;
use crate::types::{CqlType, MAX_TYPE_DEPTH, Record, UdtType};

/// The user-defined types of a keyspace, and a parser of types that may refer to them.
#[derive(Debug)]
pub(super) struct UserTypes<'k> {
    keyspace: &'k str,
    types: HashMap<String, (UserType, Size)>,
    /// Warnings about types that could not be parsed, and about other invalid rows of the keyspace.
    pub(super) warnings: Vec<String>,
}

/// The size of a type, in which each reference to a user-defined type counts as that type's whole
/// definition.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    depth: usize,
    parts: usize,
}

/// Limit on [`Size::parts`]. A type may name a user-defined type many times, so a few short
/// definitions can expand exponentially.
const MAX_PARTS: usize = 100_000;

/// The CQL name of the empty type, which the value column of a compact table without values has.
const EMPTY: &str = "'org.apache.cassandra.db.marshal.EmptyType'";

impl<'k> UserTypes<'k> {
    pub(super) fn read(keyspace: &'k str, rows: &[Record]) -> Self {
        let mut types = Self { keyspace, types: HashMap::new(), warnings: Vec::new() };
        let mut by_name = BTreeMap::new();
        for row in rows {
            let fields = Fields(row);
            match fields.text("type_name") {
                Some(name) => {
                    by_name
                        .insert(name, (fields.texts("field_names"), fields.texts("field_types")));
                }
                None => types.warnings.push(format!("{keyspace}: type without a name")),
            }
        }
        for name in
            in_dependency_order(by_name.iter().map(|(name, (_, texts))| (*name, texts.as_slice())))
        {
            if let Some((names, texts)) = by_name.get(name) {
                types.add(name, names, texts);
            }
        }
        types
    }

    /// Adds a type. The types that it names must have been added before.
    fn add(&mut self, name: &str, names: &[&str], texts: &[&str]) {
        let mut size = Size::default();
        let mut fields = Vec::new();
        for (field, text) in names.iter().zip(texts) {
            let location = format!("{}.{name}.{field}", self.keyspace);
            let field_type = self.cql_type(text, location);
            size = size.with(self.size(&field_type));
            fields.push(((*field).to_owned(), field_type));
        }
        let (keyspace, name) = (self.keyspace.to_owned(), name.to_owned());
        let udt = Arc::new(UdtType { keyspace, name: name.clone(), fields });
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        self.types.insert(name, (UserType::new(udt, texts), size.nested()));
    }

    /// Parses a type. If it is invalid, returns a custom type and adds a warning with this location.
    pub(super) fn cql_type(&mut self, text: &str, location: impl Display) -> CqlType {
        match self.parse(as_cql(text)) {
            Ok(cql_type) => cql_type,
            Err(error) => {
                self.warnings.push(format!("{location}: cannot parse type `{text}`: {error}"));
                CqlType::Custom(text.into())
            }
        }
    }

    /// Parses the type of a column.
    ///
    /// # Errors
    /// Returns a text if the type is invalid.
    pub(super) fn column_type(&self, text: &str) -> Result<CqlType, String> {
        self.parse(as_cql(text))
    }

    /// Returns the name of the keyspace.
    pub(super) const fn keyspace(&self) -> &'k str {
        self.keyspace
    }

    fn parse(&self, text: &str) -> Result<CqlType, String> {
        let user_type = |keyspace: Option<&str>, name: &str| {
            let (user_type, _) = self.types.get(name)?;
            keyspace
                .is_none_or(|keyspace| keyspace == self.keyspace)
                .then(|| Arc::clone(&user_type.udt))
        };
        let cql_type = CqlType::parse_with(text, user_type).map_err(|error| error.to_string())?;
        match self.size(&cql_type) {
            Size { depth, .. } if depth > MAX_TYPE_DEPTH => {
                Err(format!("it nests deeper than {MAX_TYPE_DEPTH} types"))
            }
            Size { parts, .. } if parts > MAX_PARTS => {
                Err(format!("it has more than {MAX_PARTS} parts"))
            }
            _ => Ok(cql_type),
        }
    }

    /// Returns the size of a parsed type. The recursion is bounded because the parser limits nesting.
    fn size(&self, cql_type: &CqlType) -> Size {
        let all = |types: &mut dyn Iterator<Item = &CqlType>| {
            types.fold(Size::default(), |size, part| size.with(self.size(part))).nested()
        };
        match cql_type {
            CqlType::Native(_) | CqlType::Custom(_) => Size::default().nested(),
            CqlType::List(element) | CqlType::Set(element) => self.size(element).nested(),
            CqlType::Vector(vector) => self.size(&vector.element).nested(),
            CqlType::Map(pair) => all(&mut [&pair.0, &pair.1].into_iter()),
            CqlType::Tuple(types) => all(&mut types.iter()),
            CqlType::Udt(udt) => match self.types.get(&udt.name) {
                Some((user_type, size)) if Arc::ptr_eq(&user_type.udt, udt) => *size,
                // The type comes from a Java class name, which contains the fields.
                _ => all(&mut udt.fields.iter().map(|(_, field)| field)),
            },
        }
    }

    /// Returns the types by name, and the warnings.
    pub(super) fn finish(self) -> (BTreeMap<String, UserType>, Vec<String>) {
        let types = self.types.into_iter().map(|(name, (user_type, _))| (name, user_type));
        (types.collect(), self.warnings)
    }
}

impl Size {
    /// Returns the size of two types side by side, such as two fields: the greater depth and the
    /// sum of the parts.
    fn with(self, other: Self) -> Self {
        let parts = self.parts.saturating_add(other.parts);
        Self { depth: self.depth.max(other.depth), parts }
    }

    /// Returns the size of a type whose elements together have this size: one more level and one
    /// more part.
    fn nested(self) -> Self {
        Self { depth: self.depth.saturating_add(1), parts: self.parts.saturating_add(1) }
    }
}

/// Returns the CQL name of a type as the server writes it. Only `empty` changes: it becomes the
/// class name of that type, which CQL accepts.
pub(super) fn as_cql(text: &str) -> &str {
    if is_empty(text) { EMPTY } else { text }
}

/// Returns true for the empty type, whose columns contain no value.
pub(super) fn is_empty(text: &str) -> bool {
    text == "empty" || text == EMPTY
}

/// Sorts types so that each comes after the types that its fields name. Types that refer to each other
/// in a cycle, which no server allows, come last.
pub(super) fn in_dependency_order<'a, T: AsRef<str> + 'a>(
    types: impl Iterator<Item = (&'a str, &'a [T])>,
) -> Vec<&'a str> {
    let named: BTreeMap<&str, BTreeSet<String>> = types
        .map(|(name, texts)| {
            (name, texts.iter().flat_map(|text| referenced_types(text.as_ref())).collect())
        })
        .collect();
    let mut used_by: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut missing: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, uses) in &named {
        let uses = uses.iter().filter(|used| named.contains_key(used.as_str()));
        let mut count: usize = 0;
        for used in uses {
            used_by.entry(used).or_default().push(name);
            count = count.saturating_add(1);
        }
        missing.insert(name, count);
    }
    let is_ready = |(name, count): (&&'a str, &usize)| (*count == 0).then_some(*name);
    let mut ready: BTreeSet<&str> = missing.iter().filter_map(is_ready).collect();
    let mut order = Vec::new();
    while let Some(name) = ready.pop_first() {
        missing.remove(name);
        order.push(name);
        for user in used_by.get(name).into_iter().flatten() {
            if let Some(count) = missing.get_mut(user) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.insert(user);
                }
            }
        }
    }
    order.extend(missing.into_keys());
    order
}

/// Returns the names of the user-defined types that a type refers to.
fn referenced_types(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    // The error is ignored here: an invalid type adds a warning when the schema is built.
    let _ = CqlType::parse_with(text, |_, name| {
        names.insert(name.to_owned());
        let (keyspace, name) = (String::new(), String::new());
        Some(Arc::new(UdtType { keyspace, name, fields: Vec::new() }))
    });
    names
}

#[cfg(test)]
mod tests {
    use super::super::rows::{record, text, texts};
    use super::*;

    fn row(name: &str, fields: &[(&str, &str)]) -> Record {
        let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
        let types: Vec<_> = fields.iter().map(|(_, text)| *text).collect();
        let names = texts("field_names", &names);
        record(&[text("type_name", name), names, texts("field_types", &types)])
    }

    fn read(types: &[(&str, &[(&str, &str)])]) -> UserTypes<'static> {
        let rows: Vec<_> = types.iter().map(|(name, fields)| row(name, fields)).collect();
        UserTypes::read("ks", &rows)
    }

    #[test]
    fn types_can_be_read_in_any_order() {
        let a: (&str, &[_]) = ("a", &[("b", "frozen<list<frozen<\"B\">>>"), ("n", "int")]);
        let b: (&str, &[_]) = ("B", &[("c", "frozen<c>")]);
        let c: (&str, &[_]) = ("c", &[("n", "text")]);
        for order in [[a, b, c], [c, b, a], [b, a, c]] {
            let mut types = read(&order);
            let person = types.cql_type("map<text, frozen<a>>", "");
            assert_eq!(person.to_string(), "map<text, ks.a>");
            let (types, warnings) = types.finish();
            assert!(warnings.is_empty(), "{warnings:?}");
            let CqlType::List(element) = &types["a"].udt.fields[0].1 else { panic!() };
            let CqlType::Udt(in_a) = &**element else { panic!() };
            // References share the type.
            assert!(Arc::ptr_eq(in_a, &types["B"].udt));
            assert_eq!(types["B"].ddl(), "CREATE TYPE ks.\"B\" (\n    c frozen<c>\n);");
        }
    }

    #[test]
    fn a_cycle_of_types_adds_warnings_and_the_rest_is_read() {
        let mut types = read(&[
            ("a", &[("b", "frozen<b>"), ("n", "int")]),
            ("b", &[("a", "frozen<a>")]),
            ("c", &[("c", "frozen<c>")]),
            ("d", &[("n", "int")]),
        ]);
        assert_eq!(types.warnings.len(), 2, "{:?}", types.warnings);
        assert!(types.warnings[0].starts_with("ks.a.b: cannot parse type `frozen<b>`: at byte 7"));
        for name in ["a", "b", "c", "d"] {
            assert!(matches!(types.cql_type(name, ""), CqlType::Udt(_)), "{name}");
        }
    }

    #[test]
    fn depth_is_counted_through_user_defined_types() {
        let chain = |length: usize| -> Vec<Record> {
            let texts = (0..length).map(|n| format!("frozen<t{}>", n + 1));
            let mut rows: Vec<_> = texts
                .enumerate()
                .map(|(n, text)| row(&format!("t{n}"), &[("next", text.as_str())]))
                .collect();
            rows.push(row(&format!("t{length}"), &[("n", "int")]));
            rows
        };
        assert!(UserTypes::read("ks", &chain(MAX_TYPE_DEPTH - 2)).warnings.is_empty());
        let types = UserTypes::read("ks", &chain(MAX_TYPE_DEPTH - 1));
        assert_eq!(types.warnings.len(), 0, "the deepest type allowed");
        let types = UserTypes::read("ks", &chain(MAX_TYPE_DEPTH));
        assert_eq!(types.warnings.len(), 1);
        assert!(
            types.warnings[0].starts_with("ks.t0.next: ") && types.warnings[0].contains("deeper")
        );
        // A very long chain neither overflows the stack nor takes quadratic time.
        assert!(!UserTypes::read("ks", &chain(20_000)).warnings.is_empty());
    }

    #[test]
    fn a_type_that_expands_exponentially_adds_a_warning() {
        let text = |n: usize| format!("tuple<{}>", vec![format!("t{n}"); 10].join(", "));
        let mut rows: Vec<_> =
            (0..8).map(|n| row(&format!("t{n}"), &[("next", &text(n + 1))])).collect();
        rows.push(row("t8", &[("n", "int")]));
        let types = UserTypes::read("ks", &rows);
        assert!(types.warnings.iter().all(|warning| warning.contains("100000 parts")));
        assert_eq!(types.warnings.len(), 1);
    }

    #[test]
    fn a_type_of_another_keyspace_is_not_found() {
        let mut types = read(&[("a", &[("n", "int")])]);
        assert!(matches!(types.cql_type("ks.a", "x"), CqlType::Udt(_)));
        assert_eq!(types.cql_type("other.a", "x"), CqlType::Custom("other.a".into()));
        assert_eq!(types.cql_type("empty", "x").to_string(), EMPTY);
        assert_eq!(types.warnings.len(), 1);
    }
}
