//! serde 1: the plan as data. [`ScanPlan`] documents the form.

use std::net::SocketAddr;

use base16ct::lower::encode_string;
use bytes::Bytes;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::plan::{PlannedSplit, Position, ScanPlan, SizeEstimate};
use super::source::Source;
use super::table_name::TableName;
use crate::cluster::{Partitioner, TokenRange};

/// The version of the form. It changes if older programs would misread a plan.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(rename = "ScanPlan")]
struct PlanForm {
    version: u32,
    keyspace: String,
    table: String,
    partition_key: Vec<String>,
    selection: Vec<String>,
    filter: Option<String>,
    /// For other programs. It follows from the other fields.
    #[serde(skip_deserializing)]
    statement: String,
    partitioner: Option<String>,
    splits: Vec<SplitForm>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "PlannedSplit")]
struct SplitForm {
    start: Option<String>,
    end: Option<String>,
    replicas: Vec<SocketAddr>,
    estimated_bytes: Option<u64>,
    estimated_partitions: Option<u64>,
    state: State,
    /// Hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paging_state: Option<String>,
    rows: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Waiting,
    Reading,
    Complete,
}

impl Serialize for ScanPlan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Source { name: TableName { keyspace, table }, key, selection, filter } = &self.source;
        let form = PlanForm {
            version: VERSION,
            keyspace: keyspace.clone(),
            table: table.clone(),
            partition_key: key.clone(),
            selection: selection.clone(),
            filter: filter.clone(),
            statement: self.statement(),
            partitioner: self.partitioner.map(|partitioner| partitioner.name().to_owned()),
            splits: self.splits.iter().map(split_form).collect(),
        };
        form.serialize(serializer)
    }
}

fn split_form(split: &PlannedSplit) -> SplitForm {
    let (state, paging_state) = match &split.position {
        Position::Start => (State::Waiting, None),
        Position::Page(state) => (State::Reading, Some(encode_string(state))),
        Position::End => (State::Complete, None),
    };
    SplitForm {
        start: split.range.map(|range| range.start().to_string()),
        end: split.range.map(|range| range.end().to_string()),
        replicas: split.replicas.to_vec(),
        estimated_bytes: split.estimated_bytes(),
        estimated_partitions: split.estimated_partitions(),
        state,
        paging_state,
        rows: split.rows,
    }
}

/// # Errors
/// Returns an error if the version or the partitioner is unknown, if a split is not valid, or if two splits overlap.
impl<'de> Deserialize<'de> for ScanPlan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = PlanForm::deserialize(deserializer)?;
        if form.version != VERSION {
            return Err(D::Error::custom(format!(
                "the plan has version {}, this program reads version {VERSION}: make a new plan",
                form.version
            )));
        }
        let partitioner = match &form.partitioner {
            None => None,
            Some(name) => Some(Partitioner::from_class(name).ok_or_else(|| {
                D::Error::custom(format!("the partitioner `{name}` is not supported"))
            })?),
        };
        let parse = |split: SplitForm| split.parse(partitioner).map_err(D::Error::custom);
        let splits: Vec<_> = form.splits.into_iter().map(parse).collect::<Result<_, _>>()?;
        if let Some(overlap) = overlap(&splits) {
            return Err(D::Error::custom(format!("two splits contain the tokens {overlap}")));
        }
        let name = TableName { keyspace: form.keyspace, table: form.table };
        let source = Source {
            name,
            key: form.partition_key,
            selection: form.selection,
            filter: form.filter,
        };
        if partitioner.is_none() && splits.len() > 1 {
            return Err(D::Error::custom("a plan without a partitioner has several splits"));
        }
        if partitioner.is_some() && source.key.is_empty() {
            return Err(D::Error::custom("the plan has no partition key"));
        }
        Ok(Self { source, partitioner, splits })
    }
}

/// Returns the tokens that are in two splits, or `None` if there are none.
fn overlap(splits: &[PlannedSplit]) -> Option<TokenRange> {
    let mut ranges: Vec<_> = splits.iter().filter_map(PlannedSplit::range).collect();
    ranges.sort_unstable();
    ranges.iter().zip(ranges.iter().skip(1)).find_map(|(one, next)| one.intersection(*next))
}

impl SplitForm {
    fn parse(self, partitioner: Option<Partitioner>) -> Result<PlannedSplit, String> {
        let range = match (partitioner, &self.start, &self.end) {
            (None, None, None) => None,
            (Some(partitioner), Some(start), Some(end)) => {
                let token = |text: &str| {
                    partitioner.parse(text).ok_or_else(|| format!("`{text}` is not a token"))
                };
                let range = TokenRange::new(token(start)?, token(end)?);
                Some(
                    range.ok_or_else(|| {
                        format!("the split from {start} to {end} contains no tokens")
                    })?,
                )
            }
            (None, ..) => return Err("a plan without a partitioner has a split with tokens".into()),
            (Some(_), ..) => return Err("a split has no start or no end".into()),
        };
        let position = match (self.state, self.paging_state) {
            (State::Waiting, None) => Position::Start,
            (State::Complete, None) => Position::End,
            (State::Reading, Some(state)) => {
                let bytes = base16ct::mixed::decode_vec(&state)
                    .map_err(|_| format!("the paging state `{state}` is not hexadecimal"))?;
                Position::Page(Bytes::from(bytes))
            }
            _ => return Err("only a split that is `reading` has a paging state".into()),
        };
        let estimate = match (self.estimated_bytes, self.estimated_partitions) {
            (Some(bytes), Some(partitions)) => Some(SizeEstimate { bytes, partitions }),
            _ => None,
        };
        let (replicas, rows) = (self.replicas.into(), self.rows);
        Ok(PlannedSplit { range, replicas, estimate, position, rows })
    }
}
