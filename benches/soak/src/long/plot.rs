//! The plot of a soak: throughput, latencies, failures, memory and streams over time.

use std::path::Path;

use plotters::{
    coord::{combinators::IntoLogRange, ranged1d::Ranged, types::RangedCoordf64},
    prelude::*,
};

use super::record::{Fault, Sample, Stage};
use crate::Result;

const SIZE: (u32, u32) = (1_280, 1_240);

/// Number of panels, one above the other.
const PANELS: usize = 5;

const FONT: &str = "sans-serif";

const BLUE: RGBColor = RGBColor(31, 119, 180);
const ORANGE: RGBColor = RGBColor(255, 127, 14);
const RED: RGBColor = RGBColor(214, 39, 40);

/// A line of a panel.
struct Line {
    name: &'static str,
    color: RGBColor,
    value: fn(&Sample) -> f64,
}

/// A panel of the plot.
struct Panel {
    title: &'static str,
    lines: &'static [Line],
    /// True if the values are on a logarithmic scale.
    is_logarithmic: bool,
}

const CONTENT: [Panel; PANELS] = [
    Panel {
        title: "successful requests per second",
        lines: &[Line { name: "all kinds", color: BLUE, value: |sample| sample.succeeded }],
        is_logarithmic: false,
    },
    Panel {
        title: "latency of idempotent requests, ms",
        lines: &[
            Line { name: "max", color: RED, value: |sample| sample.max },
            Line { name: "p99", color: ORANGE, value: |sample| sample.p99 },
            Line { name: "p50", color: BLUE, value: |sample| sample.p50 },
        ],
        is_logarithmic: true,
    },
    Panel {
        title: "failed requests per second",
        lines: &[
            Line { name: "not idempotent", color: ORANGE, value: |sample| sample.failed_other },
            Line { name: "idempotent", color: RED, value: |sample| sample.failed_idempotent },
        ],
        is_logarithmic: false,
    },
    Panel {
        title: "memory of the client, MiB",
        lines: &[
            Line {
                name: "resident",
                color: ORANGE,
                value: |sample| sample.resident.unwrap_or(0) as f64 / 1024.0,
            },
            Line {
                name: "heap",
                color: BLUE,
                value: |sample| sample.heap as f64 / f64::from(1 << 20),
            },
        ],
        is_logarithmic: false,
    },
    Panel {
        title: "open streams",
        lines: &[
            Line { name: "in flight", color: BLUE, value: |sample| sample.in_flight as f64 },
            Line { name: "orphaned", color: RED, value: |sample| sample.orphaned_streams as f64 },
        ],
        is_logarithmic: false,
    },
];

/// Largest number of points of a line. It bounds the size of the file.
const MAX_POINTS: usize = 720;

/// The time axis: all stages, one after the other.
struct Timeline<'a> {
    /// The stages, each with its beginning in minutes.
    stages: Vec<(f64, &'a Stage)>,
    /// The points of all lines, with their times in minutes.
    points: Vec<(f64, Sample)>,
    /// Number of seconds that a point stands for.
    interval: usize,
    /// Minutes of all stages.
    end: f64,
}

impl<'a> Timeline<'a> {
    fn new(stages: &'a [Stage]) -> Self {
        let mut end = 0.0;
        let begins = stages.iter().map(|stage| {
            let begin = end;
            end += stage.seconds / 60.0;
            (begin, stage)
        });
        let stages: Vec<_> = begins.collect();
        let samples = stages.iter().map(|(_, stage)| stage.samples.len()).sum::<usize>();
        let interval = samples.div_ceil(MAX_POINTS).max(1);
        let points = stages.iter().flat_map(|(begin, stage)| {
            let points = stage.samples.chunks(interval).map(combine);
            points.map(move |point| (begin + point.time / 60.0, point))
        });
        Self { points: points.collect(), stages, interval, end: end.max(1e-3) }
    }

    /// Returns the values of a line over time.
    fn points(&self, value: fn(&Sample) -> f64) -> impl Iterator<Item = (f64, f64)> {
        self.points.iter().map(move |(time, point)| (*time, value(point)))
    }

    /// Returns the faults, with their beginnings and ends in minutes.
    fn faults(&self) -> impl Iterator<Item = (&Fault, f64, f64)> {
        self.stages.iter().flat_map(|(begin, stage)| {
            let minutes = move |seconds: f64| begin + seconds / 60.0;
            stage.faults.iter().map(move |fault| (fault, minutes(fault.begin), minutes(fault.end)))
        })
    }
}

/// Returns one point for several samples: the mean throughput and median latency, and otherwise the largest
/// values.
fn combine(samples: &[Sample]) -> Sample {
    let mean = |value: fn(&Sample) -> f64| {
        samples.iter().map(value).sum::<f64>() / samples.len().max(1) as f64
    };
    let max = |value: fn(&Sample) -> f64| samples.iter().map(value).fold(0.0, f64::max);
    let largest = |value: fn(&Sample) -> usize| samples.iter().map(value).max().unwrap_or(0);
    Sample {
        time: max(|sample| sample.time),
        succeeded: mean(|sample| sample.succeeded),
        failed_idempotent: max(|sample| sample.failed_idempotent),
        failed_other: max(|sample| sample.failed_other),
        p50: mean(|sample| sample.p50),
        p99: max(|sample| sample.p99),
        max: max(|sample| sample.max),
        heap: samples.iter().map(|sample| sample.heap).max().unwrap_or(0),
        resident: samples.iter().filter_map(|sample| sample.resident).max(),
        in_flight: largest(|sample| sample.in_flight),
        orphaned_streams: largest(|sample| sample.orphaned_streams),
        open_connections: largest(|sample| sample.open_connections),
    }
}

