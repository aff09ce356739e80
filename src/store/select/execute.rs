//! The execution of a SELECT.

use bytes::Bytes;

use super::aggregate::Accumulator;
use super::bound::BoundRestriction;
use super::expression::{Expression, Scope};
use super::group::Grouping;
use super::limit;
use super::order::SortKey;
use super::paging::{PagingState, resume};
use super::plan::SelectPlan;
use super::scan::{each_partition, scans};
use crate::message::ServerError;
use crate::store::clock::Clock;
use crate::store::error::invalid;
use crate::store::json;
use crate::store::key::{ClusteringKey, PartitionKey};
use crate::store::schema::ColumnKind;
use crate::store::source::{Database, Partitions, Row, Scan};
use crate::store::variables::BoundValues;
use crate::types::Value;

/// The page that a client requests.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PageRequest<'p> {
    /// The largest number of rows in the page. `None`, or a number that is not positive, requests all
    /// rows.
    pub(crate) size: Option<i32>,
    /// The paging state of the previous page; `None` for the first page.
    pub(crate) state: Option<&'p [u8]>,
}

/// The rows of a page.
#[derive(Debug, Clone, Default)]
pub(crate) struct SelectResult {
    /// The values in the order of [`SelectPlan::columns`].
    pub(crate) rows: Vec<Vec<Value>>,
    /// The paging state of the next page, or `None` if this page is the last one.
    pub(crate) paging_state: Option<Bytes>,
    pub(crate) warnings: Vec<String>,
}

impl SelectPlan {
    /// Returns a page of the result. Reads the rows of the page, and those that the conditions filter
    /// out.
    ///
    /// # Errors
    /// Returns the error that Cassandra 5.0 returns to EXECUTE.
    pub(crate) fn execute(
        &self,
        database: &dyn Database,
        bound: &BoundValues,
        clock: &Clock<'_>,
        page: PageRequest<'_>,
    ) -> Result<SelectResult, ServerError> {
        let mut restrictions = Vec::new();
        for restriction in &self.restrictions {
            restrictions.push(BoundRestriction::new(restriction, &self.table, bound, clock)?);
        }
        let per_partition = limit::number(self.per_partition_limit.as_ref(), bound)?;
        let per_partition = if self.is_distinct { 1 } else { per_partition };
        let limit = limit::number(self.limit.as_ref(), bound)?;
        let size = page.size.and_then(|size| u32::try_from(size).ok()).filter(|size| *size > 0);
        let state = page.state.map(PagingState::decode).transpose()?;
        if self.order.is_sorted() && size.is_some() {
            return Err(invalid(
                "Cannot page queries with both ORDER BY and a IN restriction on the partition key; \
                 you must either remove the ORDER BY or the IN and sort client side, or disable \
                 paging for this query",
            ));
        }
        let mut scans = scans(&restrictions, &self.table, self.order.is_reversed, clock.seconds)?;
        let mut run = Run {
            plan: self,
            restrictions: &restrictions,
            bound,
            clock,
            per_partition,
            // All rows form one group, and sorted rows are limited after they are sorted.
            remaining: match self.grouping {
                Grouping::All => u32::MAX,
                _ if self.order.is_sorted() => u32::MAX,
                _ => limit,
            },
            page: match self.grouping {
                Grouping::All => u32::MAX,
                // As in Cassandra, groups of DISTINCT are not paged.
                Grouping::By(_) if self.is_distinct => u32::MAX,
                _ => size.unwrap_or(u32::MAX),
            },
            last_key: last_key(&scans),
            partition: None,
            in_partition: 0,
            group: None,
            result: SelectResult::default(),
            next: None,
            sort_keys: Vec::new(),
        };
        if let Some(state) = state {
            scans = resume(scans, &state.partition, state.clustering.as_ref());
            run.remaining = state.remaining;
            run.in_partition = state.in_partition;
            run.partition = Some(state.partition);
        }
        if self.is_distinct || per_partition < u32::MAX {
            run.read(database, each_partition(&scans))?;
        } else {
            run.read(database, scans.iter().cloned())?;
        }
        run.close_group()?;
        // As in Cassandra, the end of the last partition of a list is known to be the end.
        if let Some(next) = &run.next
            && next.clustering.is_none()
            && resume(scans, &next.partition, None).is_empty()
        {
            run.next = None;
        }
        run.finish(limit)
    }
}

/// The next step of a read after a row.
enum Next {
    Row,
    /// The other rows of the partition are not read.
    Partition,
    End,
}

