//! The statement that writes one row, and the values that it takes.

use crate::cluster::{Partitioner, Token};
use crate::message::BatchKind;
use crate::session::{EncodedRow, Error, ErrorKind, ExecutionProfile, PreparedStatement, Session};
use crate::types::{
    BindError, Binder, ColumnSpec, CqlType, Quoted, Reordered, ToValues, ValuesBuffer,
};

use super::columns::{ColumnKind, TableColumn, TableColumns};
use super::table_name::{TableName, parse_name};

/// The table of a load, and the columns that it writes.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) name: TableName,
    columns: Vec<String>,
}

/// Values of each row that are not those of columns.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RowOptions {
    /// True if each row has its own write time.
    pub(super) timestamps: bool,
    /// True if each row has its own time to live.
    pub(super) ttls: bool,
}

/// The statement that writes one row.
#[derive(Debug)]
pub(super) struct Insert {
    statement: PreparedStatement,
    kind: Kind,
    /// The indexes of the values that cannot be null: those of the primary key, and the timestamp of the row.
    required: Vec<usize>,
}

/// An upper bound of the size that Cassandra adds to the value of a cell: a timestamp, a time to live and a time of
/// deletion.
const CELL_OVERHEAD: usize = 24;

/// The same for an element of a list, which also has a key of 16 bytes.
const ELEMENT_OVERHEAD: usize = CELL_OVERHEAD + 16;

/// An upper bound of the size that Cassandra adds to the cells of a row.
const ROW_OVERHEAD: usize = 32;

#[derive(Debug)]
enum Kind {
    /// The last value of the statement is the write time that the load chooses.
    WithLoadTimestamp,
    WithRowTimestamp,
    /// An UPDATE of counters. For each of its values, the index of the value in the row.
    Counters(Vec<usize>),
}

impl Target {
    /// Parses the names of a table and of columns. A table without a keyspace is one of the session's keyspace.
    ///
    /// # Errors
    /// Returns an error if a text is not a valid name, if no keyspace is known, if there is no column, or if a column occurs
    /// twice.
    pub(super) fn new(table: &str, columns: &[String], session: &Session) -> Result<Self, Error> {
        let name = TableName::parse(table, session)?;
        let mut names = Vec::new();
        for column in columns {
            match parse_name(column) {
                Some((None, name)) if names.contains(&name) => {
                    return Err(invalid(format!(
                        "the column `{column}` occurs twice: name it once"
                    )));
                }
                Some((None, name)) => names.push(name),
                _ => {
                    return Err(invalid(format!(
                        "`{column}` is not the name of a column: write the name alone, with quotation marks around \
                         names that are not lower case"
                    )));
                }
            }
        }
        if names.is_empty() {
            return Err(invalid(format!(
                "no columns of `{table}` were named: name those whose values the rows have"
            )));
        }
        Ok(Self { name, columns: names })
    }

    /// Checks the columns of the load. A row of static columns needs no clustering columns.
    ///
    /// # Errors
    /// Returns an error if the table lacks one of the columns, or if they do not include the primary key.
    fn check(&self, columns: &[TableColumn]) -> Result<(), Error> {
        let find = |name: &String| columns.iter().find(|column| column.name == *name);
        let table = self.table();
        if let Some(unknown) = self.columns.iter().find(|name| find(name).is_none()) {
            let known: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
            return Err(invalid(format!(
                "the table {table} has no column {}; its columns are {}",
                Quoted(unknown),
                known.join(", ")
            )));
        }
        let kinds = |kind: ColumnKind| {
            self.columns.iter().filter_map(find).any(|column| column.kind == kind)
        };
        let is_static = kinds(ColumnKind::Static)
            && !kinds(ColumnKind::Regular)
            && !kinds(ColumnKind::Clustering);
        let is_missing = |column: &&TableColumn| {
            (column.kind == ColumnKind::PartitionKey
                || (column.kind == ColumnKind::Clustering && !is_static))
                && !self.columns.contains(&column.name)
        };
        match columns.iter().find(is_missing) {
            None => Ok(()),
            Some(missing) => Err(invalid(format!(
                "the column {} of the primary key of {table} is missing: add it to the columns of the load",
                Quoted(&missing.name)
            ))),
        }
    }

