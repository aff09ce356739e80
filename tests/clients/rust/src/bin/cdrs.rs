//! Runs the steps of README.md with the driver cdrs-tokio.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cassandra_protocol::compression::Compression;
use cassandra_protocol::error::Error;
use cassandra_protocol::frame::events::{SchemaChangeOptions, ServerEvent};
use cassandra_protocol::frame::message_batch::BatchType;
use cassandra_protocol::frame::message_response::ResponseBody;
use cassandra_protocol::frame::message_result::{BodyResResultRows, ResResultBody};
use cassandra_protocol::frame::{Envelope, Version};
use cassandra_protocol::query::BatchQueryBuilder;
use cassandra_protocol::query::query_values::QueryValues;
use cassandra_protocol::types::ByIndex;
use cassandra_protocol::types::cassandra_type::{CassandraType, wrapper_fn};
use cassandra_protocol::types::duration::Duration as CqlDuration;
use cassandra_protocol::types::rows::Row;
use cassandra_protocol::types::value::{Bytes, Value};
use cdrs_tokio::cluster::session::{Session, SessionBuilder, TcpSessionBuilder};
use cdrs_tokio::cluster::{NodeTcpConfigBuilder, PagerState, TcpConnectionManager};
use cdrs_tokio::load_balancing::RoundRobinLoadBalancingStrategy;
use cdrs_tokio::retry::FallthroughRetryPolicy;
use cdrs_tokio::statement::{StatementParams, StatementParamsBuilder};
use cdrs_tokio::transport::TransportTcp;
use cqlwire_clients::{
    Arguments, Failure, Outcome, content, error_codes, expect, report, wait_until,
};

type Balancing = RoundRobinLoadBalancingStrategy<TransportTcp, TcpConnectionManager>;
type CdrsSession = Session<TransportTcp, TcpConnectionManager, Balancing>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::read();
    let client = Client { session: connect(&arguments).await?, arguments };
    report("connect", client.connect().await);
    report("metadata", client.metadata());
    report("ddl", client.ddl().await);
    report("types", client.types().await);
    report("prepared", client.prepared().await);
    report("batch", client.batch().await);
    report("paging", client.paging().await);
    report("conditional", client.conditional().await);
    report("counter", client.counter().await);
    report("events", client.events().await);
    report("errors", client.errors().await);
    report("large", client.large().await);
    report("warnings", client.warnings().await);
    report("payload", Ok(Some("the driver neither sends nor shows payloads")));
    report("tracing", client.tracing().await);
    Ok(())
}

async fn connect(arguments: &Arguments) -> Result<CdrsSession, Failure> {
    let mut config =
        NodeTcpConfigBuilder::new().with_contact_point(arguments.address.as_str().into());
    match &*arguments.version {
        "3" => config = config.with_version(Version::V3),
        "4" => config = config.with_version(Version::V4),
        "5" => config = config.with_version(Version::V5),
        _ => {}
    }
    let compression = match &*arguments.compression {
        "lz4" => Compression::Lz4,
        "snappy" => Compression::Snappy,
        _ => Compression::None,
    };
    let balancing = RoundRobinLoadBalancingStrategy::new();
    let builder = TcpSessionBuilder::new(balancing, config.build().await?);
    Ok(builder.with_compression(compression).build().await?)
}

struct Client {
    session: CdrsSession,
    arguments: Arguments,
}

impl Client {
    /// Returns the protocol version. The driver's default is v4.
    fn version(&self) -> u8 {
        self.arguments.version.parse().unwrap_or(4)
    }

    async fn query(&self, statement: &str) -> Result<Envelope, Error> {
        self.session.query(self.arguments.cql(statement)).await
    }

    /// Prepares and executes a statement.
    async fn execute(&self, statement: &str, values: Vec<Value>) -> Result<Envelope, Error> {
        let prepared = self.session.prepare(self.arguments.cql(statement)).await?;
        self.session.exec_with_values(&prepared, QueryValues::SimpleValues(values)).await
    }

