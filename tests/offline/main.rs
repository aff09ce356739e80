//! Tests without a server: golden vectors, hostile input, the tables and clauses of the protocol,
//! properties, the fuzz corpus, and the layers of the source code.

#[cfg(feature = "arrow-60")]
mod arrow;
#[cfg(feature = "cli")]
mod bulk;
mod comparison;
mod corpus;
mod coverage;
#[path = "../support/crc.rs"]
mod crc;
mod documents;
mod effects;
#[path = "../support/vectors.rs"]
mod golden;
mod hostile;
mod imports;
mod invalid_values;
mod known_codec_bugs;
mod layers;
mod links;
mod nesting;
#[cfg(feature = "parquet")]
mod parquet;
mod properties;
#[path = "../support/recorded.rs"]
mod recorded;
mod refusals;
mod segments;
#[path = "../support/tables.rs"]
mod spec;
#[path = "../support/strategies.rs"]
mod strategies;
mod tables;
mod typed;
mod values;
mod vectors;
