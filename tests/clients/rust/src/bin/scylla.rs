//! Runs the steps of README.md with the driver scylla, which supports v4.

use std::net::{IpAddr, Ipv6Addr};
use std::ops::ControlFlow;

use cqlwire_clients::{Arguments, Failure, Outcome, content, error_codes, expect, report};
use futures_util::TryStreamExt;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::cluster::metadata::{ColumnKind, Strategy};
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use scylla::frame::Compression;
use scylla::response::PagingState;
use scylla::response::query_result::QueryResult;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::unprepared::Statement;
use scylla::value::{
    Counter, CqlDate, CqlDecimal, CqlDuration, CqlTime, CqlTimestamp, CqlTimeuuid, CqlValue,
    CqlVarint, Row,
};

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
    // The driver reads the schema again every minute, and not after an event.
    report("events", Ok(Some("the driver shows no events")));
    report("errors", client.errors().await);
    report("large", client.large().await);
    report("warnings", client.warnings().await);
    report("payload", Ok(Some("the driver neither sends nor shows payloads")));
    report("tracing", client.tracing().await);
    Ok(())
}

async fn connect(arguments: &Arguments) -> Result<Session, Failure> {
    let compression = match &*arguments.compression {
        "lz4" => Some(Compression::Lz4),
        "snappy" => Some(Compression::Snappy),
        _ => None,
    };
    let builder = SessionBuilder::new().known_node(&arguments.address).compression(compression);
    Ok(builder.build().await?)
}

struct Client {
    session: Session,
    arguments: Arguments,
}

impl Client {
    async fn query(&self, statement: &str) -> Result<QueryResult, ExecutionError> {
        self.session.query_unpaged(self.arguments.cql(statement), ()).await
    }

    /// Prepares and executes a statement.
    async fn execute(&self, statement: &str, values: &[CqlValue]) -> Result<QueryResult, Failure> {
        let prepared = self.session.prepare(self.arguments.cql(statement)).await?;
        Ok(self.session.execute_unpaged(&prepared, values).await?)
    }

    /// Returns the age of a user, if there is one.
    async fn age_of(&self, name: &str) -> Result<Option<i32>, Failure> {
        let select = "SELECT age FROM KS.users WHERE name = ?";
        let rows = self.execute(select, &[text(name)]).await?.into_rows_result()?;
        Ok(rows.maybe_first_row::<(i32,)>()?.map(|(age,)| age))
    }

    async fn connect(&self) -> Outcome {
        let rows = self.query("SELECT cql_version FROM system.local").await?.into_rows_result()?;
        expect("cql_version", rows.single_row::<(&str,)>()?.0, "3.4.7")?;
        Ok(None)
    }

    fn metadata(&self) -> Outcome {
        let state = self.session.get_cluster_state();
        let [node] = state.get_nodes_info() else { return Err("more than one node".into()) };
        expect("address", node.address.to_string(), &*self.arguments.address)?;
        expect("datacenter", node.datacenter.as_deref(), Some("datacenter1"))?;
        let tokens = state.replica_locator().ring().len();
        expect("has tokens", tokens > 0, true)?;
        let system = state.get_keyspace("system").ok_or("no keyspace `system`")?;
        expect("strategy", &system.strategy, &Strategy::LocalStrategy)?;
        expect("primary key", &*system.tables["local"].partition_key, ["key"])?;
        Ok(None)
    }

