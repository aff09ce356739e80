//! What needs no server: vectors, every prefix of them, properties, the fuzz corpus, the floors.

mod breakages;
mod corpus;
mod floors;
#[path = "../support/vectors.rs"]
mod golden;
mod hostile;
mod properties;
#[path = "../support/strategies.rs"]
mod strategies;
mod vectors;