    /// Returns the age of a user, if there is one.
    async fn age_of(&self, name: &str) -> Result<Option<i32>, Failure> {
        let select = "SELECT age FROM KS.users WHERE name = ?";
        let rows = rows(&self.execute(select, vec![name.into()]).await?)?;
        Ok(rows.first().map(|row| row.r_by_index(0)).transpose()?)
    }

    async fn connect(&self) -> Outcome {
        let local = rows(&self.query("SELECT cql_version FROM system.local").await?)?;
        expect("cql_version", local[0].r_by_index::<String>(0)?, "3.4.7")?;
        Ok(None)
    }

    fn metadata(&self) -> Outcome {
        let metadata = self.session.cluster_metadata();
        let nodes = metadata.unignored_nodes();
        let [node] = nodes.as_slice() else { return Err("more than one node".into()) };
        expect("address", node.broadcast_rpc_address().to_string(), &*self.arguments.address)?;
        expect("datacenter", node.datacenter(), "datacenter1")?;
        expect("has tokens", !node.tokens().is_empty(), true)?;
        expect("has a keyspace", metadata.keyspace("system").is_some(), true)?;
        Ok(None)
    }

    async fn ddl(&self) -> Outcome {
        let has_keyspace =
            || self.session.cluster_metadata().keyspace(&self.arguments.keyspace).is_some();
        self.query("DROP KEYSPACE IF EXISTS KS").await?;
        wait_until("the dropped keyspace", || !has_keyspace()).await?;
        self.query(
            "CREATE KEYSPACE KS WITH replication = \
             {'class': 'SimpleStrategy', 'replication_factor': 1}",
        )
        .await?;
        // The metadata have only the keyspaces.
        wait_until("the keyspace", has_keyspace).await?;
        self.query("CREATE TYPE KS.address (street text, number int)").await?;
        self.query(
            "CREATE TABLE KS.changed (id int, at timeuuid, note text STATIC, \
             PRIMARY KEY (id, at)) WITH CLUSTERING ORDER BY (at DESC)",
        )
        .await?;
        self.query("ALTER TABLE KS.changed ADD more set<int>").await?;
        self.query("DROP TABLE KS.changed").await?;
        Ok(None)
    }

    async fn types(&self) -> Outcome {
        let mut samples = samples()?;
        // Servers describe types that a version does not have as custom types, which the driver cannot read.
        let types_of_v4 = ["date", "smallint", "time", "tinyint"];
        samples.retain(|(cql_type, ..)| {
            (self.version() > 3 || !types_of_v4.contains(cql_type))
                && (self.version() > 4 || *cql_type != "duration")
        });
        let list = |item: &dyn Fn(usize) -> String| {
            (0..samples.len()).map(item).collect::<Vec<_>>().join(", ")
        };
        let columns = list(&|number| format!("c{number}"));
        let definitions = list(&|number| format!("c{number} {}", samples[number].0));
        let literals = list(&|number| samples[number].2.to_owned());
        let markers = list(&|_| "?".to_owned());
        self.query(&format!("CREATE TABLE KS.every_type (id int PRIMARY KEY, {definitions})"))
            .await?;
        let insert = format!("INSERT INTO KS.every_type (id, {columns}) VALUES (");
        let values = samples.iter().map(|(_, value, _)| value.clone()).collect();
        self.execute(&format!("{insert}1, {markers})"), values).await?;
        self.query(&format!("{insert}2, {literals})")).await?;
        let nulls = vec![Value::Null; samples.len()];
        self.execute(&format!("{insert}3, {markers})"), nulls).await?;
        for key in 1..=3 {
            let select = format!("SELECT {columns} FROM KS.every_type WHERE id = ");
            let prepared = self.execute(&format!("{select}?"), vec![key.into()]).await?;
            let simple = self.query(&format!("{select}{key}")).await?;
            for result in [prepared, simple] {
                let body = body(&result)?;
                let [row] = body.rows_content.as_slice() else { return Err("no row".into()) };
                let columns = body.metadata.col_specs.iter().zip(row);
                for ((cql_type, expected, _), (spec, cell)) in samples.iter().zip(columns) {
                    let Value::Some(expected) = expected else { continue };
                    if key == 3 {
                        expect(cql_type, cell.as_slice().is_none(), true)?;
                        continue;
                    }
                    let decode = wrapper_fn(&spec.col_type.id);
                    let actual = decode(cell, &spec.col_type, body.protocol_version)?;
                    expect(cql_type, matches!(actual, CassandraType::Null), false)?;
                    expect(cql_type, cell.as_slice(), Some(expected.as_slice()))?;
                }
            }
        }
        Ok(None)
    }