    async fn ddl(&self) -> Outcome {
        let keyspace = &self.arguments.keyspace;
        self.query("DROP KEYSPACE IF EXISTS KS").await?;
        self.query(
            "CREATE KEYSPACE KS WITH replication = \
             {'class': 'SimpleStrategy', 'replication_factor': 1}",
        )
        .await?;
        self.query("CREATE TYPE KS.address (street text, number int)").await?;
        self.query(
            "CREATE TABLE KS.changed (id int, at timeuuid, note text STATIC, \
             PRIMARY KEY (id, at)) WITH CLUSTERING ORDER BY (at DESC)",
        )
        .await?;
        self.query("ALTER TABLE KS.changed ADD more set<int>").await?;
        self.session.await_schema_agreement().await?;
        self.session.refresh_metadata().await?;
        let state = self.session.get_cluster_state();
        let created = state.get_keyspace(keyspace).ok_or("the keyspace is missing")?;
        let table = created.tables.get("changed").ok_or("the table is missing")?;
        let mut columns: Vec<_> = table.columns.keys().map(String::as_str).collect();
        columns.sort_unstable();
        expect("columns", columns, ["at", "id", "more", "note"])?;
        expect("kind", &table.columns["note"].kind, &ColumnKind::Static)?;
        expect("clustering key", &*table.clustering_key, ["at"])?;
        let fields = &created.user_defined_types["address"].field_types;
        expect("fields", fields.len(), 2)?;
        self.query("DROP TABLE KS.changed").await?;
        Ok(None)
    }

    async fn types(&self) -> Outcome {
        let samples = samples(&self.arguments.keyspace);
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
        let id = [CqlValue::Int(1)];
        let values: Vec<_> = id.into_iter().chain(samples.iter().map(|of| of.1.clone())).collect();
        self.execute(&format!("{insert}?, {markers})"), &values).await?;
        self.query(&format!("{insert}2, {literals})")).await?;
        let nulls = vec![None::<CqlValue>; samples.len()];
        let insert = self.arguments.cql(&format!("{insert}3, {markers})"));
        self.session.execute_unpaged(&self.session.prepare(insert).await?, nulls).await?;
        for key in 1..=3 {
            let select = format!("SELECT {columns} FROM KS.every_type WHERE id = ");
            let prepared = self.execute(&format!("{select}?"), &[CqlValue::Int(key)]).await?;
            let simple = self.query(&format!("{select}{key}")).await?;
            for result in [prepared, simple] {
                let row = result.into_rows_result()?.single_row::<Row>()?;
                for ((cql_type, expected, _), actual) in samples.iter().zip(row.columns) {
                    expect(cql_type, actual.as_ref(), (key < 3).then_some(expected))?;
                }
            }
        }
        Ok(None)
    }

    async fn prepared(&self) -> Outcome {
        self.query("CREATE TABLE KS.users (name text PRIMARY KEY, age int)").await?;
        let insert = "INSERT INTO KS.users (name, age) VALUES (?, ?)";
        for age in 0..10 {
            self.execute(insert, &[text(&format!("user_{age}")), CqlValue::Int(age)]).await?;
        }
        for age in 0..10 {
            expect("age", self.age_of(&format!("user_{age}")).await?, Some(age))?;
        }
        expect("age", self.age_of("nobody").await?, None::<i32>)?;
        let select = self.arguments.cql("SELECT age FROM KS.users WHERE name = :name");
        let select = self.session.prepare(select).await?;
        expect("variable", select.get_variable_col_specs().as_slice()[0].name(), "name")?;
        expect("partition key", select.get_variable_pk_indexes().len(), 1)?;
        Ok(None)
    }

