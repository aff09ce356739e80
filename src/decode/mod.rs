//! `cqlwire decode`: prints captured frames field by field.
//!
//! | file | purpose |
//! |---|---|
//! | `arguments` | the command line arguments |
//! | `run` | reads the inputs and prints an object for each line, frame or segment |
//! | `hex` | parses lines of hex into bytes |
//! | `stream` | splits bytes into frames, and into segments with `--segments` |
//! | `group` | combines several frames of a line into one object |
//! | `frame` | decodes and re-encodes one frame |
//! | `fields` | lists the fields of every message |
//! | `input_error` | describes input that cannot be decoded |
//! | `tree` | prints an object as an indented tree |
//!
//! Each frame becomes a [`serde_json::Value`], which is printed as JSON with `--json`, and by `tree`
//! otherwise. Therefore only `fields` must know the fields of a message.

mod arguments;
mod fields;
mod frame;
mod group;
mod hex;
mod input_error;
mod run;
mod stream;
mod tree;

pub use arguments::DecodeArgs;
pub use run::run;
