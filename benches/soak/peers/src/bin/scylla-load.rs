//! The load through the driver scylla.

use cqlwire_soak_peers::{BATCH_ROWS, Driver, Failure, Request, payload, run};
use scylla::{
    client::{session::Session, session_builder::SessionBuilder},
    errors::ExecutionError,
    statement::{
        Consistency,
        batch::{Batch, BatchType},
        prepared::PreparedStatement,
    },
};

fn main() -> Result<(), Failure> {
    run::<Scylla>()
}

struct Scylla {
    session: Session,
    insert: PreparedStatement,
    unmarked_insert: PreparedStatement,
    read: PreparedStatement,
    increment: PreparedStatement,
    swap: PreparedStatement,
    batch: Batch,
}

impl Driver for Scylla {
    async fn connect(contact_points: Vec<String>, keyspace: &str) -> Result<Self, Failure> {
        let builder =
            SessionBuilder::new().known_nodes(contact_points).use_keyspace(keyspace, false);
        let session = builder.build().await?;
        let prepare = async |text: &'static str, is_idempotent| {
            let mut prepared = session.prepare(text).await?;
            prepared.set_consistency(Consistency::LocalQuorum);
            prepared.set_is_idempotent(is_idempotent);
            Ok::<_, Failure>(prepared)
        };
        let insert_wide = "INSERT INTO wide (p, c, payload) VALUES (?, ?, ?)";
        let mut batch = Batch::new(BatchType::Unlogged);
        for _ in 0..BATCH_ROWS {
            batch.append_statement(prepare(insert_wide, true).await?);
        }
        batch.set_consistency(Consistency::LocalQuorum);
        batch.set_is_idempotent(true);
        Ok(Self {
            insert: prepare("INSERT INTO rows (k, payload) VALUES (?, ?)", true).await?,
            unmarked_insert: prepare("INSERT INTO rows (k, payload) VALUES (?, ?)", false).await?,
            read: prepare("SELECT k, payload FROM rows WHERE k = ?", true).await?,
            increment: prepare("UPDATE counters SET n = n + 1 WHERE k = ?", false).await?,
            swap: prepare("UPDATE registers SET v = ? WHERE k = ? IF v = ?", false).await?,
            batch,
            session,
        })
    }

    async fn send(&self, request: Request) -> Result<(), String> {
        let session = &self.session;
        let result = match request {
            Request::Insert(key) => {
                session.execute_unpaged(&self.insert, (key, payload(key))).await
            }
            Request::UnmarkedInsert(key) => {
                session.execute_unpaged(&self.unmarked_insert, (key, payload(key))).await
            }
            Request::Read(key) => {
                let result = session.execute_unpaged(&self.read, (key,)).await.map_err(text)?;
                let rows = result.into_rows_result().map_err(|_| "no rows".to_owned())?;
                let row = rows.maybe_first_row::<(i64, &str)>().map_err(|_| "row".to_owned())?;
                let is_right = row.is_some_and(|(k, text)| k == key && text == payload(key));
                return is_right.then_some(()).ok_or_else(|| "wrong row".to_owned());
            }
            Request::Increment(key) => session.execute_unpaged(&self.increment, (key,)).await,
            Request::Swap { key, from, to } => {
                session.execute_unpaged(&self.swap, (to, key, from)).await
            }
            Request::Batch(first) => {
                let values: Vec<_> =
                    (first..first + BATCH_ROWS).map(|p| (p, 0, payload(p))).collect();
                session.batch(&self.batch, values).await
            }
        };
        result.map(drop).map_err(text)
    }
}

fn text(error: ExecutionError) -> String {
    let text = error.to_string();
    let end = text.char_indices().nth(120).map_or(text.len(), |(end, _)| end);
    text[..end].chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect()
}
