//! Writes and reads lists, sets, maps and tuples.
//!
//! `cargo run --example collections -- 127.0.0.1:9042`

mod common;

use std::collections::{BTreeMap, BTreeSet};

use cqlwire::types::{Elements, OrDefault};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let session = common::session().await?;
    session
        .execute(
            "CREATE TABLE IF NOT EXISTS albums (title text PRIMARY KEY, tracks list<text>, \
             genres set<text>, ratings map<text, int>, length tuple<int, int>)",
            (),
        )
        .await?;

    let genres = BTreeSet::from(["jazz", "modal"]);
    let ratings = BTreeMap::from([("ada", 5), ("bob", 4)]);
    let insert =
        "INSERT INTO albums (title, tracks, genres, ratings, length) VALUES (?, ?, ?, ?, ?)";
    let tracks = ["So What", "Blue in Green"];
    session.execute(insert, ("Kind of Blue", tracks, &genres, &ratings, (45, 44))).await?;

    let select = "SELECT tracks, genres, ratings, length FROM albums WHERE title = ?";
    let result = session.execute(select, ("Kind of Blue",)).await?;
    type Album = (Vec<String>, BTreeSet<String>, BTreeMap<String, i32>, (i32, i32));
    let (tracks, genres, ratings, (minutes, seconds)): Album = result.one()?;
    println!("{tracks:?} {genres:?} {ratings:?} {minutes}:{seconds}");

    // `Elements` decodes each element as it is iterated, without an allocation.
    let tracks = session.execute("SELECT tracks FROM albums", ()).await?;
    for (tracks,) in tracks.rows::<(Elements<'_, &str>,)>()?.flatten() {
        for track in tracks {
            println!("{}", track?);
        }
    }

    // Cassandra does not store empty collections, so they read as null. `OrDefault` turns null into an
    // empty collection.
    session.execute("INSERT INTO albums (title, genres) VALUES ('Silence', {})", ()).await?;
    let silence = "SELECT genres FROM albums WHERE title = 'Silence'";
    let silence = session.execute(silence, ()).await?;
    let (null,) = silence.one::<(Option<Vec<&str>>,)>()?;
    let (OrDefault(empty),) = silence.one::<(OrDefault<Vec<&str>>,)>()?;
    println!("{null:?} {empty:?}");
    Ok(())
}