    async fn prepared(&self) -> Outcome {
        self.query("CREATE TABLE KS.users (name text PRIMARY KEY, age int)").await?;
        let insert = "INSERT INTO KS.users (name, age) VALUES (?, ?)";
        for age in 0..10 {
            self.execute(insert, vec![format!("user_{age}").into(), age.into()]).await?;
        }
        for age in 0..10 {
            expect("age", self.age_of(&format!("user_{age}")).await?, Some(age))?;
        }
        expect("age", self.age_of("nobody").await?, None::<i32>)?;
        let select = self.arguments.cql("SELECT age FROM KS.users WHERE name = ?");
        let prepared = self.session.prepare(select).await?;
        if self.version() > 3 {
            expect("partition key", prepared.pk_indexes.as_slice(), [0])?;
        }
        Ok(None)
    }

    async fn batch(&self) -> Outcome {
        for (kind, name) in [(BatchType::Logged, "logged"), (BatchType::Unlogged, "unlogged")] {
            let insert = self.arguments.cql("INSERT INTO KS.users (name, age) VALUES (?, ?)");
            let insert = self.session.prepare(insert).await?;
            let values = QueryValues::SimpleValues(vec![name.into(), 1.into()]);
            let none = || QueryValues::SimpleValues(Vec::new());
            let update = self.arguments.cql("UPDATE KS.users SET age = 2 WHERE name = 'batch'");
            let delete = self.arguments.cql("DELETE FROM KS.users WHERE name = 'user_9'");
            let batch = BatchQueryBuilder::new()
                .with_batch_type(kind)
                .add_query_prepared(&insert, values)
                .add_query(update, none())
                .add_query(delete, none())
                .build()?;
            self.session.batch(batch).await?;
            expect("age", self.age_of(name).await?, Some(1))?;
        }
        expect("age", self.age_of("batch").await?, Some(2))?;
        expect("age", self.age_of("user_9").await?, None::<i32>)?;
        Ok(None)
    }

    async fn paging(&self) -> Outcome {
        self.query("CREATE TABLE KS.numbers (part int, number int, PRIMARY KEY (part, number))")
            .await?;
        let insert = "INSERT INTO KS.numbers (part, number) VALUES (?, ?)";
        for number in 0..250 {
            self.execute(insert, vec![(number % 2).into(), number.into()]).await?;
        }
        let mut session_pager = self.session.paged(100);
        let mut pager = session_pager.query(self.arguments.cql("SELECT number FROM KS.numbers"));
        let mut all = Vec::new();
        loop {
            all.extend(numbers(&pager.next().await?)?);
            if !pager.has_more() {
                break;
            }
        }
        all.sort_unstable();
        expect("numbers", all, (0..250).collect::<Vec<_>>())?;
        let select = self.arguments.cql("SELECT number FROM KS.numbers WHERE part = 1");
        let mut session_pager = self.session.paged(40);
        let mut pager = session_pager.query(&select);
        expect("rows of the first page", pager.next().await?.len(), 40)?;
        let state: PagerState = pager.pager_state();
        let mut session_pager = self.session.paged(40);
        let mut resumed = session_pager.query_with_pager_state(&select, state);
        let second = numbers(&resumed.next().await?)?;
        expect("the first row of the second page", second.first(), Some(&81))?;
        Ok(None)
    }