/// The rows of a group.
struct Group {
    key: (PartitionKey, ClusteringKey),
    first: Row,
    /// The key of the last row.
    last: Option<ClusteringKey>,
    accumulators: Vec<Accumulator>,
}

/// A result while its rows are read.
struct Run<'r> {
    plan: &'r SelectPlan,
    restrictions: &'r [BoundRestriction<'r>],
    bound: &'r BoundValues,
    clock: &'r Clock<'r>,
    per_partition: u32,
    /// Rows that LIMIT leaves.
    remaining: u32,
    /// Rows that the page size leaves.
    page: u32,
    /// The partition that is read last, if the partitions are known before they are read.
    last_key: Option<PartitionKey>,
    /// The partition of the last row.
    partition: Option<PartitionKey>,
    /// Rows of this partition in the result.
    in_partition: u32,
    group: Option<Group>,
    result: SelectResult,
    /// The position after a page that is full.
    next: Option<PagingState>,
    /// The positions of the rows, if they are sorted afterwards.
    sort_keys: Vec<SortKey>,
}

impl Run<'_> {
    /// Reads the rows of the scans.
    fn read(
        &mut self,
        database: &dyn Database,
        scans: impl Iterator<Item = Scan>,
    ) -> Result<(), ServerError> {
        let table = &self.plan.table;
        let mut skipped: Option<PartitionKey> = None;
        for scan in scans {
            if let (Partitions::Keys(keys), Some(skipped)) = (&scan.partitions, &skipped)
                && **keys == [skipped.clone()]
            {
                continue;
            }
            let mut rest = Some(scan);
            while let Some(scan) = rest.take() {
                for row in database.scan(table, &scan) {
                    match self.row(&row)? {
                        Next::Row => {}
                        Next::End => return Ok(()),
                        Next::Partition => {
                            rest = after_partition(&scan, &row.partition);
                            skipped = Some(row.partition);
                            break;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds a row to the result if it meets the conditions.
    fn row(&mut self, row: &Row) -> Result<Next, ServerError> {
        let is_static = row.clustering.is_none();
        if is_static && !self.plan.returns_static_rows
            || !self.restrictions.iter().all(|restriction| restriction.matches(row))
        {
            return Ok(Next::Row);
        }
        if self.partition.as_ref() != Some(&row.partition) {
            self.close_group()?;
            if self.remaining == 0 || self.page == 0 {
                return Ok(Next::End);
            }
            self.partition = Some(row.partition.clone());
            self.in_partition = 0;
        }
        match self.plan.grouping {
            Grouping::None => self.add_row(row),
            grouping => self.add_to_group(row, grouping),
        }
    }

    fn add_row(&mut self, row: &Row) -> Result<Next, ServerError> {
        if self.in_partition >= self.per_partition {
            return Ok(Next::Partition);
        }
        let values = self.project(Some(row), &[])?;
        if self.plan.order.is_sorted() {
            self.sort_keys.push(self.plan.order.sort_key(row));
        }
        let ends_partition = self.in_partition.saturating_add(1) >= self.per_partition;
        let clustering = row.clustering.as_ref().filter(|_| !ends_partition);
        self.push(values, &row.partition, clustering);
        Ok(match (self.remaining == 0 || self.page == 0, ends_partition) {
            (true, _) => Next::End,
            (false, true) => Next::Partition,
            (false, false) => Next::Row,
        })
    }

    /// Adds a row to the result, and sets the paging state if it fills the page.
    fn push(
        &mut self,
        values: Vec<Value>,
        partition: &PartitionKey,
        clustering: Option<&ClusteringKey>,
    ) {
        self.result.rows.push(values);
        self.in_partition = self.in_partition.saturating_add(1);
        self.remaining = self.remaining.saturating_sub(1);
        self.page = self.page.saturating_sub(1);
        if self.page == 0 && self.remaining > 0 && !self.is_exhausted(partition) {
            let state = PagingState {
                partition: partition.clone(),
                clustering: clustering.cloned(),
                remaining: self.remaining,
                in_partition: self.in_partition,
            };
            self.next = Some(state);
        }
    }

    /// Returns true if no row can follow the last one, which belongs to `partition`.
    fn is_exhausted(&self, partition: &PartitionKey) -> bool {
        let has_single_rows = self.plan.table.indexes(ColumnKind::Clustering).next().is_none();
        self.last_key.as_ref() == Some(partition)
            && (has_single_rows || self.in_partition >= self.per_partition)
    }

    fn add_to_group(&mut self, row: &Row, grouping: Grouping) -> Result<Next, ServerError> {
        let table = &self.plan.table;
        let is_distinct = self.plan.is_distinct;
        let starts_group = match (&self.group, grouping) {
            (None, _) => true,
            (Some(_), Grouping::All) => false,
            (Some(group), grouping) => group.key != grouping.of(row, table),
        };
        if starts_group {
            self.close_group()?;
            if self.remaining == 0 || self.page == 0 {
                return Ok(Next::End);
            }
            if grouping != Grouping::All && self.in_partition >= self.per_partition {
                return Ok(Next::Partition);
            }
            self.group = Some(Group {
                key: grouping.of(row, table),
                first: row.clone(),
                last: None,
                accumulators: vec![Accumulator::default(); self.plan.projection.aggregates.len()],
            });
        }
        let scope = self.scope(Some(row), &[]);
        let mut inputs = Vec::with_capacity(self.plan.projection.aggregates.len());
        for (_, argument) in &self.plan.projection.aggregates {
            inputs.push(match argument {
                Some(argument) => argument.evaluate(scope)?,
                None => Value::Null,
            });
        }
        if let Some(group) = &mut self.group {
            group.last.clone_from(&row.clustering);
            let aggregates = self.plan.projection.aggregates.iter().zip(&mut group.accumulators);
            for (((aggregate, _), accumulator), input) in aggregates.zip(inputs) {
                accumulator.add(*aggregate, input)?;
            }
        }
        // DISTINCT reads one row of each partition.
        Ok(if is_distinct { Next::Partition } else { Next::Row })
    }

    /// Adds the row of the current group to the result. The group of all rows stays open.
    fn close_group(&mut self) -> Result<(), ServerError> {
        if self.plan.grouping == Grouping::All {
            return Ok(());
        }
        let Some(group) = self.group.take() else { return Ok(()) };
        let values = self.group_values(Some(&group))?;
        self.push(values, &group.key.0, group.last.as_ref());
        Ok(())
    }

    fn group_values(&self, group: Option<&Group>) -> Result<Vec<Value>, ServerError> {
        let none = Accumulator::default();
        let aggregates = self.plan.projection.aggregates.iter().enumerate();
        let aggregates: Vec<Value> = aggregates
            .map(|(index, (aggregate, _))| {
                let accumulator = group.and_then(|group| group.accumulators.get(index));
                accumulator.unwrap_or(&none).value(*aggregate)
            })
            .collect();
        self.project(group.map(|group| &group.first), &aggregates)
    }

    fn scope<'s>(&'s self, row: Option<&'s Row>, aggregates: &'s [Value]) -> Scope<'s> {
        Scope { bound: self.bound, clock: self.clock, row, aggregates }
    }

    /// Returns the columns of the result.
    fn project(&self, row: Option<&Row>, aggregates: &[Value]) -> Result<Vec<Value>, ServerError> {
        let scope = self.scope(row, aggregates);
        let evaluate = |expression: &Expression| expression.evaluate(scope);
        self.plan.projection.expressions.iter().map(evaluate).collect()
    }

    fn finish(mut self, limit: u32) -> Result<SelectResult, ServerError> {
        if self.plan.grouping == Grouping::All {
            let group = self.group.take();
            let values = self.group_values(group.as_ref())?;
            self.result.rows.push(values);
        }
        if self.plan.order.is_sorted() {
            let mut rows: Vec<_> =
                self.sort_keys.drain(..).zip(self.result.rows.drain(..)).collect();
            // The sort is stable.
            rows.sort_by(|(a, _), (b, _)| a.cmp(b));
            let rows = rows.into_iter().map(|(_, values)| values);
            self.result.rows = rows.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
            self.next = None;
        }
        if let Some(names) = &self.plan.json_names {
            for values in &mut self.result.rows {
                let cells = names.iter().map(|name| &**name).zip(&*values);
                *values = vec![Value::Text(json::object(cells))];
            }
        }
        self.result.paging_state = self.next.as_ref().map(PagingState::encode);
        self.result.warnings.extend(self.plan.warning.map(str::to_owned));
        Ok(self.result)
    }
}

/// Returns the partition that is read last, or `None` if ranges of partitions are read.
fn last_key(scans: &[Scan]) -> Option<PartitionKey> {
    match &scans.last()?.partitions {
        Partitions::Keys(keys) => keys.last().cloned(),
        Partitions::Range(..) => None,
    }
}

/// Returns the scan of the partitions after one of a scan's, or `None` if there are none.
fn after_partition(scan: &Scan, partition: &PartitionKey) -> Option<Scan> {
    let rest = resume(vec![scan.clone()], partition, None);
    rest.into_iter().next()
}
