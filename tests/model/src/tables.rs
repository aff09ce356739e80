//! The tables, and the statements of the load.

use std::{collections::BTreeSet, time::Duration};

use cqlwire::{
    session::{Batch, Error, PreparedStatement, Session, Statement},
    wire::Consistency,
};
use tokio::time::{Instant, sleep};

/// Delay before a request is repeated.
const DELAY: Duration = Duration::from_millis(100);

/// Rows of a page when a wide partition is read.
const PARTITION_PAGE: i32 = 7;

/// Rows of a page when a whole table is read.
const TABLE_PAGE: i32 = 50;

/// The tables, which the statements below find in the keyspace of the load.
const TABLES: &[&str] = &[
    "rows (k bigint PRIMARY KEY, payload text)",
    "counters (k int PRIMARY KEY, n counter)",
    "registers (k int PRIMARY KEY, v bigint)",
    "lists (k bigint PRIMARY KEY, tokens list<bigint>)",
    "wide (p bigint, c int, payload text, PRIMARY KEY (p, c)) WITH CLUSTERING ORDER BY (c DESC)",
    "versions (k bigint PRIMARY KEY, v bigint, payload text)",
];

/// The keyspace of one load, with its prepared statements.
///
/// The load reads and writes at LOCAL_QUORUM.
#[derive(Clone)]
pub struct Tables {
    keyspace: String,
    /// The keyspace with a dot, or nothing if the statements name no keyspace.
    qualifier: String,
    /// Inserts a row, and is marked as idempotent.
    pub(crate) insert: PreparedStatement,
    /// Inserts a row, and is not marked as idempotent.
    pub(crate) unmarked_insert: PreparedStatement,
    pub(crate) read: PreparedStatement,
    pub(crate) increment: PreparedStatement,
    pub(crate) swap: PreparedStatement,
    pub(crate) append: PreparedStatement,
    /// Inserts a row of a batch.
    pub(crate) insert_wide: PreparedStatement,
    pub(crate) read_wide: PreparedStatement,
    pub(crate) read_versions: PreparedStatement,
    /// The timeout of the requests. `None` is the session's.
    timeout: Option<Duration>,
}

impl Tables {
    /// Creates the keyspace with its tables, and prepares the statements. The keyspace has this number
    /// of replicas in each datacenter.
    ///
    /// Keyspaces and tables that exist already are left as they are. A call that failed can therefore
    /// be repeated.
    ///
    /// # Errors
    /// Returns an error if one of the statements fails.
    pub async fn create(session: &Session, keyspace: &str, replicas: u8) -> Result<Self, Error> {
        let cluster = session.cluster();
        let datacenters: BTreeSet<_> = cluster.nodes().iter().map(|n| n.datacenter()).collect();
        let replicas = datacenters.iter().map(|name| format!(", '{name}': {replicas}"));
        let replication =
            format!("{{'class': 'NetworkTopologyStrategy'{}}}", replicas.collect::<String>());
        let create = "CREATE KEYSPACE IF NOT EXISTS";
        let create = format!("{create} {keyspace} WITH replication = {replication}");
        session.execute(create, ()).await?;
        for table in TABLES {
            let create = format!("CREATE TABLE IF NOT EXISTS {keyspace}.{table}");
            session.execute(create, ()).await?;
        }
        Self::prepare(session, keyspace).await
    }

    /// Prepares the statements for tables that exist.
    ///
    /// # Errors
    /// Returns an error if a statement cannot be prepared.
    pub async fn prepare(session: &Session, keyspace: &str) -> Result<Self, Error> {
        Self::prepare_with(session, keyspace, format!("{keyspace}.")).await
    }

    /// Prepares the statements as [`Self::prepare`] does, but they name no keyspace: `keyspace` is that of
    /// the session.
    ///
    /// # Errors
    /// Returns an error if a statement cannot be prepared.
    pub async fn prepare_unqualified(session: &Session, keyspace: &str) -> Result<Self, Error> {
        Self::prepare_with(session, keyspace, String::new()).await
    }