    /// Executes a conditional statement, and returns whether it was applied.
    async fn apply(&self, statement: &str, values: Vec<Value>) -> Result<(bool, Row), Failure> {
        let mut rows = rows(&self.execute(statement, values).await?)?;
        let row = rows.pop().ok_or("no row")?;
        Ok((row.r_by_index(0)?, row))
    }

    async fn conditional(&self) -> Outcome {
        let insert = "INSERT INTO KS.users (name, age) VALUES (?, ?) IF NOT EXISTS";
        let values = |age: i32| vec!["lwt".into(), age.into()];
        expect("applied", self.apply(insert, values(1)).await?.0, true)?;
        let (applied, existing) = self.apply(insert, values(2)).await?;
        expect("applied", applied, false)?;
        expect("age", existing.r_by_index::<i32>(2)?, 1)?;
        let update = "UPDATE KS.users SET age = 3 WHERE name = 'lwt' IF age = 1";
        expect("applied", self.apply(update, Vec::new()).await?.0, true)?;
        let (applied, existing) = self.apply(update, Vec::new()).await?;
        expect("applied", (applied, existing.r_by_index::<i32>(1)?), (false, 3))?;
        let delete = "DELETE FROM KS.users WHERE name = 'lwt' IF EXISTS";
        expect("applied", self.apply(delete, Vec::new()).await?.0, true)?;
        Ok(None)
    }

    async fn counter(&self) -> Outcome {
        self.query("CREATE TABLE KS.counts (name text PRIMARY KEY, hits counter)").await?;
        let add = self.arguments.cql("UPDATE KS.counts SET hits = hits + ? WHERE name = ?");
        let add = self.session.prepare(add).await?;
        let values = |change: i64| QueryValues::SimpleValues(vec![change.into(), "page".into()]);
        self.session.exec_with_values(&add, values(2)).await?;
        let batch = BatchQueryBuilder::new()
            .with_batch_type(BatchType::Counter)
            .add_query_prepared(&add, values(-3))
            .build()?;
        self.session.batch(batch).await?;
        let counts = self.query("SELECT hits FROM KS.counts WHERE name = 'page'").await?;
        expect("hits", rows(&counts)?[0].r_by_index::<i64>(0)?, -1)?;
        Ok(None)
    }

    async fn errors(&self) -> Outcome {
        for (code, expected) in error_codes(self.version()) {
            // In v5, the driver panics when it decodes the reasons of a failure.
            if self.version() == 5 && [0x1300, 0x1500].contains(&code) {
                continue;
            }
            let statement = format!("SELECT v FROM faults.errors WHERE code = {code}");
            // By default the driver retries on another node, and loses the error if there is none.
            let retry_policy = Arc::new(FallthroughRetryPolicy);
            let parameters = StatementParamsBuilder::new().with_retry_policy(retry_policy).build();
            let actual = match self.session.query_with_params(statement, parameters).await {
                Err(Error::Server { body, .. }) => body.ty.to_error_code(),
                // The driver does not know CDC_WRITE_FAILURE and CAS_WRITE_UNKNOWN.
                Err(Error::UnexpectedErrorCode(code)) => code,
                // The driver cannot decode a WRITE_TIMEOUT of CAS before v5.
                Err(Error::Io(_)) if code == 0x1700 => expected,
                other => return Err(format!("error {code:#06x}: got {other:?}").into()),
            };
            expect(format!("error {code:#06x}"), actual, expected)?;
            // The driver closes the connection after some errors.
            self.wait_for_connection().await?;
        }
        let forgotten = self.execute("SELECT v FROM faults.forgotten", Vec::new()).await?;
        expect("value", rows(&forgotten)?[0].r_by_index::<String>(0)?, "prepared again")?;
        Ok(None)
    }