    async fn batch(&self) -> Outcome {
        for (kind, name) in [(BatchType::Logged, "logged"), (BatchType::Unlogged, "unlogged")] {
            let insert = self.arguments.cql("INSERT INTO KS.users (name, age) VALUES (?, ?)");
            let mut batch = Batch::new(kind);
            batch.append_statement(self.session.prepare(insert).await?);
            let update = "UPDATE KS.users SET age = 2 WHERE name = 'batch'";
            batch.append_statement(&*self.arguments.cql(update));
            let delete = "DELETE FROM KS.users WHERE name = 'user_9'";
            batch.append_statement(&*self.arguments.cql(delete));
            self.session.batch(&batch, ((name, 1), (), ())).await?;
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
            self.execute(insert, &[CqlValue::Int(number % 2), CqlValue::Int(number)]).await?;
        }
        let all = Statement::new(self.arguments.cql("SELECT number FROM KS.numbers"));
        let all = self.session.query_iter(all.with_page_size(100), ()).await?;
        let mut numbers: Vec<_> = all.rows_stream::<(i32,)>()?.try_collect().await?;
        numbers.sort_unstable();
        expect("numbers", numbers, (0..250).map(|number| (number,)).collect::<Vec<_>>())?;
        let select = self.arguments.cql("SELECT number FROM KS.numbers WHERE part = 1");
        let select = Statement::new(select).with_page_size(40);
        let start = PagingState::start();
        let (first, next) = self.session.query_single_page(select.clone(), (), start).await?;
        expect("rows of the first page", first.into_rows_result()?.rows_num(), 40)?;
        let ControlFlow::Continue(next) = next.into_paging_control_flow() else {
            return Err("there is no second page".into());
        };
        let (second, _) = self.session.query_single_page(select, (), next).await?;
        let first_row = second.into_rows_result()?.first_row::<(i32,)>()?;
        expect("the first row of the second page", first_row, (81,))?;
        Ok(None)
    }

    /// Executes a conditional statement, and returns whether it was applied and the other columns.
    async fn apply(
        &self,
        statement: &str,
        values: &[CqlValue],
    ) -> Result<(bool, Vec<Option<CqlValue>>), Failure> {
        let rows = self.execute(statement, values).await?.into_rows_result()?;
        let mut columns = rows.single_row::<Row>()?.columns.into_iter();
        let applied = columns.next().flatten().ok_or("no column")?;
        Ok((applied.as_boolean().ok_or("no boolean")?, columns.collect()))
    }

    async fn conditional(&self) -> Outcome {
        let insert = "INSERT INTO KS.users (name, age) VALUES (?, ?) IF NOT EXISTS";
        expect("applied", self.apply(insert, &[text("lwt"), CqlValue::Int(1)]).await?.0, true)?;
        let (applied, existing) = self.apply(insert, &[text("lwt"), CqlValue::Int(2)]).await?;
        expect("applied", applied, false)?;
        expect("existing row", existing, [Some(text("lwt")), Some(CqlValue::Int(1))])?;
        let update = "UPDATE KS.users SET age = 3 WHERE name = 'lwt' IF age = 1";
        expect("applied", self.apply(update, &[]).await?.0, true)?;
        expect("update", self.apply(update, &[]).await?, (false, vec![Some(CqlValue::Int(3))]))?;
        let delete = "DELETE FROM KS.users WHERE name = 'lwt' IF EXISTS";
        expect("applied", self.apply(delete, &[]).await?.0, true)?;
        Ok(None)
    }

    async fn counter(&self) -> Outcome {
        self.query("CREATE TABLE KS.counts (name text PRIMARY KEY, hits counter)").await?;
        let add = self.arguments.cql("UPDATE KS.counts SET hits = hits + ? WHERE name = ?");
        let add = self.session.prepare(add).await?;
        self.session.execute_unpaged(&add, (Counter(2), "page")).await?;
        let mut batch = Batch::new(BatchType::Counter);
        batch.append_statement(add);
        self.session.batch(&batch, ((Counter(-3), "page"),)).await?;
        let rows = self.query("SELECT hits FROM KS.counts WHERE name = 'page'").await?;
        let hits = rows.into_rows_result()?.single_row::<(Counter,)>()?;
        expect("hits", hits.0.0, -1)?;
        Ok(None)
    }

