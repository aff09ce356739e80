//! Keyspaces and user-defined types as the Python driver exports them.

use std::collections::BTreeMap;
use std::slice;
use std::sync::Arc;

use super::super::ddl::separated;
use super::super::{Aggregate, Function, Keyspace, Table, UserType};
use super::text::{ExportedName, QualifiedName, unescaped_map};

impl Keyspace {
    /// Returns the statements that create the keyspace and its contents, separated by empty lines.
    pub(crate) fn export(&self) -> String {
        let statements = [self.export_alone()]
            .into_iter()
            .chain(self.exported_types())
            .chain(self.functions_in_order().into_iter().map(|function| function.export()))
            .chain(self.aggregates_in_order().into_iter().map(|aggregate| aggregate.export()))
            .chain(self.tables.values().map(|table| self.export_table(table)));
        separated(statements, "\n\n")
    }

    /// Returns the statements that create a table of this keyspace, its indexes and its views.
    pub(crate) fn export_table(&self, table: &Table) -> String {
        let views = self.views.values().map(|view| &**view);
        table.export(views.filter(|view| view.base_table == table.name))
    }

    /// Returns the functions by name, and those of one name by the types of their arguments.
    pub(crate) fn functions_in_order(&self) -> Vec<&Arc<Function>> {
        let mut functions: Vec<_> = self.functions.values().collect();
        functions.sort_by_key(|function| (&function.name, &function.argument_texts));
        functions
    }

    /// Returns the aggregates by name, and those of one name by the types of their arguments.
    pub(crate) fn aggregates_in_order(&self) -> Vec<&Arc<Aggregate>> {
        let mut aggregates: Vec<_> = self.aggregates.values().collect();
        aggregates.sort_by_key(|aggregate| (&aggregate.name, &aggregate.argument_texts));
        aggregates
    }

    /// Returns the statement that creates the keyspace alone. The driver writes two
    /// spaces before AND.
    pub(crate) fn export_alone(&self) -> String {
        let (name, replication) = (ExportedName(&self.name), self.exported_replication());
        let durable = self.durable_writes;
        format!(
            "CREATE KEYSPACE {name} WITH replication = {replication}  AND durable_writes = {durable};"
        )
    }

    /// Returns the options of the replication. The driver prints those of a strategy that it does not know
    /// with the class at the end.
    fn exported_replication(&self) -> String {
        let class = self.replication.get("class").map(String::as_str).unwrap_or_default();
        let class = class.strip_prefix("org.apache.cassandra.locator.").unwrap_or(class);
        let options = self.replication.iter().filter(|(name, _)| match class {
            "SimpleStrategy" => *name == "replication_factor",
            "LocalStrategy" => false,
            _ => *name != "class",
        });
        let options = options.map(|(name, value)| (name.clone(), value.clone()));
        let is_known =
            matches!(class, "SimpleStrategy" | "NetworkTopologyStrategy" | "LocalStrategy");
        let class = [("class".to_owned(), class.to_owned())];
        match is_known {
            true => unescaped_map(class.into_iter().chain(options)),
            false => unescaped_map(options.chain(class)),
        }
    }

    /// Returns the statements that create the user-defined types. They are sorted by name, but a type
    /// follows the types of its fields.
    fn exported_types(&self) -> Vec<String> {
        let by_name = |(name, user_type)| (String::as_str(name), user_type);
        let mut left: BTreeMap<&str, &UserType> = self.types.iter().map(by_name).collect();
        let mut statements = Vec::new();
        // Each type that is being exported, and the names in its fields that are still to be looked at.
        let mut open: Vec<(&UserType, Words<'_>)> = Vec::new();
        loop {
            let Some((user_type, words)) = open.last_mut() else {
                let Some((_, next)) = left.pop_first() else { return statements };
                open.push((next, Words::of(next)));
                continue;
            };
            match words.next() {
                Some(word) => open.extend(left.remove(word).map(|next| (next, Words::of(next)))),
                None => {
                    statements.push(user_type.export());
                    open.pop();
                }
            }
        }
    }
}

impl UserType {
    /// Returns the statement that creates the type.
    pub(crate) fn export(&self) -> String {
        let fields = self.udt.fields.iter().zip(&self.field_texts);
        let fields = fields.map(|((name, _), text)| format!("    {} {text}", ExportedName(name)));
        let name = QualifiedName(&self.udt.keyspace, &self.udt.name);
        format!("CREATE TYPE {name} (\n{}\n);", separated(fields, ",\n"))
    }
}

/// The names of types in the fields of a type, as far as the driver finds them: it stops at a quoted
/// name.
struct Words<'t> {
    fields: slice::Iter<'t, String>,
    rest: &'t str,
}

