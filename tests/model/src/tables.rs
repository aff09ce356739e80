//! The tables, and the statements of the load.

use std::{collections::BTreeSet, time::Duration};

use cqlwire::{
    session::{Error, PreparedStatement, Session},
    wire::Consistency,
};
use tokio::time::{Instant, sleep};

/// Delay before a request is repeated.
const DELAY: Duration = Duration::from_millis(100);

/// The tables, which the statements below find in the keyspace of the load.
const TABLES: &[&str] = &[
    "rows (k bigint PRIMARY KEY, payload text)",
    "counters (k int PRIMARY KEY, n counter)",
    "registers (k int PRIMARY KEY, v bigint)",
    "lists (k bigint PRIMARY KEY, tokens list<bigint>)",
];

/// The keyspace of one load, with its prepared statements.
///
/// The load reads and writes at LOCAL_QUORUM.
#[derive(Clone)]
pub struct Tables {
    keyspace: String,
    /// Inserts a row, and is marked as idempotent.
    pub(crate) insert: PreparedStatement,
    /// Inserts a row, and is not marked as idempotent.
    pub(crate) unmarked_insert: PreparedStatement,
    pub(crate) read: PreparedStatement,
    pub(crate) increment: PreparedStatement,
    pub(crate) swap: PreparedStatement,
    pub(crate) append: PreparedStatement,
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
        let prepare = async |text: &str| {
            let prepared = session.prepare(text.replace("ks.", &format!("{keyspace}."))).await?;
            Ok::<_, Error>(prepared.consistency(Consistency::LocalQuorum))
        };
        let unmarked_insert = prepare("INSERT INTO ks.rows (k, payload) VALUES (?, ?)").await?;
        Ok(Self {
            keyspace: keyspace.to_owned(),
            insert: unmarked_insert.clone().idempotent(true),
            unmarked_insert,
            read: prepare("SELECT k, payload FROM ks.rows WHERE k = ?").await?,
            increment: prepare("UPDATE ks.counters SET n = n + 1 WHERE k = ?").await?,
            swap: prepare("UPDATE ks.registers SET v = ? WHERE k = ? IF v = ?").await?,
            append: prepare("UPDATE ks.lists SET tokens = tokens + ? WHERE k = ?").await?,
        })
    }

    /// Returns the name of the keyspace.
    pub fn keyspace(&self) -> &str {
        &self.keyspace
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