    async fn wait_for_connection(&self) -> Result<(), Failure> {
        let start = Instant::now();
        while let Err(error) = self.query("SELECT key FROM system.local").await {
            if start.elapsed() > Duration::from_secs(30) {
                return Err(error.into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    async fn events(&self) -> Outcome {
        let mut events = self.session.create_event_receiver();
        let other = connect(&self.arguments).await?;
        let create = "CREATE TABLE KS.from_another_client (id int PRIMARY KEY)";
        other.query(self.arguments.cql(create)).await?;
        let table = (self.arguments.keyspace.clone(), "from_another_client".to_owned());
        let created = SchemaChangeOptions::TableType(table.0, table.1);
        let received = async {
            loop {
                if let ServerEvent::SchemaChange(change) = events.recv().await?
                    && change.options == created
                {
                    return Ok(None);
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), received).await?
    }

    async fn large(&self) -> Outcome {
        self.query(
            "CREATE TABLE KS.large (part int, number int, bytes blob, PRIMARY KEY (part, number))",
        )
        .await?;
        let insert = "INSERT INTO KS.large (part, number, bytes) VALUES (0, ?, ?)";
        for number in 0..20 {
            let bytes = Value::Some(content(number));
            self.execute(insert, vec![number.into(), bytes]).await?;
        }
        let result = self.query("SELECT number, bytes FROM KS.large WHERE part = 0").await?;
        let body = body(&result)?;
        expect("rows", body.rows_content.len(), 20)?;
        for (expected, row) in (0..).zip(&body.rows_content) {
            let equal = row[1].as_slice() == Some(&content(expected));
            expect("equal bytes", equal, true)?;
        }
        Ok(None)
    }

    async fn warnings(&self) -> Outcome {
        if self.version() == 3 {
            return Ok(Some("v3 has no warnings"));
        }
        let result = self.query("SELECT v FROM faults.warnings").await?;
        expect("warnings", result.warnings, ["the first warning", "the second warning"])?;
        Ok(None)
    }

    async fn tracing(&self) -> Outcome {
        let query = self.arguments.cql("SELECT age FROM KS.users WHERE name = 'user_1'");
        let parameters = StatementParamsBuilder::new().build();
        let parameters = StatementParams { tracing: true, ..parameters };
        let result = self.session.query_with_params(query, parameters).await?;
        let id = result.tracing_id.ok_or("no tracing id")?;
        let select = format!("SELECT request FROM system_traces.sessions WHERE session_id = {id}");
        // The server may write the trace after the response.
        for _ in 0..500 {
            if let [row] = rows(&self.query(&select).await?)?.as_slice() {
                expect("request", row.r_by_index::<String>(0)?, "Execute CQL3 query")?;
                return Ok(None);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err("there is no trace".into())
    }
}

fn body(result: &Envelope) -> Result<BodyResResultRows, Failure> {
    match result.response_body()? {
        ResponseBody::Result(ResResultBody::Rows(body)) => Ok(body),
        other => Err(format!("the response has no rows: {other:?}").into()),
    }
}

fn rows(result: &Envelope) -> Result<Vec<Row>, Failure> {
    Ok(Row::from_body(body(result)?))
}

fn numbers(rows: &[Row]) -> Result<Vec<i32>, Failure> {
    Ok(rows.iter().map(|row| row.r_by_index(0)).collect::<Result<_, _>>()?)
}

/// Returns a value and a literal of each CQL type.
fn samples() -> Result<Vec<(&'static str, Value, &'static str)>, Failure> {
    let day: i32 = 19_782; // 2024-02-29, counted from 1970-01-01
    let timestamp = i64::from(day) * 86_400_000 + 789;
    let inet = IpAddr::V6(Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, 1));
    let mut varint = vec![0; 11];
    varint[0] = 0xFF;
    let decimal = vec![0, 0, 0, 4, 0xED, 0x29, 0xBC];
    let text = |value: &str| Bytes::from(value);
    let map = |entries: &[(&str, i32)]| {
        let parts = entries.iter().flat_map(|(key, value)| [text(key), Bytes::from(*value)]);
        collection(entries.len(), parts)
    };
    let vector: Vec<u8> = [1f32, 2.5, -3.0].iter().flat_map(|value| value.to_be_bytes()).collect();
    Ok(vec![
        ("ascii", "ascii".into(), "'ascii'"),
        ("bigint", i64::MIN.into(), "-9223372036854775808"),
        ("blob", Value::Some(vec![0, 255]), "0x00ff"),
        ("boolean", true.into(), "true"),
        ("date", ((1u32 << 31) + day.unsigned_abs()).into(), "'2024-02-29'"),
        ("decimal", Value::Some(decimal), "-123.4500"),
        ("double", 1e300f64.into(), "1e300"),
        ("duration", CqlDuration::new(1, 2, 3)?.into(), "1mo2d3ns"),
        ("float", 0.5f32.into(), "0.5"),
        ("inet", inet.into(), "'2001:db8::1'"),
        ("int", i32::MIN.into(), "-2147483648"),
        ("smallint", i16::MIN.into(), "-32768"),
        ("text", "grüße, 世界".into(), "'grüße, 世界'"),
        ("time", 86_399_999_999_999i64.into(), "'23:59:59.999999999'"),
        ("timestamp", timestamp.into(), "'2024-02-29T00:00:00.789Z'"),
        (
            "timeuuid",
            "8e14e760-7fa8-11eb-bc66-000000000001".parse::<uuid::Uuid>()?.into(),
            "8e14e760-7fa8-11eb-bc66-000000000001",
        ),
        ("tinyint", i8::MIN.into(), "-128"),
        (
            "uuid",
            "f79326be-2d7b-11e4-8e1a-2a8bd4a1b4a1".parse::<uuid::Uuid>()?.into(),
            "f79326be-2d7b-11e4-8e1a-2a8bd4a1b4a1",
        ),
        ("varchar", "varchar".into(), "'varchar'"),
        ("varint", Value::Some(varint), "-1208925819614629174706176"),
        ("list<int>", vec![3, 1, 2].into(), "[3, 1, 2]"),
        ("set<text>", vec!["a", "b"].into(), "{'a', 'b'}"),
        ("map<text, int>", map(&[("a", 1), ("b", 2)]).into(), "{'a': 1, 'b': 2}"),
        ("tuple<int, text>", fields([Bytes::from(1), text("one")]).into(), "(1, 'one')"),
        (
            "frozen<list<frozen<map<text, int>>>>",
            collection(2, [map(&[("a", 1)]), map(&[])]).into(),
            "[{'a': 1}, {}]",
        ),
        (
            "frozen<address>",
            fields([text("Main Street"), Bytes::from(7)]).into(),
            "{street: 'Main Street', number: 7}",
        ),
        ("vector<float, 3>", Value::Some(vector), "[1.0, 2.5, -3.0]"),
    ])
}

/// Encodes a tuple or a value of a user-defined type, for which the driver has no encoder.
fn fields(parts: impl IntoIterator<Item = Bytes>) -> Bytes {
    let mut out = Vec::new();
    for part in parts {
        let part = part.into_inner();
        out.extend((part.len() as i32).to_be_bytes());
        out.extend(part);
    }
    Bytes::new(out)
}

/// Encodes a collection of `count` elements.
fn collection(count: usize, parts: impl IntoIterator<Item = Bytes>) -> Bytes {
    let count = (count as i32).to_be_bytes().to_vec();
    Bytes::new([count, fields(parts).into_inner()].concat())
}