    async fn errors(&self) -> Outcome {
        for (code, expected) in error_codes(4) {
            let failure =
                self.query(&format!("SELECT v FROM faults.errors WHERE code = {code}")).await;
            let error = match failure {
                Err(ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, _))) => {
                    error
                }
                other => return Err(format!("error {code:#06x}: got {other:?}").into()),
            };
            expect(format!("error {code:#06x}"), code_of(&error), expected)?;
        }
        let forgotten = self.execute("SELECT v FROM faults.forgotten", &[]).await?;
        let value = forgotten.into_rows_result()?.single_row::<(String,)>()?.0;
        expect("value", value, "prepared again")?;
        Ok(None)
    }

    async fn large(&self) -> Outcome {
        self.query(
            "CREATE TABLE KS.large (part int, number int, bytes blob, PRIMARY KEY (part, number))",
        )
        .await?;
        let insert = "INSERT INTO KS.large (part, number, bytes) VALUES (0, ?, ?)";
        for number in 0..20 {
            let values = [CqlValue::Int(number), CqlValue::Blob(content(number))];
            self.execute(insert, &values).await?;
        }
        let result = self.query("SELECT number, bytes FROM KS.large WHERE part = 0").await?;
        let rows = result.into_rows_result()?;
        expect("rows", rows.rows_num(), 20)?;
        for (expected, row) in (0..).zip(rows.rows::<(i32, &[u8])>()?) {
            let (number, bytes) = row?;
            expect("number", number, expected)?;
            expect("equal bytes", bytes == content(number), true)?;
        }
        Ok(None)
    }

    async fn warnings(&self) -> Outcome {
        let result = self.query("SELECT v FROM faults.warnings").await?;
        let warnings: Vec<_> = result.warnings().collect();
        expect("warnings", warnings, ["the first warning", "the second warning"])?;
        Ok(None)
    }

    async fn tracing(&self) -> Outcome {
        let query = self.arguments.cql("SELECT age FROM KS.users WHERE name = 'user_1'");
        let mut statement = Statement::new(&*query);
        statement.set_tracing(true);
        let result = self.session.query_unpaged(statement, ()).await?;
        let id = result.tracing_id().ok_or("no tracing id")?;
        let trace = self.session.get_tracing_info(&id).await?;
        expect("request", trace.request.as_deref(), Some("Execute CQL3 query"))?;
        let parameters = trace.parameters.unwrap_or_default();
        expect("query", parameters.get("query"), Some(&query))?;
        let coordinator = trace.coordinator.map(|address| address.to_string());
        expect("coordinator", coordinator.as_ref(), Some(&self.arguments.host))?;
        expect("has events", !trace.events.is_empty(), true)?;
        Ok(None)
    }
}

fn text(value: &str) -> CqlValue {
    CqlValue::Text(value.to_owned())
}

