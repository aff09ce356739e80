//! The tables of the generated scripts, and literals of their types.

use std::collections::BTreeSet;

use super::random::Random;

/// A table. Each column has a name and a type.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) partition: &'static [Column],
    pub(super) clustering: &'static [Column],
    pub(super) statics: &'static [Column],
    pub(super) regular: &'static [Column],
    /// The clustering order, or an empty text.
    pub(super) order: &'static str,
}

pub(super) type Column = (&'static str, &'static str);

/// The statements that create the types.
pub(super) const TYPES: &[&str] =
    &["CREATE TYPE u (f int, g text, h frozen<list<int>>)", "CREATE TYPE v (x frozen<u>, y int)"];

pub(super) const TABLES: &[Table] = &[
    Table {
        name: "natives",
        partition: &[("k", "int")],
        clustering: &[],
        statics: &[],
        regular: &[
            ("a", "ascii"),
            ("b", "bigint"),
            ("bl", "blob"),
            ("bo", "boolean"),
            ("da", "date"),
            ("de", "decimal"),
            ("d", "double"),
            ("du", "duration"),
            ("f", "float"),
            ("i", "inet"),
            ("n", "int"),
            ("s", "smallint"),
            ("t", "text"),
            ("ti", "time"),
            ("ts", "timestamp"),
            ("tu", "timeuuid"),
            ("ty", "tinyint"),
            ("uu", "uuid"),
            ("va", "varchar"),
            ("vi", "varint"),
        ],
        order: "",
    },
    Table {
        name: "rows",
        partition: &[("k", "int")],
        clustering: &[("c", "int"), ("d", "text")],
        statics: &[("s", "int"), ("ss", "set<int>")],
        regular: &[("v", "int"), ("w", "text"), ("b", "boolean")],
        order: " WITH CLUSTERING ORDER BY (c DESC, d ASC)",
    },
    Table {
        name: "composite",
        partition: &[("k", "int"), ("\"J\"", "text")],
        clustering: &[("c", "timeuuid")],
        statics: &[],
        regular: &[("v", "bigint"), ("\"W\"", "double")],
        order: "",
    },
    Table {
        name: "collections",
        partition: &[("k", "int")],
        clustering: &[("c", "smallint")],
        statics: &[],
        regular: &[
            ("l", "list<int>"),
            ("s", "set<text>"),
            ("m", "map<text, int>"),
            ("fl", "frozen<list<int>>"),
            ("fm", "frozen<map<int, text>>"),
            ("t", "tuple<int, text>"),
            ("u", "u"),
            ("fu", "frozen<v>"),
            ("ve", "vector<float, 3>"),
            ("ms", "map<int, frozen<set<int>>>"),
        ],
        order: "",
    },
    Table {
        name: "counters",
        partition: &[("k", "int")],
        clustering: &[("c", "int")],
        statics: &[("sc", "counter")],
        regular: &[("n", "counter"), ("m", "counter")],
        order: " WITH CLUSTERING ORDER BY (c DESC)",
    },
    Table {
        name: "names",
        partition: &[("k", "text")],
        clustering: &[("c", "frozen<list<int>>")],
        statics: &[],
        regular: &[("v", "int"), ("de", "decimal")],
        order: " WITH CLUSTERING ORDER BY (c DESC)",
    },
];

impl Table {
    /// Returns the statement that creates the table.
    pub(super) fn create(&self) -> String {
        let column = |(name, kind): &Column, suffix: &str| format!("{name} {kind}{suffix}, ");
        let mut columns = String::new();
        for (group, suffix) in [
            (self.partition, ""),
            (self.clustering, ""),
            (self.statics, " STATIC"),
            (self.regular, ""),
        ] {
            columns.extend(group.iter().map(|definition| column(definition, suffix)));
        }
        let names = |columns: &[Column]| columns.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        let partition = names(self.partition).join(", ");
        let key = [
            vec![format!("({partition})")],
            names(self.clustering).iter().map(|name| (*name).to_owned()).collect(),
        ];
        format!(
            "CREATE TABLE {} ({columns}PRIMARY KEY ({})){}",
            self.name,
            key.concat().join(", "),
            self.order
        )
    }

    pub(super) fn is_counter(&self) -> bool {
        self.regular.iter().any(|(_, kind)| *kind == "counter")
    }

    /// Returns all columns that are not part of the primary key.
    pub(super) fn values(&self) -> Vec<Column> {
        [self.statics, self.regular].concat()
    }

    pub(super) fn keys(&self) -> Vec<Column> {
        [self.partition, self.clustering].concat()
    }

    pub(super) fn columns(&self) -> Vec<Column> {
        [self.keys(), self.values()].concat()
    }
}

