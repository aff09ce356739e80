//! `cqlwire count`: counts the rows of a table.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::io::{self, Write, stdout};
use std::net::SocketAddr;
use std::time::Instant;

use super::amount::{Shard, parse_amount, parse_shard};
use super::progress_bar::{ProgressBar, show_duration, show_number};
use crate::cli::{ConnectArgs, Failure};
use crate::cluster::TokenRange;
use crate::session::{Error, QueryResult};
use crate::table::{ScanPlan, TableColumns, TableName};
use crate::types::{ColumnSpec, FromRow, Row, TypeError, Value, ValueError};

/// The arguments of `cqlwire count`.
#[derive(Debug, clap::Args)]
pub struct CountArgs {
    /// Table whose rows are counted, such as k8s_test.users
    table: String,

    /// Condition of CQL that the rows have to meet, such as "age > 30"
    #[arg(long = "where", value_name = "CONDITION")]
    filter: Option<String>,

    /// Number of partitions to list, those with the most rows first
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    largest: usize,

    /// Count one part of the table, so that several processes count it without a coordinator: 0/8 to 7/8
    #[arg(long, value_name = "INDEX/COUNT", value_parser = parse_shard)]
    shard: Option<Shard>,

    /// Maximum number of rows a second, such as 50k
    #[arg(long, value_name = "ROWS", value_parser = parse_amount)]
    rate: Option<f64>,

    /// Number of requests in flight for each node
    #[arg(long, value_name = "NUMBER", default_value_t = 8)]
    in_flight: usize,

    /// Keyspace of a table that is named without one
    #[arg(short, long, env = "CQLWIRE_KEYSPACE")]
    keyspace: Option<String>,

    #[command(flatten)]
    connect: ConnectArgs,
}

/// Counts the rows of a table by reading the partition keys, and prints their number, the largest partitions and the
/// nodes.
///
/// # Errors
/// Returns an error if the arguments are wrong or the table cannot be read.
pub async fn count(mut arguments: CountArgs) -> Result<(), Failure> {
    let session = arguments.connect.connect_to(arguments.keyspace.as_deref()).await?;
    let start = Instant::now();
    let name = TableName::parse(&arguments.table, &session)?;
    let table = TableColumns::read(&name, &session).await?;
    let scan = session.scan(&arguments.table).columns(table.partition_key());
    let scan = match &arguments.filter {
        Some(filter) => scan.filter(filter),
        None => scan,
    };
    let mut plan = scan.plan().await?;
    if let Some(shard) = arguments.shard {
        plan = plan.shard(shard.index, shard.count).unwrap_or(plan);
    }
    let mut scan = session.scan(plan).in_flight_per_node(arguments.in_flight);
    if let Some(rate) = arguments.rate {
        scan = scan.rows_per_second(rate);
    }
    let mut pages = scan.rows::<()>();
    let bar = ProgressBar::new(arguments.table.clone());
    let mut partitions = Partitions::new(arguments.largest);
    while let Some(page) = pages.next_page().await? {
        partitions.add(pages.page_range(), &page)?;
        bar.show_scan(pages.progress());
    }
    bar.finish();
    let rows = pages.progress().rows;
    let mut print = || {
        let out = &mut stdout().lock();
        writeln!(out, "{} rows", show_number(rows))?;
        // The rows of a virtual table are in no partitions.
        if !table.partition_key().is_empty() {
            partitions.print(pages.columns(), table.has_clustering(), out)?;
        }
        pages.checkpoint().map_or(Ok(()), |plan| print_nodes(&plan, out))
    };
    print().map_err(Failure::Io)?;
    eprintln!("counted in {}", show_duration(start.elapsed()));
    arguments.connect.print_metrics(&session);
    Ok(())
}

/// Prints the number of rows on each node. Every replica has all rows of a split.
fn print_nodes(plan: &ScanPlan, out: &mut impl Write) -> io::Result<()> {
    let mut nodes: BTreeMap<SocketAddr, u64> = BTreeMap::new();
    for split in plan.splits() {
        for node in split.replicas() {
            *nodes.entry(*node).or_default() += split.rows();
        }
    }
    if !nodes.is_empty() {
        writeln!(out, "\nrows on each node:")?;
    }
    for (node, rows) in nodes {
        writeln!(out, "{:>16}  {node}", show_number(rows))?;
    }
    Ok(())
}

