//! The loads on the driver cdrs-tokio.

use std::net::SocketAddr;

use cdrs_tokio::cluster::connection_pool::ConnectionPoolConfigBuilder;
use cdrs_tokio::cluster::session::{Session, SessionBuilder, TcpSessionBuilder};
use cdrs_tokio::cluster::{NodeTcpConfigBuilder, TcpConnectionManager};
use cdrs_tokio::load_balancing::RoundRobinLoadBalancingStrategy;
use cdrs_tokio::query::PreparedQuery;
use cdrs_tokio::query_values;
use cdrs_tokio::transport::TransportTcp;
use cdrs_tokio::types::ByIndex;
use tokio::runtime::Runtime;

use super::load::{INSERT, Kind, Load, SCAN, SELECT, Sample, VALUE, run};
use super::{Client, runtime};

type Balancing = RoundRobinLoadBalancingStrategy<TransportTcp, TcpConnectionManager>;

pub type CdrsSession = Session<TransportTcp, TcpConnectionManager, Balancing>;

pub struct Cdrs {
    runtime: Runtime,
    session: CdrsSession,
    select: PreparedQuery,
    insert: PreparedQuery,
    scan: PreparedQuery,
}

impl Cdrs {
    pub fn connect(address: SocketAddr) -> Self {
        let runtime = runtime();
        let (session, [select, insert, scan]) = runtime.block_on(async {
            let session = session(address, 1).await;
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

impl Client for Cdrs {
    fn run(&mut self, load: Load) -> Option<Sample> {
        let Self { session, select, insert, scan, .. } = &*self;
        Some(self.runtime.block_on(async {
            match load.kind {
                Kind::Read => {
                    run(load, async |key| {
                        let values = query_values!(key);
                        let response = session.exec_with_values(select, values).await.unwrap();
                        let rows = response.response_body().unwrap().into_rows().unwrap();
                        let value: String = rows[0].r_by_index(0).unwrap();
                        value.len()
                    })
                    .await
                }
                Kind::Write => {
                    run(load, async |key| {
                        let values = query_values!(key, VALUE);
                        session.exec_with_values(insert, values).await.unwrap();
                        1
                    })
                    .await
                }
                Kind::Scan => {
                    run(load, async |_| {
                        let response = session.exec(scan).await.unwrap();
                        let rows = response.response_body().unwrap().into_rows().unwrap();
                        let text = |row: &cdrs_tokio::types::rows::Row, index| -> String {
                            row.r_by_index(index).unwrap()
                        };
                        let users: Vec<_> =
                            rows.iter().map(|row| (text(row, 0), text(row, 1))).collect();
                        users.len()
                    })
                    .await
                }
            }
        }))
    }
}

/// Connects with this number of connections to each node.
pub async fn session(address: SocketAddr, connections: usize) -> CdrsSession {
    let config = NodeTcpConfigBuilder::new().with_contact_point(address.to_string().into());
    let config = config.build().await.unwrap();
    let pool = ConnectionPoolConfigBuilder::new().with_local_size(connections).build();
    let builder = TcpSessionBuilder::new(RoundRobinLoadBalancingStrategy::new(), config);
    builder.with_connection_pool_config(pool).build().await.unwrap()
}