    /// Prepares the statement.
    ///
    /// # Errors
    /// Returns an error if the table does not exist, if it does not have the columns, or if `options` do not fit
    /// it, and the errors of [`Session::prepare`].
    pub(super) async fn prepare(
        &self,
        session: &Session,
        options: RowOptions,
        profile: &ExecutionProfile,
    ) -> Result<Insert, Error> {
        let TableColumns(columns) = TableColumns::read(&self.name, session).await?;
        // The server's error says whether the keyspace or the table is unknown.
        if !columns.is_empty() {
            self.check(&columns)?;
        }
        let is_key = |name: &String| {
            let column = columns.iter().find(|column| column.name == *name);
            column.is_some_and(|column| column.kind.is_key())
        };
        let positions = 0..self.columns.len();
        let (key, values): (Vec<usize>, Vec<usize>) =
            positions.partition(|position| self.columns.get(*position).is_some_and(is_key));
        let has_counters = columns.iter().any(TableColumn::is_counter);
        let (text, kind, required) = match has_counters {
            true if options.timestamps || options.ttls => {
                return Err(invalid(format!(
                    "the table {} has counters, whose rows have no write times and no times to live",
                    self.table()
                )));
            }
            true if values.is_empty() => {
                return Err(invalid(format!(
                    "the columns of the load include no counter of {}: add the counters that the rows change",
                    self.table()
                )));
            }
            true => {
                let text = self.update(&values, &key);
                let key_values = (values.len()..self.columns.len()).collect();
                (text, Kind::Counters([values, key].concat()), key_values)
            }
            false if options.timestamps => {
                let required = [key, vec![self.columns.len()]].concat();
                (self.insert(options), Kind::WithRowTimestamp, required)
            }
            false => (self.insert(options), Kind::WithLoadTimestamp, key),
        };
        let statement = session.prepare(text).await?.profile(profile).idempotent(!has_counters);
        Ok(Insert { statement, kind, required })
    }

    /// Returns the name of the table as CQL text.
    fn table(&self) -> String {
        format!("{}.{}", Quoted(&self.name.keyspace), Quoted(&self.name.table))
    }

    /// Returns the text of an INSERT.
    fn insert(&self, RowOptions { timestamps, ttls }: RowOptions) -> String {
        let names: Vec<_> = self.columns.iter().map(|name| Quoted(name).to_string()).collect();
        let markers = vec!["?"; names.len()].join(", ");
        let using = match (timestamps, ttls) {
            (_, false) => "TIMESTAMP ?",
            (true, true) => "TIMESTAMP ? AND TTL ?",
            // The load adds the timestamp after the values of the row.
            (false, true) => "TTL ? AND TIMESTAMP ?",
        };
        let table = self.table();
        let names = names.join(", ");
        format!("INSERT INTO {table} ({names}) VALUES ({markers}) USING {using}")
    }

    /// Returns the text of an UPDATE of counters. `counters` and `key` are positions of columns.
    fn update(&self, counters: &[usize], key: &[usize]) -> String {
        let names = |positions: &[usize], separator: &str, term: fn(String) -> String| {
            let names = positions.iter().filter_map(|position| self.columns.get(*position));
            let terms: Vec<_> = names.map(|name| term(Quoted(name).to_string())).collect();
            terms.join(separator)
        };
        let table = self.table();
        let counters = names(counters, ", ", |name| format!("{name} = {name} + ?"));
        let key = names(key, " AND ", |name| format!("{name} = ?"));
        format!("UPDATE {table} SET {counters} WHERE {key}")
    }
}

impl Insert {
    /// Encodes the values of a row, which the load writes at `timestamp`, into the memory of `buffer`.
    ///
    /// # Errors
    /// Returns an error if the values do not fit the columns that the driver knows, or if a value of the primary key or the
    /// timestamp of the row is null or unset.
    pub(super) fn encode<T: ToValues>(
        &self,
        row: &T,
        timestamp: i64,
        buffer: ValuesBuffer,
    ) -> Result<EncodedRow, Error> {
        let values = StatementValues { kind: &self.kind, row, timestamp };
        self.checked(EncodedRow::new(&self.statement, &values, buffer)?)
    }

    /// Encodes the values of a row that do not fit the columns that the driver knows. Asks a server for the current ones
    /// first.
    ///
    /// # Errors
    /// Returns the errors of [`encode`](Self::encode), and those of a PREPARE request.
    pub(super) async fn encode_for_server<T: ToValues + Sync>(
        &self,
        session: &Session,
        row: &T,
        timestamp: i64,
    ) -> Result<EncodedRow, Error> {
        let values = StatementValues { kind: &self.kind, row, timestamp };
        self.checked(session.encode_row(&self.statement, &values).await?)
    }

    fn checked(&self, encoded: EncodedRow) -> Result<EncodedRow, Error> {
        match encoded.null_among(&self.required) {
            None => Ok(encoded),
            Some(index) => Err(self.null_value(index)),
        }
    }

    #[cold]
    fn null_value(&self, index: usize) -> Error {
        let variables = self.statement.variables();
        let name = variables.get(index).map_or("?", |column| &*column.name);
        let text = match (&self.kind, self.required.last()) {
            (Kind::WithRowTimestamp, Some(last)) if *last == index => {
                "the timestamp of the row is null or unset".to_owned()
            }
            _ => format!("the value of {}, a column of the primary key, is null", Quoted(name)),
        };
        Error::new(ErrorKind::Bind, text)
    }

