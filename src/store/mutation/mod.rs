//! INSERT, UPDATE, DELETE and BATCH.
//!
//! A statement is compiled for its table to a [`MutationPlan`]. Its execution first evaluates all
//! terms and reads what it must read, which yields [changes](Change), and then applies the changes. A
//! statement that fails, and a batch of which one statement fails, changes nothing.

mod apply;
mod batch;
mod change;
mod compile;
mod condition;
mod context;
mod evaluate;
mod keys;
mod operation;
mod result;

pub(in crate::store) use apply::apply;
pub(in crate::store) use batch::{BatchPart, BatchPlan, check_batch, execute_batch};
pub(in crate::store) use change::Change;
pub(in crate::store) use compile::MutationPlan;
pub(in crate::store) use context::{Context, Positions};
