//! The load through cqlwire.

use cqlwire::{
    session::{Batch, Error, PreparedStatement, Session},
    wire::Consistency,
};
use cqlwire_soak_peers::{BATCH_ROWS, Driver, Failure, Request, payload, run};

fn main() -> Result<(), Failure> {
    run::<Cqlwire>()
}

struct Cqlwire {
    session: Session,
    insert: PreparedStatement,
    read: PreparedStatement,
    increment: PreparedStatement,
    swap: PreparedStatement,
    insert_wide: PreparedStatement,
}

impl Driver for Cqlwire {
    async fn connect(contact_points: Vec<String>, keyspace: &str) -> Result<Self, Failure> {
        let session = Session::builder().contact_points(contact_points).keyspace(keyspace);
        let session = session.connect().await?;
        let prepare = async |text: &'static str| {
            Ok::<_, Error>(session.prepare(text).await?.consistency(Consistency::LocalQuorum))
        };
        Ok(Self {
            insert: prepare("INSERT INTO rows (k, payload) VALUES (?, ?)").await?,
            read: prepare("SELECT k, payload FROM rows WHERE k = ?").await?,
            increment: prepare("UPDATE counters SET n = n + 1 WHERE k = ?").await?,
            swap: prepare("UPDATE registers SET v = ? WHERE k = ? IF v = ?").await?,
            insert_wide: prepare("INSERT INTO wide (p, c, payload) VALUES (?, ?, ?)").await?,
            session,
        })
    }

    async fn send(&self, request: Request) -> Result<(), String> {
        let session = &self.session;
        let result = match request {
            Request::Insert(key) => {
                let insert = self.insert.clone().idempotent(true);
                session.execute(insert, (key, payload(key))).await
            }
            Request::UnmarkedInsert(key) => {
                session.execute(&self.insert, (key, payload(key))).await
            }
            Request::Read(key) => {
                let result = session.execute(&self.read, (key,)).await.map_err(text)?;
                let row = result.first::<(i64, &str)>().map_err(text)?;
                let is_right = row.is_some_and(|(k, text)| k == key && text == payload(key));
                return is_right.then_some(()).ok_or_else(|| "wrong row".to_owned());
            }
            Request::Increment(key) => session.execute(&self.increment, (key,)).await,
            Request::Swap { key, from, to } => session.execute(&self.swap, (to, key, from)).await,
            Request::Batch(first) => {
                let mut batch = Batch::unlogged().idempotent(true);
                for p in first..first + BATCH_ROWS {
                    batch = batch.statement(&self.insert_wide, (p, 0, payload(p)));
                }
                session.batch(batch.consistency(Consistency::LocalQuorum)).await
            }
        };
        result.map(drop).map_err(text)
    }
}

fn text(error: Error) -> String {
    format!("{:?}", error.kind())
}
