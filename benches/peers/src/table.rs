//! The tables that are printed.

use std::time::Duration;

use crate::callgrind::{self, Cost};
use crate::works::{Bar, Limit, Run, Who, Work};
use crate::{chosen, everybody};

/// Prints what everybody takes; an error when ours takes more than its bar.
pub fn check(filter: &str) -> Result<(), String> {
    callgrind::look_for()?;
    println!("Instructions and allocations for one row, request, header or body.\n");
    let who = Who::ALL.map(Who::name).join(" | ");
    println!("| work | unit | {who} | bar | |\n|---|---|{}---|---|", "---|".repeat(Who::ALL.len()));
    let mut missed = 0;
    for work in chosen(filter) {
        let mut costs = Vec::new();
        for (who, cost) in everybody(work, |who| callgrind::count(work, who)) {
            costs.push((who, cost?));
        }
        let cost_of = |who| costs.iter().find(|(known, _)| *known == who).map(|&(_, cost)| cost);
        let cells = Who::ALL.map(|who| cost_of(who).map_or("-".to_owned(), |cost| print(&cost)));
        let ours = cost_of(Who::Ours).ok_or("ours is missing")?;
        let most = match work.bar.limit {
            Limit::Instructions(most) => most,
            Limit::TimesFloor(times) => {
                times * cost_of(Who::Floor).ok_or("the floor is missing")?.instructions
            }
        };
        // What a whole page allocates once is little for each of its rows, but not nothing.
        let allocations = work.bar.allocations + 0.02;
        let met = ours.instructions <= most && ours.allocations <= allocations;
        missed += usize::from(!met);
        println!(
            "| {} | {} | {} | {} | {} |",
            work.name,
            work.unit,
            cells.join(" | "),
            print_bar(&work.bar),
            if met { "ok" } else { "MISSED" }
        );
    }
    match missed {
        0 => Ok(()),
        _ => Err(format!("{missed} bars are missed")),
    }
}

fn print(cost: &Cost) -> String {
    format!("{:.0}, {:.2}", cost.instructions, cost.allocations)
}

fn print_bar(bar: &Bar) -> String {
    match bar.limit {
        Limit::Instructions(most) => format!("{most}, {}", bar.allocations),
        Limit::TimesFloor(times) => format!("{times} x floor, {}", bar.allocations),
    }
}

/// How long one sample takes, and how many samples of everybody there are.
const SAMPLE: Duration = Duration::from_millis(10);
const ROUNDS: usize = 15;

/// Prints how long everybody takes, in rounds that take turns, so that a busy moment hits all.
pub fn time(filter: &str) -> Result<(), String> {
    println!(
        "| work | unit | who | least ns | median ns | median to ours |\n|---|---|---|---|---|---|"
    );
    for work in chosen(filter) {
        let mut samples: Vec<_> =
            work.runs.iter().map(|&(who, run)| (who, run, iterations(run), Vec::new())).collect();
        for _ in 0..ROUNDS {
            for (_, run, iterations, times) in &mut samples {
                let nanoseconds = run(*iterations).as_secs_f64() * 1e9;
                times.push(nanoseconds / *iterations as f64 / f64::from(work.units));
            }
        }
        samples.iter_mut().for_each(|(_, _, _, times)| times.sort_by(f64::total_cmp));
        let ours = samples.iter().find(|(who, ..)| *who == Who::Ours).map(|s| s.3[ROUNDS / 2]);
        for (who, _, _, times) in &samples {
            print_times(work, *who, times, ours.unwrap_or(f64::NAN));
        }
    }
    Ok(())
}

fn print_times(work: &Work, who: Who, times: &[f64], ours: f64) {
    let median = times[times.len() / 2];
    println!(
        "| {} | {} | {} | {:.1} | {median:.1} | {:.2} |",
        work.name,
        work.unit,
        who.name(),
        times[0],
        median / ours
    );
}

/// How many iterations fill a sample.
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