impl<'t> Words<'t> {
    fn of(user_type: &'t UserType) -> Self {
        Self { fields: user_type.field_texts.iter(), rest: "" }
    }
}

impl<'t> Iterator for Words<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        loop {
            let rest = self.rest.trim_start_matches([' ', ',', '<', '>']);
            let rest = rest.strip_prefix("frozen").unwrap_or(rest);
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            match rest.split_at(end) {
                ("", after) if after.starts_with(['<', '>', ',', ' ']) => self.rest = after,
                ("", _) => self.rest = self.fields.next()?,
                (word, after) => {
                    self.rest = after;
                    return Some(word);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::SchemaPart::{Functions, Keyspaces, Types};
    use super::super::super::rows::{Cell, flag, map, read, text, texts};
    use super::Keyspace;

    fn keyspace(replication: &[(&str, &str)], types: &[(&str, &str)]) -> Keyspace {
        let name = || text("keyspace_name", "ks");
        let row = vec![name(), flag("durable_writes", false), map("replication", replication)];
        let user_type = |(of, field): &(&str, &str)| {
            let fields = [texts("field_names", &["f"]), texts("field_types", &[field])];
            let cells: Vec<Cell> =
                [name(), text("type_name", of)].into_iter().chain(fields).collect();
            (Types, cells)
        };
        let schema = read([(Keyspaces, row)].into_iter().chain(types.iter().map(user_type)));
        Keyspace::clone(&schema.keyspaces["ks"])
    }

    #[test]
    fn the_class_of_an_unknown_strategy_is_printed_last() {
        for (replication, printed) in [
            (
                &[("class", "org.apache.cassandra.locator.NetworkTopologyStrategy"), ("dc1", "3")]
                    [..],
                "{'class': 'NetworkTopologyStrategy', 'dc1': '3'}",
            ),
            (&[("class", "LocalStrategy")], "{'class': 'LocalStrategy'}"),
            (&[("class", "com.example.Own"), ("n", "1")], "{'n': '1', 'class': 'com.example.Own'}"),
        ] {
            let expected = format!(
                "CREATE KEYSPACE ks WITH replication = {printed}  AND durable_writes = false;"
            );
            assert_eq!(keyspace(replication, &[]).export_alone(), expected);
        }
    }

    #[test]
    fn a_type_follows_the_types_of_its_fields_and_is_sorted_by_name_otherwise() {
        let order = |types: &[(&str, &str)]| -> Vec<String> {
            let statements = keyspace(&[], types).exported_types();
            statements
                .iter()
                .map(|of| of.replace("CREATE TYPE ks.", "").replace(" (\n    f ", " "))
                .collect()
        };
        let types = [("a", "map<int, frozen<z>>"), ("b", "int"), ("z", "frozen<y>"), ("y", "int")];
        let expected = ["y int\n);", "z frozen<y>\n);", "a map<int, frozen<z>>\n);", "b int\n);"];
        assert_eq!(order(&types), expected);
        // The driver does not look behind a quoted name.
        let types = [("a", "frozen<tuple<\"Q\", frozen<z>>>"), ("Q", "int"), ("z", "int")];
        let expected = ["\"Q\" int\n);", "a frozen<tuple<\"Q\", frozen<z>>>\n);", "z int\n);"];
        assert_eq!(order(&types), expected);
    }

    #[test]
    fn functions_are_sorted_by_name_and_arguments() {
        let function = |name: &str, of: &str| {
            let cells = vec![
                text("keyspace_name", "ks"),
                text("function_name", name),
                texts("argument_names", &["a"]),
                texts("argument_types", &[of]),
                text("return_type", of),
                flag("called_on_null_input", true),
                text("language", "java"),
                text("body", "return a;"),
            ];
            (Functions, cells)
        };
        let row = vec![text("keyspace_name", "ks"), map("replication", &[])];
        let of_list = function("f", "frozen<list<frozen<set<int>>>>");
        let schema = read([(Keyspaces, row), function("f", "int"), of_list, function("F", "int")]);
        let functions = schema.keyspaces["ks"].functions_in_order();
        let signatures: Vec<_> = functions.iter().map(|of| of.exported_signature()).collect();
        assert_eq!(signatures, ["F(int)", "f(frozen<list<frozen<set<int>>>>)", "f(int)"]);
        // The type of the result is printed as the server stores it.
        let expected = "CREATE FUNCTION ks.f(a list<set<int>>)\n    CALLED ON NULL INPUT\n    \
                        RETURNS frozen<list<frozen<set<int>>>>\n    LANGUAGE java\n    AS $$return a;$$;";
        assert_eq!(functions[1].export(), expected);
    }
}