/// Counts the partitions and their rows. The rows of a partition are consecutive, in one page or in consecutive pages
/// of a split.
struct Partitions {
    count: u64,
    /// The partitions with the most rows so far, the smallest first.
    largest: BinaryHeap<Reverse<(u64, Vec<u8>)>>,
    max_largest: usize,
    /// The last partition of each split, whose next rows may be in the next page.
    open: HashMap<Option<TokenRange>, Partition>,
}

#[derive(Default)]
struct Partition {
    /// The cells of the key, as in a response.
    key: Vec<u8>,
    rows: u64,
}

impl Partitions {
    fn new(max_largest: usize) -> Self {
        Self { count: 0, largest: BinaryHeap::new(), max_largest, open: HashMap::new() }
    }

    /// Adds a page of a split, whose columns are those of the partition key.
    fn add(&mut self, split: Option<TokenRange>, page: &QueryResult) -> Result<(), Error> {
        let mut partition = self.open.remove(&split).unwrap_or_default();
        for row in page.rows::<KeyCells>()? {
            let cells = row?.0;
            if partition.rows > 0 && partition.key != cells {
                self.end(&mut partition);
            }
            if partition.rows == 0 {
                partition.key.clear();
                partition.key.extend_from_slice(&cells);
                self.count += 1;
            }
            partition.rows += 1;
        }
        // A split that has ended stays here, too: only its last partition is kept.
        self.open.insert(split, partition);
        Ok(())
    }

    /// Notes a partition that has no more rows.
    fn end(&mut self, partition: &mut Partition) {
        let is_large = self.largest.len() < self.max_largest
            || self.largest.peek().is_some_and(|Reverse((rows, _))| partition.rows > *rows);
        if is_large && partition.rows > 0 {
            self.largest.push(Reverse((partition.rows, partition.key.clone())));
            if self.largest.len() > self.max_largest {
                self.largest.pop();
            }
        }
        partition.rows = 0;
    }

    fn print(
        &mut self,
        columns: &[ColumnSpec],
        has_clustering: bool,
        out: &mut impl Write,
    ) -> io::Result<()> {
        for mut partition in std::mem::take(&mut self.open).into_values() {
            self.end(&mut partition);
        }
        writeln!(out, "{} partitions", show_number(self.count))?;
        // Without clustering columns, each partition has one row.
        if !has_clustering || self.largest.is_empty() {
            return Ok(());
        }
        writeln!(out, "\nlargest partitions, in rows:")?;
        for Reverse((rows, key)) in std::mem::take(&mut self.largest).into_sorted_vec() {
            writeln!(out, "{:>16}  {}", show_number(rows), show_key(columns, &key))?;
        }
        Ok(())
    }
}

/// Returns a partition key as CQL, such as `city = 'Paris' AND year = 2024`.
fn show_key(columns: &[ColumnSpec], mut cells: &[u8]) -> String {
    let mut shown = Vec::new();
    for column in columns {
        let Some((length, rest)) = cells.split_first_chunk::<4>() else { break };
        let Some((cell, rest)) = rest.split_at_checked(u32::from_be_bytes(*length) as usize) else {
            break;
        };
        cells = rest;
        shown.push(match Value::decode(&column.cql_type, cell) {
            Ok(value) => format!("{} = {value}", column.name),
            Err(_) => format!("{} = 0x{}", column.name, base16ct::lower::encode_string(cell)),
        });
    }
    shown.join(" AND ")
}

/// The cells of a row, one after the other, each after its length in four bytes.
struct KeyCells(Vec<u8>);

impl<'r> FromRow<'r> for KeyCells {
    type Plan = ();

    fn plan(_: &[ColumnSpec]) -> Result<(), TypeError> {
        Ok(())
    }

    fn from_row(row: &mut Row<'r>, (): &()) -> Result<Self, ValueError> {
        let mut cells = Vec::new();
        for _ in row.columns() {
            let cell = row.cell()?.map_or(&[][..], |cell| cell.bytes());
            let length = u32::try_from(cell.len()).map_err(|_| ValueError::TooLong)?;
            cells.extend_from_slice(&length.to_be_bytes());
            cells.extend_from_slice(cell);
        }
        Ok(Self(cells))
    }
}
