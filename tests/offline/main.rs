//! What needs no server: vectors, every prefix of them, the protocol's tables and clauses,
//! properties, the fuzz corpus, the floors.

mod comparison;
mod corpus;
mod coverage;
mod documents;
#[path = "../support/vectors.rs"]
mod golden;
mod hostile;
mod imports;
mod invalid_values;
mod known_codec_bugs;
mod layers;
mod properties;
mod segments;
#[path = "../support/tables.rs"]
mod spec;
#[path = "../support/strategies.rs"]
mod strategies;
mod tables;
mod typed;
mod values;
mod vectors;
