//! Measurements in processes of their own, and the figures of a process.

use std::env;
use std::fs;
use std::process::Command;

/// Runs this program with `arguments`, and returns the numbers that it prints.
pub fn figures<const N: usize>(arguments: &[&str]) -> Result<[f64; N], String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let figures = text.split_whitespace().filter_map(|figure| figure.parse().ok());
    let failed = |_| format!("`{}` failed", arguments.join(" "));
    figures.collect::<Vec<f64>>().try_into().map_err(failed)
}

/// Returns a figure of the memory of this process, in kilobytes.
pub fn memory(name: &str) -> Result<f64, String> {
    status_field("/proc/self/status", name)
}

/// Returns how often the threads of this process have given up the processor to wait.
pub fn voluntary_switches() -> Result<f64, String> {
    let tasks = fs::read_dir("/proc/self/task").map_err(|error| error.to_string())?;
    tasks
        .map(|task| {
            let status = task.map_err(|error| error.to_string())?.path().join("status");
            status_field(&status.to_string_lossy(), "voluntary_ctxt_switches")
        })
        .sum()
}

fn status_field(path: &str, name: &str) -> Result<f64, String> {
    let status = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| format!("{path} has no {name}"))
}
