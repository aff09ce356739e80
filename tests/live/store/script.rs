//! The generator of scripts.

use super::random::Random;
use super::selects::select;
use super::tables::{Column, TABLES, Table, literal};

/// Statements that are executed one after another.
#[derive(Debug, Clone)]
pub(super) struct Script {
    pub(super) steps: Vec<Step>,
}

/// A statement of a [`Script`].
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// The text. `<0>`, `<1>` and `<2>` are parts of partition keys that no other script has.
    text: String,
    /// The number of rows of a page, or `None` for one page.
    pub(super) page_size: Option<i32>,
    /// True if the statement is prepared before it is executed.
    pub(super) is_prepared: bool,
}

/// The rules of one script. In a real node, the times of conditional writes and of writes without a
/// timestamp come from different clocks. Thus no script has both.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    /// Each write has a timestamp in its text.
    Timestamps,
    /// The server sets the time of each write.
    ServerTime,
    /// Each write has either an IF clause or a timestamp.
    Conditions,
}

impl Step {
    /// Returns the text with the partition keys of the script `number`.
    pub(super) fn text(&self, number: usize) -> String {
        let mut text = self.text.clone();
        for key in 0..3 {
            text = text.replace(&format!("<{key}>"), &(number * 10 + key).to_string());
        }
        text
    }
}

impl Script {
    /// Generates a script. Equal seeds yield equal scripts.
    pub(super) fn generate(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let rules = match random.below(10) {
            0..4 => Rules::Timestamps,
            4..7 => Rules::ServerTime,
            _ => Rules::Conditions,
        };
        let tables: Vec<&Table> = TABLES.iter().collect();
        let tables = random.some(&tables, 1, 2);
        let count = 10 + random.below(21);
        let steps = (0..count).map(|_| {
            let table = random.pick(&tables);
            let mut text = match random.below(20) {
                0..8 => write(&mut random, table, rules),
                8 => batch(&mut random, &tables, rules),
                _ => select(&mut random, table, rules),
            };
            if random.chance(10) {
                text = damage(&mut random, &text);
            }
            let page_size =
                (pages(table, &text) && random.chance(40)).then(|| 1 + random.below(4) as i32);
            Step { text, page_size, is_prepared: random.chance(25) }
        });
        let mut steps: Vec<_> = steps.collect();
        // The state after all writes.
        for table in tables {
            let text = format!("SELECT * FROM {} WHERE {} IN (<0>, <1>, <2>)", table.name, "k");
            if table.partition.len() == 1 && table.partition[0].1 == "int" {
                steps.push(Step { text, page_size: None, is_prepared: false });
            }
        }
        Self { steps }
    }
}

/// Returns false if a real node does not accept the paging state that it returns: that of groups in a
/// table without clustering columns.
fn pages(table: &Table, text: &str) -> bool {
    !(table.clustering.is_empty() && text.contains("GROUP BY"))
}

/// Returns the literal of a partition key.
pub(super) fn key(random: &mut Random, kind: &str) -> String {
    let number = random.below(3);
    if kind == "text" { format!("'k<{number}>'") } else { format!("<{number}>") }
}

/// Returns the conditions on the partition key.
pub(super) fn partition(random: &mut Random, table: &Table) -> Vec<String> {
    let equal = |(name, kind): &Column| format!("{name} = {}", key(random, kind));
    table.partition.iter().map(equal).collect()
}

/// Returns the conditions on all columns of the primary key.
fn primary_key(random: &mut Random, table: &Table) -> String {
    let mut relations = partition(random, table);
    for (name, kind) in table.clustering {
        relations.push(format!("{name} = {}", literal(random, kind)));
    }
    relations.join(" AND ")
}

fn write(random: &mut Random, table: &Table, rules: Rules) -> String {
    let rules = match rules {
        Rules::Conditions if random.chance(40) => Rules::Timestamps,
        _ => rules,
    };
    match random.below(10) {
        // What becomes of a deleted counter that is incremented again is undefined.
        _ if table.is_counter() && random.chance(95) => update(random, table, rules),
        _ if table.is_counter() => insert(random, table, rules),
        0..4 => insert(random, table, rules),
        4..8 => update(random, table, rules),
        _ => delete(random, table, rules),
    }
}

fn timestamp(random: &mut Random) -> String {
    format!("TIMESTAMP {}", random.pick(&["1", "2", "3", "4", "1000"]))
}

