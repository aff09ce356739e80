//! The loads on the driver scylla.

use std::net::SocketAddr;
use std::num::NonZeroUsize;

use scylla::client::PoolSize;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::prepared::PreparedStatement;
use tokio::runtime::Runtime;

use super::load::{INSERT, Kind, Load, SCAN, SELECT, Sample, VALUE, run};
use super::{Client, runtime};

pub struct Scylla {
    runtime: Runtime,
    session: Session,
    select: PreparedStatement,
    insert: PreparedStatement,
    scan: PreparedStatement,
}

impl Scylla {
    pub fn connect(address: SocketAddr) -> Self {
        let runtime = runtime();
        let (session, [select, insert, scan]) = runtime.block_on(async {
            let session = SessionBuilder::new()
                .known_node(address.to_string())
                .pool_size(PoolSize::PerHost(NonZeroUsize::MIN))
                .build()
                .await
                .unwrap();
            let prepared = [
                session.prepare(SELECT).await.unwrap(),
                session.prepare(INSERT).await.unwrap(),
                session.prepare(SCAN).await.unwrap(),
            ];
            (session, prepared)
        });
        Self { runtime, session, select, insert, scan }
    }
}

impl Client for Scylla {
    fn run(&mut self, load: Load) -> Option<Sample> {
        let Self { session, select, insert, scan, .. } = &*self;
        Some(self.runtime.block_on(async {
            match load.kind {
                Kind::Read => {
                    run(load, async |key| {
                        let result = session.execute_unpaged(select, (key,)).await.unwrap();
                        let rows = result.into_rows_result().unwrap();
                        rows.single_row::<(&str,)>().unwrap().0.len()
                    })
                    .await
                }
                Kind::Write => {
                    run(load, async |key| {
                        session.execute_unpaged(insert, (key, VALUE)).await.unwrap();
                        1
                    })
                    .await
                }
                Kind::Scan => {
                    run(load, async |_| {
                        let result = session.execute_unpaged(scan, ()).await.unwrap();
                        let rows = result.into_rows_result().unwrap();
                        let rows = rows.rows::<(String, String)>().unwrap();
                        rows.collect::<Result<Vec<_>, _>>().unwrap().len()
                    })
                    .await
                }
            }
        }))
    }
}
