//! The loads on the driver scylla.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use scylla::client::PoolSize;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use tokio::runtime::Runtime;

use super::sample::{Sample, run};
use crate::driver::load::{INSERT, KEYS, SELECT, VALUE};

pub struct Scylla {
    runtime: Runtime,
    session: Arc<Session>,
    select: Arc<PreparedStatement>,
    insert: Arc<PreparedStatement>,
}

impl Scylla {
    pub fn connect(runtime: Runtime, address: SocketAddr, connections: usize) -> Self {
        let (session, [select, insert]) = runtime.block_on(async {
            let connections = NonZeroUsize::new(connections).unwrap();
            let builder = SessionBuilder::new().known_node(address.to_string());
            let session = builder.pool_size(PoolSize::PerHost(connections)).build().await.unwrap();
            let [select, insert] = [SELECT, INSERT].map(|text| session.prepare(text));
            let prepared = [select.await.unwrap(), insert.await.unwrap()];
            (session, prepared.map(Arc::new))
        });
        Self { runtime, session: Arc::new(session), select, insert }
    }

    pub fn select(&self, tasks: usize, requests: usize) -> Sample {
        let (session, select) = (Arc::clone(&self.session), Arc::clone(&self.select));
        self.runtime.block_on(run(tasks, requests, move |number| {
            let (session, select) = (Arc::clone(&session), Arc::clone(&select));
            async move {
                let key = number as i64 % KEYS;
                let result = session.execute_unpaged(&select, (key,)).await.unwrap();
                let rows = result.into_rows_result().unwrap();
                assert_eq!(rows.single_row::<(&str,)>().unwrap().0.len(), VALUE.len());
            }
        }))
    }

    /// Sends `requests` batches of `rows` rows.
    pub fn batch(&self, tasks: usize, requests: usize, rows: usize) -> Sample {
        let (session, insert) = (Arc::clone(&self.session), Arc::clone(&self.insert));
        self.runtime.block_on(run(tasks, requests, move |_| {
            let (session, insert) = (Arc::clone(&session), Arc::clone(&insert));
            async move {
                let mut batch = Batch::new(BatchType::Unlogged);
                (0..rows).for_each(|_| batch.append_statement((*insert).clone()));
                let values: Vec<_> = (0..rows as i64).map(|key| (key % KEYS, VALUE)).collect();
                session.batch(&batch, values).await.unwrap();
            }
        }))
    }
}
