//! The scans of a table that a SELECT needs.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::bound::BoundRestriction;
use super::restriction::{Operator, Target};
use crate::message::ServerError;
use crate::store::error::unsupported;
use crate::store::key::{ClusteringKey, MAX_KEYS, PartitionKey};
use crate::store::schema::{Column, ColumnKind, TableSchema};
use crate::store::source::{Partitions, Scan};
use crate::types::{CqlType, Value};

/// The values of the first clustering columns, each with true if its column is in descending order.
type Prefix<'v> = Vec<(&'v Value, bool)>;

type Range = (Bound<ClusteringKey>, Bound<ClusteringKey>);

/// Returns the scans whose rows, in the order of the scans, are those of the result and possibly
/// others. No scan is empty by its bounds alone.
///
/// # Errors
/// Returns an INVALID error if a partition key is empty or too long, or if the values of several `IN`
/// have too many combinations.
pub(super) fn scans(
    restrictions: &[BoundRestriction<'_>],
    table: &TableSchema,
    is_reversed: bool,
    seconds: i64,
) -> Result<Vec<Scan>, ServerError> {
    let mut ranges = clustering_ranges(restrictions, table)?;
    if is_reversed {
        ranges.reverse();
    }
    let scan = |partitions, rows| Scan { partitions, rows, is_reversed, seconds };
    let Some(keys) = partition_keys(restrictions, table)? else {
        let Some((from, to)) = token_range(restrictions) else { return Ok(Vec::new()) };
        // The rows of a partition are in one range; the restrictions are tested on each row.
        let rows = match &*ranges {
            [] => return Ok(Vec::new()),
            [range] => range.clone(),
            _ => (Bound::Unbounded, Bound::Unbounded),
        };
        return Ok(vec![scan(Partitions::Range(from, to), rows)]);
    };
    match &*ranges {
        _ if keys.is_empty() => Ok(Vec::new()),
        [] => Ok(Vec::new()),
        [range] => Ok(vec![scan(Partitions::Keys(keys), range.clone())]),
        _ => {
            let pairs = keys.iter().flat_map(|key| ranges.iter().map(move |range| (key, range)));
            let scans =
                pairs.map(|(key, range)| scan(Partitions::Keys(vec![key.clone()]), range.clone()));
            Ok(scans.collect())
        }
    }
}

/// Returns the scans with each partition key in a scan of its own. A reader that skips the rest of a
/// partition continues with the next scan.
pub(super) fn each_partition(scans: &[Scan]) -> impl Iterator<Item = Scan> {
    scans.iter().flat_map(|scan| {
        let (keys, range) = match &scan.partitions {
            Partitions::Keys(keys) => (&**keys, None),
            Partitions::Range(..) => (&[][..], Some(scan.clone())),
        };
        let of_key = |key: &PartitionKey| Scan {
            partitions: Partitions::Keys(vec![key.clone()]),
            rows: scan.rows.clone(),
            is_reversed: scan.is_reversed,
            seconds: scan.seconds,
        };
        keys.iter().map(of_key).chain(range)
    })
}

/// Returns the restriction by `=` or `IN` of a column, and the position of the column in it.
fn exact<'r>(
    restrictions: &'r [BoundRestriction<'r>],
    index: usize,
) -> Option<(&'r BoundRestriction<'r>, usize)> {
    restrictions.iter().filter(|of| of.restriction.is_exact()).find_map(|bound| {
        let columns = bound.restriction.columns();
        columns.iter().position(|column| *column == index).map(|position| (bound, position))
    })
}

fn check_combinations(first: usize, second: usize) -> Result<(), ServerError> {
    match first.saturating_mul(second) > MAX_KEYS {
        true => Err(unsupported(&format!("more than {MAX_KEYS} combinations of the values of IN"))),
        false => Ok(()),
    }
}

