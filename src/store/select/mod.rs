//! The evaluation of SELECT: a statement is compiled for its table to a [`SelectPlan`].

mod aggregate;
mod bound;
mod check;
mod execute;
mod expression;
mod group;
mod key_range;
mod limit;
mod metadata;
mod order;
mod paging;
mod plan;
mod restriction;
mod scan;
mod selector;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod tests;

pub(crate) use execute::{PageRequest, SelectResult};
pub(crate) use plan::SelectPlan;
