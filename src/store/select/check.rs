//! The checks of all conditions of WHERE together.

use std::collections::{HashMap, HashSet};

use super::restriction::{Operator, Restriction, Target};
use crate::cql::IndexPart;
use crate::message::ServerError;
use crate::store::error::invalid;
use crate::store::schema::{Column, ColumnKind, TableSchema};

const NEEDS_FILTERING: &str = "Cannot execute this query as it might involve data filtering and thus \
     may have unpredictable performance. If you want to execute this query despite the performance \
     unpredictability, use ALLOW FILTERING";

/// Returns an error if two conditions contradict each other in the sense of Cassandra: an `=` or an
/// `IN` besides another condition, or two lower or two upper bounds.
pub(super) fn check_repetition(
    restrictions: &[Restriction],
    table: &TableSchema,
) -> Result<(), ServerError> {
    // The conditions by column. `None` stands for the token.
    let mut known: HashMap<Option<usize>, Vec<(usize, &Restriction)>> = HashMap::new();
    for (position, restriction) in restrictions.iter().enumerate() {
        let targets: Vec<Option<usize>> = match &restriction.target {
            // Conditions on elements contradict no other condition.
            Target::Element(..) => continue,
            Target::Token => vec![None],
            _ => restriction.columns().iter().copied().map(Some).collect(),
        };
        let others = targets.iter().filter_map(|target| known.get(target)).flatten();
        let mut others: Vec<_> = others.copied().collect();
        others.sort_unstable_by_key(|(position, _)| *position);
        for (_, other) in others {
            check_pair(other, restriction, table)?;
        }
        for target in targets {
            // A condition with the same operator would contradict the same conditions.
            let others = known.entry(target).or_default();
            if others.iter().all(|(_, other)| other.operator != restriction.operator) {
                others.push((position, restriction));
            }
        }
    }
    Ok(())
}

fn check_pair(
    first: &Restriction,
    second: &Restriction,
    table: &TableSchema,
) -> Result<(), ServerError> {
    let is_token = |of: &Restriction| matches!(of.target, Target::Token);
    let is_tuple = |of: &Restriction| matches!(of.target, Target::Tuple(_));
    let common = first.columns().iter().find(|index| second.columns().contains(index));
    let name = match common {
        Some(index) => table.column(*index).map_or("", |column| &column.name).to_owned(),
        None if is_token(first) && is_token(second) => {
            let key = table.indexes(ColumnKind::PartitionKey);
            let names: Vec<_> =
                key.filter_map(|index| table.column(index)).map(|of| &*of.name).collect();
            names.join(", ")
        }
        None => return Ok(()),
    };
    if is_tuple(first) != is_tuple(second) && first.is_slice() != second.is_slice() {
        return Err(invalid(format!(
            "Column \"{name}\" cannot be restricted by both an equality and an inequality relation"
        )));
    }
    for restriction in [first, second] {
        if restriction.is_exact() {
            let kind = if restriction.is_equal() { "Equal" } else { "IN" };
            return Err(invalid(format!(
                "{name} cannot be restricted by more than one relation if it includes an {kind}"
            )));
        }
    }
    let bound = match (first.is_slice() && second.is_slice(), first.is_lower_bound()) {
        (true, true) if second.is_lower_bound() => "start",
        (true, false) if !second.is_lower_bound() => "end",
        _ => return Ok(()),
    };
    Err(invalid(format!("More than one restriction was found for the {bound} bound on {name}")))
}

/// Returns true if each column of the partition key has an `=` or an `IN`.
pub(super) fn has_whole_key<'r>(
    restrictions: impl Iterator<Item = &'r Restriction>,
    table: &TableSchema,
) -> bool {
    let exact = restrictions.filter(|restriction| restriction.is_exact());
    let columns: HashSet<usize> = exact.flat_map(|of| of.columns().iter().copied()).collect();
    table.indexes(ColumnKind::PartitionKey).all(|index| columns.contains(&index))
}

/// Returns true if a column of this kind is restricted.
pub(super) fn restricts<'r>(
    kind: ColumnKind,
    mut restrictions: impl Iterator<Item = &'r Restriction>,
    table: &TableSchema,
) -> bool {
    let is_of_kind = |index: &usize| table.column(*index).is_some_and(|of| of.kind == kind);
    restrictions.any(|restriction| restriction.columns().iter().any(is_of_kind))
}

