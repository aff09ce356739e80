//! Runs each mutation of each position.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

use crate::{
    arguments::{Options, Replay, Run, Sample},
    catalog::{Mutation, mutations},
    lie::{Direction, Lie, SeenFrame, Target},
    run::{Report, run},
    setup::Setup,
    watchdog,
};

/// Number of bytes that a run may allocate for each byte of a changed response, as sent and uncompressed. A
/// row of nulls in a system table takes 4 bytes for each cell.
const MEMORY_OF_RESPONSES: usize = 48;

/// The same for requests. Of a statement, `MockServer` has the text, the parsed statement, and the
/// description of each bind variable, which is at least a `?` and a comma.
const MEMORY_OF_REQUESTS: usize = 256;

/// Number of bytes that a run may allocate in addition to that, and to the run without a lie.
const MEMORY: usize = 1 << 20;

/// Number of bytes that may remain allocated after a run: caches of the threads and of the process.
const KEPT: usize = 64 << 10;

/// Number of frames that a run may have in addition, for each second of simulated time: connections that
/// are opened again, and what they read.
const FRAMES_PER_SECOND: usize = 100;

/// Number of frames of a read of a system table whose pages do not end: 1,000 requests and responses.
const ENDLESS_PAGES: usize = 2_000;

/// The session without a lie.
#[derive(Debug)]
pub(crate) struct Baseline {
    setup: Setup,
    frames: Vec<SeenFrame>,
    peak: usize,
}

/// Counts of a campaign.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) positions: usize,
    /// Number of mutations, including those that were left out.
    listed: usize,
    pub(crate) cases: u64,
    pub(crate) broken: u64,
    /// Number of cases in which a call of the session failed.
    noticed: u64,
    /// Number of cases by the kind of the changed frame.
    kinds: BTreeMap<String, u64>,
    peak: usize,
    recovery: Duration,
    wall: Duration,
}

impl Baseline {
    /// Runs the session without a lie.
    pub(crate) fn new(setup: Setup) -> Self {
        let lie = Lie::record();
        let report = run(setup, &lie);
        assert!(report.findings.broken.is_empty(), "{setup}: {:?}", report.findings);
        let again = run(setup, &Lie::default());
        assert_eq!(again.frames, report.frames, "{setup}: the session does not repeat itself");
        Self { setup, frames: lie.seen(), peak: again.peak }
    }

    /// Returns the frames of a direction. Their indexes are their positions.
    pub(crate) fn frames(&self, direction: Direction) -> Vec<&SeenFrame> {
        self.frames.iter().filter(|frame| frame.direction == direction).collect()
    }

    /// Runs one mutation of the frame at a position. Returns the report and the broken promises.
    fn run(
        &self,
        direction: Direction,
        position: usize,
        mutation: &Mutation,
    ) -> (Report, Vec<String>) {
        let target = Target { direction, position, is_repeated: mutation.is_repeated };
        let lie = Lie::new(target, mutation.change.clone());
        let report = run(self.setup, &lie);
        let mut broken = report.findings.broken.clone();
        let (wire, plain) = lie.sizes();
        if lie.told() == 0 {
            broken.push("the frame was not sent again".to_owned());
        }
        let per_byte = match direction {
            Direction::Response => MEMORY_OF_RESPONSES,
            Direction::Request => MEMORY_OF_REQUESTS,
        };
        let expected = self.peak + per_byte * (wire + plain);
        if report.peak > expected + MEMORY {
            let peak = report.peak;
            broken.push(format!("{peak} bytes of memory for {wire} bytes, {plain} uncompressed"));
        }
        if report.kept > KEPT {
            broken.push(format!("{} bytes are still allocated", report.kept));
        }
        let seconds = usize::try_from(report.time.as_secs()).unwrap_or(usize::MAX);
        let most = 2 * self.frames.len() + ENDLESS_PAGES + FRAMES_PER_SECOND * seconds;
        if report.frames > most {
            broken.push(format!("{} frames in {seconds} s", report.frames));
        }
        (report, broken)
    }
}

impl SeenFrame {
    fn kind(&self) -> String {
        let request = self.request.split(' ').next().unwrap_or_default();
        match self.direction {
            Direction::Request => request.to_owned(),
            Direction::Response => format!("{} to {request}", self.header.opcode),
        }
    }
}

