//! `cqlwire decode`: frames that somebody has caught, shown field by field.
//!
//! | file | what it knows |
//! |---|---|
//! | `arguments` | what the user asks for |
//! | `run` | going through the inputs, and what is written for each |
//! | `hex` | bytes out of lines of hex |
//! | `stream` | frames out of bytes, with segments around them or not |
//! | `group` | one object for a line with several frames |
//! | `frame` | one frame: its fields, and its bytes as we would write them |
//! | `fields` | every field of every message, by its name |
//! | `fault` | what cannot be decoded, and where |
//! | `tree` | an object as an indented tree |
//!
//! A frame becomes one [`serde_json::Value`], which `--json` writes as it is and `tree` indents, so
//! that the fields are listed once.

mod arguments;
mod fault;
mod fields;
mod frame;
mod group;
mod hex;
mod run;
mod stream;
mod tree;

pub use arguments::DecodeArgs;
pub use run::run;
