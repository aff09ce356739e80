//! Counts of instructions and allocations by callgrind. They are the same on every run.

use std::collections::HashMap;
use std::fmt;
use std::process::Command;

use crate::workloads::{Contender, Workload};

/// The cost of one unit of a workload.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub instructions: f64,
    pub allocations: f64,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0}, {:.2}", self.instructions, self.allocations)
    }
}

/// Returns the cost of one unit of `workload` for `contender`.
///
/// The program runs itself twice, with few and with more iterations. The difference excludes the cost
/// of the setup.
pub fn count(workload: &Workload, contender: Contender) -> Result<Cost, String> {
    let (few, more) = if workload.units > 1 { (1, 3) } else { (10, 210) };
    let run =
        |iterations: u64| run(&["run", workload.name, contender.name(), &iterations.to_string()]);
    let units = (more - few) as f64 * f64::from(workload.units);
    Ok(difference(&run(few)?, &run(more)?, units))
}

/// Returns the cost of one unit, if `more` has so many units more than `few`.
pub fn difference(few: &Totals, more: &Totals, units: f64) -> Cost {
    let each = |few: u64, more: u64| more.saturating_sub(few) as f64 / units;
    Cost {
        instructions: each(few.instructions, more.instructions),
        allocations: each(few.allocations, more.allocations),
    }
}

/// Checks that callgrind is installed.
pub fn check_installed() -> Result<(), String> {
    let found = Command::new("valgrind").args(["--tool=callgrind", "--version"]).output();
    match found {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err(
            "`check` requires valgrind's callgrind, which is not installed; install the package \
                  `valgrind`, or use `time`"
                .to_owned(),
        ),
    }
}

/// The counts of a whole run.
#[derive(Default)]
pub struct Totals {
    instructions: u64,
    allocations: u64,
}

/// Runs this program with `arguments` under callgrind.
pub fn run(arguments: &[&str]) -> Result<Totals, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/stdout"])
        .arg(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("cannot start valgrind: {error}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} failed under valgrind: {text}", arguments.join(" ")));
    }
    Ok(totals(&String::from_utf8_lossy(&output.stdout)))
}

/// Parses callgrind's profile. `summary:` has the number of instructions. `cfn=` names the called
/// function, by its number after the first time. `calls=` has the number of calls.
fn totals(profile: &str) -> Totals {
    const ALLOCATE: [&str; 5] = ["malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign"];
    let mut totals = Totals::default();
    let mut names: HashMap<&str, &str> = HashMap::new();
    let mut called = "";
    for line in profile.lines() {
        let Some((key, value)) = line.split_once(['=', ':']) else { continue };
        match key {
            "summary" => totals.instructions = value.trim().parse().unwrap_or(0),
            "fn" | "cfn" => {
                let (number, name) = value.split_once(' ').unwrap_or((value, ""));
                if !name.is_empty() {
                    names.insert(number, name);
                }
                if key == "cfn" {
                    called = names.get(number).copied().unwrap_or_default();
                }
            }
            "calls" if ALLOCATE.contains(&called) => {
                let count = value.split(' ').next().and_then(|count| count.parse::<u64>().ok());
                totals.allocations += count.unwrap_or(0);
            }
            _ => {}
        }
    }
    totals
}
