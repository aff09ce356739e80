//! The test that the README shows.

use cqlwire::Session;
use cqlwire::testing::MockServer;

#[tokio::test]
async fn adds_a_user() -> Result<(), Box<dyn std::error::Error>> {
    let server = MockServer::bind("127.0.0.1:0").await?;
    let address = server.address().to_string();
    let session = Session::builder().contact_points([address]).connect().await?;
    let one = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
    session.execute(format!("CREATE KEYSPACE ks WITH replication = {one}"), ()).await?;
    session.execute("CREATE TABLE ks.users (name text PRIMARY KEY, age int)", ()).await?;
    session.execute("INSERT INTO ks.users (name, age) VALUES (?, ?)", ("ada", 36)).await?;
    let ages = session.execute("SELECT age FROM ks.users WHERE name = 'ada'", ()).await?;
    assert_eq!(ages.first::<(i32,)>()?, Some((36,)));
    Ok(())
}

#[test]
fn the_readme_shows_this_test() {
    let readme = include_str!("../../README.md");
    let shown = readme.split("```rust,no_run\n").find(|block| block.contains("#[tokio::test]"));
    let shown = shown.and_then(|block| block.split("```").next()).unwrap();
    assert!(include_str!("readme.rs").contains(shown), "{shown}");
}
