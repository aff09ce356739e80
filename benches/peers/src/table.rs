//! The tables of `check` and `time`.

use std::time::Duration;

use crate::callgrind;
use crate::workloads::{Bar, Contender, Limit, Run, Workload};
use crate::{measure_all, select};

/// Prints the costs of all contenders. Returns an error if ours misses a bar.
pub fn check(filter: &str) -> Result<(), String> {
    callgrind::check_installed()?;
    println!("Instructions and allocations for one row, request, header or body.\n");
    let contenders = Contender::ALL.map(Contender::name).join(" | ");
    println!(
        "| work | unit | {contenders} | bar | |\n|---|---|{}---|---|",
        "---|".repeat(Contender::ALL.len())
    );
    let mut missed = 0;
    for workload in select(filter) {
        let mut costs = Vec::new();
        for (contender, cost) in
            measure_all(workload, |contender| callgrind::count(workload, contender))
        {
            costs.push((contender, cost?));
        }
        let cost_of =
            |contender| costs.iter().find(|(known, _)| *known == contender).map(|&(_, cost)| cost);
        let cells = Contender::ALL
            .map(|contender| cost_of(contender).map_or("-".to_owned(), |cost| cost.to_string()));
        let ours = cost_of(Contender::Ours).ok_or("ours is missing")?;
        let max_instructions = match workload.bar.limit {
            Limit::Instructions(max) => max,
            Limit::TimesFloor(times) => {
                times * cost_of(Contender::Floor).ok_or("the floor is missing")?.instructions
            }
        };
        // The allocations of a whole page, divided by its rows, are small but not zero.
        let allocations = workload.bar.allocations + 0.02;
        let met = ours.instructions <= max_instructions && ours.allocations <= allocations;
        missed += usize::from(!met);
        println!(
            "| {} | {} | {} | {} | {} |",
            workload.name,
            workload.unit,
            cells.join(" | "),
            print_bar(&workload.bar),
            if met { "ok" } else { "MISSED" }
        );
    }
    match missed {
        0 => Ok(()),
        _ => Err(format!("{missed} bars are missed")),
    }
}

fn print_bar(bar: &Bar) -> String {
    match bar.limit {
        Limit::Instructions(max) => format!("{max}, {}", bar.allocations),
        Limit::TimesFloor(times) => format!("{times} x floor, {}", bar.allocations),
    }
}

/// Duration of one sample.
const SAMPLE: Duration = Duration::from_millis(10);

/// Number of samples of each contender.
const ROUNDS: usize = 15;

/// Prints the running times of all contenders. They take turns, so that load from other processes
/// affects all of them.
pub fn time(filter: &str) -> Result<(), String> {
    println!(
        "| work | unit | contender | min ns | median ns | median to ours |\n|---|---|---|---|---|---|"
    );
    for workload in select(filter) {
        let mut samples: Vec<_> = workload
            .runs
            .iter()
            .map(|&(contender, run)| (contender, run, iterations(run), Vec::new()))
            .collect();
        for _ in 0..ROUNDS {
            for (_, run, iterations, times) in &mut samples {
                let nanoseconds = run(*iterations).as_secs_f64() * 1e9;
                times.push(nanoseconds / *iterations as f64 / f64::from(workload.units));
            }
        }
        samples.iter_mut().for_each(|(_, _, _, times)| times.sort_by(f64::total_cmp));
        let ours = samples
            .iter()
            .find(|(contender, ..)| *contender == Contender::Ours)
            .map(|s| s.3[ROUNDS / 2]);
        for (contender, _, _, times) in &samples {
            print_times(workload, *contender, times, ours.unwrap_or(f64::NAN));
        }
    }
    Ok(())
}

fn print_times(workload: &Workload, contender: Contender, times: &[f64], ours: f64) {
    let median = times[times.len() / 2];
    println!(
        "| {} | {} | {} | {:.1} | {median:.1} | {:.2} |",
        workload.name,
        workload.unit,
        contender.name(),
        times[0],
        median / ours
    );
}

/// Returns the number of iterations that fill a sample.
fn iterations(run: Run) -> u64 {
    let mut iterations = 1;
    loop {
        let time = run(iterations);
        if time >= SAMPLE / 4 {
            return (iterations as f64 * SAMPLE.as_secs_f64() / time.as_secs_f64()).ceil() as u64;
        }
        iterations *= 2;
    }
}