/// Returns the keys of the partitions in the order of their values, or `None` if a part of the key has
/// neither `=` nor `IN`.
fn partition_keys(
    restrictions: &[BoundRestriction<'_>],
    table: &TableSchema,
) -> Result<Option<Vec<PartitionKey>>, ServerError> {
    let mut combinations: Vec<Vec<(&Value, &CqlType)>> = vec![Vec::new()];
    for index in table.indexes(ColumnKind::PartitionKey) {
        let (Some((bound, _)), Some(column)) = (exact(restrictions, index), table.column(index))
        else {
            return Ok(None);
        };
        let values: Vec<&Value> = bound.values.iter().flatten().collect();
        check_combinations(combinations.len(), values.len())?;
        let mut extended = Vec::new();
        for start in &combinations {
            for value in &values {
                extended.push([&**start, &[(*value, &column.cql_type)]].concat());
            }
        }
        combinations = extended;
    }
    let mut keys = BTreeMap::new();
    for values in combinations {
        let order = ClusteringKey::new(values.iter().map(|(value, _)| (*value, false)));
        keys.insert(order, PartitionKey::new(&values)?);
    }
    Ok(Some(keys.into_values().collect()))
}

/// Returns the range of partitions that the conditions on the token select, or `None` if it is empty.
fn token_range(
    restrictions: &[BoundRestriction<'_>],
) -> Option<(Bound<PartitionKey>, Bound<PartitionKey>)> {
    let (mut low, mut high) = (i64::MIN, None);
    for bound in restrictions {
        let (Target::Token, Some(Value::BigInt(token))) =
            (&bound.restriction.target, bound.values.iter().flatten().next())
        else {
            continue;
        };
        // The upper bound is not included. `None` is the end of the ring, which the least token
        // stands for, too.
        let after = token.checked_add(1);
        let end = |token: Option<i64>| token.filter(|token| *token > i64::MIN.saturating_add(1));
        match bound.restriction.operator {
            Operator::Equal => (low, high) = (*token, Some(after)),
            Operator::Greater => low = after?,
            Operator::GreaterOrEqual => low = *token,
            Operator::Less if *token > i64::MIN => high = Some(Some(*token)),
            Operator::LessOrEqual => high = Some(end(after)),
            _ => {}
        }
    }
    let high = high.flatten();
    if high.is_some_and(|high| low >= high) {
        return None;
    }
    let low = match low {
        i64::MIN => Bound::Unbounded,
        low => Bound::Included(PartitionKey::least(low)),
    };
    let high = high.map_or(Bound::Unbounded, |high| Bound::Excluded(PartitionKey::least(high)));
    Some((low, high))
}

/// Returns the ranges of clustering keys in ascending order. Ranges that contain no key are left out.
fn clustering_ranges(
    restrictions: &[BoundRestriction<'_>],
    table: &TableSchema,
) -> Result<Vec<Range>, ServerError> {
    let columns: Vec<(usize, &Column)> = table
        .indexes(ColumnKind::Clustering)
        .filter_map(|index| table.column(index).map(|column| (index, column)))
        .collect();
    let mut prefixes: Vec<Prefix<'_>> = vec![Vec::new()];
    let mut rest = &*columns;
    while let [(index, _), ..] = rest {
        let Some((bound, 0)) = exact(restrictions, *index) else { break };
        let count = bound.restriction.columns().len();
        let Some((these, after)) = rest.split_at_checked(count) else { break };
        check_combinations(prefixes.len(), bound.values.len())?;
        let mut extended = Vec::new();
        for prefix in &prefixes {
            for values in &bound.values {
                let added = values.iter().zip(these);
                let added = added.map(|(value, (_, column))| (value, column.is_descending));
                extended.push(prefix.iter().copied().chain(added).collect());
            }
        }
        prefixes = extended;
        rest = after;
    }
    let slices: Vec<&BoundRestriction<'_>> = match rest {
        [(index, _), ..] => restrictions
            .iter()
            .filter(|of| of.restriction.is_slice())
            .filter(|of| of.restriction.columns().first() == Some(index))
            .collect(),
        [] => Vec::new(),
    };
    let mut ranges: BTreeMap<ClusteringKey, Range> = BTreeMap::new();
    for prefix in prefixes {
        let start = ClusteringKey::new(prefix.iter().copied());
        let (mut low, mut high) = match prefix.is_empty() {
            true => (Bound::Unbounded, Bound::Unbounded),
            false => start.prefix_range(),
        };
        for slice in &slices {
            narrow(&mut low, &mut high, &prefix, slice, rest);
        }
        if !is_empty(&low, &high) {
            ranges.insert(start, (low, high));
        }
    }
    Ok(ranges.into_values().collect())
}

/// Narrows a range by a slice of the columns after the prefix, unless their directions differ.
fn narrow(
    low: &mut Bound<ClusteringKey>,
    high: &mut Bound<ClusteringKey>,
    prefix: &Prefix<'_>,
    slice: &BoundRestriction<'_>,
    columns: &[(usize, &Column)],
) {
    let Some(values) = slice.values.first() else { return };
    let directions = || columns.iter().take(values.len()).map(|(_, column)| column.is_descending);
    let Some(is_descending) = directions().next() else { return };
    if directions().any(|other| other != is_descending) {
        return;
    }
    let added = values.iter().map(|value| (value, is_descending));
    let key = ClusteringKey::new(prefix.iter().copied().chain(added));
    let after = || key.prefix_successor();
    let is_lower = slice.restriction.is_lower_bound() != is_descending;
    let includes =
        matches!(slice.restriction.operator, Operator::GreaterOrEqual | Operator::LessOrEqual);
    match (is_lower, includes) {
        (true, true) => *low = Bound::Included(key),
        (true, false) => match after() {
            Some(after) => *low = Bound::Included(after),
            // No key is greater.
            None => *high = Bound::Excluded(ClusteringKey::default()),
        },
        (false, true) => *high = key.prefix_end(),
        (false, false) => *high = Bound::Excluded(key),
    }
}

/// Returns true if no key is within the bounds.
pub(super) fn is_empty(low: &Bound<ClusteringKey>, high: &Bound<ClusteringKey>) -> bool {
    match (low, high) {
        (_, Bound::Excluded(high)) if *high == ClusteringKey::default() => true,
        (Bound::Included(low), Bound::Included(high)) => low > high,
        (
            Bound::Included(low) | Bound::Excluded(low),
            Bound::Included(high) | Bound::Excluded(high),
        ) => low >= high,
        _ => false,
    }
}