/// Prints the positions.
pub(crate) fn print_positions(options: &Options) {
    for setup in options.setups() {
        let baseline = Baseline::new(setup);
        for direction in options.directions() {
            for (position, frame) in baseline.frames(direction).into_iter().enumerate() {
                let (connection, length) = (frame.connection, frame.body.len());
                let opcode = frame.header.opcode;
                println!(
                    "{setup} {direction} {position}: connection {connection}, {opcode}, {length} \
                     bytes, {}",
                    frame.request
                );
            }
        }
    }
}

/// Runs the mutations of all positions.
pub(crate) fn run_all(options: &Run) -> Summary {
    let begin = Instant::now();
    let mut summary = Summary::default();
    let mut printed = begin;
    'all: for setup in options.options.setups() {
        let baseline = Baseline::new(setup);
        for direction in options.options.directions() {
            let frames = baseline.frames(direction);
            let chosen = frames.into_iter().enumerate().skip(options.first).take(options.positions);
            for (position, frame) in chosen {
                summary.positions += 1;
                let Sample { fields, seed } = options.sample;
                let mutations = mutations(frame, fields, seed ^ position as u64);
                for (number, mutation) in mutations.iter().enumerate() {
                    let is_named = mutation.name.contains(&options.named);
                    summary.listed += 1;
                    if !is_named || summary.listed % options.every != 0 {
                        continue;
                    }
                    let name = case(setup, direction, position, number, frame, mutation);
                    watchdog::watch(Some(name.clone()));
                    let (report, broken) = baseline.run(direction, position, mutation);
                    summary.add(frame, &report);
                    if !broken.is_empty() {
                        summary.broken += 1;
                        print_broken(&name, &broken);
                        println!(
                            "  replay: cargo hostile replay {setup} {direction} {position} {number} \
                             --fields {fields} --seed {seed}"
                        );
                        if summary.broken >= options.failures {
                            break 'all;
                        }
                    }
                    if printed.elapsed() > Duration::from_secs(20) {
                        printed = Instant::now();
                        eprintln!("{} cases in {:.0?}: {name}", summary.cases, begin.elapsed());
                    }
                }
            }
        }
    }
    watchdog::watch(None);
    summary.wall = begin.elapsed();
    summary
}

/// Runs one mutation. Returns true if every promise was kept.
pub(crate) fn replay(options: &Replay) -> bool {
    let baseline = Baseline::new(options.setup);
    let direction = options.side.into();
    let frames = baseline.frames(direction);
    let Some(frame) = frames.get(options.position) else {
        println!("the session has {} positions", frames.len());
        return false;
    };
    let Sample { fields, seed } = options.sample;
    let mutations = mutations(frame, fields, seed ^ options.position as u64);
    let Some(mutation) = mutations.get(options.mutation) else {
        println!("the frame has {} mutations", mutations.len());
        return false;
    };
    let name = case(options.setup, direction, options.position, options.mutation, frame, mutation);
    watchdog::watch(Some(name.clone()));
    let (report, broken) = baseline.run(direction, options.position, mutation);
    println!(
        "{name}\n  {} failed calls, {} frames in {:?}, recovered after {:?}, {} bytes of memory",
        report.findings.failed, report.frames, report.time, report.recovery, report.peak
    );
    print_broken("", &broken);
    broken.is_empty()
}

fn case(
    setup: Setup,
    direction: Direction,
    position: usize,
    number: usize,
    frame: &SeenFrame,
    mutation: &Mutation,
) -> String {
    let (opcode, request, change) = (frame.header.opcode, &frame.request, &mutation.name);
    format!("{setup} {direction} {position} ({opcode}, {request}), mutation {number}: {change}")
}

fn print_broken(name: &str, broken: &[String]) {
    if !broken.is_empty() {
        println!("{name}");
    }
    for promise in broken {
        println!("  BROKEN: {promise}");
    }
}

impl Summary {
    fn add(&mut self, frame: &SeenFrame, report: &Report) {
        self.cases += 1;
        self.noticed += u64::from(report.findings.failed > 0);
        *self.kinds.entry(frame.kind()).or_default() += 1;
        self.peak = self.peak.max(report.peak);
        self.recovery = self.recovery.max(report.recovery);
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "request",
            Self::Response => "response",
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, cases) in &self.kinds {
            writeln!(f, "{cases:>8} {kind}")?;
        }
        let rate = self.cases as f64 / self.wall.as_secs_f64();
        writeln!(
            f,
            "{} positions, {} cases, {} of them with failed calls, {rate:.0} cases per second",
            self.positions, self.cases, self.noticed
        )?;
        writeln!(f, "at most {} KiB of memory", self.peak >> 10)?;
        writeln!(f, "slowest recovery {:.1?}; broken: {}", self.recovery, self.broken)
    }
}
