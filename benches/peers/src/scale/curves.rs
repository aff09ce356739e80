//! The cost curves: what a driver takes for more nodes, tables, statements, tasks and bytes.
//!
//! The sections write the points of the curves to files beside the bench.

use std::fs;
use std::path::PathBuf;

/// A cost curve.
pub struct Curve {
    /// The name of its files.
    pub name: &'static str,
    /// The axes.
    pub size: &'static str,
    pub cost: &'static str,
}

pub const CURVES: [Curve; 6] = [
    Curve { name: "nodes", size: "nodes of 256 tokens", cost: "connecting, ms of CPU" },
    Curve { name: "tables", size: "tables", cost: "connecting with the schema, ms of CPU" },
    Curve {
        name: "statements",
        size: "statements in the cache",
        cost: "preparing as many others, µs of CPU",
    },
    Curve { name: "tasks", size: "tasks", cost: "one request of each task, µs of CPU" },
    Curve { name: "bytes-read", size: "bytes", cost: "reading a value, µs of CPU" },
    Curve { name: "bytes-written", size: "bytes", cost: "writing a value, µs of CPU" },
];

#[derive(Debug, Clone, Copy)]
pub struct Point {
    pub size: f64,
    /// The costs of ours and of scylla.
    pub costs: [f64; 2],
}

impl Point {
    pub fn new(size: usize, costs: [f64; 2]) -> Self {
        Self { size: size as f64, costs }
    }
}

/// Writes the points of a curve.
pub fn write(name: &str, points: &[Point]) -> Result<(), String> {
    let line = |point: &Point| {
        let [ours, scylla] = point.costs;
        format!("{},{ours:.3},{scylla:.3}\n", point.size)
    };
    let text = format!("size,ours,scylla\n{}", points.iter().map(line).collect::<String>());
    let file = file(name, "csv");
    fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))
}

/// Reads the points of a curve.
pub fn read(name: &str) -> Result<Vec<Point>, String> {
    let file = file(name, "csv");
    let text = fs::read_to_string(&file);
    let text = text.map_err(|error| format!("{}: {error}", file.display()))?;
    let point = |line: &str| {
        let fields = line.split(',').map(|field| field.parse().ok()).collect::<Option<Vec<f64>>>();
        match fields.as_deref() {
            Some(&[size, ours, scylla]) => Ok(Point { size, costs: [ours, scylla] }),
            _ => Err(format!("{}: invalid line `{line}`", file.display())),
        }
    };
    text.lines().skip(1).map(point).collect()
}

/// Returns the path of a file of a curve.
pub fn file(name: &str, extension: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../curves");
    PathBuf::from(folder).join(name).with_extension(extension)
}