/// Returns a value and a literal of each CQL type.
fn samples(keyspace: &str) -> Vec<(&'static str, CqlValue, &'static str)> {
    let day = 19_782; // 2024-02-29, counted from 1970-01-01
    let uuid = |text: &str| text.parse().expect("the UUID should parse");
    let map = |entries: &[(&str, i32)]| {
        let entry = |(key, value): &(&str, i32)| (text(key), CqlValue::Int(*value));
        CqlValue::Map(entries.iter().map(entry).collect())
    };
    let decimal = CqlDecimal::from_signed_be_bytes_and_exponent(vec![0xED, 0x29, 0xBC], 4);
    let mut varint = vec![0; 11];
    varint[0] = 0xFF;
    let address = CqlValue::UserDefinedType {
        keyspace: keyspace.to_owned(),
        name: "address".to_owned(),
        fields: vec![
            ("street".to_owned(), Some(text("Main Street"))),
            ("number".to_owned(), Some(CqlValue::Int(7))),
        ],
    };
    let inet = IpAddr::V6(Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, 1));
    vec![
        ("ascii", CqlValue::Ascii("ascii".to_owned()), "'ascii'"),
        ("bigint", CqlValue::BigInt(i64::MIN), "-9223372036854775808"),
        ("blob", CqlValue::Blob(vec![0, 255]), "0x00ff"),
        ("boolean", CqlValue::Boolean(true), "true"),
        ("date", CqlValue::Date(CqlDate((1 << 31) + day)), "'2024-02-29'"),
        ("decimal", CqlValue::Decimal(decimal), "-123.4500"),
        ("double", CqlValue::Double(1e300), "1e300"),
        (
            "duration",
            CqlValue::Duration(CqlDuration { months: 1, days: 2, nanoseconds: 3 }),
            "1mo2d3ns",
        ),
        ("float", CqlValue::Float(0.5), "0.5"),
        ("inet", CqlValue::Inet(inet), "'2001:db8::1'"),
        ("int", CqlValue::Int(i32::MIN), "-2147483648"),
        ("smallint", CqlValue::SmallInt(i16::MIN), "-32768"),
        ("text", text("grüße, 世界"), "'grüße, 世界'"),
        ("time", CqlValue::Time(CqlTime(86_399_999_999_999)), "'23:59:59.999999999'"),
        (
            "timestamp",
            CqlValue::Timestamp(CqlTimestamp(i64::from(day) * 86_400_000 + 789)),
            "'2024-02-29T00:00:00.789Z'",
        ),
        (
            "timeuuid",
            CqlValue::Timeuuid(CqlTimeuuid::from(uuid("8e14e760-7fa8-11eb-bc66-000000000001"))),
            "8e14e760-7fa8-11eb-bc66-000000000001",
        ),
        ("tinyint", CqlValue::TinyInt(i8::MIN), "-128"),
        (
            "uuid",
            CqlValue::Uuid(uuid("f79326be-2d7b-11e4-8e1a-2a8bd4a1b4a1")),
            "f79326be-2d7b-11e4-8e1a-2a8bd4a1b4a1",
        ),
        ("varchar", text("varchar"), "'varchar'"),
        (
            "varint",
            CqlValue::Varint(CqlVarint::from_signed_bytes_be(varint)),
            "-1208925819614629174706176",
        ),
        ("list<int>", CqlValue::List([3, 1, 2].map(CqlValue::Int).into()), "[3, 1, 2]"),
        ("set<text>", CqlValue::Set(["a", "b"].map(text).into()), "{'a', 'b'}"),
        ("map<text, int>", map(&[("a", 1), ("b", 2)]), "{'a': 1, 'b': 2}"),
        (
            "tuple<int, text>",
            CqlValue::Tuple(vec![Some(CqlValue::Int(1)), Some(text("one"))]),
            "(1, 'one')",
        ),
        (
            "frozen<list<frozen<map<text, int>>>>",
            CqlValue::List(vec![map(&[("a", 1)]), map(&[])]),
            "[{'a': 1}, {}]",
        ),
        ("frozen<address>", address, "{street: 'Main Street', number: 7}"),
        (
            "vector<float, 3>",
            CqlValue::Vector([1.0, 2.5, -3.0].map(CqlValue::Float).into()),
            "[1.0, 2.5, -3.0]",
        ),
    ]
}

/// Returns the code of an error.
fn code_of(error: &DbError) -> i32 {
    match error {
        DbError::ServerError => 0x0000,
        DbError::ProtocolError => 0x000A,
        DbError::AuthenticationError => 0x0100,
        DbError::Unavailable { .. } => 0x1000,
        DbError::Overloaded => 0x1001,
        DbError::IsBootstrapping => 0x1002,
        DbError::TruncateError => 0x1003,
        DbError::WriteTimeout { .. } => 0x1100,
        DbError::ReadTimeout { .. } => 0x1200,
        DbError::ReadFailure { .. } => 0x1300,
        DbError::FunctionFailure { .. } => 0x1400,
        DbError::WriteFailure { .. } => 0x1500,
        DbError::SyntaxError => 0x2000,
        DbError::Unauthorized => 0x2100,
        DbError::Invalid => 0x2200,
        DbError::ConfigError => 0x2300,
        DbError::AlreadyExists { .. } => 0x2400,
        DbError::Unprepared { .. } => 0x2500,
        DbError::Other(code) => *code,
        _ => -1,
    }
}