/// Returns a literal of a type. The literals of each type are few, so that keys and values repeat.
pub(super) fn literal(random: &mut Random, kind: &str) -> String {
    if let Some(inner) = kind.strip_prefix("frozen<") {
        return literal(random, &inner[..inner.len() - 1]);
    }
    let parameters = |prefix: &str| {
        let inner = kind.strip_prefix(prefix)?.strip_suffix('>')?;
        Some(split(inner))
    };
    let list = |random: &mut Random, element: &str| {
        let count = random.below(4);
        (0..count).map(|_| literal(random, element)).collect::<Vec<_>>().join(", ")
    };
    if let Some(element) = parameters("list<") {
        return format!("[{}]", list(random, element[0]));
    }
    if let Some(element) = parameters("set<") {
        return format!("{{{}}}", list(random, element[0]));
    }
    if let Some(pair) = parameters("map<") {
        // No key occurs twice, because the value of such a key is undefined.
        let count = random.below(4);
        let keys: BTreeSet<_> = (0..count).map(|_| literal(random, pair[0])).collect();
        let entry = |key| format!("{key}: {}", literal(random, pair[1]));
        return format!("{{{}}}", keys.into_iter().map(entry).collect::<Vec<_>>().join(", "));
    }
    if let Some(elements) = parameters("tuple<") {
        let elements = elements.iter().map(|element| or_null(random, element));
        return format!("({})", elements.collect::<Vec<_>>().join(", "));
    }
    if kind.starts_with("vector<") {
        let elements: Vec<_> = (0..3).map(|_| literal(random, "float")).collect();
        return format!("[{}]", elements.join(", "));
    }
    let choices: &[&str] = match kind {
        "ascii" | "text" | "varchar" => &["''", "'a'", "'ab'", "'b'", "'it''s'", "'0'"],
        "bigint" | "counter" => {
            &["0", "1", "-1", "2", "9223372036854775807", "-9223372036854775808"]
        }
        "blob" => &["0x", "0x00", "0xff", "0x00ff", "0x0A"],
        "boolean" => &["true", "false"],
        "date" => &["'1970-01-01'", "'2024-02-29'", "'1969-12-31'", "2147483648"],
        "decimal" => &["0", "1.0", "1.00", "-1.5", "1e3", "12345678901234567890.5"],
        "double" | "float" => &["0", "1.5", "-1.5", "2", "1e10", "NaN", "Infinity", "-Infinity"],
        "duration" => &["1h30m", "1mo", "-2d", "P1Y2M"],
        "inet" => &["'127.0.0.1'", "'::1'", "'10.0.0.1'"],
        "int" => &["0", "1", "2", "3", "-1", "2147483647", "-2147483648"],
        "smallint" => &["0", "1", "2", "-1", "32767"],
        "time" => &["'00:00:00'", "'12:34:56.789'", "'23:59:59.999999999'"],
        "timestamp" => {
            &["0", "'2024-02-29T12:00:00Z'", "'1969-12-31T23:59:59.999Z'", "1700000000000"]
        }
        "timeuuid" => &[
            "13814000-1dd2-11b2-8080-808080808080",
            "13814001-1dd2-11b2-8080-808080808080",
            "fffffffe-1dd2-11b2-8080-808080808080",
            "13814000-1dd2-11b2-8080-80808080807f",
        ],
        "tinyint" => &["0", "1", "-1", "127", "-128"],
        "uuid" => &[
            "12e4067d-9716-4d5a-a0f0-6d3a3c6ba05f",
            "13814000-1dd2-11b2-8080-808080808080",
            "00000000-0000-0000-0000-000000000000",
        ],
        "varint" => &["0", "1", "-1", "128", "-129", "123456789012345678901234567890"],
        "u" => {
            let (f, g, h) = (
                or_null(random, "int"),
                or_null(random, "text"),
                or_null(random, "frozen<list<int>>"),
            );
            return match random.below(3) {
                0 => format!("{{f: {f}}}"),
                1 => format!("{{g: {g}, f: {f}}}"),
                _ => format!("{{f: {f}, g: {g}, h: {h}}}"),
            };
        }
        "v" => return format!("{{x: {}, y: {}}}", literal(random, "u"), or_null(random, "int")),
        other => panic!("no literals of type {other}"),
    };
    random.pick(choices).to_owned()
}

fn or_null(random: &mut Random, kind: &str) -> String {
    if random.chance(10) { "null".to_owned() } else { literal(random, kind) }
}

/// Splits the parameters of a type.
fn split(parameters: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (index, character) in parameters.char_indices() {
        match character {
            '<' => depth += 1,
            '>' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(parameters[start..index].trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(parameters[start..].trim());
    parts
}