/// Returns a USING clause.
fn using(random: &mut Random, table: &Table, rules: Rules, with_ttl: bool) -> String {
    let mut parts = Vec::new();
    if rules == Rules::Timestamps && !table.is_counter() || random.chance(2) {
        parts.push(timestamp(random));
    }
    if with_ttl && random.chance(8) {
        parts.push(format!("TTL {}", random.pick(&["100000", "0", "-1", "630720001", "null"])));
    }
    if parts.len() == 2 && random.chance(50) {
        parts.swap(0, 1);
    }
    if parts.is_empty() { String::new() } else { format!(" USING {}", parts.join(" AND ")) }
}

fn value(random: &mut Random, kind: &str) -> String {
    match random.below(30) {
        0..3 => "null".to_owned(),
        // A literal of any type. A real node stores one as a tuple whose bytes are invalid.
        3 if !kind.starts_with("tuple<") => {
            let kinds =
                ["int", "text", "boolean", "list<int>", "map<int, text>", "uuid", "u", "blob"];
            let kind = random.pick(&kinds);
            literal(random, kind)
        }
        _ => literal(random, kind),
    }
}

fn insert(random: &mut Random, table: &Table, rules: Rules) -> String {
    let values = random.some(&table.values(), 0, 5);
    let mut columns = [table.keys(), values].concat();
    if random.chance(3) {
        columns.remove(random.below(columns.len()));
    }
    let literal_of = |random: &mut Random, (name, kind): &Column| match table
        .partition
        .iter()
        .any(|(key, _)| key == name)
    {
        true => key(random, kind),
        false if table.clustering.iter().any(|(key, _)| key == name) => literal(random, kind),
        false => value(random, kind),
    };
    let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
    let values: Vec<_> = columns.iter().map(|column| literal_of(random, column)).collect();
    let condition = match rules == Rules::Conditions {
        true => " IF NOT EXISTS",
        false => "",
    };
    let using = using(random, table, rules, true);
    let (names, values) = (names.join(", "), values.join(", "));
    let name = table.name;
    format!("INSERT INTO {name} ({names}) VALUES ({values}){condition}{using}")
}

fn update(random: &mut Random, table: &Table, rules: Rules) -> String {
    let values = random.some(&table.values(), 1, 3);
    let assignments: Vec<_> = values.iter().map(|column| assignment(random, column)).collect();
    let only_static =
        values.iter().all(|(name, _)| table.statics.iter().any(|(other, _)| other == name));
    let relations = match only_static && random.chance(70) {
        true => partition(random, table).join(" AND "),
        false => primary_key(random, table),
    };
    let condition = condition(random, table, rules);
    let using = using(random, table, rules, true);
    let assignments = assignments.join(", ");
    format!("UPDATE {}{using} SET {assignments} WHERE {relations}{condition}", table.name)
}

fn assignment(random: &mut Random, (name, kind): &Column) -> String {
    if *kind == "counter" {
        let sign = random.pick(&["+", "-"]);
        return match random.below(8) {
            0 => format!("{name} = 1"),
            1..4 => format!("{name} {sign}= {}", 1 + random.below(9)),
            _ => format!("{name} = {name} {sign} {}", 1 + random.below(9)),
        };
    }
    let sign = random.pick(&["+", "-"]);
    let inner = |kind: &str| kind.split_once('<').map_or("int", |(_, rest)| rest).to_owned();
    match random.below(6) {
        0..3 if kind.starts_with("list<") => match random.below(5) {
            0 => format!("{name} = {} + {name}", literal(random, kind)),
            1 => format!("{name}[{}] = {}", random.below(3), value(random, "int")),
            2 => format!("{name} {sign}= {}", literal(random, kind)),
            _ => format!("{name} = {name} {sign} {}", literal(random, kind)),
        },
        0..3 if kind.starts_with("set<") => {
            format!("{name} = {name} {sign} {}", literal(random, kind))
        }
        0..3 if kind.starts_with("map<") => {
            let inner = inner(kind);
            let key = inner.split(',').next().unwrap_or("int").to_owned();
            let of_value = if key == "text" { "int" } else { "frozen<set<int>>" };
            match random.below(4) {
                0 => format!("{name} = {name} - {}", literal(random, &format!("set<{key}>"))),
                1 => format!("{name} += {}", literal(random, kind)),
                _ => format!("{name}[{}] = {}", literal(random, &key), value(random, of_value)),
            }
        }
        0..3 if *kind == "u" => match random.chance(50) {
            true => format!("{name}.f = {}", value(random, "int")),
            false => format!("{name}.g = {}", value(random, "text")),
        },
        // With IF, a real node adds numbers and texts.
        3 if random.chance(10) && ["boolean", "uuid", "blob", "u"].contains(kind) => {
            format!("{name} = {name} + {}", literal(random, kind))
        }
        _ => format!("{name} = {}", value(random, kind)),
    }
}

