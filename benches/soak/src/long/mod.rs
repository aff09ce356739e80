//! A load of all kinds of requests for an hour, while nodes are killed, frozen, drained and restarted
//! and the schema changes, on one version of Cassandra after another.

mod faults;
pub(crate) mod memory;
mod plot;
mod record;
mod recorder;
mod sampler;
mod schema_changes;
mod stage;
mod summary;

use std::{fs, time::Duration};

use crate::{Result, arguments::Long, report::Verdict};
pub(crate) use faults::Disturbance;
use record::Stage;
pub(crate) use recorder::Recorder;

/// Runs the stages, and writes their results and the plot.
pub(crate) fn run(options: &Long) -> Result<Verdict> {
    fs::create_dir_all(&options.directory)?;
    let count = u32::try_from(options.cassandra.len())?.max(1);
    let duration = Duration::from_secs_f64(options.minutes * 60.0) / count;
    let mut stages = Vec::new();
    for version in &options.cassandra {
        let path = options.directory.join(format!("{version}.json"));
        let stage = match Stage::load(&path, duration).filter(|_| options.resume) {
            Some(stage) => {
                eprintln!("Cassandra {version}: took the results of {}", path.display());
                stage
            }
            None => {
                let stage = stage::run(options, version, duration)
                    .map_err(|error| format!("{error}; continue with --resume"))?;
                stage.save(&path)?;
                stage
            }
        };
        println!("{stage}");
        stages.push(stage);
    }
    let svg = options.svg.clone().unwrap_or_else(|| options.directory.join("soak.svg"));
    plot::draw(&stages, &svg)?;
    println!("{}", summary::table(&stages));
    println!("plot: {}", svg.display());
    Ok(stages.iter().map(Stage::verdict).max().unwrap_or(Verdict::NothingProven))
}
