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

/// Number of frames of two reads of a system table whose pages do not end: 45 requests and responses each.
/// Connections that are lost again and again read a table about twice a second.
const ENDLESS_PAGES: usize = 180;

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

    /// Returns all cases of the frame at a position.
    fn cases<'a>(
        &'a self,
        direction: Direction,
        position: usize,
        frame: &'a SeenFrame,
        sample: Sample,
    ) -> impl Iterator<Item = Case<'a>> {
        let mutations = mutations(frame, sample.fields, sample.seed ^ position as u64);
        mutations.into_iter().enumerate().map(move |(number, mutation)| Case {
            baseline: self,
            direction,
            position,
            frame,
            number,
            mutation,
        })
    }
}

/// One mutation of one frame.
struct Case<'a> {
    baseline: &'a Baseline,
    direction: Direction,
    position: usize,
    frame: &'a SeenFrame,
    /// The index of the mutation among those of the frame.
    number: usize,
    mutation: Mutation,
}

impl Case<'_> {
    /// Runs the session with this mutation. Returns the report and the broken promises.
    fn run(&self) -> (Report, Vec<String>) {
        watchdog::watch(Some(self.to_string()));
        let Self { baseline, direction, position, mutation, .. } = self;
        let (direction, position) = (*direction, *position);
        let target = Target { direction, position, is_repeated: mutation.is_repeated };
        let lie = Lie::new(target, mutation.change.clone());
        let report = run(baseline.setup, &lie);
        let mut broken = report.findings.broken.clone();
        let (wire, plain) = lie.sizes();
        if lie.told() == 0 {
            broken.push("the frame was not sent again".to_owned());
        }
        let per_byte = match direction {
            Direction::Response => MEMORY_OF_RESPONSES,
            Direction::Request => MEMORY_OF_REQUESTS,
        };
        let expected = baseline.peak + per_byte * (wire + plain);
        if report.peak > expected + MEMORY {
            let peak = report.peak;
            broken.push(format!("{peak} bytes of memory for {wire} bytes, {plain} uncompressed"));
        }
        if report.kept > KEPT {
            broken.push(format!("{} bytes are still allocated", report.kept));
        }
        let seconds = usize::try_from(report.time.as_secs()).unwrap_or(usize::MAX);
        let most = 2 * baseline.frames.len() + (ENDLESS_PAGES + FRAMES_PER_SECOND) * (seconds + 1);
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
    run_cases(options, &mut summary);
    watchdog::watch(None);
    summary.wall = begin.elapsed();
    summary
}

/// Runs cases until all have run, or as many have failed as the options allow.
fn run_cases(options: &Run, summary: &mut Summary) {
    let begin = Instant::now();
    let mut printed = begin;
    for setup in options.options.setups() {
        let baseline = Baseline::new(setup);
        for direction in options.options.directions() {
            let frames = baseline.frames(direction).into_iter().enumerate();
            for (position, frame) in frames.skip(options.first).take(options.positions) {
                summary.positions += 1;
                for case in baseline.cases(direction, position, frame, options.sample) {
                    summary.listed += 1;
                    let is_named = case.mutation.name.contains(&options.named);
                    if !is_named || !summary.listed.is_multiple_of(options.every) {
                        continue;
                    }
                    run_case(&case, options.sample, summary);
                    if summary.broken >= options.failures {
                        return;
                    }
                    if printed.elapsed() > Duration::from_secs(20) {
                        printed = Instant::now();
                        eprintln!("{} cases in {:.0?}: {case}", summary.cases, begin.elapsed());
                    }
                }
            }
        }
    }
}

/// Runs one case, and prints its broken promises and how to replay it.
fn run_case(case: &Case<'_>, Sample { fields, seed }: Sample, summary: &mut Summary) {
    let (report, broken) = case.run();
    summary.add(case.frame, &report);
    if broken.is_empty() {
        return;
    }
    summary.broken += 1;
    print_broken(&case.to_string(), &broken);
    let Case { baseline: Baseline { setup, .. }, direction, position, number, .. } = case;
    println!(
        "  replay: cargo hostile replay {setup} {direction} {position} {number} --fields {fields} \
         --seed {seed}"
    );
}

/// Runs one mutation. Returns true if every promise was kept.
pub(crate) fn replay(options: &Replay) -> bool {
    let baseline = Baseline::new(options.setup);
    let (direction, position) = (options.side.into(), options.position);
    let frames = baseline.frames(direction);
    let Some(frame) = frames.get(position) else {
        println!("the session has {} positions", frames.len());
        return false;
    };
    let cases: Vec<_> = baseline.cases(direction, position, frame, options.sample).collect();
    let Some(case) = cases.get(options.mutation) else {
        println!("the frame has {} mutations", cases.len());
        return false;
    };
    let (report, broken) = case.run();
    println!(
        "{case}\n  {} failed calls, {} frames in {:?}, recovered after {:?}, {} bytes of memory",
        report.findings.failed, report.frames, report.time, report.recovery, report.peak
    );
    print_broken("", &broken);
    broken.is_empty()
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { baseline: Baseline { setup, .. }, direction, position, frame, number, mutation } =
            self;
        let (opcode, request, change) = (frame.header.opcode, &frame.request, &mutation.name);
        write!(
            f,
            "{setup} {direction} {position} ({opcode}, {request}), mutation {number}: {change}"
        )
    }
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
