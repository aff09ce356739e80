//! The generator of SELECT statements.

use super::random::Random;
use super::script::{Rules, key, partition, random_prefix};
use super::tables::{Column, Table, literal};

pub(super) fn select(random: &mut Random, table: &Table, rules: Rules) -> String {
    let relations = relations(random, table);
    // The rows of other scripts may have times of the server.
    let rules = if relations.text.is_empty() { Rules::ServerTime } else { rules };
    let (distinct, selection) = selection(random, table, rules);
    let filtering = relations.needs_filtering || random.chance(3);
    let group = random.maybe(6, |random| {
        let keys: Vec<_> = table.keys().iter().map(|(name, _)| *name).collect();
        let count = 1 + random.below(keys.len());
        format!(" GROUP BY {}", keys[..count].join(", "))
    });
    let order = random.maybe(15, |random| {
        let column =
            table.clustering.first().or(table.regular.first()).map_or("k", |(name, _)| name);
        format!(" ORDER BY {column} {}", random.pick(&["ASC", "DESC"]))
    });
    let per_partition =
        random.maybe(8, |random| format!(" PER PARTITION LIMIT {}", random.below(4)));
    let limit = random.maybe(20, |random| format!(" LIMIT {}", random.below(6)));
    let filter = if filtering { " ALLOW FILTERING" } else { "" };
    let json = if random.chance(5) { "JSON " } else { "" };
    let name = table.name;
    let relations = relations.text;
    format!(
        "SELECT {json}{distinct}{selection} FROM {name}{relations}{group}{order}{per_partition}{limit}{filter}"
    )
}

/// Returns `DISTINCT ` or an empty text, and the selected columns.
fn selection(random: &mut Random, table: &Table, rules: Rules) -> (&'static str, String) {
    let columns = table.columns();
    match random.below(10) {
        0..4 => ("", "*".to_owned()),
        4 => {
            let names: Vec<_> = table.partition.iter().map(|(name, _)| *name).collect();
            ("DISTINCT ", names.join(", "))
        }
        5 => ("", "count(*)".to_owned()),
        _ => {
            let columns = random.some(&columns, 1, 4);
            let selectors: Vec<_> =
                columns.iter().map(|column| selector(random, table, column, rules)).collect();
            ("", selectors.join(", "))
        }
    }
}

fn selector(random: &mut Random, table: &Table, (name, kind): &Column, rules: Rules) -> String {
    let alias = random.maybe(10, |_| " AS \"Alias\"".to_owned());
    let selector = match random.below(16) {
        0 => format!("toJson({name})"),
        1 => format!("count({name})"),
        // A real node returns a time-based UUID of a function as a value of a custom type.
        2 if *kind != "timeuuid" => {
            format!("{}({name})", random.pick(&["min", "max", "sum", "avg"]))
        }
        3 if rules == Rules::Timestamps && !table.is_counter() => format!("writetime({name})"),
        4 if !["date", "time"].contains(kind) => {
            format!("CAST({name} AS {})", random.pick(&["text", "int", "bigint", "double"]))
        }
        5 if *kind == "u" => format!("{name}.f"),
        5 | 6 if *kind == "map<text, int>" => format!("{name}['a']"),
        5 if kind.starts_with("set<") => format!("{name}[{}]", literal(random, "text")),
        7 => {
            let names: Vec<_> = table.partition.iter().map(|(name, _)| *name).collect();
            format!("token({})", names.join(", "))
        }
        8 if random.chance(30) => format!("nope({name})"),
        _ => (*name).to_owned(),
    };
    selector + &alias
}

struct Relations {
    /// The WHERE clause, or an empty text.
    text: String,
    needs_filtering: bool,
}

fn relations(random: &mut Random, table: &Table) -> Relations {
    let names: Vec<_> = table.partition.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    let mut needs_filtering = false;
    let mut relations = match random.below(20) {
        0 => Vec::new(),
        1 | 2 => {
            let keys: Vec<_> = table.partition.iter().map(|(_, kind)| key(random, kind)).collect();
            let keys = keys.join(", ");
            let upper = format!("token({names}) <= token({keys})");
            vec![format!("token({names}) >= token({keys})"), upper]
        }
        3..7 => table
            .partition
            .iter()
            .map(|(name, kind)| {
                let keys: Vec<_> = (0..1 + random.below(3)).map(|_| key(random, kind)).collect();
                format!("{name} IN ({})", keys.join(", "))
            })
            .collect(),
        _ => partition(random, table),
    };
    if !relations.is_empty() {
        clustering(random, table, &mut relations);
        if random.chance(10) {
            needs_filtering = random.chance(85);
            relations.push(filter(random, table));
        }
    }
    let text = match relations.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", relations.join(" AND ")),
    };
    Relations { text, needs_filtering }
}

/// Adds conditions on clustering columns.
fn clustering(random: &mut Random, table: &Table, relations: &mut Vec<String>) {
    if random.chance(45) || table.clustering.is_empty() {
        return;
    }
    if table.clustering.len() > 1 && random.chance(20) {
        let names: Vec<_> = table.clustering.iter().map(|(name, _)| *name).collect();
        let tuple = |random: &mut Random| {
            let literals = table.clustering.iter().map(|(_, kind)| literal(random, kind));
            format!("({})", literals.collect::<Vec<_>>().join(", "))
        };
        let names = names.join(", ");
        relations.push(match random.below(3) {
            0 => format!("({names}) IN ({}, {})", tuple(random), tuple(random)),
            1 => format!("({names}) = {}", tuple(random)),
            _ => format!("({names}) {} {}", random.pick(&[">", ">=", "<", "<="]), tuple(random)),
        });
        return;
    }
    let prefix = random_prefix(random, table.clustering);
    for (name, kind) in prefix {
        relations.push(match random.chance(15) {
            true => format!("{name} IN ({}, {})", literal(random, kind), literal(random, kind)),
            false => format!("{name} = {}", literal(random, kind)),
        });
    }
    // Mostly the column after the prefix.
    let index = if random.chance(90) { prefix.len() } else { 0 };
    if let Some((name, kind)) = table.clustering.get(index) {
        let operator = random.pick(&["<", ">", "<=", ">="]);
        relations.push(format!("{name} {operator} {}", literal(random, kind)));
        if random.chance(30) {
            relations.push(format!(
                "{name} {} {}",
                random.pick(&["<", ">="]),
                literal(random, kind)
            ));
        }
    }
}

/// Returns a condition on a column that is not part of the primary key.
fn filter(random: &mut Random, table: &Table) -> String {
    let values = table.values();
    let (name, kind) = values[random.below(values.len())];
    if kind.starts_with("set<") || kind.starts_with("list<") {
        let element = if kind.contains("text") { "text" } else { "int" };
        return format!("{name} CONTAINS {}", literal(random, element));
    }
    if kind == "map<text, int>" {
        return match random.below(3) {
            0 => format!("{name} CONTAINS {}", literal(random, "int")),
            1 => format!("{name} CONTAINS KEY {}", literal(random, "text")),
            _ => format!("{name}['a'] = {}", literal(random, "int")),
        };
    }
    let operator = random.pick(&["=", "=", "<", ">=", "!="]);
    format!("{name} {operator} {}", literal(random, kind))
}