/// Draws the plot as an SVG file.
pub(crate) fn draw(stages: &[Stage], path: &Path) -> Result<()> {
    let timeline = Timeline::new(stages);
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let versions: Vec<_> = stages.iter().map(|stage| stage.version.as_str()).collect();
    let title = format!("Cassandra {}, three nodes", versions.join(", then "));
    let (header, body) = root.titled(&title, (FONT, 24))?.split_vertically(28);
    draw_legend(&header, timeline.interval)?;
    for (panel, area) in CONTENT.iter().zip(body.split_evenly((PANELS, 1))) {
        let highest = panel.lines.iter().flat_map(|line| timeline.points(line.value));
        let highest = highest.map(|(_, value)| value).fold(1.0, f64::max) * 1.1;
        match panel.is_logarithmic {
            true => {
                let axis: LogCoord<f64> = (0.1..highest).log_scale().into();
                draw_panel(&area, panel, &timeline, axis, 0.1..highest)?;
            }
            false => {
                let axis: RangedCoordf64 = (0.0..highest).into();
                draw_panel(&area, panel, &timeline, axis, 0.0..highest)?;
            }
        }
    }
    root.present()?;
    Ok(())
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn draw_panel<Y>(
    area: &Area<'_>,
    panel: &Panel,
    timeline: &Timeline<'_>,
    axis: Y,
    range: std::ops::Range<f64>,
) -> Result<()>
where
    Y: Ranged<ValueType = f64> + plotters::coord::ranged1d::ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(area)
        .caption(panel.title, (FONT, 16))
        .margin_right(16)
        .x_label_area_size(24)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..timeline.end, axis)?;
    chart.configure_mesh().disable_x_mesh().x_labels(12).y_labels(5).draw()?;
    chart.draw_series(timeline.faults().map(|(fault, begin, end)| {
        let corners = [(begin, range.start), (end, range.end)];
        Rectangle::new(corners, color_of(&fault.name).mix(0.25).filled())
    }))?;
    chart.draw_series(timeline.stages.iter().skip(1).map(|(begin, _)| {
        PathElement::new(vec![(*begin, range.start), (*begin, range.end)], BLACK)
    }))?;
    for line in panel.lines {
        let points =
            timeline.points(line.value).map(|(time, value)| (time, value.max(range.start)));
        let color = line.color;
        chart
            .draw_series(LineSeries::new(points, color))?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 16, y)], color));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.7))
        .draw()?;
    Ok(())
}

/// The names of the faults, with their colors.
const FAULT_COLORS: [(&str, RGBColor); 4] = [
    ("kill", RGBColor(214, 39, 40)),
    ("pause", RGBColor(148, 103, 189)),
    ("drain", RGBColor(44, 160, 44)),
    ("restart", RGBColor(188, 189, 34)),
];

fn color_of(fault: &str) -> RGBColor {
    let found = FAULT_COLORS.iter().find(|(name, _)| *name == fault);
    found.map_or(BLACK, |(_, color)| *color)
}

/// Draws the colors of the faults, and the meaning of the horizontal axis.
fn draw_legend(area: &Area<'_>, interval: usize) -> Result<()> {
    let mut x = 64;
    for (name, color) in FAULT_COLORS {
        area.draw(&Rectangle::new([(x, 4), (x + 16, 20)], color.mix(0.25).filled()))?;
        area.draw(&Text::new(name, (x + 22, 4), (FONT, 16)))?;
        x += 110;
    }
    let axis = format!("horizontal axis: minutes, one point for {interval} s");
    area.draw(&Text::new(axis, (x + 22, 4), (FONT, 16)))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_soaks_have_few_points_which_keep_the_worst_values() {
        let sample = |second: u32| Sample {
            time: f64::from(second),
            succeeded: 100.0,
            max: if second == 1_000 { 9_000.0 } else { 1.0 },
            ..Sample::default()
        };
        let samples = (0..3_600).map(sample).collect();
        let stages = [Stage { seconds: 3_600.0, samples, ..Stage::default() }];
        let timeline = Timeline::new(&stages);
        assert_eq!((timeline.points.len(), timeline.interval), (720, 5));
        let worst = timeline.points(|point| point.max).filter(|(_, max)| *max > 1.0);
        assert_eq!(worst.collect::<Vec<_>>(), [(1_004.0 / 60.0, 9_000.0)]);
        assert!(timeline.points(|point| point.succeeded).all(|(_, rate)| rate == 100.0));
    }

    #[test]
    fn draws_each_panel_of_a_stage() {
        let sample = |second: u32| Sample {
            time: f64::from(second),
            succeeded: 700.0,
            p50: 1.0,
            p99: 20.0,
            max: f64::from(second),
            heap: 20_000_000,
            resident: Some(40_000),
            ..Sample::default()
        };
        let fault = Fault {
            name: "kill".to_owned(),
            node: 1,
            begin: 10.0,
            end: 20.0,
            slowest: 100.0,
            answered: 1.0,
            reconnected: 5.0,
        };
        let stage = || Stage {
            version: "5.0.6".to_owned(),
            seconds: 60.0,
            samples: (0..60).map(sample).collect(),
            faults: vec![fault.clone()],
            ..Stage::default()
        };
        let folder = std::env::temp_dir().join(format!("cqlwire-soak-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("plot.svg");
        draw(&[stage(), stage()], &path).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        for panel in CONTENT {
            assert!(svg.contains(panel.title), "{}", panel.title);
        }
    }
}
