//! The evaluation of SELECT: a statement is compiled for its table to a [`SelectPlan`].

mod expression;
mod order;
mod plan;
mod restriction;

#[cfg(test)]
mod tests;

pub(crate) use plan::SelectPlan;
