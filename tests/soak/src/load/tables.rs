//! The tables, and the statements of the load.

use std::time::{Duration, Instant};

use cqlwire::{
    session::{PreparedStatement, Session},
    wire::Consistency,
};

use crate::Result;

/// Time within which each row of a register must be created.
const LIMIT: Duration = Duration::from_secs(60);

/// The keyspace of one load, with its prepared statements.
#[derive(Clone)]
pub(crate) struct Tables {
    pub(crate) keyspace: String,
    /// Inserts a row, and is marked as idempotent.
    pub(super) insert: PreparedStatement,
    /// Inserts a row, and is not marked as idempotent.
    pub(super) unmarked_insert: PreparedStatement,
    pub(super) read: PreparedStatement,
    pub(super) increment: PreparedStatement,
    pub(super) swap: PreparedStatement,
    pub(super) append: PreparedStatement,
}

impl Tables {
    /// Creates the keyspace with its tables, and prepares the statements. The load reads and writes
    /// at LOCAL_QUORUM.
    pub(crate) async fn create(session: &Session, keyspace: &str, replicas: u8) -> Result<Self> {
        let replication =
            format!("{{'class': 'NetworkTopologyStrategy', 'datacenter1': {replicas}}}");
        let create = format!("CREATE KEYSPACE {keyspace} WITH replication = {replication}");
        session.execute(create, ()).await?;
        for table in [
            "rows (k bigint PRIMARY KEY, payload text)",
            "counters (k int PRIMARY KEY, n counter)",
            "registers (k int PRIMARY KEY, v bigint)",
            "lists (k bigint PRIMARY KEY, tokens list<bigint>)",
        ] {
            session.execute(format!("CREATE TABLE {keyspace}.{table}"), ()).await?;
        }
        let prepare = async |text: &str| {
            let text = text.replace("soak.", &format!("{keyspace}."));
            let prepared = session.prepare(text).await?;
            Ok::<_, cqlwire::session::Error>(prepared.consistency(Consistency::LocalQuorum))
        };
        let unmarked_insert = prepare("INSERT INTO soak.rows (k, payload) VALUES (?, ?)").await?;
        Ok(Self {
            keyspace: keyspace.to_owned(),
            insert: unmarked_insert.clone().idempotent(true),
            unmarked_insert,
            read: prepare("SELECT k, payload FROM soak.rows WHERE k = ?").await?,
            increment: prepare("UPDATE soak.counters SET n = n + 1 WHERE k = ?").await?,
            swap: prepare("UPDATE soak.registers SET v = ? WHERE k = ? IF v = ?").await?,
            append: prepare("UPDATE soak.lists SET tokens = tokens + ? WHERE k = ?").await?,
        })
    }

    /// Creates the registers of this number of tasks, with the value 0.
    pub(super) async fn create_registers(&self, session: &Session, tasks: u32) -> Result<()> {
        let text = "INSERT INTO {}.registers (k, v) VALUES (?, 0) IF NOT EXISTS";
        let insert = session.prepare(text.replace("{}", &self.keyspace)).await?;
        let insert = insert.idempotent(true);
        for task in 0..tasks {
            let deadline = Instant::now() + LIMIT;
            while let Err(error) = session.execute(&insert, (task.cast_signed(),)).await {
                if Instant::now() > deadline {
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }
}
