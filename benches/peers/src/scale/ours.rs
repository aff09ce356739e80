//! The loads on cqlwire.

use std::net::SocketAddr;

use cqlwire::session::{Batch, PreparedStatement, Session};
use tokio::runtime::Runtime;

use super::sample::{Sample, run};
use crate::driver::load::{INSERT, KEYS, SELECT, VALUE};

pub struct Ours {
    runtime: Runtime,
    session: Session,
    select: PreparedStatement,
    insert: PreparedStatement,
}

impl Ours {
    pub fn connect(runtime: Runtime, address: SocketAddr, connections: usize) -> Self {
        let (session, [select, insert]) = runtime.block_on(async {
            let builder = Session::builder().contact_points([address.to_string()]);
            let session = builder.connections_per_node(connections).connect().await.unwrap();
            let [select, insert] = [SELECT, INSERT].map(|text| session.prepare(text));
            let prepared = [select.await.unwrap(), insert.await.unwrap()];
            (session, prepared)
        });
        Self { runtime, session, select, insert }
    }

    pub fn select(&self, tasks: usize, requests: usize) -> Sample {
        let (session, select) = (self.session.clone(), self.select.clone());
        self.runtime.block_on(run(tasks, requests, move |number| {
            let (session, select) = (session.clone(), select.clone());
            async move {
                let key = number as i64 % KEYS;
                let result = session.execute(&select, (key,)).await.unwrap();
                assert_eq!(result.one::<(&str,)>().unwrap().0.len(), VALUE.len());
            }
        }))
    }

    /// Sends `requests` batches of `rows` rows.
    pub fn batch(&self, tasks: usize, requests: usize, rows: usize) -> Sample {
        let (session, insert) = (self.session.clone(), self.insert.clone());
        self.runtime.block_on(run(tasks, requests, move |_| {
            let (session, insert) = (session.clone(), insert.clone());
            async move {
                let batch = (0..rows as i64).fold(Batch::unlogged(), |batch, key| {
                    batch.statement(&insert, (key % KEYS, VALUE))
                });
                session.batch(&batch).await.unwrap();
            }
        }))
    }
}
