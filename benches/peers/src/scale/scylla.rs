//! The loads on the driver scylla.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use scylla::client::PoolSize;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::prepared::PreparedStatement;
use tokio::runtime::Runtime;

use super::{Sample, run, runtime};
use crate::driver::load::{KEYS, SELECT, VALUE};

pub struct Scylla {
    runtime: Runtime,
    session: Arc<Session>,
    select: Arc<PreparedStatement>,
}

impl Scylla {
    pub fn connect(address: SocketAddr, connections: usize) -> Self {
        let runtime = runtime();
        let (session, select) = runtime.block_on(async {
            let connections = NonZeroUsize::new(connections).unwrap();
            let builder = SessionBuilder::new().known_node(address.to_string());
            let session = builder.pool_size(PoolSize::PerHost(connections)).build().await.unwrap();
            let select = session.prepare(SELECT).await.unwrap();
            (session, select)
        });
        Self { runtime, session: Arc::new(session), select: Arc::new(select) }
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
}