    async fn prepare_with(
        session: &Session,
        keyspace: &str,
        qualifier: String,
    ) -> Result<Self, Error> {
        let prepare = async |text: &str| {
            let prepared = session.prepare(text.replace("ks.", &qualifier)).await?;
            Ok::<_, Error>(prepared.consistency(Consistency::LocalQuorum))
        };
        let unmarked_insert = prepare("INSERT INTO ks.rows (k, payload) VALUES (?, ?)").await?;
        Ok(Self {
            keyspace: keyspace.to_owned(),
            qualifier: qualifier.clone(),
            insert: unmarked_insert.clone().idempotent(true),
            unmarked_insert,
            read: prepare("SELECT k, payload FROM ks.rows WHERE k = ?").await?,
            increment: prepare("UPDATE ks.counters SET n = n + 1 WHERE k = ?").await?,
            swap: prepare("UPDATE ks.registers SET v = ? WHERE k = ? IF v = ?").await?,
            append: prepare("UPDATE ks.lists SET tokens = tokens + ? WHERE k = ?").await?,
            insert_wide: prepare("INSERT INTO ks.wide (p, c, payload) VALUES (?, ?, ?)").await?,
            read_wide: prepare("SELECT p, c, payload FROM ks.wide WHERE p = ?")
                .await?
                .page_size(PARTITION_PAGE),
            read_versions: prepare("SELECT k, v, payload FROM ks.versions")
                .await?
                .page_size(TABLE_PAGE),
            timeout: None,
        })
    }

    /// Sets the timeout of all requests of the load. Default: the session's timeout.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        for statement in self.statements_mut() {
            *statement = statement.clone().timeout(timeout);
        }
        self.timeout = Some(timeout);
        self
    }

    /// Sets the timeout of each page of [`Kind::ReadTable`](crate::Kind::ReadTable). Default: the session's
    /// timeout. A frozen node can make a read of a table fail on each coordinator until the other nodes
    /// report it as down.
    #[must_use]
    pub fn table_read_timeout(mut self, timeout: Duration) -> Self {
        self.read_versions = self.read_versions.timeout(timeout);
        self
    }

    /// Sets the number of rows of a page when a partition or a table is read. Default: 7 and 50.
    #[must_use]
    pub fn page_size(mut self, rows: i32) -> Self {
        for statement in [&mut self.read_wide, &mut self.read_versions] {
            *statement = statement.clone().page_size(rows);
        }
        self
    }

    /// Applies the options of the load to a batch.
    pub(crate) fn batch_options<'v>(&self, batch: Batch<'v>) -> Batch<'v> {
        let batch = batch.consistency(Consistency::LocalQuorum);
        match self.timeout {
            Some(timeout) => batch.timeout(timeout),
            None => batch,
        }
    }

    /// Returns a statement with literal values and the options of the load.
    pub(crate) fn statement(&self, text: String) -> Statement {
        let statement = Statement::new(text).consistency(Consistency::LocalQuorum);
        match self.timeout {
            Some(timeout) => statement.timeout(timeout),
            None => statement,
        }
    }

    /// Returns the prepared statements.
    pub(crate) fn statements_mut(&mut self) -> [&mut PreparedStatement; 9] {
        [
            &mut self.insert,
            &mut self.unmarked_insert,
            &mut self.read,
            &mut self.increment,
            &mut self.swap,
            &mut self.append,
            &mut self.insert_wide,
            &mut self.read_wide,
            &mut self.read_versions,
        ]
    }

    /// Returns the name of the keyspace.
    pub fn keyspace(&self) -> &str {
        &self.keyspace
    }

    /// Returns the prefix of a table's name in statements: the keyspace with a dot, or nothing if they name
    /// no keyspace.
    pub(crate) fn qualifier(&self) -> &str {
        &self.qualifier
    }

    /// Creates the registers of the workers with the numbers below `workers`, with the value 0.
    ///
    /// # Errors
    /// Returns an error if the request for a register fails for longer than `wait`.
    pub async fn create_registers(
        &self,
        session: &Session,
        workers: u32,
        wait: Duration,
    ) -> Result<(), Error> {
        let text = "INSERT INTO {}.registers (k, v) VALUES (?, 0) IF NOT EXISTS";
        let insert = session.prepare(text.replace("{}", &self.keyspace)).await?;
        let insert = insert.idempotent(true);
        for worker in 0..workers {
            let deadline = Instant::now() + wait;
            while let Err(error) = session.execute(&insert, (worker.cast_signed(),)).await {
                if Instant::now() > deadline {
                    return Err(error);
                }
                sleep(DELAY).await;
            }
        }
        Ok(())
    }
}
