//! Connects the session that the examples share.

use cqlwire::session::{Error, Session};

/// Connects to the server given as the first argument (default: 127.0.0.1). Creates the keyspace
/// `example` if it does not exist, and uses it.
///
/// `cargo run -p cassandra-harness --bin cassandra` starts a server.
pub(crate) async fn session() -> Result<Session, Error> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1".to_owned());
    let session = Session::builder().contact_points([server]).connect().await?;
    session
        .execute(
            "CREATE KEYSPACE IF NOT EXISTS example WITH replication = \
             {'class': 'SimpleStrategy', 'replication_factor': 1}",
            (),
        )
        .await?;
    session.execute("USE example", ()).await?;
    Ok(session)
}