/// Returns an IF clause.
fn condition(random: &mut Random, table: &Table, rules: Rules) -> String {
    if rules != Rules::Conditions {
        return String::new();
    }
    if random.chance(40) {
        return " IF EXISTS".to_owned();
    }
    let columns = random.some(&table.values(), 1, 2);
    let conditions: Vec<_> = columns
        .iter()
        .map(|(name, kind)| {
            let operator = random.pick(&["=", "=", "=", "!=", "<", ">=", "IN"]);
            let value = value(random, kind);
            // The order of the tests decides whether a real node reports such a null.
            let is_order = ["<", ">="].contains(&operator);
            let value = if is_order && value == "null" { literal(random, kind) } else { value };
            match operator {
                "IN" => format!("{name} IN ({value}, {})", literal(random, kind)),
                _ if *kind == "u" && random.chance(50) => {
                    format!("{name}.f {operator} {}", literal(random, "int"))
                }
                _ if kind.starts_with("list<") && random.chance(40) => {
                    format!("{name}[0] {operator} {}", literal(random, "int"))
                }
                _ if *kind == "map<text, int>" && random.chance(40) => {
                    format!("{name}['a'] {operator} {}", literal(random, "int"))
                }
                _ => format!("{name} {operator} {value}"),
            }
        })
        .collect();
    format!(" IF {}", conditions.join(" AND "))
}

fn delete(random: &mut Random, table: &Table, rules: Rules) -> String {
    let using = using(random, table, rules, false);
    let condition = condition(random, table, rules);
    if random.chance(40) {
        let values = random.some(&table.values(), 1, 2);
        let targets: Vec<_> = values
            .iter()
            .map(|(name, kind)| match *kind {
                "map<text, int>" if random.chance(60) => {
                    format!("{name}[{}]", literal(random, "text"))
                }
                "set<text>" if random.chance(50) => format!("{name}[{}]", literal(random, "text")),
                "list<int>" if random.chance(50) => format!("{name}[{}]", random.below(3)),
                "u" if random.chance(50) => format!("{name}.f"),
                _ => (*name).to_owned(),
            })
            .collect();
        let relations = primary_key(random, table);
        let targets = targets.join(", ");
        return format!("DELETE {targets} FROM {}{using} WHERE {relations}{condition}", table.name);
    }
    let mut relations = partition(random, table);
    for (name, kind) in random_prefix(random, table.clustering) {
        relations.push(format!("{name} = {}", literal(random, kind)));
    }
    if let Some((name, kind)) = table.clustering.get(relations.len() - table.partition.len())
        && random.chance(40)
    {
        let operator = random.pick(&["<", ">", "<=", ">="]);
        relations.push(format!("{name} {operator} {}", literal(random, kind)));
    }
    format!("DELETE FROM {}{using} WHERE {}{condition}", table.name, relations.join(" AND "))
}

/// Returns some of the first columns.
pub(super) fn random_prefix(random: &mut Random, columns: &'static [Column]) -> &'static [Column] {
    &columns[..random.below(columns.len() + 1)]
}

fn batch(random: &mut Random, tables: &[&Table], rules: Rules) -> String {
    let table = random.pick(tables);
    let kind = match table.is_counter() {
        true if random.chance(80) => "COUNTER ",
        _ => random.pick(&["", "", "UNLOGGED ", "COUNTER "]),
    };
    let count = 1 + random.below(4);
    let statements: Vec<_> = (0..count)
        .map(|_| {
            let table = if random.chance(85) { table } else { random.pick(tables) };
            write(random, table, rules)
        })
        .collect();
    format!("BEGIN {kind}BATCH {}; APPLY BATCH", statements.join("; "))
}

/// Makes an error of most statements: replaces or removes a word.
fn damage(random: &mut Random, text: &str) -> String {
    let mut words: Vec<_> = text.split(' ').collect();
    let index = random.below(words.len());
    match random.below(4) {
        0 => {
            words.remove(index);
        }
        1 => words[index] = random.pick(&["nope", "1", "'a'", "null", "=", ")", "k", "?"]),
        2 => words.swap(index, random.below(text.split(' ').count())),
        _ => words.insert(index, random.pick(&["nope", "1", ",", "AND", "IN", "c"])),
    }
    words.join(" ")
}
