//! Values and names as cqlsh prints them, with or without colours.

mod date_time;
mod float;
mod formatted;
mod indic;
mod value;
mod width;

pub(super) use date_time::{DEFAULT_TIMESTAMP_FORMAT, DateTimeFormats};
pub(super) use formatted::{Formatted, Style};
pub(super) use value::ValueFormat;
