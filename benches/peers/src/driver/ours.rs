//! The loads on cqlwire.

use std::net::SocketAddr;

use cqlwire::session::{PreparedStatement, Session};
use tokio::runtime::Runtime;

use super::load::{INSERT, KEYS, Kind, Load, SCAN, SELECT, Sample, VALUE, run};
use super::{Client, runtime};

pub struct Ours {
    runtime: Runtime,
    session: Session,
    select: PreparedStatement,
    insert: PreparedStatement,
    scan: PreparedStatement,
}

impl Ours {
    pub fn connect(address: SocketAddr) -> Self {
        let runtime = runtime();
        let (session, [select, insert, scan]) = runtime.block_on(async {
            let session = session(address).await;
            let [select, insert, scan] = [SELECT, INSERT, SCAN].map(|text| session.prepare(text));
            let prepared = [select.await.unwrap(), insert.await.unwrap(), scan.await.unwrap()];
            (session, prepared)
        });
        Self { runtime, session, select, insert, scan }
    }
}

impl Client for Ours {
    fn run(&mut self, load: Load) -> Option<Sample> {
        let Self { session, select, insert, scan, .. } = &*self;
        Some(self.runtime.block_on(async {
            match load.kind {
                Kind::Read => {
                    run(load, async |key| {
                        let result = session.execute(select, (key,)).await.unwrap();
                        result.one::<(&str,)>().unwrap().0.len()
                    })
                    .await
                }
                Kind::Write => {
                    run(load, async |key| {
                        session.execute(insert, (key, VALUE)).await.unwrap();
                        1
                    })
                    .await
                }
                Kind::Scan => {
                    run(load, async |_| {
                        let result = session.execute(scan, ()).await.unwrap();
                        let rows = result.rows::<(String, String)>().unwrap();
                        rows.collect::<Result<Vec<_>, _>>().unwrap().len()
                    })
                    .await
                }
            }
        }))
    }
}

/// Creates and fills the tables on a real node.
pub fn fill(address: SocketAddr) {
    runtime().block_on(async {
        let session = session(address).await;
        for text in [
            "CREATE KEYSPACE IF NOT EXISTS bench WITH replication = \
             {'class': 'SimpleStrategy', 'replication_factor': 1}",
            "CREATE TABLE IF NOT EXISTS bench.kv (k bigint PRIMARY KEY, v text)",
            "CREATE TABLE IF NOT EXISTS bench.users (username text PRIMARY KEY, password text)",
        ] {
            session.execute(text, ()).await.unwrap();
        }
        for key in 0..KEYS {
            session.execute(INSERT, (key, VALUE)).await.unwrap();
        }
        let insert = "INSERT INTO bench.users (username, password) VALUES (?, ?)";
        for number in 0..5_000 {
            let user = (format!("user_{number}"), format!("password_{number}"));
            session.execute(insert, user).await.unwrap();
        }
    });
}

async fn session(address: SocketAddr) -> Session {
    Session::builder().contact_points([address.to_string()]).connect().await.unwrap()
}