    /// Returns the token of a row, or `None` if the driver does not know the partitioner.
    pub(super) fn token(row: &EncodedRow, partitioner: Option<Partitioner>) -> Option<Token> {
        row.token(partitioner?)
    }

    /// Returns an upper bound of the size that Cassandra counts for a row when it compares a batch with
    /// `batch_size_warn_threshold`.
    pub(super) fn server_size(row: &EncodedRow) -> usize {
        let variables = row.variables();
        // Each element of a collection, and each field of a user-defined type, is a cell if the column is not frozen. It
        // takes at least 4 bytes in the request.
        let has_cells = |column: &ColumnSpec| {
            use CqlType::{List, Map, Set, Udt};
            matches!(column.cql_type, List(_) | Map(_) | Set(_) | Udt(_))
        };
        let factor = if variables.iter().any(has_cells) { 1 + ELEMENT_OVERHEAD / 4 } else { 1 };
        row.size() * factor + variables.len() * CELL_OVERHEAD + ROW_OVERHEAD
    }

    /// Returns the statement.
    pub(super) const fn statement(&self) -> &PreparedStatement {
        &self.statement
    }

    /// Returns the kind of a batch of the statement.
    pub(super) const fn batch_kind(&self) -> BatchKind {
        match self.kind {
            Kind::Counters(_) => BatchKind::Counter,
            _ => BatchKind::Unlogged,
        }
    }

    /// Returns true if writing a row twice has the same effect as writing it once.
    pub(super) const fn is_idempotent(&self) -> bool {
        !matches!(self.kind, Kind::Counters(_))
    }
}

/// The values of the statement for a row.
struct StatementValues<'r, T> {
    kind: &'r Kind,
    row: &'r T,
    timestamp: i64,
}

impl<T: ToValues> ToValues for StatementValues<'_, T> {
    fn bind(&self, binder: &mut Binder<'_>) -> Result<(), BindError> {
        match self.kind {
            Kind::WithLoadTimestamp => {
                binder.all_but_last(1, self.row)?;
                binder.value(&self.timestamp)
            }
            Kind::WithRowTimestamp => self.row.bind(binder),
            Kind::Counters(order) => Reordered::new(self.row, order).bind(binder),
        }
    }
}

fn invalid(text: String) -> Error {
    Error::new(ErrorKind::Config, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(columns: &[&str]) -> Target {
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        Target { name: TableName { keyspace: "K".into(), table: "t\"".into() }, columns }
    }

    #[test]
    fn the_values_of_a_row_precede_the_timestamp_of_the_load() {
        for (timestamps, ttls, using) in [
            (false, false, "TIMESTAMP ?"),
            (true, false, "TIMESTAMP ?"),
            (false, true, "TTL ? AND TIMESTAMP ?"),
            (true, true, "TIMESTAMP ? AND TTL ?"),
        ] {
            let text = target(&["a", "B"]).insert(RowOptions { timestamps, ttls });
            let expected = r#"INSERT INTO "K"."t""" ("a", "B") VALUES (?, ?) USING "#;
            assert_eq!(text, format!("{expected}{using}"));
        }
    }

    #[test]
    fn counters_are_added() {
        let text = target(&["k", "c", "D", "l"]).update(&[1, 2], &[0, 3]);
        let set = r#"SET "c" = "c" + ?, "D" = "D" + ? WHERE "k" = ? AND "l" = ?"#;
        assert_eq!(text, format!(r#"UPDATE "K"."t""" {set}"#));
    }

    #[test]
    fn the_columns_include_the_primary_key() {
        let column = |name: &str, kind| TableColumn {
            name: name.to_owned(),
            kind,
            type_name: "int".to_owned(),
        };
        let columns = [
            column("k", ColumnKind::PartitionKey),
            column("c", ColumnKind::Clustering),
            column("s", ColumnKind::Static),
            column("v", ColumnKind::Regular),
        ];
        for (named, expected) in [
            (&["k", "c", "v"][..], None),
            (&["c", "k"], None),
            (&["k", "s"], None),
            (&["k"], Some("\"c\" of the primary key")),
            (&["k", "s", "v"], Some("\"c\" of the primary key")),
            (&["c", "v"], Some("\"k\" of the primary key")),
            (&["k", "c", "V"], Some("no column \"V\"; its columns are k, c, s, v")),
        ] {
            let error = target(named).check(&columns).err().map(|error| error.to_string());
            match (&error, expected) {
                (Some(error), Some(text)) => assert!(error.contains(text), "{error}"),
                _ => assert!(error.is_none() && expected.is_none(), "{named:?}: {error:?}"),
            }
        }
    }
}