/// Returns an error if the restrictions do not select whole partitions or slices of them, and no index
/// selects the rows. Virtual tables may be filtered, except by a clustering column without the one
/// before it.
pub(super) fn check_filtering(
    restrictions: &[Restriction],
    table: &TableSchema,
) -> Result<(), ServerError> {
    let is_token = |of: &Restriction| matches!(of.target, Target::Token);
    // As in Cassandra, an index replaces one condition.
    let indexed = restrictions.iter().position(|of| is_indexed(of, table));
    let rest: Vec<&Restriction> = restrictions
        .iter()
        .enumerate()
        .filter(|(index, restriction)| Some(*index) != indexed && !is_token(restriction))
        .map(|(_, restriction)| restriction)
        .collect();
    if rest.is_empty() {
        return Ok(());
    }
    check_unindexed(&rest, table)
}

/// Returns true if an index of the table contains the rows that meet a condition.
fn is_indexed(restriction: &Restriction, table: &TableSchema) -> bool {
    let [index] = restriction.columns() else { return false };
    let Some(column) = table.column(*index) else { return false };
    table.secondary_indexes.iter().filter(|index| index.column == column.name).any(|index| {
        matches!(
            (&restriction.target, restriction.operator, index.part),
            (Target::Column(_), Operator::Equal, IndexPart::Simple | IndexPart::Full)
                | (Target::Column(_), Operator::Contains, IndexPart::Simple | IndexPart::Values)
                | (Target::Column(_), Operator::ContainsKey, IndexPart::Keys)
                | (Target::Element(..), Operator::Equal, IndexPart::Entries)
        )
    })
}

fn check_unindexed(restrictions: &[&Restriction], table: &TableSchema) -> Result<(), ServerError> {
    let all = || restrictions.iter().copied();
    let is_filtered = |kind| restricts(kind, all(), table);
    let has_whole_key = has_whole_key(all(), table);
    // The order of the checks is Cassandra's.
    let has_part_of_key = is_filtered(ColumnKind::PartitionKey) && !has_whole_key;
    if has_part_of_key && !table.is_virtual {
        return Err(invalid(NEEDS_FILTERING));
    }
    check_clustering(restrictions, table)?;
    let needs_filtering =
        !has_whole_key || is_filtered(ColumnKind::Static) || is_filtered(ColumnKind::Regular);
    match needs_filtering && !table.is_virtual {
        true => Err(invalid(NEEDS_FILTERING)),
        false => Ok(()),
    }
}

/// Returns an error if a clustering column is restricted, and the one before it has no `=` or `IN`.
fn check_clustering(restrictions: &[&Restriction], table: &TableSchema) -> Result<(), ServerError> {
    // A tuple restricts its columns as one.
    let mut by_column: HashMap<usize, Vec<&Restriction>> = HashMap::new();
    for restriction in restrictions {
        for index in restriction.columns() {
            by_column.entry(*index).or_default().push(restriction);
        }
    }
    let of = |index: usize| by_column.get(&index).into_iter().flatten();
    let is_exact = |index| of(index).any(|restriction| restriction.is_exact());
    let continues_tuple =
        |index: usize| of(index).any(|restriction| restriction.columns().first() != Some(&index));
    let mut before: Option<(&Column, bool)> = None;
    for index in table.indexes(ColumnKind::Clustering) {
        let Some(column) = table.column(index) else { continue };
        let (is_restricted, is_exact) = (of(index).next().is_some(), is_exact(index));
        if let Some((previous, is_restricted_before)) = before
            && is_restricted
            && !continues_tuple(index)
        {
            let (name, previous) = (&column.name, &previous.name);
            return Err(invalid(match is_restricted_before {
                true => format!(
                    "Clustering column \"{name}\" cannot be restricted (preceding column \
                     \"{previous}\" is restricted by a non-EQ relation)"
                ),
                false => format!(
                    "PRIMARY KEY column \"{name}\" cannot be restricted as preceding column \
                     \"{previous}\" is not restricted"
                ),
            }));
        }
        if !is_exact && before.is_none() {
            before = Some((column, is_restricted));
        }
    }
    Ok(())
}
